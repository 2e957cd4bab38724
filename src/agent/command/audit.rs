//! `yidang archive audit`.

use std::io::{self, BufWriter, Read, Write};

use clap::{Args, ValueEnum};
use yidang_archive::{AUDIT_LINES_MAX, AuditedLine, told_unproven};

use super::export::read_subject;
use super::output::{cut_off, head};
use super::reach;
use crate::config::Config;
use crate::control::{AuditTopic, AuditWish, News, Outcome, Request};
use crate::failure::Failure;

/// Longest standard input that names somebody, in bytes.
const INPUT_BYTES_MAX: u64 = 1024;
/// Said where nothing can be told of a person. A forgotten one must not be told from one who was never here.
const NOTHING_KNOWN: &str = "nothing is known under this number: nothing was ever filed for it here, it is mistyped, or \
                             what there was has been forgotten; the ledger cannot tell which";
/// Said where a name is known to nothing: a clerk's is as window software gives it.
const NOTHING_FOUND: &str = "nothing is entered; a clerk's name has to be as window software gives it\n  没有记录；工作人员姓名须与窗口软件所给的一致。";
const NOTHING_IN_SPAN: &str = "no entry is within --since and --until: a date begins at midnight in China, and times are told in UTC\n  \
                               所问时段内没有记录：日期从北京时间零点起算，列出的时间为 UTC（比北京时间早 8 小时）。";
/// How the JSON document begins.
const BEGINS: &str = "{\"entries\":[";

/// What is asked of the ledger.
#[derive(Args)]
pub(super) struct AuditCommand {
    /// What to tell.
    of: Topic,
    /// Only from this instant on: a date, which begins at midnight in China, or an instant such as 2026-01-31T09:00:00+08:00.
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Only before this instant, written likewise: a date is not among what is told any more.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// At most so many entries, the earliest first; never more than 100000.
    #[arg(long, default_value_t = AUDIT_LINES_MAX)]
    limit: u64,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Topic {
    /// Who had to do with one person's papers. Standard input names the person: the word for the kind of number
    /// and the number, as in `resident 000000…`; other users can see a command line.
    Person,
    /// What one clerk did. Standard input is the clerk's name, as window software gives it.
    Operator,
    /// Which dossiers were opened without the person's card.
    NoCard,
}

/// Written as it comes: there may be many.
pub(super) fn audit(config: &Config, command: &AuditCommand) -> Result<(), Failure> {
    let (since, until) = (command.since.clone(), command.until.clone());
    let wish = AuditWish { of: topic(command.of)?, since, until, limit: command.limit };
    let mut output = BufWriter::new(io::stdout().lock());
    let mut before = BEGINS;
    let outcome = reach::carry_out(config, &Request::Audit(wish), &mut |news| {
        let News::Audited(lines) = news else { return Ok(()) };
        if !command.json && before == BEGINS {
            head(&AuditedLine::COLUMNS);
            before = ",";
        }
        for line in &lines {
            if command.json {
                output.write_all(before.as_bytes())?;
                serde_json::to_writer(&mut output, line)?;
                before = ",";
            } else {
                writeln!(output, "{}", line.row())?;
            }
        }
        Ok(())
    })?;
    let (truncated, known, unproven, put_back) = match outcome {
        Outcome::Audited { truncated, known, unproven, put_back, .. } => {
            (truncated, known, unproven, put_back)
        }
        _ => (false, true, 0, 0),
    };
    if command.json {
        let begin = if before == BEGINS { BEGINS } else { "" };
        let end = format!(
            "\"truncated\":{truncated},\"known\":{known},\"unproven\":{unproven},\"put_back\":{put_back}"
        );
        writeln!(output, "{begin}],{end}}}").map_err(cut_off)?;
    }
    output.flush().map_err(cut_off)?;
    if !known && !command.json {
        let _ = writeln!(io::stderr(), "{NOTHING_KNOWN}");
    } else if !command.json && before == BEGINS {
        let is_narrowed = command.since.is_some() || command.until.is_some();
        let _ = writeln!(io::stderr(), "{}", if is_narrowed { NOTHING_IN_SPAN } else { NOTHING_FOUND });
    }
    if truncated && !command.json {
        // Not on standard output: what reads the rows would take it for one.
        let _ = writeln!(io::stderr(), "there are more: narrow it down with --since and --until");
    }
    if unproven == 0 { Ok(()) } else { Err(incomplete(unproven, put_back)) }
}

fn incomplete(unproven: u64, put_back: u64) -> Failure {
    let remedy = if unproven == put_back {
        "neither `yidang archive verify` nor a rebuild finds any of it again; what the repository was sent is in its ledger too: ask with `yidang-repository audit` there"
    } else {
        "what has come to harm is named by `yidang archive verify`; what is lost for good was named by the `yidang archive rebuild` that entered it"
    };
    Failure::new("audit_incomplete", told_unproven(unproven, put_back), remedy)
}

fn topic(topic: Topic) -> Result<AuditTopic, Failure> {
    Ok(match topic {
        Topic::NoCard => AuditTopic::NoCard,
        Topic::Operator => AuditTopic::Operator(input("write the clerk's name to standard input")?),
        Topic::Person => {
            let (kind, value) = read_subject()?;
            AuditTopic::Person { kind, value }
        }
    })
}

fn input(remedy: &'static str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(INPUT_BYTES_MAX).read_to_string(&mut text);
    match (read, text.trim()) {
        (Ok(_), said) if !said.is_empty() => Ok(said.to_owned()),
        _ => Err(Failure::new("subject_missing", "standard input names nobody", remedy)),
    }
}
