//! `yidang page`: makes pages of pictures that lie in files.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde::Serialize;
use yidang_imaging::{PageResult, Tone, UnknownTone};

use super::output::{complain, say, say_json};
use super::page_out::Out;
use super::progress::Bar;
use super::{misused, page_out};
use crate::api::{QualityBody, faults};
use crate::document::{self, DocumentPage};
use crate::failure::Failure;
use crate::page_wish::{DPI, PageWish};

/// Largest file that is read; a picture of the largest cameras is a quarter of it.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Args)]
pub(super) struct PageCommand {
    /// Pictures, JPEG or PNG.
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// Where the pages go: a file for one picture, a folder for several. Nothing is written unless it is said.
    #[arg(long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Puts all pages into one PDF document as well, in the order of the pictures.
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// How the page looks.
    #[arg(long, value_name = "T", default_value_t = Tone::Colour, value_parser = tones())]
    tone: Tone,
    /// Resolution of the page; as the picture has it unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(*DPI.start())..=i64::from(*DPI.end())))]
    dpi: Option<u32>,
    /// Makes a page of each of several papers in a picture; --out is a folder then.
    #[arg(long)]
    split: bool,
    /// One JSON document a picture, one line each.
    #[arg(long)]
    json: bool,
}

fn tones() -> impl clap::builder::TypedValueParser<Value = Tone> {
    PossibleValuesParser::new(Tone::ALL.map(Tone::as_str))
        .try_map(|word| word.parse().map_err(|error: UnknownTone| error))
}

/// What is told of one picture.
#[derive(Serialize)]
struct Told<'a> {
    file: &'a str,
    found: bool,
    corners: Option<[[f32; 2]; 4]>,
    confidence: f32,
    width: u32,
    height: u32,
    quality: QualityBody,
    elapsed_ms: f64,
}

/// What is told of one that no page could be made of.
#[derive(Serialize)]
struct Failed<'a> {
    file: &'a str,
    error: &'a str,
    cause: &'a str,
}

pub(super) fn page(command: &PageCommand) -> Result<ExitCode, Failure> {
    let mut out = match &command.out {
        Some(path) => {
            Some(Out::new(path, &command.inputs, command.split).unwrap_or_else(|usage| misused(&usage))?)
        }
        None => None,
    };
    if !command.json {
        say("file\tfound\tconfidence\twidth\theight\tissues\tms")?;
    }
    let mut document = Vec::new();
    let (mut bar, all) = (Bar::new(), command.inputs.len());
    let mut code = ExitCode::SUCCESS;
    for (done, input) in command.inputs.iter().enumerate() {
        if all > 1 {
            bar.show(done as u64, all as u64);
        }
        let made = make(command, input, out.as_mut());
        bar.clear();
        let name = input.to_string_lossy();
        match made {
            Ok((pages, elapsed_ms)) => {
                for page in pages {
                    tell(command.json, &name, &page, elapsed_ms)?;
                    if command.pdf.is_some() {
                        document.push(DocumentPage::from(page.page));
                    }
                }
            }
            Err(failure) => {
                code = ExitCode::FAILURE;
                if command.json {
                    say_json(&Failed { file: &name, error: &failure.code, cause: &failure.cause })?;
                }
                complain(&Failure { cause: format!("{name}: {}", failure.cause), ..failure });
            }
        }
    }
    if let Some(path) = command.pdf.as_ref().filter(|_| !document.is_empty()) {
        write_document(path, &document, &command.inputs)?;
    }
    Ok(code)
}

fn write_document(path: &Path, pages: &[DocumentPage], inputs: &[PathBuf]) -> Result<(), Failure> {
    let bytes = document::write(pages)
        .map_err(|error| Failure::new("page_not_written", error, "make several documents of fewer pages"))?;
    page_out::write(path, &bytes, &page_out::originals(inputs))
}

/// The page or pages of one file, and how long their making took from the bytes in memory to the encoded pages.
fn make(
    command: &PageCommand,
    input: &Path,
    out: Option<&mut Out>,
) -> Result<(Vec<PageResult>, f64), Failure> {
    let bytes = read(input)?;
    let wish = PageWish { dpi: command.dpi, tone: command.tone, split: command.split, ..PageWish::default() };
    let began = Instant::now();
    let made = wish.make(&bytes);
    let elapsed_ms = began.elapsed().as_secs_f64() * 1000.0;
    let made = made.map_err(|error| {
        let Failure { code, remedy, .. } = faults::picture(error).into();
        Failure { code, cause: error.to_string(), remedy }
    })?;
    if let Some(out) = out {
        made.iter().try_for_each(|made| out.write(input, &made.page))?;
    }
    Ok((made, elapsed_ms))
}

fn read(input: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(input).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(
        |error| Failure::new("file_unreadable", error, "check the name and the rights of the file"),
    )?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let cause = format!("the file is larger than {FILE_BYTES_MAX} bytes");
        return Err(Failure::new("file_too_large", cause, "save the picture as JPEG"));
    }
    Ok(bytes)
}

fn tell(json: bool, file: &str, made: &PageResult, elapsed_ms: f64) -> Result<(), Failure> {
    let told = Told {
        file,
        found: made.corners.is_some(),
        corners: made.corners,
        confidence: made.confidence,
        width: made.page.width,
        height: made.page.height,
        quality: QualityBody::from(&made.quality),
        elapsed_ms: (elapsed_ms * 100.0).round() / 100.0,
    };
    if json {
        return say_json(&told);
    }
    let Told { found, confidence, width, height, quality, elapsed_ms, .. } = told;
    let found = if found { "yes" } else { "no" };
    let issues = if quality.issues.is_empty() { "-".to_owned() } else { quality.issues.join(",") };
    say(&format!("{file}\t{found}\t{confidence:.2}\t{width}\t{height}\t{issues}\t{elapsed_ms:.0}"))
}
