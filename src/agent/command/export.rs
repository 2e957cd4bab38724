//! `yidang archive export`.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{escaped, say, say_json};
use super::progress::Bar;
use super::reach;
use crate::clock;
use crate::config::Config;
use crate::control::{self, ExportDamage, ExportNews, ExportRequest, News, Outcome, Request};
use crate::failure::Failure;
use crate::package::{Bag, DossierMetadata, Packed, Packer, SubjectMetadata};

/// Longest input that is read for the person's number, in bytes.
const INPUT_BYTES_MAX: u64 = 4096;
/// Longest operator, purpose and case, in characters.
const TEXT_CHARS_MAX: usize = 500;
const NAME_CHARS_MAX: usize = 128;

/// Takes out everything on file here for one person, as an unencrypted BagIt package.
///
/// The person comes from standard input, never from the command line, which other users can see: the type (resident, hmt,
/// foreigner, passport, birth_certificate, organisation, provisional), a space, and the number.
///
///   echo "resident NUMBER" | yidang archive export OUT --operator NAME --purpose TEXT
///
/// For every material the package holds the untouched originals, the pages, a PDF of them, and its record as JSON and XML;
/// `data/dossier.json` says whose it is. Names of files tell nothing about anyone, but what is in them is readable: keep it on
/// an encrypted medium. The export is in the ledger before the first byte is written. What is damaged is named and left
/// out, and the exit code is 1. A run that is broken off may leave a folder `.yidang-export-….part` beside OUT, to be
/// deleted.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ExportCommand {
    /// The package's folder: a new one, or an empty one.
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Who takes it out; stands in the ledger and in the package.
    #[arg(long, value_name = "NAME", value_parser = name)]
    operator: String,
    /// What for; stands in the ledger and in the package.
    #[arg(long, value_name = "TEXT", value_parser = text)]
    purpose: String,
    /// For which case.
    #[arg(long, value_name = "NUMBER", value_parser = text)]
    case: Option<String>,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn name(text: &str) -> Result<String, String> {
    within(text, NAME_CHARS_MAX)
}

pub(super) fn text(text: &str) -> Result<String, String> {
    within(text, TEXT_CHARS_MAX)
}

pub(super) fn within(text: &str, chars_max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > chars_max || text.chars().any(char::is_control) {
        return Err(format!("1 to {chars_max} characters, no control characters"));
    }
    Ok(text.to_owned())
}

pub(super) fn export(config: &Config, command: &ExportCommand) -> Result<ExitCode, Failure> {
    let (subject_type, value) = read_subject()?;
    let subject = control::subject(&subject_type, &value)?;
    // An empty folder is made before the ledger says anything: what cannot be written at all is not taken out.
    let bag = Bag::create(&command.out, &[&config.data_dir, &config.keys_dir])?;
    let dossier = DossierMetadata {
        subject: SubjectMetadata::of(&subject),
        exported_at: clock::now().to_string(),
        counter: config.counter.clone(),
        operator: command.operator.clone(),
        purpose: command.purpose.clone(),
        case: command.case.clone(),
    };
    let request = Request::Export(ExportRequest {
        subject_type,
        subject: value,
        operator: command.operator.clone(),
        purpose: command.purpose.clone(),
        case: command.case.clone(),
    });
    let packed = pack(config, &request, Packer::new(bag, dossier))?;
    tell(command, &packed)?;
    if config.repository_url.is_some() && !command.json {
        say("what the repository and other windows have of this person beside it is not in it")?;
    }
    Ok(if packed.damage_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pack(config: &Config, request: &Request, mut packer: Packer) -> Result<Packed, Failure> {
    let (mut bar, mut all) = (Bar::new(), 0);
    let mut failed = None;
    let told = reach::carry_out(config, request, &mut |news| {
        let News::Export(news) = news else { return Ok(()) };
        if let ExportNews::Began { materials } = news {
            all = materials;
        }
        packer.take(news).map_err(|failure| {
            failed = Some(failure);
            io::Error::other("the package could not be written")
        })?;
        bar.show(packer.materials(), all);
        Ok(())
    });
    bar.clear();
    // What could not be written here is why nothing more was told.
    match (failed, told) {
        (Some(failure), _) | (None, Err(failure)) => Err(failure),
        (None, Ok(Outcome::Exported { .. })) => packer.finish(),
        (None, Ok(_)) => Err(Failure::new("export_broken", "another answer came", "restart the daemon")),
    }
}

/// Type and number from standard input.
pub(super) fn read_subject() -> Result<(String, String), Failure> {
    let remedy = control::WRITE_SUBJECT;
    let missing = |cause: &str| Failure::new("subject_missing", cause, remedy);
    let mut text = String::new();
    let read = io::stdin().lock().take(INPUT_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|_| missing("standard input cannot be read as text"))?;
    let (subject_type, value) = text.trim().split_once(char::is_whitespace).unwrap_or_default();
    if value.trim().is_empty() {
        return Err(missing("standard input does not name a person"));
    }
    Ok((subject_type.to_owned(), value.trim().to_owned()))
}

fn tell(command: &ExportCommand, packed: &Packed) -> Result<(), Failure> {
    let Packed { materials, files, size_bytes, originals_disposed, damage_count, damages } = packed;
    if command.json {
        return say_json(
            &json!({"out": command.out.to_string_lossy(), "materials": materials, "files": files,
            "size_bytes": size_bytes, "originals_disposed": originals_disposed, "damage_count": damage_count, "damages": damages}),
        );
    }
    damages.iter().try_for_each(|damage| say(&line(damage)))?;
    if *damage_count > damages.len() as u64 {
        say(&format!("and {} more", damage_count - damages.len() as u64))?;
    }
    let out = escaped(&command.out.to_string_lossy());
    say(&format!("{materials} materials, {files} files, {size_bytes} bytes in {out}"))?;
    if *originals_disposed > 0 {
        say(&format!("{originals_disposed} originals are not in it: their term is over, and the pages are"))?;
    }
    match damage_count {
        0 => Ok(()),
        _ => say(
            "what is named above is not in the package: see `yidang archive verify`, and ask the repository",
        ),
    }
}

fn line(damage: &ExportDamage) -> String {
    let ExportDamage { material, page, picture, code } = damage;
    let page = page.map_or_else(String::new, |page| format!(", page {page}"));
    let picture = picture.map_or_else(String::new, |picture| format!(", {}", picture.as_str()));
    format!("material {material}{page}{picture}: {code}")
}
