//! `yidang archive import`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::import_report::Report;
use super::progress::Bar;
use super::reach::Place;
use super::report_file;
use crate::config::Config;
use crate::control::ImportAnswer;
use crate::failure::Failure;
use crate::import::{Import, ImportOptions, Manifest, Told};
use crate::operators::OperatorNeed;

/// Files the photographs that a manifest names.
///
/// The manifest is a CSV file with a header; UTF-8 with or without a byte order mark, or GB18030. Its columns, in any order:
///
///   subject_type     required: resident, hmt, foreigner, passport, birth_certificate, organisation, provisional
///   subject          required: the number; a wrong check digit is refused
///   kind             required: what the paper is, as a word the office chose
///   path             required: the picture, JPEG or PNG, relative to the manifest's folder and within it
///   material         rows that have the same word here and stand together are the pages of one material
///   captured_on      the day it was photographed; when the file was last written unless said
///   issued_on        the day it was issued
///   valid_until      its last day of validity
///   case, item, slot, issuer, document_number, note     as in `POST /v1/materials`
///
/// Dates are written 2019-03-05 or 2019/3/5. Every picture is checked as an upload is; its page is found and
/// straightened, and the untouched original is kept. What is refused is told by its row, the header being row 1, and the
/// exit code is 1. Run again, or after it was broken off at any point, it files nothing twice. Origin is `upload`.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ImportCommand {
    /// The manifest.
    #[arg(value_name = "MANIFEST.csv")]
    manifest: PathBuf,
    /// Keeps every picture as it is: nothing is looked for in it.
    #[arg(long)]
    as_is: bool,
    /// Files for numbers with a wrong check digit too.
    #[arg(long)]
    keep_wrong_check_digits: bool,
    /// Who imports; stands in the ledger and in the materials.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: Option<String>,
    /// Writes what was refused to this file, as CSV with causes and remedies in English and Chinese. An earlier report is
    /// replaced once this one is whole; nothing else is.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

/// Longest name of an operator, in characters.
const NAME_CHARS_MAX: usize = 128;

fn name(text: &str) -> Result<String, String> {
    super::export::within(text, NAME_CHARS_MAX)
}

/// Figures of an import, in materials but for the rows.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Figures {
    /// Rows of the manifest that were worked off.
    pub(super) rows: u64,
    /// Filed now.
    pub(super) imported: u64,
    /// Filed by an earlier run.
    pub(super) imported_before: u64,
    /// On file already, from elsewhere or with other words; not filed again.
    pub(super) on_file: u64,
    /// Rows that were refused.
    pub(super) refused_rows: u64,
}

pub(super) fn import(config: &Config, command: &ImportCommand) -> Result<ExitCode, Failure> {
    if config.operators.need != OperatorNeed::None && command.operator.is_none() {
        let cause = "the configuration asks for the operator of every call";
        return Err(Failure::new("operator_missing", cause, "say who imports with --operator"));
    }
    let manifest = Manifest::open(&command.manifest)?;
    let forbidden = [config.data_dir.as_path(), config.keys_dir.as_path()];
    let file = command
        .report
        .as_deref()
        .map(|path| report_file::create(path, &forbidden, &[report_file::IMPORT_BEGINS]))
        .transpose()?;
    let place = Place::find(config)?;
    let mut report = Report::new(file, command.json)?;
    let mut figures = Figures::default();
    let mut bar = Bar::new();
    let options = ImportOptions {
        as_is: command.as_is,
        keeps_wrong_digits: command.keep_wrong_check_digits,
        operator: command.operator.clone(),
    };
    let ask = |request: &_| place.carry_out(request, &mut |_| Ok(()));
    let ran = Import { manifest: &manifest, options, ask: &ask }.run(&mut |told: Told| {
        figures.rows += told.rows;
        match told.result {
            Ok(ImportAnswer::Filed) => figures.imported += 1,
            Ok(ImportAnswer::FiledBefore) => figures.imported_before += 1,
            Ok(_) => figures.on_file += 1,
            Err(refused) => {
                bar.clear();
                for row in refused {
                    figures.refused_rows += 1;
                    report.refused(row)?;
                }
            }
        }
        bar.show(figures.rows, manifest.rows());
        Ok(())
    });
    bar.clear();
    report.finish(&figures, manifest.rows(), manifest.encoding(), ran.as_ref().err())?;
    ran?;
    Ok(if figures.refused_rows == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
