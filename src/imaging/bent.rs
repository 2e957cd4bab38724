//! The corners of a page whose paper does not lie flat.
//!
//! A straight line along most of a side ends beside the corner where the last stretch before it bends away: the flap of a
//! letter that was folded, a corner that stands up. That stretch is looked at by itself; where its edge plainly leaves the
//! side, the corner is where the bent ends meet.

use yidang_model::Quad;

use crate::Picture;
use crate::edges::{Care, Stretch, fit_stretch};
use crate::geometry::{Line, Point, between, distance, is_convex_clockwise};

/// The stretch before a corner, as shares of the side from that corner.
const STRETCH: [f32; 2] = [0.02, 0.30];
/// Places along it.
const PLACES: usize = 24;
/// How far off the side the bent edge may lie there, and its corner be from where the side ends, as shares of the side.
const BENT_SHARE: f32 = 0.045;
const MOVED_SHARE_MAX: f32 = 0.05;
/// So many of the places lie on the bent edge at least, and so many on the side itself at most.
const SUPPORT_MIN: f32 = 0.75;
const OWN_SUPPORT_MAX: f32 = 0.5;
/// The bent edge ends farther off the side than this, in pixels of the small picture, and comes from it: an edge that runs
/// beside the side, a printed frame or another sheet, is none.
const ENDS_PX: f32 = 1.5;
/// At the stretch's start the line is no farther off the side than this, or on its other side by no more than this share of how
/// far off it ends: then it leaves the side in the first half of the stretch.
const LEAVES_PX: f32 = 2.0;
const LEAVES_SHARE: f32 = 0.75;

/// The figure with its corners where its sides bend to; `None` where none plainly bends.
pub(crate) fn bent(small: &Picture, quad: &Quad) -> Option<Quad> {
    let side = |i: usize| (quad[i], quad[(i + 1) % 4]);
    let ends: [[Option<Line>; 2]; 4] = std::array::from_fn(|i| {
        let (from, to) = side(i);
        [bent_end(small, from, to, true), bent_end(small, to, from, false)]
    });
    if ends.iter().flatten().all(Option::is_none) {
        return None;
    }
    let straight = |i: usize| Line::through(side(i).0, side(i).1);
    let mut found = *quad;
    for (i, corner) in found.iter_mut().enumerate() {
        let before = (i + 3) % 4;
        if ends[before][1].is_some() || ends[i][0].is_some() {
            *corner = ends[before][1].or(straight(before))?.meet(&ends[i][0].or(straight(i))?)?;
        }
    }
    let longest = (0..4).map(|i| distance(side(i).0, side(i).1)).fold(0.0, f32::max);
    let is_near = found.iter().zip(quad).all(|(a, b)| distance(*a, *b) < MOVED_SHARE_MAX * longest);
    (is_near && is_convex_clockwise(&found)).then_some(found)
}

/// The edge on which a side comes to its corner, where that is plainly another than the side's own. The side's other end is
/// at `far`; `is_first` says which of the two comes first as one goes around.
fn bent_end(small: &Picture, corner: Point, far: Point, is_first: bool) -> Option<Line> {
    let [end, start] = STRETCH.map(|share| between(corner, far, share));
    let reach = (BENT_SHARE * distance(corner, far)).max(2.0 * ENDS_PX);
    let care = Care { places: PLACES, reach, along: false, bowed: false };
    let (from, to) = if is_first { (end, start) } else { (start, end) };
    let Stretch { line, off, support, own_support } = fit_stretch(small, from, to, care)?;
    let (ends, leaves) = if is_first { (off[0], off[1]) } else { (off[1], off[0]) };
    let leaves = leaves * ends.signum();
    let is_bent = ends.abs() > ENDS_PX
        && leaves < LEAVES_PX
        && leaves > -(LEAVES_SHARE * ends.abs()).max(LEAVES_PX)
        && support > SUPPORT_MIN
        && own_support < OWN_SUPPORT_MAX;
    is_bent.then_some(line)
}
