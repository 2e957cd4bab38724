//! `yidang-repository audit`.

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use yidang_archive::{AUDIT_LINES_MAX, AuditedLine};
use yidang_model::{Date, Timestamp};

use crate::audit::{AuditWish, Topic, carry_out};
use crate::config::Config;
use crate::error::StartError;
use crate::hold_command::{read_line, read_subject};

/// Said where nothing can be told of a person. A forgotten one must not be told from one who was never here.
const NOTHING_KNOWN: &str = "nothing is known under this number: nothing was ever filed for it, it is mistyped, or what there \
                             was has been forgotten; the ledger cannot tell which";

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
    let midnight =
        || text.parse::<Date>().ok().and_then(|date| format!("{date}T00:00:00+08:00").parse().ok());
    let malformed =
        || "write a date such as 2026-01-31, or an instant such as 2026-01-31T09:00:00+08:00".to_owned();
    text.parse().ok().or_else(midnight).ok_or_else(malformed)
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
    let mut output = BufWriter::new(io::stdout().lock());
    let mut is_first = true;
    if command.json {
        let _ = write!(output, "{{\"entries\":[");
    } else {
        // What reads the rows would take it for one.
        let _ = writeln!(io::stderr(), "{}", AuditedLine::COLUMNS.join("\t"));
    }
    let tail = carry_out(config, &wish, &mut |line| {
        let written = if command.json {
            let between = if std::mem::take(&mut is_first) { "" } else { "," };
            write!(output, "{between}{}", serde_json::to_string(&line).unwrap_or_default())
        } else {
            writeln!(output, "{}", line.row())
        };
        written.is_ok()
    })?;
    if command.json {
        let (truncated, known, unproven) = (tail.truncated, tail.known, tail.unproven);
        let _ = writeln!(output, "],\"truncated\":{truncated},\"known\":{known},\"unproven\":{unproven}}}");
    } else if !tail.known {
        let _ = writeln!(io::stderr(), "{NOTHING_KNOWN}");
    } else if tail.truncated {
        let _ = writeln!(io::stderr(), "there are more: narrow it down with --since and --until");
    }
    output.flush().map_err(|error| StartError::System(error.to_string()))?;
    if tail.unproven > 0 { Err(StartError::AuditIncomplete(tail.unproven)) } else { Ok(ExitCode::SUCCESS) }
}
