//! `yidang policy`: which pages browsers let reach this PC's service, as their policies have it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::misused;
use super::output::{say, say_json};
use crate::config::Config;
use crate::failure::Failure;
use crate::policy::{Allowed, Finding, Place, State, places, registry_file};
use crate::tokens::Tokens;

#[derive(Subcommand)]
pub(super) enum PolicyCommand {
    /// Lets the configured origins, and those that tokens are bound to, through in every browser of this PC.
    Install(Where),
    /// Takes away what `install` wrote, and nothing else.
    Remove(Where),
    /// Shows what is there and what differs; writes nothing.
    Show {
        #[command(flatten)]
        place: Where,
        /// `reg`: a file for Windows' regedit, instead.
        #[arg(long)]
        format: Option<Format>,
    },
}

/// Where, and how to tell of it.
#[derive(Args)]
pub(super) struct Where {
    /// Writes below this folder instead of `/`, for packages.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The policy folder of another browser made of Chromium, absolute; may stand more than once.
    #[arg(long, value_name = "DIR", value_parser = absolute)]
    folder: Vec<PathBuf>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// Registry values.
    Reg,
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    if path.is_absolute() && is_plain { Ok(path) } else { Err("an absolute path without `..`".to_owned()) }
}

pub(super) fn policy(config: &Config, command: PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::Install(place) => install(&allowed(config)?, &place)?,
        PolicyCommand::Remove(place) => remove(&place)?,
        PolicyCommand::Show { place, format: Some(Format::Reg) } => {
            if place.json {
                misused("--json and --format do not go together");
            }
            say(registry_file(&some(allowed(config)?)?).trim_end())?;
        }
        PolicyCommand::Show { place, format: None } => show(&allowed(config)?, &place)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The origins of the configuration, those of old pages included, and of the tokens that hold. Makes no data folder where there is none.
fn allowed(config: &Config) -> Result<Allowed, Failure> {
    let mut origins = config.origins.clone();
    origins.extend(config.shims.iter().flat_map(|shim| shim.origins.clone()));
    if config.data_dir.is_dir() {
        let tokens = Tokens::open(&config.data_dir)?.list()?;
        origins
            .extend(tokens.into_iter().filter(|token| !token.is_expired()).filter_map(|token| token.origin));
    }
    Ok(Allowed::new(origins))
}

/// The same, where there is one at all.
fn some(allowed: Allowed) -> Result<Allowed, Failure> {
    if allowed.origins.is_empty() {
        let cause =
            "no origin is configured, and no token is bound to one (没有配置网页来源，也没有绑定来源的令牌)";
        let remedy = "list origins under `[http] origins`, or take the policies away with `yidang policy remove`; \
            请在 [http] origins 中列出来源，或用 yidang policy remove 移除策略";
        return Err(Failure::new("policy_no_origins", cause, remedy));
    }
    Ok(allowed)
}

fn install(allowed: &Allowed, wish: &Where) -> Result<(), Failure> {
    writable_here()?;
    let allowed = some(allowed.clone())?;
    let places = places(&wish.root, &wish.folder);
    // Whatever cannot be read ends it before anything is written.
    let found = places.iter().map(|place| place.look(&allowed)).collect::<Result<Vec<_>, _>>()?;
    let mut done = Vec::new();
    for (place, finding) in places.iter().zip(&found) {
        let is_new = finding.state != State::Current;
        if is_new {
            place.install(&allowed)?;
        }
        done.push(if is_new { "written" } else { "unchanged" });
    }
    tell(&allowed, wish, &places, &found, &done)
}

fn remove(wish: &Where) -> Result<(), Failure> {
    writable_here()?;
    let nobody = Allowed::new([]);
    let places = places(&wish.root, &wish.folder);
    let found = places.iter().map(|place| place.look(&nobody)).collect::<Result<Vec<_>, _>>()?;
    let mut done = Vec::new();
    for place in &places {
        done.push(if place.remove()? { "removed" } else { "nothing there" });
    }
    tell(&nobody, wish, &places, &found, &done)
}

fn show(allowed: &Allowed, wish: &Where) -> Result<(), Failure> {
    let places = places(&wish.root, &wish.folder);
    let found = places.iter().map(|place| place.look(allowed)).collect::<Result<Vec<_>, _>>()?;
    let done: Vec<_> = found.iter().map(|finding| word(finding.state)).collect();
    tell(allowed, wish, &places, &found, &done)
}

const fn word(state: State) -> &'static str {
    match state {
        State::Current => "current",
        State::Missing => "missing",
        State::Differs => "differs",
    }
}

/// Tells of every place in a line, or of all in one document.
fn tell(
    allowed: &Allowed,
    wish: &Where,
    places: &[Place],
    found: &[Finding],
    done: &[&str],
) -> Result<(), Failure> {
    let rows = places.iter().zip(found).zip(done);
    if wish.json {
        let row = |((place, finding), done): ((&Place, &Finding), &&str)| {
            json!({"browser": place.browser, "file": finding.file, "state": done, "tried": place.is_tried,
                "wanted": finding.wanted, "there": finding.there, "also_set_by": finding.also_set_by})
        };
        let policies: Vec<Value> = rows.map(row).collect();
        return say_json(&json!({"origins": allowed.origins, "policies": policies}));
    }
    for ((place, finding), done) in rows {
        let untried = if place.is_tried { "" } else { "\tnot tried" };
        say(&format!("{done}\t{}\t{}{untried}", place.browser, finding.file.display()))?;
        if *done == word(State::Differs) {
            say(&format!("  there: {}\n  wanted: {}", finding.there, finding.wanted))?;
        }
        for other in &finding.also_set_by {
            say(&format!("  {other} sets the same; the browser takes one of the two"))?;
        }
    }
    allowed.origins.iter().try_for_each(|origin| say(&format!("origin\t{origin}")))
}

/// Windows has no folders for this.
fn writable_here() -> Result<(), Failure> {
    if cfg!(unix) {
        return Ok(());
    }
    let cause = "on Windows policies are values of the registry (Windows 上的策略在注册表中)";
    let remedy = "give `yidang policy show --format reg` to regedit; 请将 yidang policy show --format reg 的输出导入注册表";
    Err(Failure::new("policy_by_registry", cause, remedy))
}
