//! Pages as one PDF document, each as large as the paper it was.

use yidang_imaging::{Encoded, PaperSize, PdfError, PdfInfo, PdfPage, paper_size, write_pdf};

/// A page of a document.
pub(crate) struct DocumentPage {
    /// A whole JPEG or PNG, which stands in the document as it is.
    pub(crate) bytes: Vec<u8>,
    /// Pixels across, as it is shown.
    pub(crate) width: u32,
    /// Pixels down, as it is shown.
    pub(crate) height: u32,
}

impl From<Encoded> for DocumentPage {
    fn from(page: Encoded) -> Self {
        Self { bytes: page.bytes, width: page.width, height: page.height }
    }
}

/// Writes a document of at least one page. The same pages give the same bytes.
pub(crate) fn write(pages: &[DocumentPage]) -> Result<Vec<u8>, PdfError> {
    let pages = pages.iter();
    let pages: Vec<_> =
        pages.map(|page| PdfPage { bytes: &page.bytes, size_mm: size_mm(page.width, page.height) }).collect();
    write_pdf(&pages, &PdfInfo::default())
}

/// The size of the paper whose proportions these are; of what has none of those that are known, such that it fits
/// on A4.
fn size_mm(width: u32, height: u32) -> [f64; 2] {
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let (short, long) = (width.min(height), width.max(height));
    let [paper_short, paper_long] =
        paper_size(width / height, long, None).unwrap_or(PaperSize::A4).sides_mm();
    let scale = (paper_short / short).min(paper_long / long);
    [width * scale, height * scale]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(size: [f64; 2], wanted: [f64; 2]) -> bool {
        size.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1.0)
    }

    #[test]
    fn pages_are_as_large_as_their_paper() {
        assert!(is_near(size_mm(2480, 3508), [210.0, 297.0]));
        assert!(is_near(size_mm(3508, 2480), [297.0, 210.0]), "lying");
        assert!(is_near(size_mm(1011, 638), [85.6, 54.0]), "a card");
        assert!(is_near(size_mm(400, 4000), [29.7, 297.0]), "a receipt fits on A4");
        assert!(is_near(size_mm(1600, 1200), [280.0, 210.0]), "a whole frame fits on A4");
    }
}
