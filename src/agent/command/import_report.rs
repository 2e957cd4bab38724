//! What an import tells: each row that was refused as it comes, and the figures at the end.

use std::io::{self, BufWriter, Write};

use serde_json::json;

use super::import::Figures;
use super::output::{cut_off, say};
use super::whole_file::WholeFile;
use crate::failure::Failure;
use crate::import::{Reason, RefusedRow};

/// How the JSON document begins.
const BEGINS: &str = "{\"refused\":[";
/// How a CSV file begins that spreadsheets are to read as UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Written as it comes: there may be a million rows.
pub(super) struct Report {
    csv: Option<csv::Writer<BufWriter<WholeFile>>>,
    json: Option<BufWriter<io::Stdout>>,
    is_begun: bool,
}

impl Report {
    pub(super) fn new(file: Option<WholeFile>, json: bool) -> Result<Self, Failure> {
        let csv = file.map(|file| {
            let mut file = BufWriter::new(file);
            file.write_all(BYTE_ORDER_MARK)?;
            let mut csv = csv::Writer::from_writer(file);
            csv.write_record(["row", "code", "cause", "remedy", "cause_zh", "remedy_zh"])?;
            Ok(csv)
        });
        let csv = csv.transpose().map_err(|e: csv::Error| not_written(&e))?;
        Ok(Self { csv, json: json.then(|| BufWriter::new(io::stdout())), is_begun: false })
    }

    /// Tells of a row.
    pub(super) fn refused(&mut self, RefusedRow { row, refusal }: RefusedRow) -> Result<(), Failure> {
        let (code, [cause_zh, cause]) = (refusal.reason.code(), refusal.cause());
        let [remedy_zh, remedy] = Reason::remedy(refusal.reason);
        if let Some(csv) = &mut self.csv {
            let fields = [&row.to_string(), code, &cause, remedy, &cause_zh, remedy_zh];
            csv.write_record(fields).map_err(|e| not_written(&e))?;
        }
        let Some(output) = &mut self.json else {
            return say(&format!("row {row}\t{code}\t{cause}; {remedy}"));
        };
        let before = if self.is_begun { "," } else { BEGINS };
        self.is_begun = true;
        let line = json!({"row": row, "code": code, "cause": cause, "remedy": remedy, "cause_zh": cause_zh,
            "remedy_zh": remedy_zh});
        write!(output, "{before}{line}").map_err(cut_off)
    }

    /// Tells the figures; `stopped` is why not all rows were worked off.
    pub(super) fn finish(
        self,
        figures: &Figures,
        all: u64,
        encoding: &str,
        stopped: Option<&Failure>,
    ) -> Result<(), Failure> {
        if let Some(csv) = self.csv {
            let whole = csv.into_inner().map_err(|e| not_written(&e))?;
            let file = whole.into_inner().map_err(|e| not_written(&e))?;
            file.finish().map_err(|e| not_written(&e))?;
        }
        let Figures { rows, imported, imported_before, on_file, refused_rows } = *figures;
        let Some(mut output) = self.json else {
            return say(&format!(
                "{rows} of {all} rows ({encoding}): {imported} materials imported, {imported_before} imported \
                 before, {on_file} on file already, {refused_rows} rows refused"
            ));
        };
        let before = if self.is_begun { "]," } else { "{\"refused\":[]," };
        let mut end = json!({"rows": all, "rows_done": rows, "encoding": encoding, "imported": imported,
            "imported_before": imported_before, "on_file": on_file, "refused_rows": refused_rows});
        end["stopped"] = json!(stopped);
        // The object goes on where the list ends.
        let end = end.to_string();
        writeln!(output, "{before}{}", &end[1..]).and_then(|()| output.flush()).map_err(cut_off)
    }
}

fn not_written(error: &dyn std::fmt::Display) -> Failure {
    Failure::new("report_not_written", format!("the report: {error}"), "check the disk it goes to")
}
