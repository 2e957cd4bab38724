//! Whether a page is legible.

use yidang_model::Quad;

use crate::glance::Glance;
use crate::picture::Pixels;
use crate::{Issue, Picture, Quality, QualityIssue, rim, sharpness};

/// Blown-out cells of the glance are glare where the paper is darker than this; where the paper itself is nearly
/// white, white cells are paper.
const PAPER_NEARLY_WHITE: u8 = 240;
const BLOWN_OUT: u8 = 252;
/// A page in black and white alone has at most this many pixels between the two for each black one. In a photograph
/// every letter has a soft rim.
const BETWEEN_MAX: f32 = 0.25;
/// A corner this near the frame's rim is outside, as a share of the frame's longer side.
const RIM_SHARE: f32 = 0.002;

/// What is known of a page besides its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PageSetting {
    /// Whether the picture is a page that was cut out, and not a whole frame with a desk around the page. Fingers
    /// and corners are looked for on pages only.
    pub is_cut_out: bool,
    /// Whether the page runs out of the frame.
    pub runs_out_of_frame: bool,
    /// The camera's own pixels an inch of the paper, where its size is known, however many the page was given.
    pub dpi: Option<f32>,
}

/// Whether a page with these corners touches the rim of its frame, so that a part of it may be outside.
pub fn runs_out_of_frame(corners: &Quad, width: u32, height: u32) -> bool {
    let (width, height) = (width as f32, height as f32);
    let rim = (width.max(height) * RIM_SHARE).max(1.5);
    corners.iter().any(|[x, y]| *x < rim || *y < rim || *x > width - rim || *y > height - rim)
}

/// Measures a whole frame, with the desk in it, or a page of which nothing more is known.
pub fn judge(picture: &Picture) -> Quality {
    judge_page(picture, &PageSetting::default())
}

/// Measures a straightened page. Looks at samples of it: the time does not grow with the page.
pub fn judge_page(page: &Picture, setting: &PageSetting) -> Quality {
    judge_pixels(page, setting)
}

pub(crate) fn judge_pixels(page: &impl Pixels, setting: &PageSetting) -> Quality {
    let glance = Glance::of(page);
    let paper = median(&glance.luma);
    let (corner_missing, finger_share) = match setting.is_cut_out {
        true => (rim::corner_missing(&glance), rim::finger_share(&glance)),
        false => (0.0, 0.0),
    };
    let mut quality = Quality {
        sharpness: sharpness::sharpness(page, &glance),
        brightness: f32::from(paper) / 255.0,
        glare_share: glare_share(&glance, paper),
        corner_missing: if setting.runs_out_of_frame { 1.0 } else { corner_missing },
        finger_share,
        longer_side_px: page.width().max(page.height()),
        dpi: setting.dpi,
        issues: Vec::new(),
    };
    // No lamp made a page in black and white so bright: its paper is white by intent.
    let is_meant = |issue: &Issue| issue.issue == QualityIssue::TooBright && is_black_and_white(&glance);
    let beyond = quality.measures().into_iter().filter(Issue::is_beyond);
    quality.issues = beyond.filter(|issue| !is_meant(issue)).collect();
    quality
}

/// A page without anything black could as well be a photograph of too much light.
fn is_black_and_white(glance: &Glance) -> bool {
    glance.dark > 0 && glance.between as f32 <= glance.dark as f32 * BETWEEN_MAX
}

fn median(values: &[u8]) -> u8 {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

fn glare_share(glance: &Glance, paper: u8) -> f32 {
    if paper >= PAPER_NEARLY_WHITE {
        return 0.0;
    }
    // A cell between blown-out neighbours: a single one is the white of an eye.
    let is_blown_out = |cell: usize| glance.darkest[cell] >= BLOWN_OUT;
    let is_glare = |cell: &usize| {
        let (x, y) = (cell % glance.width, cell / glance.width);
        let next_x = x + 1 < glance.width && is_blown_out(cell + 1);
        let next_y = y + 1 < glance.height && is_blown_out(cell + glance.width);
        is_blown_out(*cell) && next_x && next_y
    };
    (0..glance.darkest.len()).filter(is_glare).count() as f32 / glance.darkest.len() as f32
}
