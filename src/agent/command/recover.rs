//! `yidang archive recover`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::output::{say, say_json};
use super::progress::Bar;
use super::reach::Place;
use crate::config::Config;
use crate::control::RecoverAnswer;
use crate::failure::Failure;
use crate::operators::OperatorNeed;
use crate::recover::{Dead, Left, Recover, Survey, Told, What};

/// Longest name of an operator, in characters.
const NAME_CHARS_MAX: usize = 128;

/// Brings home what only the disk of a dead PC has.
///
/// The dead PC's data folder, or a copy of it, is opened with the office's recovery key and stays as it is. Materials that had
/// not reached the repository are filed at this window with their own names, times and counter, and go to the repository
/// from here; captures that were not filed wait here for another fourteen days; holds that the dead PC placed stand here. Whatever is not brought is told with what to
/// do, and the exit code is 1. Run again, or after it was broken off at any point, it brings nothing twice.
#[derive(Args)]
pub(super) struct RecoverCommand {
    /// The dead PC's data folder. Keep its blobs, ledger.db, keyring.db, sync.db and the files named like them together.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Shares of the recovery key, as many as it takes.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    shares: Vec<PathBuf>,
    /// Who recovers; stands in the ledger.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: Option<String>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

fn name(text: &str) -> Result<String, String> {
    super::export::within(text, NAME_CHARS_MAX)
}

/// Figures of one sort of thing.
#[derive(Default)]
struct Figures {
    recovered: u64,
    here_already: u64,
    erased_since: u64,
}

impl Figures {
    fn add(&mut self, answer: &RecoverAnswer) {
        match answer {
            RecoverAnswer::Recovered => self.recovered += 1,
            RecoverAnswer::Erased => self.erased_since += 1,
            _ => self.here_already += 1,
        }
    }
}

/// What became of everything.
struct Report<'a> {
    dead: &'a Dead,
    survey: &'a Survey,
    materials: Figures,
    captures: Figures,
    holds: Figures,
    left: Vec<Left>,
    stopped: Option<Failure>,
}

pub(super) fn recover(config: &Config, command: &RecoverCommand) -> Result<ExitCode, Failure> {
    if config.operators.need != OperatorNeed::None && command.operator.is_none() {
        let cause = "the configuration asks for the operator of every call";
        return Err(Failure::new("operator_missing", cause, "say who recovers with --operator"));
    }
    let dead = Dead::open(&command.from, &command.shares, &config.data_dir)?;
    let survey = Survey::make(&dead)?;
    let place = Place::find(config)?;
    let ask = |request: &_| place.carry_out(request, &mut |_| Ok(()));
    let run = Recover { dead: &dead, survey: &survey, operator: command.operator.clone(), ask: &ask };
    let (materials, captures, holds) = Default::default();
    let mut report = Report {
        dead: &dead,
        survey: &survey,
        materials,
        captures,
        holds,
        left: survey.left.clone(),
        stopped: None,
    };
    let (mut bar, mut done) = (Bar::new(), 0);
    let ran = run.run(&mut |told: Told| {
        match (told.what, told.result) {
            (What::Material, Ok(answer)) => report.materials.add(&answer),
            (What::Capture, Ok(answer)) => report.captures.add(&answer),
            (What::Hold, Ok(answer)) => report.holds.add(&answer),
            (_, Err(left)) => report.left.push(left),
        }
        done += u64::from(told.what != What::Hold);
        bar.show(done, survey.count());
        Ok(())
    });
    bar.clear();
    report.stopped = ran.as_ref().err().cloned();
    report.tell(command.json)?;
    ran?;
    Ok(if report.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Report<'_> {
    fn tell(&self, json: bool) -> Result<(), Failure> {
        if json { say_json(&self.document()?) } else { self.say() }
    }

    fn document(&self) -> Result<Value, Failure> {
        let left = self.left.iter().map(|left| {
            let ((word, name), reason) = (left.what.told(), left.reason);
            let ([cause_zh, cause], [remedy_zh, remedy]) = (reason.cause(), reason.remedy());
            json!({word: name, "code": reason.code(), "cause": cause, "remedy": remedy, "cause_zh": cause_zh,
                "remedy_zh": remedy_zh})
        });
        let Self { dead, survey, materials, captures, holds, stopped, .. } = self;
        Ok(json!({
            "store": dead.archive.store_id(),
            "office": dead.office.to_string(),
            "ledger_head": dead.archive.head()?,
            "sent_unknown": dead.sent_unknown,
            "materials": {
                "recovered": materials.recovered,
                "here_already": materials.here_already,
                "at_repository": survey.at_repository,
                "erased_since": materials.erased_since,
            },
            "captures": {"recovered": captures.recovered, "here_already": captures.here_already},
            "holds": {"recovered": holds.recovered, "here_already": holds.here_already},
            "left": left.collect::<Vec<_>>(),
            "stopped": stopped,
        }))
    }

    fn say(&self) -> Result<(), Failure> {
        let Self { dead, survey, materials, captures, holds, .. } = self;
        for left in &self.left {
            let (word, name) = left.what.told();
            let ([_, cause], [_, remedy]) = (left.reason.cause(), left.reason.remedy());
            say(&format!("{word} {name}\t{}\t{cause}; {remedy}", left.reason.code()))?;
        }
        if dead.sent_unknown {
            say("what had been sent is not known: everything was taken for unsent")?;
        }
        say(&format!(
            "materials: {} recovered, {} here already, {} at the repository, {} erased since",
            materials.recovered, materials.here_already, survey.at_repository, materials.erased_since,
        ))?;
        say(&format!("captures: {} recovered, {} here already", captures.recovered, captures.here_already))?;
        say(&format!("legal holds: {} recovered, {} here already", holds.recovered, holds.here_already))?;
        say(&format!("not brought: {}", self.left.len()))?;
        say(
            "who looked at what stays in the dead PC's ledger: keep its disk as long as that may be asked for",
        )
    }
}
