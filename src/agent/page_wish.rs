//! How a page may be asked for: the same words and bounds for the local API and the command line.

use std::ops::RangeInclusive;

use yidang_imaging::{ImageError, PAGES_MAX, PageOptions, PageResult, make_page, make_pages};

/// Resolutions a page can be asked for in.
pub(crate) const DPI: RangeInclusive<u32> = 50..=600;

/// A camera's pixels a millimetre of paper that can be said: 25 to 1,270 an inch.
pub(crate) const PX_PER_MM: RangeInclusive<f64> = 1.0..=50.0;

/// A checked wish; unless said, the page that is found, as it lies, in its own resolution and colours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageWish {
    /// How each page is made.
    pub(crate) options: PageOptions,
    /// Whether several papers become a page each.
    pub(crate) split: bool,
}

impl PageWish {
    /// The pages of a frame, at least one, in the order in which one reads them.
    pub(crate) fn make(&self, frame: &[u8]) -> Result<Vec<PageResult>, ImageError> {
        if self.split {
            make_pages(frame, &self.options, PAGES_MAX)
        } else {
            Ok(vec![make_page(frame, &self.options)?])
        }
    }
}

#[cfg(test)]
mod tests {
    use yidang_imaging::{Picture, encode_jpeg};

    use super::*;

    const WIDTH: usize = 1200;
    const HEIGHT: usize = 800;

    /// A dark mat with sheets of these places and sizes on it.
    fn desk(sheets: &[[usize; 4]]) -> Vec<u8> {
        let mut rgb = vec![50; WIDTH * HEIGHT * 3];
        for [left, top, width, height] in sheets {
            for y in *top..top + height {
                let row = (y * WIDTH + left) * 3;
                rgb[row..row + width * 3].fill(230);
            }
        }
        encode_jpeg(&Picture::new(WIDTH as u32, HEIGHT as u32, rgb).unwrap(), 90).unwrap()
    }

    #[test]
    fn each_paper_becomes_a_page_only_where_that_is_asked_for() {
        let split = PageWish { split: true, ..PageWish::default() };
        let two = desk(&[[100, 100, 400, 560], [680, 120, 400, 560]]);
        let pages = split.make(&two).unwrap();
        let lefts: Vec<_> = pages.iter().map(|p| p.corners.unwrap()[0][0].round()).collect();
        assert_eq!(pages.len(), 2);
        assert!((lefts[0] - 100.0).abs() < 4.0 && (lefts[1] - 680.0).abs() < 4.0, "{lefts:?}");
        assert!(pages.iter().all(|p| p.confidence > 0.0 && p.confidence <= 1.0));
        assert_eq!(PageWish::default().make(&two).unwrap().len(), 1);
        let none = split.make(&desk(&[])).unwrap();
        assert!(none.len() == 1 && none[0].corners.is_none(), "the bare mat is kept whole");
    }
}
