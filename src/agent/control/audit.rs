//! Questions to the ledger, for a command.

use yidang_archive::{Actor, Archive, AuditEnd, AuditOf, AuditQuery, AuditedLine};
use yidang_model::Timestamp;

use super::{AuditTopic, AuditWish, Listen, News, Outcome};
use crate::clock;
use crate::failure::Failure;

/// Lines told at once. Each names a thousand materials at most, so they fit into a line of the socket.
const LINES_AT_ONCE: usize = 32;
/// In whose name the question is entered.
const CLIENT: &str = "yidang archive audit";

/// Answers it. Blocks as long as reading the ledger takes.
pub(super) fn carry_out(archive: &Archive, wish: &AuditWish, listen: Listen<'_>) -> Result<Outcome, Failure> {
    let query = AuditQuery {
        of: topic(&wish.of)?,
        since: instant(wish.since.as_deref())?,
        until: instant(wish.until.as_deref())?,
        limit: wish.limit,
        by: Actor { client: CLIENT.to_owned(), operator: None },
    };
    let mut waiting: Vec<AuditedLine> = Vec::new();
    let mut lost = None;
    let end = archive.audit(query, &mut |_, _| {}, &mut |line| {
        waiting.push(AuditedLine::from(line));
        if waiting.len() == LINES_AT_ONCE {
            lost = listen(News::Audited(std::mem::take(&mut waiting))).err();
        }
        lost.is_none()
    })?;
    if lost.is_none() && !waiting.is_empty() {
        lost = listen(News::Audited(waiting)).err();
    }
    match lost {
        Some(error) => Err(Failure::new("output_failed", error, "see what takes the output")),
        None => {
            let AuditEnd { lines, truncated, known, unproven, put_back } = end;
            Ok(Outcome::Audited { lines, truncated, known, unproven, put_back })
        }
    }
}

fn topic(topic: &AuditTopic) -> Result<AuditOf, Failure> {
    Ok(match topic {
        AuditTopic::Person { kind, value } => {
            // What was typed is not repeated.
            AuditOf::Person(super::export::subject(kind, value)?)
        }
        AuditTopic::Operator(name) => AuditOf::Operator(name.clone()),
        AuditTopic::NoCard => AuditOf::WithoutCard,
    })
}

/// An instant, or the midnight at the counter with which a date begins.
fn instant(text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let cause = || {
        let remedy = "write a date such as 2026-01-31, or an instant such as 2026-01-31T09:00:00+08:00";
        Failure::new("instant_invalid", format!("`{text}` is neither a date nor an instant"), remedy)
    };
    clock::instant(text).ok_or_else(cause).map(Some)
}
