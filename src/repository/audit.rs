//! Questions to the repository's ledger: who, at which window, had to do with whose papers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use yidang_archive::storage::StorageFault;
use yidang_archive::{Actor, Archive, ArchiveError, AuditEnd, AuditOf, AuditQuery, AuditedLine};
use yidang_model::{Subject, Timestamp};
use yidang_sync::wire::WireSubject;

use crate::config::Config;
use crate::control::ask_audit;
use crate::error::StartError;
use crate::repository::{Repository, must_have_state, open_archive};

/// In whose name the question is entered.
const CLIENT: &str = "yidang-repository audit";

/// What is asked. No `Debug`: it names people.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) struct AuditWish {
    pub(crate) audit: Topic,
    /// From this instant on, in milliseconds since 1970.
    pub(crate) since: Option<i64>,
    /// Before this instant.
    pub(crate) until: Option<i64>,
    /// At most so many lines.
    pub(crate) limit: u64,
}

/// Whom or what it is about.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Topic {
    Person(WireSubject),
    Operator(String),
    NoCard,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct AuditTail {
    pub(crate) truncated: bool,
    pub(crate) known: bool,
    pub(crate) unproven: u64,
    /// How many of these tell that the ledger is an older one than was known; a repository of an earlier version does not say.
    #[serde(default)]
    pub(crate) put_back: u64,
}

/// A line of the answer on the control socket.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    Line(AuditedLine),
    End(AuditTail),
    /// The number is none.
    SubjectInvalid,
    /// The archive refuses what is asked, and says why.
    Invalid(String),
    /// What the archive said.
    Failed(String),
}

/// Hears of a line; `false` to stop.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(AuditedLine) -> bool;

/// Answers it, here or through the repository that runs on the folder. Blocks as long as reading the ledger takes.
pub(crate) fn carry_out(config: &Config, wish: &AuditWish, tell: Tell<'_>) -> Result<AuditTail, StartError> {
    must_have_state(&config.data_dir)?;
    match open_archive(config) {
        Ok(archive) => {
            archive.check_copy()?;
            answer(&archive, wish, tell)
        }
        Err(ArchiveError::Storage(error)) if error.fault == StorageFault::InUse => {
            let asked = ask_audit(&config.data_dir, wish, tell);
            asked.map_err(|e| StartError::Control(e.to_string()))?
        }
        Err(error) => Err(error.into()),
    }
}

fn answer(archive: &Archive, wish: &AuditWish, tell: Tell<'_>) -> Result<AuditTail, StartError> {
    let of = match &wish.audit {
        Topic::Person(who) => {
            AuditOf::Person(Subject::try_from(who).map_err(|_| StartError::SubjectInvalid)?)
        }
        Topic::Operator(name) => AuditOf::Operator(name.clone()),
        Topic::NoCard => AuditOf::WithoutCard,
    };
    let query = AuditQuery {
        of,
        since: wish.since.map(Timestamp::from_millis),
        until: wish.until.map(Timestamp::from_millis),
        limit: wish.limit,
        by: Actor { client: CLIENT.to_owned(), operator: None },
    };
    let end = archive.audit(query, &mut |_, _| {}, &mut |line| tell(AuditedLine::from(line)))?;
    let AuditEnd { truncated, known, unproven, put_back, .. } = end;
    Ok(AuditTail { truncated, known, unproven, put_back })
}

/// Answers one that came over the control socket; `send` takes a line of the answer and says whether it went out.
pub(crate) fn answer_to(repository: &Arc<Repository>, wish: &AuditWish, send: &mut dyn FnMut(&Told) -> bool) {
    let end = answer(&repository.archive, wish, &mut |line| send(&Told::Line(line)));
    send(&match end {
        Ok(tail) => Told::End(tail),
        Err(StartError::SubjectInvalid) => Told::SubjectInvalid,
        Err(StartError::Archive(ArchiveError::Invalid(why))) => Told::Invalid(why.to_owned()),
        Err(error) => Told::Failed(error.to_string()),
    });
}
