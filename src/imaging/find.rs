//! Finds the page in a frame.
//!
//! The frame is made small. Two kinds of rough figure are looked for in it: regions that are not desk
//! ([`regions`](crate::regions)), each reduced to four sides, and lines with edge on them that close to a
//! figure ([`quads`](crate::quads)), which finds a page under fingers and on top of its like. All are fitted to the edges
//! they lie on and scored alike by what is seen along their sides ([`sides`](crate::sides)). The best one is fitted once
//! more in the full frame.

use yidang_model::Quad;

use crate::Picture;
use crate::edges::{self, Care};
use crate::geometry::{distance, intersection_over_union, is_convex_clockwise, shared_area, signed_area};
use crate::gradient::Gradient;
use crate::hull::quad_of_region;
use crate::lines;
use crate::picture::Pixels;
use crate::quads::{self, Candidate};
use crate::rectify::check_corners;
use crate::regions::{REGION_SIDE_PX, regions};
use crate::score::{confidence, score};
use crate::segments::segments;
use crate::sides::{LASTING, PLACES, PLACES_FIRST, measure};

/// Longer side of the small picture that is searched.
pub(crate) const SEARCH_SIDE_PX: u32 = 640;
/// Of the figures that lines close to, so many are fitted, the best by what they are worth unfitted.
const FITTED_MAX: usize = 12;
/// A page covers at least this share of the frame.
const AREA_MIN: f32 = 0.015;
/// A page's shorter side is at least this share of the frame's longer one: rulers and staplers are narrower, and a bank
/// card under a camera that sees an A3 sheet is not.
const NARROW_MIN: f32 = 0.07;
/// What covers more than this is the frame itself.
const AREA_MAX: f32 = 0.985;
/// A region fills at least this share of its four-sided outline, or it is no page.
const FILL_MIN: f32 = 0.80;
/// Below this confidence nothing is reported.
const CONFIDENCE_MIN: f32 = 0.04;
/// A page whose corners lie outside the frame by more than this, in pixels of the small picture, is cut.
const OUTSIDE_PX: f32 = 1.5;
/// Cosine of the narrowest corner a page shows, about 45 degrees.
const CORNER_COSINE_MAX: f32 = 0.7;
/// Of the step at a printed line less than this is left some way off.
const LINE_LASTING: f32 = 0.4;
/// What a printed frame loses.
const PRINTED_LOSS: f32 = 10.0;
/// A whole page is preferred to a cut one in its place unless it is worth less by more than this.
const WHOLE_MARGIN: f32 = 2.0;
/// Two pages may share this much of the smaller one: fitted sides are not exact.
const SHARED_MAX: f32 = 0.08;
/// No more pages than this are told apart in one frame, however many are asked for.
pub const PAGES_MAX: usize = 16;

/// A page in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Top-left, top-right, bottom-right, bottom-left of the page as it lies, in pixels of the frame.
    pub corners: Quad,
    /// 0 to 1: how likely it is that this is a page, and the right one. Below about 0.6 a person should look.
    pub confidence: f32,
}

/// What a frame shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sight {
    /// A page that lies wholly in the frame.
    Page(Found),
    /// A page that runs out of the frame: its missing corners are not guessed.
    Cut,
    /// No page.
    Nothing,
}

/// Looks for a page: the clearest, on the whole the largest.
pub fn look_for_page(frame: &Picture) -> Sight {
    look_in(&frame.shrunk(SEARCH_SIDE_PX), frame)
}

/// Finds the page that lies wholly in the frame; `None` on a bare desk, and where the page runs out of the frame.
pub fn find_page(frame: &Picture) -> Option<Found> {
    find_in(&frame.shrunk(SEARCH_SIDE_PX), frame)
}

/// Finds every page that lies wholly in the frame, `most` at most and never more than [`PAGES_MAX`], as one reads them:
/// row by row from the top, each from the left. They do not overlap.
pub fn find_pages(frame: &Picture, most: usize) -> Vec<Found> {
    find_all_in(&frame.shrunk(SEARCH_SIDE_PX), frame, most)
}

/// The same, for a frame that was made small already: longer side at most [`SEARCH_SIDE_PX`].
pub(crate) fn find_all_in(small: &Picture, frame: &impl Pixels, most: usize) -> Vec<Found> {
    let mut pages: Vec<Scored> = Vec::new();
    for seen in scored(small) {
        let apart = pages.iter().all(|page| {
            let smaller = signed_area(&page.quad).min(signed_area(&seen.quad));
            shared_area(&page.quad, &seen.quad) < SHARED_MAX * smaller
        });
        if pages.len() < most.min(PAGES_MAX) && apart && seen.confidence >= CONFIDENCE_MIN {
            pages.push(seen);
        }
    }
    let whole = pages.into_iter().filter(|page| !page.is_cut);
    in_rows(whole.filter_map(|page| straightenable(refined(&page, small, frame), frame)).collect())
}

/// The same as [`find_page`], for a frame that was made small already: longer side at most [`SEARCH_SIDE_PX`].
pub(crate) fn find_in(small: &Picture, frame: &impl Pixels) -> Option<Found> {
    match look_in(small, frame) {
        Sight::Page(found) => Some(found),
        Sight::Cut | Sight::Nothing => None,
    }
}

/// The same as [`look_for_page`], for a frame that was made small already.
pub(crate) fn look_in(small: &Picture, frame: &impl Pixels) -> Sight {
    let found = scored(small);
    let Some(best) = found.first() else { return Sight::Nothing };
    // A page close to the frame's rim is no cut one, as long as its own sides are seen.
    let whole = found.iter().find(|other| !other.is_cut && agree(&best.quad, &other.quad, 0.85));
    let best = whole.filter(|whole| whole.score > best.score - WHOLE_MARGIN).unwrap_or(best);
    match best {
        best if best.confidence < CONFIDENCE_MIN => Sight::Nothing,
        best if best.is_cut => Sight::Cut,
        best => straightenable(refined(best, small, frame), frame).map_or(Sight::Nothing, Sight::Page),
    }
}

/// A figure in the small picture, and what it is worth.
#[derive(Clone, Copy, Debug)]
struct Scored {
    quad: Quad,
    is_cut: bool,
    score: f32,
    confidence: f32,
    /// Mean share of the step at its sides that is still there some way off.
    lasting: f32,
}

/// All figures that may be a page, best first.
fn scored(small: &Picture) -> Vec<Scored> {
    let mut found: Vec<Scored> = candidates(small)
        .into_iter()
        .map(|candidate| {
            let quad = candidate.quad;
            let is_cut = is_cut(&candidate, small);
            let measures = measure(small, &candidate, PLACES);
            let score = score(&measures, &candidate, is_cut);
            Scored { quad, is_cut, score, confidence: 0.0, lasting: measures[LASTING] }
        })
        .collect();
    let printed: Vec<bool> = found.iter().map(|inner| is_printed(inner, &found)).collect();
    found.iter_mut().zip(printed).filter(|(_, printed)| *printed).for_each(|(f, _)| f.score -= PRINTED_LOSS);
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    for i in 0..found.len() {
        // What rivals a figure is another one that would be taken in its place.
        let rival =
            found.iter().enumerate().find(|(j, other)| *j != i && !agree(&found[i].quad, &other.quad, 0.93));
        found[i].confidence = confidence(found[i].score, rival.map(|(_, other)| other.score));
    }
    found
}

/// Whether a figure is the frame of a table or a border on a larger sheet: lines of ink with the same paper on both
/// sides, inside a figure that stands out from what is around it.
fn is_printed(inner: &Scored, all: &[Scored]) -> bool {
    let encloses = |outer: &&Scored| {
        outer.score > 0.0
            && outer.lasting > inner.lasting + 0.25
            && signed_area(&outer.quad) > 1.04 * signed_area(&inner.quad)
            && shared_area(&outer.quad, &inner.quad) > 0.97 * signed_area(&inner.quad)
    };
    inner.lasting < LINE_LASTING && all.iter().any(|outer| encloses(&outer))
}

/// Whether two figures are the same page, found twice.
fn agree(a: &Quad, b: &Quad, overlap: f32) -> bool {
    intersection_over_union(a, b) > overlap
}

/// Rough figures from regions and from lines, fitted to their edges.
fn candidates(small: &Picture) -> Vec<Candidate> {
    let mut found = Vec::new();
    let half = small.shrunk(REGION_SIDE_PX);
    let scale = [small.width() as f32 / half.width() as f32, small.height() as f32 / half.height() as f32];
    for region in regions(&half) {
        let Some((quad, area)) = quad_of_region(&region) else { continue };
        if area < FILL_MIN * signed_area(&quad) {
            continue;
        }
        let quad = quad.map(|[x, y]| [x * scale[0], y * scale[1]]);
        let rough = Candidate { quad, rims: rims_of(&quad, small) };
        found.extend(fitted(small, rough, 7.0).and_then(|c| fitted(small, c, 3.0)));
    }
    let edges = lines::edges(&segments(&Gradient::of(small)));
    let closed = quads::quads(&edges, small.width() as usize, small.height() as usize);
    let mut closed: Vec<(f32, Candidate)> = closed.into_iter().map(|c| (worth(small, &c), c)).collect();
    closed.sort_by(|a, b| b.0.total_cmp(&a.0));
    closed.truncate(FITTED_MAX);
    found.extend(closed.into_iter().filter_map(|(_, rough)| fitted(small, rough, 2.5)));
    found.retain(|candidate| is_plausible(&candidate.quad, small));
    found
}

fn worth(small: &Picture, candidate: &Candidate) -> f32 {
    score(&measure(small, candidate, PLACES_FIRST), candidate, is_cut(candidate, small))
}

fn fitted(small: &Picture, rough: Candidate, reach: f32) -> Option<Candidate> {
    let quad = edges::fit(small, &rough.quad, rough.rims, Care { places: 24, reach, along: false })?;
    Some(Candidate { quad, ..rough })
}

/// Which sides of a region's figure lie along the frame's own rim.
fn rims_of(quad: &Quad, frame: &Picture) -> [bool; 4] {
    let (width, height) = (frame.width() as f32, frame.height() as f32);
    std::array::from_fn(|i| {
        let (a, b) = (quad[i], quad[(i + 1) % 4]);
        let both = |c: usize, limit: f32| (a[c] - limit).abs() < 6.0 && (b[c] - limit).abs() < 6.0;
        both(0, 0.0) || both(0, width) || both(1, 0.0) || both(1, height)
    })
}

fn is_cut(candidate: &Candidate, frame: &Picture) -> bool {
    let (width, height) = (frame.width() as f32, frame.height() as f32);
    let inside = |[x, y]: &[f32; 2]| {
        (-OUTSIDE_PX..=width + OUTSIDE_PX).contains(x) && (-OUTSIDE_PX..=height + OUTSIDE_PX).contains(y)
    };
    candidate.rims.contains(&true) || !candidate.quad.iter().all(inside)
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

/// A figure of a few pixels has the shape of a page and is none: what cannot be straightened was not found.
fn straightenable(found: Found, frame: &impl Pixels) -> Option<Found> {
    check_corners(frame, &found.corners).is_ok().then_some(found)
}

/// The page in the full frame.
fn refined(best: &Scored, small: &Picture, frame: &impl Pixels) -> Found {
    let scale = [frame.width() as f32 / small.width() as f32, frame.height() as f32 / small.height() as f32];
    let rough = best.quad.map(|[x, y]| [x * scale[0], y * scale[1]]);
    let reach = scale[0].max(1.0) * 2.0;
    let fine =
        edges::fit(frame, &rough, [false; 4], Care { places: 64, reach, along: true }).filter(|fine| {
            is_convex_clockwise(fine) && fine.iter().zip(&rough).all(|(a, b)| distance(*a, *b) < reach * 2.0)
        });
    let limits = [frame.width() as f32, frame.height() as f32];
    let corners = fine.unwrap_or(rough).map(|p| std::array::from_fn(|c| p[c].clamp(0.0, limits[c])));
    Found { corners: in_reading_order(corners), confidence: best.confidence }
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

/// Sorts pages into rows: a page is in the row of the topmost one left if its middle lies above that one's lower end.
fn in_rows(mut pages: Vec<Found>) -> Vec<Found> {
    let middle = |page: &Found, c: usize| page.corners.iter().map(|p| p[c]).sum::<f32>() / 4.0;
    let mut sorted = Vec::with_capacity(pages.len());
    pages.sort_by(|a, b| middle(a, 1).total_cmp(&middle(b, 1)));
    while let Some(first) = pages.first() {
        let top = first.corners.iter().map(|p| p[1]).fold(f32::MAX, f32::min);
        // Half of its height below its middle.
        let line = middle(first, 1) + (middle(first, 1) - top) * 0.5;
        let row = pages.iter().take_while(|page| middle(page, 1) <= line).count();
        let mut row: Vec<Found> = pages.drain(..row.max(1)).collect();
        row.sort_by(|a, b| middle(a, 0).total_cmp(&middle(b, 0)));
        sorted.extend(row);
    }
    sorted
}
