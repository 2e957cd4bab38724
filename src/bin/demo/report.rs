//! What the demo says, a line a step.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use yidang_agent::Language;

use super::Failure;
use super::window::Window;

/// The printer.
pub(super) struct Report {
    language: Language,
    started: Instant,
    number: u32,
    /// The step under way.
    title: &'static str,
}

/// The language of whoever sits at the terminal, by the environment's locale.
pub(super) fn language(variable: impl Fn(&str) -> Option<String>) -> Language {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default();
    if locale.starts_with("zh") { Language::Chinese } else { Language::English }
}

impl Report {
    pub(super) fn new(language: Language) -> Self {
        let title = language.pick("启动", "starting");
        Self { language, started: Instant::now(), number: 0, title }
    }

    pub(super) fn begin(&self, folder: &Path) {
        let intro = self.language.pick(
            "两个窗口和一个中心库，全部在本机，数据在",
            "two windows and one repository on this machine, all state in",
        );
        say(&format!("{intro} {}", folder.display()));
    }

    /// Carries a step out and prints what it says, with how long it took.
    pub(super) fn step(
        &mut self,
        title: &'static str,
        work: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        self.number += 1;
        self.title = title;
        let began = Instant::now();
        let seen = work()?.replace('\n', "\n   ");
        say(&format!("{}. {title}  [{}]\n   {seen}", self.number, took(began.elapsed())));
        Ok(())
    }

    pub(super) fn failed(&self, cause: &str) {
        let word = self.language.pick("失败", "failed");
        let _ = writeln!(std::io::stderr(), "{word}: {}: {cause}", self.title);
    }

    pub(super) fn end(&self, folder: &Path) {
        let (done, look) = match self.language {
            Language::Chinese => ("全部完成，用时", "图片在"),
            Language::English => ("all done in", "the pictures are in"),
        };
        say(&format!(
            "{done} {}; {look} {}",
            took(self.started.elapsed()),
            folder.join("pictures").display()
        ));
    }

    /// What a person can do now that everything is up.
    pub(super) fn stays(&self, window: &Window) {
        let (api, page, token, try_it, stop) = match self.language {
            Language::Chinese => ("本地接口", "窗口页面", "令牌", "试一试", "按 Ctrl-C 结束"),
            Language::English => ("local API", "clerk's page", "token", "try it", "Ctrl-C ends it"),
        };
        say(&format!("{api}  {0}\n{page}  {0}/console/\n{token}  {1}", window.url, window.token));
        say(&format!("{try_it}\n\n   API={} TOKEN={}", window.url, window.token));
        say("   curl -X POST -H \"Authorization: Bearer $TOKEN\" $API/v1/card/read\n");
        say(stop);
    }
}

fn say(text: &str) {
    // When nobody reads it any more there is nobody to tell.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// `3 ms`, `1.24 s`.
pub(super) fn took(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{:.1} ms", span.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_chooses_the_language() {
        let with = |name: &'static str, value: &'static str| {
            language(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(with("LANG", "zh_CN.UTF-8"), Language::Chinese);
        assert_eq!(with("LC_ALL", "en_GB.UTF-8"), Language::English);
        assert_eq!(with("OTHER", "zh_CN.UTF-8"), Language::English);
    }
}
