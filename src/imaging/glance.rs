//! A page at a glance: a small picture made of samples, because reading every pixel of a page takes longer than
//! judging it may.

use crate::grey::luma;
use crate::picture::Pixels;

/// Longer side, in cells.
const SIDE: usize = 400;
/// Pixels up to this bright are ink, even where JPEG has frayed it, and from that on paper.
const DARK: u8 = 47;
const BRIGHT: u8 = 208;

/// The page in cells, each of them known from four pixels.
pub(crate) struct Glance {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Mean colour.
    pub(crate) colours: Vec<[u8; 3]>,
    /// Brightness of that.
    pub(crate) luma: Vec<u8>,
    /// Brightness of the darkest of the four.
    pub(crate) darkest: Vec<u8>,
    /// How many of the pixels are dark, and how many neither dark nor bright.
    pub(crate) dark: usize,
    pub(crate) between: usize,
}

impl Glance {
    pub(crate) fn of(page: &impl Pixels) -> Self {
        let (from_w, from_h) = (page.width() as usize, page.height() as usize);
        let longest = from_w.max(from_h);
        let side = |px: usize| if longest <= SIDE { px } else { (px * SIDE / longest).max(1) };
        let (width, height) = (side(from_w), side(from_h));
        let count = width * height;
        let mut glance = Self {
            width,
            height,
            colours: Vec::with_capacity(count),
            luma: Vec::with_capacity(count),
            darkest: Vec::with_capacity(count),
            dark: 0,
            between: 0,
        };
        let place =
            |cell: usize, quarter: usize, cells: usize, px: usize| (cell * 4 + quarter) * px / (cells * 4);
        let columns: Vec<usize> =
            (0..2 * width).map(|i| place(i / 2, 1 + i % 2 * 2, width, from_w)).collect();
        let mut rows = [1, 3].map(|_| vec![[0; 3]; columns.len()]);
        let mut lumas = [1, 3].map(|_| vec![0; columns.len()]);
        for y in 0..height {
            for (quarter, row) in [1, 3].into_iter().zip(&mut rows) {
                page.pixels(place(y, quarter, height, from_h), &columns, row);
            }
            glance.add(&rows, &mut lumas);
        }
        glance
    }

    /// The next row of cells: of each two pixels above and two below. `lumas` is room for their brightness. What is wanted
    /// of all of them is done for all before the next thing is: that is quicker than cell by cell.
    fn add(&mut self, rows: &[Vec<[u8; 3]>; 2], lumas: &mut [Vec<u8>; 2]) {
        for (row, lumas) in rows.iter().zip(lumas.iter_mut()) {
            row.iter().zip(lumas.iter_mut()).for_each(|(pixel, to)| *to = luma(*pixel));
            self.dark += lumas.iter().filter(|luma| **luma <= DARK).count();
            self.between += lumas.iter().filter(|luma| (DARK + 1..BRIGHT).contains(luma)).count();
        }
        let [above, below] = rows.each_ref().map(|row| row.as_chunks::<2>().0);
        let first = self.colours.len();
        self.colours.extend(above.iter().zip(below).map(|([a, b], [c, d])| -> [u8; 3] {
            let sum = |i: usize| [a, b, c, d].iter().map(|pixel| u16::from(pixel[i])).sum::<u16>();
            std::array::from_fn(|i| (sum(i) / 4) as u8)
        }));
        self.luma.extend(self.colours[first..].iter().copied().map(luma));
        let [above, below] = lumas.each_ref().map(|row| row.as_chunks::<2>().0);
        self.darkest.extend(above.iter().zip(below).map(|([a, b], [c, d])| (*a).min(*b).min(*c).min(*d)));
    }

    /// The median of each colour in an area, which must have a cell: paper's colour, for a page has more paper
    /// than ink.
    pub(crate) fn median(&self, xs: std::ops::Range<usize>, ys: std::ops::Range<usize>) -> [u8; 3] {
        let mut counts = [[0_u32; 256]; 3];
        let mut total = 0;
        for y in ys {
            for colour in &self.colours[y * self.width + xs.start..y * self.width + xs.end] {
                (0..3).for_each(|c| counts[c][usize::from(colour[c])] += 1);
                total += 1;
            }
        }
        counts.map(|counts| {
            let mut seen = 0;
            let is_half = |count: &u32| {
                seen += count;
                seen * 2 > total
            };
            counts.iter().position(is_half).unwrap_or(255) as u8
        })
    }
}
