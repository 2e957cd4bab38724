//! A fixity check's report for people: the four properties, what was examined for each, and what to do.

use std::fmt::Write as _;

use crate::check::{Check, Property, Words};
use crate::report_words::{fault_words, lost_hold_words, part_words, reason_words};
use crate::{CheckLine, CheckReport, DamageLine, RepairLine, Speaker};

/// How every such report begins, in either language, by which one is told from any other file.
pub const REPORT_BEGINNINGS: [&str; 2] = [TITLE.0, TITLE.1];

const TITLE: Words = ("档案四性检测报告 1\n", "Yidang report on the four properties of an archive 1\n");

const COLON: Words = ("：", ": ");

/// The language a report is read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Simplified Chinese.
    Chinese,
    /// English.
    English,
}

impl Wording {
    /// That of these variables of the environment, in the order in which they count (`LC_ALL`, `LC_MESSAGES`,
    /// `LANG`): Chinese where the first that says something begins with `zh`.
    pub fn of_locale(variables: impl IntoIterator<Item = Option<String>>) -> Self {
        let said = variables.into_iter().flatten().find(|value| !value.is_empty());
        if said.is_some_and(|value| value.starts_with("zh")) { Self::Chinese } else { Self::English }
    }

    /// What a report's stable word for a reason says; one that is not known here says itself.
    pub(crate) fn reason(self, word: &str) -> &str {
        reason_words(word).map_or(word, |words| self.pick(words))
    }

    pub(crate) const fn pick(self, words: Words) -> &'static str {
        match self {
            Self::Chinese => words.0,
            Self::English => words.1,
        }
    }
}

impl CheckReport {
    /// What a command prints of it. In English the figures and damages in stable words come first; in Chinese the report alone,
    /// which has all of them.
    pub fn printed(&self, speaker: Speaker, wording: Wording) -> String {
        let readable = self.readable(speaker, wording);
        match wording {
            Wording::English => format!("{self}\n\n{}", readable.trim_end()),
            Wording::Chinese => readable.trim_end().to_owned(),
        }
    }

    /// The whole report, lines of text, as this program tells it.
    pub fn readable(&self, speaker: Speaker, wording: Wording) -> String {
        let mut text = wording.pick(TITLE).to_owned();
        let verdict =
            if self.clean { ("未发现损坏", "nothing is damaged") } else { ("有损坏", "damaged") };
        let _ = match wording {
            Wording::Chinese => writeln!(
                text,
                "结论：{}。账本 {} 条，图片数据 {} 份（{} 字节），待清理 {} 份，损坏 {} 处。",
                verdict.0, self.entries, self.blobs, self.blob_bytes, self.orphans, self.damage_count
            ),
            Wording::English => writeln!(
                text,
                "{}: {} ledger entries, {} blobs ({} bytes), {} waiting to be swept, {} damages.",
                verdict.1, self.entries, self.blobs, self.blob_bytes, self.orphans, self.damage_count
            ),
        };
        if self.known_lost > 0 {
            let lost = self.known_lost;
            let _ = match wording {
                Wording::Chinese => {
                    writeln!(
                        text,
                        "另有账本 {lost} 条已确认丢失（重建时已记入账本，当时的报告中有列明），不再算作损坏。"
                    )
                }
                Wording::English => {
                    writeln!(
                        text,
                        "{lost} ledger entries are lost for good, as a rebuild entered and its report named: they are no damage any more."
                    )
                }
            };
        }
        for id in &self.holds_lost {
            let _ = writeln!(text, "{}", lost_hold_words(id, wording));
        }
        if let Some(RepairLine { repaired, left, code }) = &self.repair {
            let why = code.as_deref().map(|code| wording.reason(code));
            let _ = match (wording, why) {
                (Wording::Chinese, Some(why)) => {
                    writeln!(text, "已修复 {repaired} 份，未能修复 {left} 份（{why}）。")
                }
                (Wording::Chinese, None) => writeln!(text, "已修复 {repaired} 份，未能修复 {left} 份。"),
                (Wording::English, Some(why)) => {
                    writeln!(text, "Repaired {repaired}, not repaired {left} ({why}).")
                }
                (Wording::English, None) => writeln!(text, "Repaired {repaired}, not repaired {left}."),
            };
        }
        for property in &self.properties {
            let words = Property::from_word(&property.property).map_or(("", ""), Property::words);
            let passed = if property.clean { ("合格", "passed") } else { ("不合格", "failed") };
            let colon = wording.pick(COLON);
            let _ = writeln!(text, "\n{}{colon}{}", wording.pick(words), wording.pick(passed));
            for check in &property.checks {
                self.write_check(&mut text, check, speaker, wording);
            }
        }
        text
    }

    fn write_check(&self, text: &mut String, line: &CheckLine, speaker: Speaker, wording: Wording) {
        let CheckLine { check, examined, failed, of, passed_over } = line;
        let words = Check::from_word(check).map_or(("", ""), |check| check.said_by(speaker));
        let sample = of.map(|of| match wording {
            Wording::Chinese => format!("（共 {of}）"),
            Wording::English => format!(" of {of}"),
        });
        let sample = sample.unwrap_or_default();
        let reason = passed_over.as_deref().map(|reason| wording.reason(reason));
        let _ = match (wording, reason) {
            (Wording::Chinese, Some(reason)) => writeln!(text, "  {}：未检测（{reason}）", words.0),
            (Wording::English, Some(reason)) => writeln!(text, "  {}: not examined ({reason})", words.1),
            (Wording::Chinese, None) => {
                writeln!(text, "  {}：检测 {examined}{sample}，不合格 {failed}", words.0)
            }
            (Wording::English, None) => {
                writeln!(text, "  {}: {examined}{sample} examined, {failed} failed", words.1)
            }
        };
        for damage in self.damages.iter().filter(|damage| damage.check == *check) {
            self.write_damage(text, damage, wording);
        }
    }

    fn write_damage(&self, text: &mut String, line: &DamageLine, wording: Wording) {
        let DamageLine { part, what, what_zh, fault, remedy, needed_by, needed_by_zh, .. } = line;
        let remedy = self.remedies.iter().find(|line| line.remedy == *remedy);
        let (found, uses, remedy) = match wording {
            Wording::Chinese => {
                let what = if what_zh.is_empty() { what } else { what_zh };
                let found = format!("{}：{what}：{}", part_words(part), fault_words(fault));
                (found, needed_by_zh, remedy.map(|line| &line.zh))
            }
            Wording::English => (format!("{part}: {what}: {fault}"), needed_by, remedy.map(|line| &line.en)),
        };
        let _ = writeln!(text, "    {found}");
        for line in uses {
            let _ = writeln!(text, "      {}{line}", wording.pick(("涉及 ", "needed by ")));
        }
        if let Some(remedy) = remedy {
            let _ = writeln!(text, "      {remedy}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_chooses() {
        let of = |values: [&str; 3]| Wording::of_locale(values.map(|v| Some(v.to_owned())));
        assert_eq!(of(["", "", "zh_CN.UTF-8"]), Wording::Chinese);
        assert_eq!(of(["", "en_GB.UTF-8", "zh_CN.UTF-8"]), Wording::English);
        assert_eq!(of(["zh_CN", "en", "C"]), Wording::Chinese);
        assert_eq!(Wording::of_locale([None, None, None]), Wording::English);
    }
}
