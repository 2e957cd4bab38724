//! Whether a page is legible.

use std::fmt;

use crate::Picture;

/// Below this sharpness letters run into each other. A focused page has 0.25 and more.
const SHARPNESS_MIN: f32 = 0.13;
/// A page whose light and dark differ by fewer steps of 255 has nothing on it to judge sharpness by.
const CONTRAST_MIN: u8 = 40;
/// Below this brightness a page's paper is too dark.
const BRIGHTNESS_MIN: f32 = 0.33;
/// Above this brightness half of the page is as good as white: pale writing is lost.
const BRIGHTNESS_MAX: f32 = 0.985;
/// More glare than this may hide a line of writing.
const GLARE_SHARE_MAX: f32 = 0.004;
/// A page needs this many pixels on its longer side: A4 at 100 dpi.
const LONGER_SIDE_MIN_PX: u32 = 1_170;
/// Blown-out squares are looked for in squares of this many pixels a side.
const SQUARE_PX: usize = 8;

/// What was measured on a page, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Steepness of the steepest edges: the change from one pixel to the next, as a share of the page's whole
    /// contrast, 0 to 1. 1 where the page has too little contrast to tell.
    pub sharpness: f32,
    /// Median brightness, 0 (black) to 1 (white). Most of a page is paper, so this is the paper's.
    pub brightness: f32,
    /// Share of the page that is blown out while the paper around it is not, 0 to 1.
    pub glare_share: f32,
    /// Pixels on the longer side.
    pub longer_side_px: u32,
    /// What is wrong, none or several.
    pub issues: Vec<QualityIssue>,
}

/// What can be wrong with a page's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QualityIssue {
    /// Out of focus, or moved.
    Blurred,
    /// Too little light.
    TooDark,
    /// Too much light.
    TooBright,
    /// A lamp's reflection hides a part.
    Glare,
    /// Too few pixels to read small print.
    LowResolution,
}

impl QualityIssue {
    /// The stable word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blurred => "blurred",
            Self::TooDark => "too_dark",
            Self::TooBright => "too_bright",
            Self::Glare => "glare",
            Self::LowResolution => "low_resolution",
        }
    }
}

impl fmt::Display for QualityIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Measures a straightened page. On a whole frame the desk is measured too, and the numbers say less.
pub fn judge(page: &Picture) -> Quality {
    let luma: Vec<u8> = page.rgb().chunks_exact(3).map(luma).collect();
    let (width, height) = (page.width() as usize, page.height() as usize);
    let levels = Histogram::of(luma.iter().copied());
    let paper = levels.quantile(0.5);
    let brightness = f32::from(paper) / 255.0;
    let sharpness = sharpness(&luma, width, &levels);
    let glare_share = glare_share(&luma, width, height, paper);
    let longer_side_px = page.width().max(page.height());
    let found = [
        (sharpness < SHARPNESS_MIN, QualityIssue::Blurred),
        (brightness < BRIGHTNESS_MIN, QualityIssue::TooDark),
        (brightness > BRIGHTNESS_MAX, QualityIssue::TooBright),
        (glare_share > GLARE_SHARE_MAX, QualityIssue::Glare),
        (longer_side_px < LONGER_SIDE_MIN_PX, QualityIssue::LowResolution),
    ];
    let issues = found.into_iter().filter_map(|(wrong, issue)| wrong.then_some(issue)).collect();
    Quality { sharpness, brightness, glare_share, longer_side_px, issues }
}

fn luma(pixel: &[u8]) -> u8 {
    ((u32::from(pixel[0]) * 77 + u32::from(pixel[1]) * 150 + u32::from(pixel[2]) * 29) >> 8) as u8
}

struct Histogram {
    counts: [u64; 256],
    total: u64,
}

impl Histogram {
    fn of(values: impl Iterator<Item = u8>) -> Self {
        let mut counts = [0; 256];
        values.for_each(|v| counts[usize::from(v)] += 1);
        Self { counts, total: counts.iter().sum() }
    }

    /// The value below which this share of all lie.
    fn quantile(&self, share: f64) -> u8 {
        let goal = (self.total as f64 * share) as u64;
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen > goal
        };
        self.counts.iter().position(reaches).unwrap_or(255) as u8
    }
}

fn sharpness(luma: &[u8], width: usize, levels: &Histogram) -> f32 {
    let contrast = levels.quantile(0.99).saturating_sub(levels.quantile(0.01));
    if contrast < CONTRAST_MIN {
        return 1.0;
    }
    let across = luma.chunks_exact(width).flat_map(|row| row.windows(2).map(|w| w[0].abs_diff(w[1])));
    let down = luma.iter().zip(luma.iter().skip(width)).map(|(a, b)| a.abs_diff(*b));
    let steepest = Histogram::of(across.chain(down)).quantile(0.995);
    (f32::from(steepest) / f32::from(contrast)).min(1.0)
}

/// Counts squares in which all is blown out. Where the paper itself is nearly white, white squares are paper.
fn glare_share(luma: &[u8], width: usize, height: usize, paper: u8) -> f32 {
    const BLOWN_OUT: u8 = 252;
    const PAPER_NEARLY_WHITE: u8 = 240;
    let (across, down) = (width / SQUARE_PX, height / SQUARE_PX);
    if paper >= PAPER_NEARLY_WHITE || across * down == 0 {
        return 0.0;
    }
    let is_blown_out = |square: usize| {
        let (left, top) = (square % across * SQUARE_PX, square / across * SQUARE_PX);
        (top..top + SQUARE_PX)
            .all(|y| luma[y * width + left..y * width + left + SQUARE_PX].iter().all(|v| *v >= BLOWN_OUT))
    };
    (0..across * down).filter(|square| is_blown_out(*square)).count() as f32 / (across * down) as f32
}
