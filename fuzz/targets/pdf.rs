//! A document somebody uploads, any bytes; what comes out of it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yidang_imaging::{PdfInfo, PdfPage, complete_jpeg, inspect, pdf_images, write_pdf};

fuzz_target!(|data: &[u8]| {
    let Ok(images) = pdf_images(data) else { return };
    for image in &images {
        assert!(inspect(&image.bytes).is_ok_and(|header| header.media_type == image.media_type));
    }
    let pages: Vec<PdfPage> =
        images.iter().map(|image| PdfPage { bytes: &image.bytes, size_mm: [210.0, 297.0] }).collect();
    let Ok(written) = write_pdf(&pages, &PdfInfo::default()) else { panic!("what was read is not written") };
    let Ok(again) = pdf_images(&written) else { panic!("what was written is not read") };
    assert!(again.len() == images.len(), "pages were lost");
    for (one, other) in images.iter().zip(&again) {
        // Tables that a webcam left out are put in when it is written: readers of documents want them.
        let is_same = || complete_jpeg(&one.bytes) == other.bytes;
        assert!(one.media_type != yidang_model::MediaType::Jpeg || is_same(), "a JPEG changed");
    }
});
