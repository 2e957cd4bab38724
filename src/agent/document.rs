//! Pages as one PDF document, each as large as the paper it was; or both sides of a card on one sheet.

use std::fmt;

use yidang_imaging::{Encoded, PaperSize, PdfError, PdfInfo, PdfPage, paper_size, write_card_pdf, write_pdf};

/// How far a side's proportions may be from a card's, as a logarithm: an open booklet is 0.077 away, A4 0.115.
const CARD_ASPECT_OFF_MAX: f64 = 0.06;

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

/// Why pages are not the two sides of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotACard {
    /// So many pages.
    Pages(usize),
    /// This page, counted from 1, has not a card's proportions.
    Proportions(usize),
}

impl fmt::Display for NotACard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages(pages) => write!(f, "a card has two sides, and this has pages: {pages}"),
            Self::Proportions(page) => write!(f, "page {page} has not the proportions of a card"),
        }
    }
}

/// The sizes at which the two sides of a card stand on paper, for the pixels across and down of each: 85.6 by 54 mm,
/// upright where its picture is.
pub(crate) fn card_sides(pixels: &[[u32; 2]]) -> Result<[[f64; 2]; 2], NotACard> {
    let [front, back] = pixels else { return Err(NotACard::Pages(pixels.len())) };
    let [short, long] = PaperSize::Id1.sides_mm();
    let side = |page: usize, [width, height]: [u32; 2]| {
        let aspect = (f64::from(width.max(1)) / f64::from(height.max(1))).ln();
        if (aspect.abs() - (long / short).ln()).abs() > CARD_ASPECT_OFF_MAX {
            return Err(NotACard::Proportions(page));
        }
        Ok(if aspect > 0.0 { [long, short] } else { [short, long] })
    };
    Ok([side(1, *front)?, side(2, *back)?])
}

/// Writes both sides of a card, the first two pages, on one A4 sheet in these sizes. The same pages give the same bytes.
pub(crate) fn write_card(pages: &[DocumentPage], sizes_mm: [[f64; 2]; 2]) -> Result<Vec<u8>, PdfError> {
    let [front, back, ..] = pages else { return Err(PdfError::NoPages) };
    let [front, back] = [(front, sizes_mm[0]), (back, sizes_mm[1])]
        .map(|(page, size_mm)| PdfPage { bytes: &page.bytes, size_mm });
    write_card_pdf(&front, &back, &PdfInfo::default())
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
    fn a_card_has_two_sides_of_its_own_proportions() {
        let lying = [85.6, 53.98];
        // As the corners were found or set by hand, and one side upright.
        assert_eq!(card_sides(&[[1011, 638], [638, 1000]]), Ok([lying, [53.98, 85.6]]));
        for pages in [0, 1, 3] {
            assert_eq!(card_sides(&vec![[1011, 638]; pages]), Err(NotACard::Pages(pages)));
        }
        assert_eq!(card_sides(&[[1011, 638], [3508, 2480]]), Err(NotACard::Proportions(2)));
        assert_eq!(card_sides(&[[2100, 1430], [1011, 638]]), Err(NotACard::Proportions(1)), "a booklet");
        assert_eq!(card_sides(&[[0, 0], [1011, 638]]), Err(NotACard::Proportions(1)));
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
