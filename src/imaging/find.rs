//! Finds the page in a frame.
//!
//! The frame is made small. At a glance the [net](crate::net) says where there may be pages; of each such part it is asked
//! once more, closely. What it sees becomes rough [figures](crate::figures), each fitted to the edges it lies on
//! ([`candidates`](crate::candidates)) and scored by what the net says of it and what is seen along its sides
//! ([`score`](crate::score)). Where the best one is doubted, a second net looks along its sides and
//! [puts them right](crate::put_right). It is fitted once more in the full frame.

use yidang_model::Quad;

use crate::Picture;
use crate::bent::bent;
use crate::candidates::{Candidate, candidates, ends_at_seam, is_cut};
use crate::edges::{self, Care};
use crate::geometry::{distance, intersection_over_union, is_convex_clockwise, shared_area, signed_area};
use crate::net::{CLOSE_PX, GLANCE_PX, Sightings, look_at, look_closer};
use crate::patches::patches;
use crate::picture::Pixels;
use crate::put_right::{Righted, put_right, trust};
use crate::rectify::check_corners;
use crate::score::{confidence, score, witness};
use crate::sides::{LASTING, measure};

/// Longer side of the small picture that is searched.
pub(crate) const SEARCH_SIDE_PX: u32 = 640;
/// Where one page is looked for, so many patches are looked at more closely; each with so much around it as a share of its
/// longer side, where that is less than this share of the picture's.
const CLOSER_MAX: usize = 3;
const CLOSER_MARGIN: f32 = 0.2;
const CLOSER_SHARE_MAX: f32 = 0.8;
/// Where several pages are looked for and one is doubted or missing, parts of half the picture's sides are looked at, so many across and
/// down, half over each other: a dozen small papers are one patch at a glance.
const PARTS: usize = 3;
/// A page of less confidence is doubted.
const DOUBTED: f32 = 0.6;
/// The sides of a page of less confidence are looked at once more.
const LOOKED_ACROSS: f32 = 0.8;
/// Where its worst side is then seen less clearly than this, or it is worth less, others in its place are looked at too: no more
/// in all than this.
const CLEAR_ENOUGH: f32 = -0.42;
const SCORE_ENOUGH: f32 = -1.0;
const RIVALS_MAX: usize = 6;
/// What the score of a figure counts beside how clearly its sides are seen; and no higher one than this: of those that look like
/// pages the one with the clearer sides is the page.
const SCORE_SHARE: f32 = 0.16;
const SCORE_COUNTED: f32 = 1.0;
/// A side seen less clearly than this is not seen, however much less: what else is known of the figure decides then.
const CLEAR_LEAST: f32 = -1.0;
/// Figures that share more than this become the same when they are put right.
const SAME: f32 = 0.985;
/// What is worth less than this is not reported, however doubtful a page may be, unless its sides are then seen so clearly; and
/// nothing at all that is worth still less.
const SCORE_MIN: f32 = -3.0;
const UNLIKELY_MIN: f32 = 0.2;
/// A person looks at it then, however clear its sides: a tile of a floor has clear ones.
const UNLIKELY_MAX: f32 = 0.5;
const SCORE_LEAST: f32 = -6.0;
/// Of the step at a printed line less than this is left some way off.
const LINE_LASTING: f32 = 0.4;
/// What a printed frame loses, and what the sheet around it is worth at least.
const PRINTED_LOSS: f32 = 10.0;
const ENCLOSING_MIN: f32 = -2.0;
/// What shares this much with a cut page is in its place, and is the page itself, whole, where its worst side is seen so clearly.
const WHOLE_SHARED: f32 = 0.7;
const CLEAR_WHOLE: f32 = -0.54;
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
    let most = most.min(PAGES_MAX);
    let mut looks = looks(small, PAGES_MAX);
    let mut figures = figures_of(small, &looks);
    let mut found = ranked(figures.clone());
    let mut pages = apart(&found, most);
    if pages.len() < looks.len().min(most) || pages.iter().any(|page| page.confidence < DOUBTED) {
        for part in parts(small) {
            let of_part = figures_of(small, std::slice::from_ref(&part));
            figures.extend(of_part.into_iter().filter(|figure| !ends_at_seam(&figure.quad, &part, small)));
            looks.push(part);
        }
        found = ranked(figures);
        pages = apart(&found, most);
    }
    let seen = Seen { small, looks: &looks };
    for i in 0..pages.len() {
        let righted = righted(&pages[i], &found, &seen);
        let is_apart = (0..pages.len()).all(|j| j == i || !overlap(&pages[j].quad, &righted.quad));
        if is_apart {
            pages[i] = righted;
        }
    }
    let whole = pages.into_iter().filter(|page| !page.is_cut);
    in_rows(whole.filter_map(|page| straightenable(refined(&page, small, frame), frame)).collect())
}

/// The best figures that do not overlap.
fn apart(ranked: &[Scored], most: usize) -> Vec<Scored> {
    let mut pages: Vec<Scored> = Vec::new();
    for figure in ranked {
        let is_apart = !pages.iter().any(|page| overlap(&page.quad, &figure.quad));
        if pages.len() < most && is_apart && figure.score >= SCORE_MIN {
            pages.push(*figure);
        }
    }
    pages
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
    let looks = looks(small, CLOSER_MAX);
    let found = ranked(figures_of(small, &looks));
    let Some(first) = found.first().filter(|first| first.score >= SCORE_LEAST) else { return Sight::Nothing };
    let best = righted(first, &found, &Seen { small, looks: &looks });
    let is_seen = best.score >= SCORE_MIN || (!best.is_cut && best.confidence >= UNLIKELY_MIN);
    match best {
        _ if !is_seen => Sight::Nothing,
        best if best.is_cut => Sight::Cut,
        best => straightenable(refined(&best, small, frame), frame).map_or(Sight::Nothing, Sight::Page),
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

/// The small picture, and what the net sees of it.
struct Seen<'a> {
    small: &'a Picture,
    looks: &'a [Sightings],
}

impl Seen<'_> {
    /// What a whole page is worth that lies there.
    fn score(&self, quad: Quad) -> f32 {
        let page = Candidate { quad, rims: [false; 4] };
        let measures = measure(self.small, &page);
        let scores = self.looks.iter().map(|seen| score(&witness(seen, &page), &measures, &page, false));
        scores.fold(f32::MIN, f32::max)
    }
}

/// All figures that may be a page. Their confidence is not known yet.
fn figures_of(small: &Picture, looks: &[Sightings]) -> Vec<Scored> {
    let mut found: Vec<Scored> = Vec::new();
    for seen in looks {
        for candidate in candidates(small, seen) {
            let is_cut = is_cut(&candidate, small);
            let measures = measure(small, &candidate);
            let score = score(&witness(seen, &candidate), &measures, &candidate, is_cut);
            let quad = candidate.quad;
            found.push(Scored { quad, is_cut, score, confidence: 0.0, lasting: measures[LASTING] });
        }
    }
    found
}

/// The figures, best first, each with its confidence.
fn ranked(mut found: Vec<Scored>) -> Vec<Scored> {
    let printed: Vec<bool> = found.iter().map(|inner| is_printed(inner, &found)).collect();
    found.iter_mut().zip(printed).filter(|(_, printed)| *printed).for_each(|(f, _)| f.score -= PRINTED_LOSS);
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    for i in 0..found.len() {
        // What rivals a figure is another one that would be taken in its place: not a page beside it.
        let quad = found[i].quad;
        let rival =
            found.iter().find(|other| !agree(&quad, &other.quad, 0.93) && overlap(&quad, &other.quad));
        found[i].confidence = confidence(found[i].score, rival.map(|other| other.score));
    }
    found
}

/// Whether a figure is the frame of a table or a border on a larger sheet: lines of ink with the same paper on both
/// sides, inside a figure that stands out from what is around it.
fn is_printed(inner: &Scored, all: &[Scored]) -> bool {
    let encloses = |outer: &&Scored| {
        outer.score > ENCLOSING_MIN
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

/// Whether two figures cannot both be pages: one would lie on the other.
fn overlap(a: &Quad, b: &Quad) -> bool {
    shared_area(a, b) > SHARED_MAX * signed_area(a).min(signed_area(b))
}

/// What the net sees of each part where at a glance there may be a page, or of the whole picture. A seam between two sheets
/// is lost where many pixels become one.
fn looks(small: &Picture, closer_max: usize) -> Vec<Sightings> {
    let glance = look_at(small, GLANCE_PX);
    let size = [small.width() as usize, small.height() as usize];
    let longer = size[0].max(size[1]) as f32;
    let mut looks = Vec::new();
    let patches = patches(&glance);
    for patch in patches.iter().take(closer_max) {
        let bounds = patch.bounds();
        let side = (0..2).map(|c| bounds[1][c] - bounds[0][c]).fold(0.0, f32::max);
        let margin = side * CLOSER_MARGIN;
        let start = std::array::from_fn(|c| (bounds[0][c] - margin).max(0.0) as usize);
        let end = std::array::from_fn(|c| ((bounds[1][c] + margin) as usize).clamp(start[c] + 1, size[c]));
        if side + 2.0 * margin < CLOSER_SHARE_MAX * longer {
            looks.push(look_closer(small, start, end));
        }
    }
    if looks.len() < patches.len() || patches.is_empty() {
        looks.push(look_at(small, CLOSE_PX));
    }
    looks
}

/// What the net sees of each part of the picture.
fn parts(small: &Picture) -> Vec<Sightings> {
    let size = [small.width() as usize, small.height() as usize];
    let part = |i: usize| {
        let start = [i % PARTS * size[0] / (PARTS + 1), i / PARTS * size[1] / (PARTS + 1)];
        look_closer(small, start, std::array::from_fn(|c| (start[c] + size[c].div_ceil(2)).min(size[c])))
    };
    (0..PARTS * PARTS).map(part).collect()
}

/// The page with its sides put right, where it is doubted; or where its sides are not seen clearly then, what lies in its
/// place and whose sides are.
fn righted(page: &Scored, found: &[Scored], seen: &Seen) -> Scored {
    if page.is_cut {
        return whole(page, found, seen).unwrap_or(*page);
    }
    if page.confidence >= LOOKED_ACROSS {
        return *page;
    }
    let rivals = found.iter().filter(|other| !other.is_cut && overlap(&page.quad, &other.quad));
    let Some(clearest) = clearest(std::iter::once(page).chain(rivals), seen) else { return *page };
    let confidence = trust(clearest.clear, clearest.is_elsewhere);
    let confidence = match page.score < SCORE_MIN {
        true => confidence.min(UNLIKELY_MAX),
        false if clearest.is_elsewhere => confidence,
        false => confidence.min(page.confidence),
    };
    Scored { quad: clearest.quad, confidence, ..*page }
}

/// The whole page that was taken for a cut one, if its four sides are seen: where the frame cuts a page, one is not.
fn whole(cut: &Scored, found: &[Scored], seen: &Seen) -> Option<Scored> {
    let in_its_place = |other: &&Scored| !other.is_cut && agree(&cut.quad, &other.quad, WHOLE_SHARED);
    let clearest = clearest(found.iter().filter(in_its_place), seen)?;
    let confidence = trust(clearest.clear, true);
    (clearest.clear > CLEAR_WHOLE).then_some(Scored {
        quad: clearest.quad,
        is_cut: false,
        confidence,
        ..*cut
    })
}

/// A figure whose sides the net sees clearest.
#[derive(Clone, Copy)]
struct Clearest {
    quad: Quad,
    clear: f32,
    score: f32,
    /// Whether it is another than the first, or one of its sides lies elsewhere now.
    is_elsewhere: bool,
}

impl Clearest {
    fn is_enough(&self) -> bool {
        self.clear > CLEAR_ENOUGH && self.score > SCORE_ENOUGH
    }

    fn worth(&self) -> f32 {
        self.clear.max(CLEAR_LEAST) + SCORE_SHARE * self.score.min(SCORE_COUNTED)
    }

    /// The one that is worth more, of equals this.
    fn or(self, other: Self) -> Self {
        if other.worth() > self.worth() { other } else { self }
    }
}

/// Of the first few figures the one that the net sees clearest, its sides put right or as it was. Those after the first are
/// looked at only as long as none is clear.
fn clearest<'a>(figures: impl Iterator<Item = &'a Scored>, seen: &Seen) -> Option<Clearest> {
    let mut best: Option<Clearest> = None;
    let mut looked_at: Vec<Quad> = Vec::new();
    for figure in figures {
        if looked_at.len() == RIVALS_MAX || best.as_ref().is_some_and(Clearest::is_enough) {
            break;
        }
        if looked_at.iter().any(|quad| agree(quad, &figure.quad, SAME)) {
            continue;
        }
        let is_other = !looked_at.is_empty();
        looked_at.push(figure.quad);
        let Some(here) = put_right(seen.small, &figure.quad).map(|to| clearer(figure, &to, is_other, seen))
        else {
            continue;
        };
        best = Some(best.map_or(here, |best| best.or(here)));
    }
    best
}

/// The figure with its sides put right, or as it was: a side may have been moved to where there is no page, and so what was moved
/// is scored once more.
fn clearer(figure: &Scored, to: &Righted, is_other: bool, seen: &Seen) -> Clearest {
    let as_it_was =
        Clearest { quad: figure.quad, clear: to.was_clear, score: figure.score, is_elsewhere: is_other };
    if !to.is_moved {
        return as_it_was;
    }
    let moved = Clearest { quad: to.quad, clear: to.clear, score: seen.score(to.quad), is_elsewhere: true };
    moved.or(as_it_was)
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
    let fine = edges::fit(frame, &rough, [false; 4], Care { places: 64, reach, along: true, bowed: true })
        .filter(|fine| {
            is_convex_clockwise(fine) && fine.iter().zip(&rough).all(|(a, b)| distance(*a, *b) < reach * 2.0)
        });
    let limits = [frame.width() as f32, frame.height() as f32];
    let straight = fine.unwrap_or(rough);
    let corners = match bent(small, &straight.map(|[x, y]| [x / scale[0], y / scale[1]])) {
        Some(bent) => bent.map(|[x, y]| [x * scale[0], y * scale[1]]),
        None => straight,
    };
    let corners = corners.map(|p| std::array::from_fn(|c| p[c].clamp(0.0, limits[c])));
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
