//! `yidang-repository audit`.

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use yidang_archive::{AUDIT_LINES_MAX, AuditedLine};
use yidang_model::{Timestamp, escaped};
use yidang_service::clock;

use crate::audit::{AuditTail, AuditWish, Topic, carry_out};
use crate::config::Config;
use crate::error::StartError;
use crate::hold_command::{head, read_line, read_subject};
use crate::windows::Counters;

/// Said where nothing can be told of a person. A forgotten one must not be told from one who was never here.
const NOTHING_KNOWN: &str = "nothing is known under this number: nothing was ever filed for it, it is mistyped, or what there \
                             was has been forgotten; the ledger cannot tell which";

/// The last column: where the window stands.
const COUNTER: &str = "counter";

/// How the document begins. Written once something is told: a refusal leaves nothing that looks like one.
const BEGINNING: &str = "{\"entries\":[";

/// Ask the ledger who had to do with whose papers, at every window. What a window did with papers of its own alone is in that
/// window's ledger: `yidang archive audit` there. The question itself is entered. Exit 1 where the ledger has gaps.
#[derive(Args)]
pub(crate) struct AuditCommand {
    /// What to tell.
    of: About,
    /// Only from this instant on: a date, which begins at midnight in China, or an instant such as
    /// 2026-01-31T09:00:00+08:00.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    since: Option<Timestamp>,
    /// Only before this instant, written likewise.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    until: Option<Timestamp>,
    /// At most so many entries, the earliest first; never more than 100000.
    #[arg(long, default_value_t = AUDIT_LINES_MAX)]
    limit: u64,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum About {
    /// Who had to do with one person's papers. Standard input names the person: the word for the kind of number
    /// and the number, as in `resident 000000…`.
    Person,
    /// What one clerk did. Standard input is the clerk's name, as window software gives it.
    Operator,
    /// Which dossiers were opened without the person's card.
    NoCard,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let malformed =
        || "write a date such as 2026-01-31, or an instant such as 2026-01-31T09:00:00+08:00".to_owned();
    clock::instant(text).ok_or_else(malformed)
}

/// Asks, and writes the answer as it comes: there may be much.
pub(crate) fn audit(config: &Config, command: &AuditCommand) -> Result<ExitCode, StartError> {
    let wish = AuditWish {
        audit: match command.of {
            About::Person => Topic::Person(read_subject()?),
            About::Operator => Topic::Operator(read_line().ok_or(StartError::SubjectInvalid)?),
            About::NoCard => Topic::NoCard,
        },
        since: command.since.map(Timestamp::as_millis),
        until: command.until.map(Timestamp::as_millis),
        limit: command.limit,
    };
    if !command.json {
        // What reads the rows would take it for one.
        head(&[&AuditedLine::COLUMNS[..], &[COUNTER]].concat());
    }
    let counters = Counters::read(config)?;
    let mut answer = Written { output: BufWriter::new(io::stdout().lock()), json: command.json, lines: 0 };
    let mut stopped = Ok(());
    let asked = carry_out(config, &wish, &mut |line| {
        stopped = answer.line(&line, counters.of(&line.client));
        stopped.is_ok()
    });
    let tail = match (stopped, asked) {
        (Err(error), _) => return gone_or_failed(&error),
        (Ok(()), asked) => asked?,
    };
    if let Err(error) = answer.end(tail) {
        return gone_or_failed(&error);
    }
    if !command.json && !tail.known {
        let _ = writeln!(io::stderr(), "{NOTHING_KNOWN}");
    } else if !command.json && tail.truncated {
        let _ = writeln!(io::stderr(), "there are more: narrow it down with --since and --until");
    }
    let AuditTail { unproven, put_back, .. } = tail;
    if unproven > 0 { Err(StartError::AuditIncomplete { unproven, put_back }) } else { Ok(ExitCode::SUCCESS) }
}

/// Whoever has read enough goes away, which is no error.
fn gone_or_failed(error: &io::Error) -> Result<ExitCode, StartError> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        _ => Err(StartError::System(format!("the answer could not be written: {error}"))),
    }
}

/// A line as the repository tells it.
#[derive(Serialize)]
struct CentralLine<'a> {
    #[serde(flatten)]
    line: &'a AuditedLine,
    /// Where the window stands, as it was enrolled; null for what was done here.
    counter: Option<&'a str>,
}

/// The answer as it is written: rows, or one document, which begins with the first line or with the end.
struct Written<W: io::Write> {
    output: W,
    json: bool,
    lines: u64,
}

impl<W: io::Write> Written<W> {
    fn line(&mut self, line: &AuditedLine, counter: Option<&str>) -> io::Result<()> {
        let between = if self.lines == 0 { BEGINNING } else { "," };
        self.lines += 1;
        match self.json {
            true => {
                let told = serde_json::to_string(&CentralLine { line, counter })?;
                write!(self.output, "{between}{told}")
            }
            false => {
                let counter = counter.map_or_else(|| "-".to_owned(), escaped);
                writeln!(self.output, "{}\t{counter}", line.row())
            }
        }
    }

    fn end(&mut self, tail: AuditTail) -> io::Result<()> {
        if self.json {
            let between = if self.lines == 0 { BEGINNING } else { "" };
            let AuditTail { truncated, known, unproven, put_back } = tail;
            let end = format!(
                "\"truncated\":{truncated},\"known\":{known},\"unproven\":{unproven},\"put_back\":{put_back}"
            );
            writeln!(self.output, "{between}],{end}}}")?;
        }
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[AuditedLine], json: bool) -> String {
        let mut answer = Written { output: Vec::new(), json, lines: 0 };
        lines.iter().try_for_each(|line| answer.line(line, Some("hall-1"))).unwrap();
        answer.end(AuditTail { truncated: false, known: true, unproven: 0, put_back: 0 }).unwrap();
        String::from_utf8(answer.output).unwrap()
    }

    #[test]
    fn one_document_however_many_lines_there_are() {
        let line = AuditedLine {
            sequence: 1,
            at: "2026-01-31T09:00:00+08:00".to_owned(),
            action: "filed".to_owned(),
            operator: None,
            client: "window".to_owned(),
            basis: None,
            purpose: None,
            case: None,
            materials: Vec::new(),
        };
        for count in 0..3 {
            let lines = vec![line.clone(); count];
            let told: serde_json::Value = serde_json::from_str(&written(&lines, true)).unwrap();
            assert_eq!(told["entries"].as_array().unwrap().len(), count);
            assert_eq!(told["known"], true);
            assert!(count == 0 || told["entries"][0]["counter"] == "hall-1", "{told}");
            let rows = written(&lines, false);
            assert_eq!(rows.lines().count(), count);
            assert!(rows.lines().all(|row| row.ends_with("\thall-1")), "{rows}");
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is() {
        gone_or_failed(&io::ErrorKind::BrokenPipe.into()).unwrap();
        let full = gone_or_failed(&io::ErrorKind::StorageFull.into()).unwrap_err();
        assert_eq!(full.code(), "system_failed");
    }
}
