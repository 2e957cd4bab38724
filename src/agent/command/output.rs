//! What a command says: its answer on standard output, what went wrong on standard error.

use std::io::{self, Write};

use serde::Serialize;
pub(super) use yidang_model::escaped;

use crate::failure::Failure;

/// A line on standard output, for whoever started the command.
pub(super) fn say(line: &str) -> Result<(), Failure> {
    match write(line) {
        // Whoever read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(cut_off),
    }
}

/// One JSON document on standard output.
pub(super) fn say_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document).map_err(|error| cut_off(error.into()))?;
    say(&text)
}

/// Fields in one line, a tab between two. What would move a terminal or break the line is shown escaped.
pub(super) fn plain(fields: &[&str]) -> String {
    fields.iter().map(|field| escaped(field)).collect::<Vec<_>>().join("\t")
}

/// What the columns of a table are, on standard error: what reads the rows would take them for one.
pub(super) fn head(columns: &[&str]) {
    // When nobody reads it there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", columns.join("\t"));
}

/// A line on standard output.
pub(super) fn write(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Stable code, cause and remedy on standard error. A cause may quote the name of a file.
pub(super) fn complain(failure: &Failure) {
    // Where nobody reads that either, there is nobody to tell.
    let Failure { code, cause, remedy } = failure;
    let shown = Failure::new(code, escaped(cause), remedy);
    let _ = writeln!(io::stderr(), "{shown}");
}

pub(super) fn cut_off(error: io::Error) -> Failure {
    Failure::new("output_failed", error, "see what takes the output")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_fields() {
        assert_eq!(plain(&["a", "b\tc"]), "a\tb\\tc");
    }
}
