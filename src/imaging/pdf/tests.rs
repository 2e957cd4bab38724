//! Documents written, read back, checked by other programs, and damaged.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use yidang_model::MediaType;

use super::*;
use crate::{Format, GreyPicture, Picture, Tone, Toned, decode, encode_jpeg, encode_page, set_tone};

fn picture(width: u32, height: u32) -> Picture {
    let rgb = (0..width * height).flat_map(|i| {
        let (x, y) = (i % width, i / width);
        [(x * 3) as u8, (y * 5) as u8, if (x / 8 + y / 8).is_multiple_of(2) { 240 } else { 20 }]
    });
    Picture::new(width, height, rgb.collect()).unwrap()
}

fn colour_jpeg() -> Vec<u8> {
    encode_jpeg(&picture(90, 64), 80).unwrap()
}

fn toned(tone: Tone, format: Format) -> Vec<u8> {
    encode_page(&set_tone(picture(90, 64), tone).unwrap(), format).unwrap().bytes
}

fn a4(bytes: &[u8]) -> PdfPage<'_> {
    PdfPage { bytes, size_mm: [210.0, 297.0] }
}

/// One page of each kind there is.
fn every_kind() -> Vec<Vec<u8>> {
    let mut kinds = vec![colour_jpeg()];
    for tone in [Tone::Colour, Tone::Grey, Tone::BlackWhite] {
        kinds.extend([Format::default(), Format::Png].map(|format| toned(tone, format)));
    }
    kinds
}

fn document() -> Vec<u8> {
    let kinds = every_kind();
    let pages: Vec<PdfPage> = kinds.iter().map(|bytes| a4(bytes)).collect();
    let created_at = "2026-01-31T08:30:00Z".parse().ok();
    write_pdf(&pages, &PdfInfo { title: Some("申请表"), created_at }).unwrap()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

#[test]
fn a_jpeg_stands_in_the_document_as_it_is_and_comes_out_again() {
    let pdf = document();
    assert_eq!(pdf, document());
    assert!(contains(&pdf, &colour_jpeg()));
    assert!(contains(&pdf, b"/MediaBox [0 0 595.276 841.890]"));
    assert!(contains(&pdf, b"/CreationDate (D:20260131083000Z)"));
    let images = pdf_images(&pdf).unwrap();
    for (from, image) in every_kind().iter().zip(&images) {
        match image.media_type {
            MediaType::Jpeg => assert!(image.bytes == *from),
            MediaType::Png => assert_eq!(decode(&image.bytes), decode(from)),
        }
        assert_eq!(image.quarter_turns, 0);
        let [width, height] = image.size_mm.unwrap();
        assert!((width - 210.0).abs() < 0.01 && (height - 297.0).abs() < 0.01, "{width} x {height}");
    }
    assert_eq!(images.len(), every_kind().len());
}

#[test]
fn a_card_lies_on_a4_in_its_own_size_front_above_back() {
    let (front, back) = (colour_jpeg(), toned(Tone::Grey, Format::Png));
    let side = |bytes| PdfPage { bytes, size_mm: [85.6, 53.98] };
    let pdf = write_card_pdf(&side(&front), &side(&back), &PdfInfo::default()).unwrap();
    // 85.60 x 53.98 mm in points, in the middle; 20 mm between the sides.
    assert!(contains(&pdf, b"q 242.646 0.000 0.000 153.014 176.315 449.29"));
    assert!(contains(&pdf, b"q 242.646 0.000 0.000 153.014 176.315 239.58"));
    assert_eq!(pdf_images(&pdf), Err(PdfError::NotScanned));
}

#[test]
fn a_png_of_any_other_kind_is_packed_anew() {
    let image =
        image::RgbaImage::from_fn(20, 10, |x, y| image::Rgba([(x * 9) as u8, (y * 20) as u8, 7, 255]));
    let mut png = std::io::Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    let pdf = write_pdf(&[PdfPage::at_dpi(&png, 300.0).unwrap()], &PdfInfo::default()).unwrap();
    let images = pdf_images(&pdf).unwrap();
    assert_eq!(decode(&images[0].bytes), decode(&png));
}

/// Whether a program of the system can be run; says that a test is skipped where it cannot.
fn has(program: &str, test: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        // Past the runner, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: there is no {program}");
    }
    found
}

fn run(program: &str, arguments: &[&str], file: &Path) -> (bool, String) {
    let out = Command::new(program).args(arguments).arg(file).output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn qpdf_finds_no_fault() {
    if !has("qpdf", "qpdf_finds_no_fault") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pages.pdf");
    std::fs::write(&file, document()).unwrap();
    let (fine, said) = run("qpdf", &["--check"], &file);
    assert!(fine && said.contains("No syntax or stream encoding errors"), "{said}");
    // What another program writes anew, with packed objects, is read as well.
    let packed = folder.path().join("packed.pdf");
    let arguments = ["--object-streams=generate", "--compress-streams=y", &file.display().to_string()];
    assert!(run("qpdf", &arguments, &packed).0);
    let (ours, theirs) =
        (pdf_images(&document()).unwrap(), pdf_images(&std::fs::read(&packed).unwrap()).unwrap());
    assert_eq!(ours.len(), theirs.len());
    assert!(ours[0].bytes == theirs[0].bytes);
    // And what it protects is refused as that.
    let locked = folder.path().join("locked.pdf");
    for more in ["--object-streams=generate", "--object-streams=disable"] {
        let arguments = ["--encrypt", "", "owner", "256", "--", more, &file.display().to_string()];
        assert!(run("qpdf", &arguments, &locked).0);
        assert_eq!(pdf_images(&std::fs::read(&locked).unwrap()), Err(PdfError::Encrypted));
    }
}

#[test]
fn pdfimages_gets_the_same_bytes_out() {
    if !has("pdfimages", "pdfimages_gets_the_same_bytes_out") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pages.pdf");
    std::fs::write(&file, document()).unwrap();
    let into = folder.path().join("page");
    assert!(run("pdfimages", &["-all", &file.display().to_string()], &into).0);
    for (i, from) in every_kind().iter().enumerate() {
        let is_jpeg = from.starts_with(&crate::jpeg::SIGNATURE);
        let name = format!("page-{i:03}.{}", if is_jpeg { "jpg" } else { "png" });
        let out = std::fs::read(folder.path().join(&name)).unwrap();
        if is_jpeg {
            assert!(out == *from, "{name} differs");
        } else {
            assert_eq!(decode(&out), decode(from), "{name}");
        }
    }
}

/// A document of one page whose parts a test can change.
fn by_hand(catalogue: &str, page: &str, content: &str, image: &str, data: &[u8]) -> Vec<u8> {
    let head = format!(
        "%PDF-1.5\n1 0 obj << /Type /Catalog /Pages 2 0 R {catalogue} >> endobj\n\
         2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n\
         3 0 obj << /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /Im0 5 0 R >> >> {page} >> \
         endobj\n4 0 obj << /Length {} >> stream\n{content}\nendstream endobj\n\
         5 0 obj << /Subtype /Image {image} /Length {} >> stream\n",
        content.len(),
        data.len()
    );
    [head.as_bytes(), data, b"\nendstream endobj\ntrailer << /Root 1 0 R >>\n"].concat()
}

const IMAGE: &str = "/Width 90 /Height 64 /Filter /DCTDecode";
const DRAW: &str = "q 595 0 0 842 0 0 cm /Im0 Do Q";

#[test]
fn a_turned_page_says_so() {
    let jpeg = colour_jpeg();
    let turns = |page: &str, content: &str| {
        pdf_images(&by_hand("", page, content, IMAGE, &jpeg)).map(|images| images[0].quarter_turns)
    };
    assert_eq!(turns("", DRAW), Ok(0));
    assert_eq!(turns("/Rotate 90", DRAW), Ok(1));
    assert_eq!(turns("/Rotate -90", DRAW), Ok(3));
    assert_eq!(turns("", "q 0 -842 595 0 0 842 cm /Im0 Do Q"), Ok(1));
    assert_eq!(turns("/Rotate 180", "q -595 0 0 -842 595 842 cm /Im0 Do Q"), Ok(0));
    assert_eq!(turns("", "q -595 0 0 842 595 0 cm /Im0 Do Q"), Err(PdfError::NotScanned));
}

#[test]
fn what_is_no_scan_is_refused_for_what_it_is() {
    let jpeg = colour_jpeg();
    let answer = |catalogue: &str, page: &str, content: &str, image: &str| {
        pdf_images(&by_hand(catalogue, page, content, image, &jpeg)).map(|images| images.len())
    };
    assert_eq!(answer("", "", DRAW, IMAGE), Ok(1));
    assert_eq!(answer("", "", &format!("{DRAW} BT /F 9 Tf (seen) Tj ET"), IMAGE), Err(PdfError::NotScanned));
    assert_eq!(answer("", "", &format!("{DRAW} BT 3 Tr /F 9 Tf (unseen) Tj ET"), IMAGE), Ok(1));
    assert_eq!(answer("", "", &format!("{DRAW} {DRAW}"), IMAGE), Err(PdfError::NotScanned));
    assert_eq!(answer("", "", "0 0 m 9 9 l S", IMAGE), Err(PdfError::NotScanned));
    let script = "/OpenAction << /S /JavaScript /JS (app.alert) >>";
    assert_eq!(answer(script, "", DRAW, IMAGE), Err(PdfError::Active));
    assert_eq!(answer("/OpenAction << /S /Java#53cript >>", "", DRAW, IMAGE), Err(PdfError::Active));
    assert_eq!(answer("/Names << /EmbeddedFiles 9 0 R >>", "", DRAW, IMAGE), Err(PdfError::Active));
    let fax = "/Width 90 /Height 64 /Filter /CCITTFaxDecode";
    assert_eq!(answer("", "", DRAW, fax), Err(PdfError::UnsupportedPicture));
    let other = "/Width 91 /Height 64 /Filter /DCTDecode";
    assert_eq!(answer("", "", DRAW, other), Err(PdfError::Damaged));
    assert_eq!(pdf_images(b"hello"), Err(PdfError::NotAPdf));
    assert_eq!(pdf_images(b"%PDF-1.7\n"), Err(PdfError::Damaged));
    assert_eq!(pdf_images(&jpeg), Err(PdfError::NotAPdf));
}

#[test]
fn bombs_are_refused_before_they_unpack() {
    let zeros = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 40 << 20], 6);
    let flat = "/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode";
    let claimed = |size: &str| pdf_images(&by_hand("", "", DRAW, &format!("{size} {flat}"), &zeros));
    assert_eq!(claimed("/Width 10 /Height 10"), Err(PdfError::TooLarge));
    assert!(matches!(
        claimed("/Width 65535 /Height 65535"),
        Err(PdfError::Picture(crate::ImageError::TooLarge { width: 65535, height: 65535 }))
    ));
    let nested = format!("%PDF-1.4\n1 0 obj {} endobj", "[".repeat(100_000));
    assert_eq!(pdf_images(nested.as_bytes()), Err(PdfError::Damaged));
    let circle = b"%PDF-1.4\n1 0 obj << /Pages 2 0 R >> endobj 2 0 obj << /Kids [2 0 R] >> endobj\n\
                   3 0 obj 3 0 R endobj trailer << /Root 1 0 R >>";
    assert_eq!(pdf_images(circle), Err(PdfError::Damaged));
    let many: String = (1..=PDF_OBJECTS_MAX + 1).map(|i| format!("{i} 0 obj 0 endobj ")).collect();
    assert_eq!(pdf_images(format!("%PDF-1.4\n{many}").as_bytes()), Err(PdfError::TooLarge));
    assert_eq!(pdf_images(&vec![b' '; PDF_BYTES_MAX + 1]), Err(PdfError::TooLarge));
}

#[test]
fn no_pages_and_too_many_are_refused() {
    let jpeg = colour_jpeg();
    assert_eq!(write_pdf(&[], &PdfInfo::default()), Err(PdfError::NoPages));
    let many = vec![a4(&jpeg); PDF_PAGES_MAX + 1];
    assert_eq!(write_pdf(&many, &PdfInfo::default()), Err(PdfError::TooManyPages));
    assert!(matches!(write_pdf(&[a4(b"no picture")], &PdfInfo::default()), Err(PdfError::Picture(_))));
}

#[test]
fn single_bits_without_predictors_are_read() {
    let rows = [0b1010_1010, 0b1000_0000, 0b0101_0101, 0b0000_0000];
    let data = miniz_oxide::deflate::compress_to_vec_zlib(&rows, 6);
    let image = "/Width 9 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter [/FlateDecode]";
    let images = pdf_images(&by_hand("", "", DRAW, image, &data)).unwrap();
    let expected = [255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0];
    let grey = GreyPicture::of(&decode(&images[0].bytes).unwrap());
    assert_eq!(Toned::Grey(grey), Toned::Grey(GreyPicture::new(9, 2, expected.to_vec()).unwrap()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = pdf_images(&[b"%PDF-1.4\n", &tail[..]].concat());
    }

    #[test]
    fn mutated_documents_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = document();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = pdf_images(&bytes);
    }
}
