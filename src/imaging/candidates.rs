//! From rough figures to candidates: figures fitted to the edges of a small picture, with the shape of a sheet.

use yidang_model::Quad;

use crate::Picture;
use crate::edges::{self, Care};
use crate::figures::figures;
use crate::geometry::{distance, is_convex_clockwise, signed_area};
use crate::net::Sightings;

/// How far from a rough side its edge may lie, in pixels of the small picture: at first, and then.
const REACH_PX: [f32; 2] = [6.0, 2.5];
/// Figures whose corners all lie closer together than this are the same.
const SAME_PX: f32 = 1.0;
/// A side this close to the frame's rim is where the frame cuts the page.
const RIM_PX: f32 = 2.5;
/// A side so close to where a look at a part of the picture ends, in places of the net, is where the look cuts the page.
const SEAM_CELLS: f32 = 1.5;
/// A page covers at least this share of the frame.
const AREA_MIN: f32 = 0.015;
/// A page's shorter side is at least this share of the frame's longer one: rulers and staplers are narrower, and a bank
/// card under a camera that sees an A3 sheet is not.
const NARROW_MIN: f32 = 0.08;
/// What covers more than this is the frame itself.
const AREA_MAX: f32 = 0.985;
/// A page whose corners lie outside the frame by more than this, in pixels of the small picture, is cut.
const OUTSIDE_PX: f32 = 1.5;
/// Cosine of the narrowest corner a page shows, about 45 degrees.
const CORNER_COSINE_MAX: f32 = 0.7;

/// A figure that may be a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Clockwise; corners may lie outside the picture.
    pub(crate) quad: Quad,
    /// Which sides, from corner `i` to the next, are the picture's own rim.
    pub(crate) rims: [bool; 4],
}

/// Figures that the net sees, fitted to the edges they lie on.
pub(crate) fn candidates(small: &Picture, seen: &Sightings) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for quad in figures(seen) {
        let rims = rims_of(&quad, small);
        let rough = Candidate { quad, rims };
        // What lies along the picture's rim is cut there, or lies just inside it.
        let whole = rims.contains(&true).then_some(Candidate { quad, rims: [false; 4] });
        for rough in [Some(rough), whole].into_iter().flatten() {
            found.extend(fitted(small, rough, REACH_PX[0]).and_then(|c| fitted(small, c, REACH_PX[1])));
            found.extend(fitted(small, rough, REACH_PX[1]));
        }
    }
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in found.into_iter().filter(|candidate| is_plausible(&candidate.quad, small)) {
        let same = |k: &Candidate| {
            k.rims == candidate.rims
                && k.quad.iter().zip(&candidate.quad).all(|(a, b)| distance(*a, *b) < SAME_PX)
        };
        if !kept.iter().any(same) {
            kept.push(candidate);
        }
    }
    kept
}

fn fitted(small: &Picture, rough: Candidate, reach: f32) -> Option<Candidate> {
    let quad =
        edges::fit(small, &rough.quad, rough.rims, Care { places: 24, reach, along: false, bowed: false })?;
    Some(Candidate { quad, ..rough })
}

/// Whether a side lies where a look at a part of the picture ends: what is there goes on beyond.
pub(crate) fn ends_at_seam(quad: &Quad, seen: &Sightings, small: &Picture) -> bool {
    let (start, end, size) = (seen.origin, seen.end(), [small.width() as f32, small.height() as f32]);
    let near = SEAM_CELLS * seen.cell[0];
    (0..4).any(|i| {
        let (a, b) = (quad[i], quad[(i + 1) % 4]);
        let both = |c: usize, seam: f32| (a[c] - seam).abs() < near && (b[c] - seam).abs() < near;
        (0..2).any(|c| (start[c] > 0.0 && both(c, start[c])) || (end[c] < size[c] - 1.0 && both(c, end[c])))
    })
}

/// Which sides of a figure lie along the frame's own rim.
fn rims_of(quad: &Quad, frame: &Picture) -> [bool; 4] {
    let (width, height) = (frame.width() as f32, frame.height() as f32);
    std::array::from_fn(|i| {
        let (a, b) = (quad[i], quad[(i + 1) % 4]);
        let both = |c: usize, limit: f32| (a[c] - limit).abs() < RIM_PX && (b[c] - limit).abs() < RIM_PX;
        both(0, 0.0) || both(0, width) || both(1, 0.0) || both(1, height)
    })
}

/// Whether the figure runs out of the frame.
pub(crate) fn is_cut(candidate: &Candidate, frame: &Picture) -> bool {
    let (width, height) = (frame.width() as f32, frame.height() as f32);
    let inside = |[x, y]: &[f32; 2]| {
        (-OUTSIDE_PX..=width + OUTSIDE_PX).contains(x) && (-OUTSIDE_PX..=height + OUTSIDE_PX).contains(y)
    };
    candidate.rims.contains(&true)
        || !candidate.quad.iter().all(inside)
        || rims_of(&candidate.quad, frame).contains(&true)
}

/// Whether the quad has the shape of a sheet.
fn is_plausible(quad: &Quad, frame: &Picture) -> bool {
    let share = signed_area(quad) / (frame.width() as f32 * frame.height() as f32);
    let corner_cosine = |i: usize| {
        let (before, at, after) = (quad[(i + 3) % 4], quad[i], quad[(i + 1) % 4]);
        let (a, b) = ([before[0] - at[0], before[1] - at[1]], [after[0] - at[0], after[1] - at[1]]);
        (a[0] * b[0] + a[1] * b[1]) / (distance(before, at) * distance(after, at)).max(1.0)
    };
    let side = |i: usize| distance(quad[i], quad[(i + 1) % 4]);
    let narrow = (side(0) + side(2)).min(side(1) + side(3)) / 2.0;
    (AREA_MIN..=AREA_MAX).contains(&share)
        && narrow > NARROW_MIN * frame.width().max(frame.height()) as f32
        && is_convex_clockwise(quad)
        && (0..4).all(|i| corner_cosine(i).abs() < CORNER_COSINE_MAX)
}
