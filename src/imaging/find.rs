//! Finds the page in a frame.
//!
//! The frame is made small; several readings of "what is not desk" ([`regions`](crate::regions)) each give a
//! region; a region's outline is reduced to four sides, which are then fitted to the edges they lie on. What
//! is left is scored by the step from desk to paper along all four sides: printing, grid lines and shadows have
//! no such step. The best one is fitted once more in the full frame.

use yidang_model::Quad;

use crate::Picture;
use crate::edges::{self, Sides};
use crate::geometry::{distance, is_convex_clockwise, signed_area};
use crate::hull::quad_of_region;
use crate::picture::Pixels;
use crate::regions::{distance_from_desk, regions};

/// Longer side of the small picture that is searched.
pub(crate) const SEARCH_SIDE_PX: u32 = 640;
/// A page covers at least this share of the frame.
const AREA_MIN: f32 = 0.03;
/// What covers more than this is the frame itself.
const AREA_MAX: f32 = 0.97;
/// A region fills at least this share of its four-sided outline, or it is no page.
const FILL_MIN: f32 = 0.80;
/// Below this confidence nothing is reported.
const CONFIDENCE_MIN: f32 = 0.25;
/// Corners this close to the frame's rim, in pixels of the small picture, may be the page's or the frame's.
const RIM_PX: f32 = 2.0;
/// Cosine of the narrowest corner a page shows under a document camera, about 53 degrees.
const CORNER_COSINE_MAX: f32 = 0.6;

/// A page in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Top-left, top-right, bottom-right, bottom-left of the page as it lies, in pixels of the frame.
    pub corners: Quad,
    /// 0 to 1: how much of all four sides is a clear step from desk to paper. Below about 0.6 a person should
    /// look.
    pub confidence: f32,
}

/// Finds the largest sheet that lies wholly in the frame; `None` on a bare desk, and where a sheet runs out of
/// the frame: its missing corners are not guessed.
pub fn find_page(frame: &Picture) -> Option<Found> {
    find_in(&frame.shrunk(SEARCH_SIDE_PX), frame)
}

/// The same, for a frame that was made small already: longer side at most [`SEARCH_SIDE_PX`].
pub(crate) fn find_in(small: &Picture, frame: &impl Pixels) -> Option<Found> {
    let mut best: Option<(f32, Quad)> = None;
    let from_desk = distance_from_desk(small);
    for region in regions(small, &from_desk) {
        let Some((quad, area)) = quad_of_region(&region) else { continue };
        if area < FILL_MIN * signed_area(&quad) {
            continue;
        }
        let fitted = edges::fit(small, &quad, 6.0).and_then(|q| edges::fit(small, &q, 3.0));
        let Some(quad) = fitted.filter(|quad| is_plausible(quad, small)) else { continue };
        let confidence = confidence(&edges::measure(small, &from_desk, &quad));
        if best.is_none_or(|(known, _)| confidence > known) {
            best = Some((confidence, quad));
        }
    }
    let (confidence, quad) = best.filter(|(confidence, _)| *confidence >= CONFIDENCE_MIN)?;
    let scale = [frame.width() as f32 / small.width() as f32, frame.height() as f32 / small.height() as f32];
    let rough = quad.map(|[x, y]| [x * scale[0], y * scale[1]]);
    let reach = scale[0].max(1.0) * 2.0;
    let fine = edges::fit(frame, &rough, reach).filter(|fine| {
        is_convex_clockwise(fine) && fine.iter().zip(&rough).all(|(a, b)| distance(*a, *b) < reach * 2.0)
    });
    Some(Found { corners: in_reading_order(fine.unwrap_or(rough)), confidence })
}

/// Whether the quad has the shape of a sheet that lies wholly inside the frame.
fn is_plausible(quad: &Quad, frame: &Picture) -> bool {
    let (width, height) = (frame.width() as f32, frame.height() as f32);
    let share = signed_area(quad) / (width * height);
    let inside =
        |[x, y]: &[f32; 2]| (RIM_PX..=width - RIM_PX).contains(x) && (RIM_PX..=height - RIM_PX).contains(y);
    let corner_cosine = |i: usize| {
        let (before, at, after) = (quad[(i + 3) % 4], quad[i], quad[(i + 1) % 4]);
        let (a, b) = ([before[0] - at[0], before[1] - at[1]], [after[0] - at[0], after[1] - at[1]]);
        (a[0] * b[0] + a[1] * b[1]) / (distance(before, at) * distance(after, at)).max(1.0)
    };
    (AREA_MIN..=AREA_MAX).contains(&share)
        && quad.iter().all(inside)
        && is_convex_clockwise(quad)
        && (0..4).all(|i| corner_cosine(i).abs() < CORNER_COSINE_MAX)
}

/// The weakest side counts most: three good sides and a guess are not a page.
fn confidence(sides: &Sides) -> f32 {
    let weakest = sides.support.iter().copied().fold(1.0, f32::min);
    let mean = sides.support.iter().sum::<f32>() / 4.0;
    let support = ((0.7 * weakest + 0.3 * mean - 0.25) / 0.65).clamp(0.0, 1.0);
    // A step of few levels is a page on a desk of its own colour, or no page.
    let clarity = (sides.step / 28.0).clamp(0.0, 1.0).sqrt();
    let desk_around = ((1.0 - sides.paper_outside) / 0.5).clamp(0.0, 1.0);
    support * clarity * desk_around
}

/// The corners, clockwise, from the start of the side that runs most nearly from left to right on the top.
fn in_reading_order(mut quad: Quad) -> Quad {
    let rightward = |i: usize| {
        let (a, b) = (quad[i], quad[(i + 1) % 4]);
        (b[0] - a[0]) / distance(a, b).max(1.0)
    };
    let top = (0..4).max_by(|i, j| rightward(*i).total_cmp(&rightward(*j))).unwrap_or(0);
    quad.rotate_left(top);
    quad
}
