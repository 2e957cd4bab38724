//! `yidang page`: makes pages of pictures that lie in files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde::Serialize;
use yidang_imaging::{PageOptions, PageResult, PaperSize, Tone, UnknownTone};

use super::misused;
use super::output::{complain, escaped, say, say_json};
use super::page_out::{Files, Out};
use super::progress::Bar;
use crate::api::{CodeBody, QualityBody, degrees, faults};
use crate::document::{self, DocumentPage};
use crate::failure::Failure;
use crate::page_wish::{DPI, PX_PER_MM, PageWish};

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
    /// Puts both sides of a card, the front and the back, on one A4 sheet in the card's own size as well.
    #[arg(long, value_name = "FILE")]
    card_pdf: Option<PathBuf>,
    /// How the page looks.
    #[arg(long, value_name = "T", default_value_t = Tone::Colour, value_parser = tones())]
    tone: Tone,
    /// Resolution of the page; as the picture has it unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(*DPI.start())..=i64::from(*DPI.end())))]
    dpi: Option<u32>,
    /// The camera's pixels a millimetre of paper: sizes are told by size then, and A5 and B5 from A4.
    #[arg(long, value_name = "N", value_parser = scale)]
    px_per_mm: Option<f64>,
    /// Turns the page by its writing, where that tells which way is up.
    #[arg(long)]
    upright: bool,
    /// Reads the barcodes and QR codes on the page.
    #[arg(long)]
    codes: bool,
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

fn scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|scale| PX_PER_MM.contains(scale));
    scale.ok_or_else(|| format!("a number from {} to {}", PX_PER_MM.start(), PX_PER_MM.end()))
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
    size: Option<&'static str>,
    turned_degrees: Option<u16>,
    codes: Option<Vec<CodeBody>>,
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
    if command.card_pdf.is_some() && command.inputs.len() != 2 && !command.split {
        misused("--card-pdf takes two pictures, the front and the back, or one of both with --split");
    }
    if !command.json {
        say("file\tfound\tconfidence\twidth\theight\tissues\tms\tsize")?;
    }
    let mut files = Files::beside(&command.inputs);
    let mut document = Vec::new();
    let (mut bar, all) = (Bar::new(), command.inputs.len());
    let mut code = ExitCode::SUCCESS;
    for (done, input) in command.inputs.iter().enumerate() {
        if all > 1 {
            bar.show(done as u64, all as u64);
        }
        let made = make(command, input, out.as_mut().map(|out| (out, &mut files)));
        bar.clear();
        let name = input.to_string_lossy();
        match made {
            Ok((pages, elapsed_ms)) => {
                for page in pages {
                    tell(command.json, &name, &page, elapsed_ms)?;
                    if command.pdf.is_some() || command.card_pdf.is_some() {
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
        write_document(path, &document, &mut files)?;
    }
    // What a side is missing for has been told already.
    if let Some(path) = command.card_pdf.as_ref().filter(|_| code == ExitCode::SUCCESS) {
        write_card(path, &document, &mut files)?;
    }
    Ok(code)
}

fn write_card(path: &Path, sides: &[DocumentPage], files: &mut Files) -> Result<(), Failure> {
    let pixels: Vec<_> = sides.iter().map(|side| [side.width, side.height]).collect();
    let sizes_mm = document::card_sides(&pixels).map_err(|error| {
        let remedy = "give the card's front and back, each wholly in its picture and on a plain mat";
        Failure::new("not_a_card", error, remedy)
    })?;
    let bytes = document::write_card(sides, sizes_mm)
        .map_err(|error| Failure::new("page_not_written", error, "capture both sides again"))?;
    files.write(path, &bytes)
}

fn write_document(path: &Path, pages: &[DocumentPage], files: &mut Files) -> Result<(), Failure> {
    let bytes = document::write(pages)
        .map_err(|error| Failure::new("page_not_written", error, "make several documents of fewer pages"))?;
    files.write(path, &bytes)
}

/// The page or pages of one file, and how long their making took from the bytes in memory to the encoded pages.
fn make(
    command: &PageCommand,
    input: &Path,
    out: Option<(&mut Out, &mut Files)>,
) -> Result<(Vec<PageResult>, f64), Failure> {
    let bytes = read(input)?;
    if bytes.starts_with(b"%PDF-") {
        let remedy =
            "hand it in to a running daemon with `POST /v1/captures`, or save its pages as JPEG or PNG";
        return Err(Failure::new("not_an_image", "a PDF document, and this command takes pictures", remedy));
    }
    let &PageCommand { upright, codes, dpi, px_per_mm, tone, split, .. } = command;
    let options = PageOptions { upright, codes, dpi, px_per_mm, tone, ..PageOptions::default() };
    let wish = PageWish { options, split };
    let began = Instant::now();
    let made = wish.make(&bytes);
    let elapsed_ms = began.elapsed().as_secs_f64() * 1000.0;
    let made = made.map_err(|error| {
        let Failure { code, mut remedy, .. } = faults::picture(error).into();
        if code == "not_an_image" {
            // The call takes documents too.
            remedy = "give a JPEG or a PNG".to_owned();
        }
        Failure { code, cause: error.to_string(), remedy }
    })?;
    if let Some((out, files)) = out {
        made.iter().try_for_each(|made| out.write(files, input, &made.page))?;
    }
    Ok((made, elapsed_ms))
}

/// What is no file is not opened: a pipe would wait for somebody to write to it.
fn open(input: &Path) -> io::Result<File> {
    if !std::fs::metadata(input)?.is_file() {
        return Err(io::Error::other("this is no regular file"));
    }
    File::open(input)
}

fn read(input: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(input).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(|error| {
        Failure::new("file_unreadable", error, "check the name and the rights of the file")
    })?;
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
        size: made.paper_size.map(PaperSize::as_str),
        turned_degrees: made.turned.map(degrees),
        codes: made.codes.as_deref().map(CodeBody::list),
        quality: QualityBody::from(&made.quality),
        elapsed_ms: (elapsed_ms * 100.0).round() / 100.0,
    };
    if json {
        return say_json(&told);
    }
    let Told { found, confidence, width, height, size, turned_degrees, codes, quality, elapsed_ms, .. } =
        told;
    let found = if found { "yes" } else { "no" };
    let issues = if quality.issues.is_empty() { "-".to_owned() } else { quality.issues.join(",") };
    let size = size.unwrap_or("-");
    let file = escaped(file);
    say(&format!("{file}\t{found}\t{confidence:.2}\t{width}\t{height}\t{issues}\t{elapsed_ms:.0}\t{size}"))?;
    if let Some(degrees) = turned_degrees {
        say(&format!("  turned {degrees} degrees by its writing"))?;
    }
    let codes = codes.unwrap_or_default();
    // Whoever printed a code must not steer the terminal.
    codes.iter().try_for_each(|code| say(&format!("  {}: {}", code.symbology, escaped(&code.text))))
}
