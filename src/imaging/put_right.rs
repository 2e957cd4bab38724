//! Puts a found page's sides right where they lie on another sheet's, or on a line in print.

use yidang_model::Quad;

use crate::Picture;
use crate::edges::{self, Care};
use crate::geometry::{Line, between, is_convex_clockwise, signed_area};
use crate::net::{COLUMNS, Course, ROWS, Strip, look_across};

/// Looks at most: what was put right is looked at again from there.
const LOOKS_MAX: usize = 3;
/// A side is moved to where the net sees it by this much more clearly than where it is, and this clearly at least: mean
/// logarithms of likelihoods.
const GAIN_MIN: f32 = 0.3;
const CLEAR_MIN: f32 = -2.0;
/// A figure whose worst side is seen less clearly than a little more than this is doubted: one that was put right, and one
/// whose sides stayed.
const CLEAR_MOVED: f32 = -0.40;
const CLEAR_KEPT: f32 = -0.75;
/// A side seen less clearly than this is looked for farther off: moved inwards by such shares of its neighbours. It stays there where
/// it is seen by this much more clearly.
const LOST: f32 = -0.6;
const FARTHER: [f32; 4] = [0.3, 0.55, -0.3, -0.7];
const FARTHER_GAIN_MIN: f32 = 0.2;
/// How fast confidence grows with clearness.
const TRUST: f32 = 8.0;
/// How likely a column is not to be trusted: a finger lies there, or it is past the page's corner.
const DISTRUST: f32 = 0.03;
/// What a column counts at least in which the side is not seen.
const UNSEEN: f32 = 0.02;
/// Of its neighbours' likelihood so much counts for a row.
const NEIGHBOURS: f32 = 0.7;
/// The rows that a side crosses between its ends, at most.
const SLOPE_ROWS_MAX: usize = 26;
/// How far from where the net sees a side its edge may lie, in pixels of the small picture.
const REACH_PX: f32 = 2.5;

/// A figure whose sides lie where the net sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Righted {
    pub(crate) quad: Quad,
    /// Whether a side was elsewhere before.
    pub(crate) is_moved: bool,
    /// How clearly the net sees the worst side where it is: a mean logarithm of likelihoods, zero at most.
    pub(crate) clear: f32,
    /// How clearly it saw the worst side where it was before.
    pub(crate) was_clear: f32,
}

/// 0 to 1: how likely a figure is the page, and the right one, whose worst side is seen so clearly; less likely where the page
/// was first taken to be elsewhere.
pub(crate) fn trust(clear: f32, is_elsewhere: bool) -> f32 {
    let enough = if is_elsewhere { CLEAR_MOVED } else { CLEAR_KEPT };
    1.0 / (1.0 + (TRUST * (enough - clear)).exp())
}

/// The figure in the small picture with its sides where the net sees them, where that is surely elsewhere; `None` where they
/// do not meet there.
pub(crate) fn put_right(small: &Picture, quad: &Quad) -> Option<Righted> {
    let near = settled(small, *quad)?;
    let far = farther(small, &near).and_then(|quad| settled(small, quad));
    let far = far.map(|far| Settled { is_moved: true, ..far });
    let best = far.filter(|far| far.clear() > near.clear() + FARTHER_GAIN_MIN).unwrap_or(near);
    Some(Righted { quad: best.quad, is_moved: best.is_moved, clear: best.clear(), was_clear: near.was_clear })
}

/// A figure whose sides lie where the net sees them within the strips' reach.
#[derive(Clone, Copy)]
struct Settled {
    quad: Quad,
    is_moved: bool,
    /// How clearly the worst side was seen at first.
    was_clear: f32,
    /// How clearly each side is seen.
    sides: [f32; 4],
}

impl Settled {
    fn clear(&self) -> f32 {
        worst(&self.sides)
    }
}

fn worst(sides: &[f32; 4]) -> f32 {
    sides.iter().copied().fold(f32::MAX, f32::min)
}

fn settled(small: &Picture, mut quad: Quad) -> Option<Settled> {
    let mut was_clear = None;
    for look in 1.. {
        let strips: [Strip; 4] = std::array::from_fn(|side| Strip::of(&quad, side));
        let seen = strips.map(|strip| Seen::of(&look_across(small, &strip)));
        let sides = seen.each_ref().map(Seen::own);
        let was_clear = *was_clear.get_or_insert(worst(&sides));
        let better = seen.each_ref().map(Seen::better);
        if look == LOOKS_MAX || better.iter().all(Option::is_none) {
            return Some(Settled { quad, is_moved: look > 1, was_clear, sides });
        }
        quad = moved(small, &quad, &strips, &better)?;
    }
    None
}

/// The figure with the one side elsewhere that is not seen near its place, but clearly farther in or out.
fn farther(small: &Picture, figure: &Settled) -> Option<Quad> {
    let lost = (0..4).min_by(|a, b| figure.sides[*a].total_cmp(&figure.sides[*b]))?;
    if figure.sides[lost] > LOST {
        return None;
    }
    let looks = FARTHER.into_iter().filter_map(|share| {
        let strip = Strip::of(&with_side(&figure.quad, lost, share)?, lost);
        let (most, rows) = Seen::of(&look_across(small, &strip)).clearest()?;
        Some((most, rows, strip))
    });
    let (most, rows, strip) = looks.max_by(|a, b| a.0.total_cmp(&b.0))?;
    if most < figure.sides[lost] + FARTHER_GAIN_MIN {
        return None;
    }
    let mut strips: [Strip; 4] = std::array::from_fn(|side| Strip::of(&figure.quad, side));
    let mut to = [None; 4];
    (strips[lost], to[lost]) = (strip, Some(rows));
    moved(small, &figure.quad, &strips, &to)
}

/// The figure with one side farther in by a share of its neighbours, or out where that is below zero.
fn with_side(quad: &Quad, side: usize, share: f32) -> Option<Quad> {
    let [before, from, to, after] = [3, 0, 1, 2].map(|i| (side + i) % 4);
    let mut with = *quad;
    with[from] = between(quad[from], quad[before], share);
    with[to] = between(quad[to], quad[after], share);
    is_convex_clockwise(&with).then_some(with)
}

/// The figure with some of its sides elsewhere, fitted to the edges there.
fn moved(small: &Picture, quad: &Quad, strips: &[Strip; 4], to: &[Option<[f32; 2]>; 4]) -> Option<Quad> {
    let line = |i: usize| match to[i] {
        Some(rows) => Line::through(strips[i].at(0.0, rows[0]), strips[i].at(1.0, rows[1])),
        None => Line::through(quad[i], quad[(i + 1) % 4]),
    };
    let lines: Vec<Line> = (0..4).map(line).collect::<Option<_>>()?;
    let mut rough = *quad;
    for (i, corner) in rough.iter_mut().enumerate() {
        *corner = lines[(i + 3) % 4].meet(&lines[i])?;
    }
    let care = Care { places: 24, reach: REACH_PX, along: false, bowed: false };
    let is_sound = |quad: &Quad| is_convex_clockwise(quad) && signed_area(quad) > 1.0;
    if !is_sound(&rough) {
        return None;
    }
    Some(edges::fit(small, &rough, to.map(|to| to.is_none()), care).filter(is_sound).unwrap_or(rough))
}

/// Logarithms of how likely a side runs through the places of a strip.
struct Seen {
    /// Column by column.
    values: Vec<[f32; ROWS]>,
    columns: Vec<f32>,
}

impl Seen {
    fn of(course: &Course) -> Self {
        // Past the ends the figure itself is in doubt.
        let within: Vec<usize> = (0..COLUMNS).filter(|c| (0.02..0.98).contains(&Strip::along(*c))).collect();
        let value = |row: usize, column: usize| {
            let beside = |row: Option<usize>| row.filter(|r| *r < ROWS).map_or(0.0, |r| course.at(r, column));
            let near =
                course.at(row, column) + NEIGHBOURS * (beside(row.checked_sub(1)) + beside(Some(row + 1)));
            let unsure = DISTRUST * (course.none(column) + UNSEEN);
            ((1.0 - DISTRUST) * near.min(1.0) + unsure).ln()
        };
        let values = within.iter().map(|c| std::array::from_fn(|row| value(row, *c))).collect();
        Self { values, columns: within.into_iter().map(Strip::along).collect() }
    }

    /// Mean over the columns for a side that runs through these rows at its ends.
    fn worth(&self, rows: [f32; 2]) -> f32 {
        let at = |(values, along): (&[f32; ROWS], &f32)| {
            let row = (rows[0] + (rows[1] - rows[0]) * along).clamp(0.0, (ROWS - 1) as f32);
            let above = (row as usize).min(ROWS - 2);
            values[above] + (values[above + 1] - values[above]) * (row - above as f32)
        };
        self.values.iter().zip(&self.columns).map(at).sum::<f32>() / self.columns.len() as f32
    }

    fn own(&self) -> f32 {
        self.worth([Strip::OWN_ROW; 2])
    }

    /// The rows at the side's ends where it is seen, if that is surely not where it is.
    fn better(&self) -> Option<[f32; 2]> {
        let (most, rows) = self.clearest()?;
        (most > CLEAR_MIN && most - self.own() > GAIN_MIN).then_some(rows)
    }

    /// How clearly a side is seen where it is seen most clearly, and the rows at its ends there.
    fn clearest(&self) -> Option<(f32, [f32; 2])> {
        let ends = (0..ROWS).flat_map(|a| {
            (a.saturating_sub(SLOPE_ROWS_MAX)..(a + SLOPE_ROWS_MAX + 1).min(ROWS)).map(move |b| [a, b])
        });
        ends.map(|ends| ends.map(|row| row as f32))
            .map(|rows| (self.worth(rows), rows))
            .max_by(|a, b| a.0.total_cmp(&b.0))
    }
}
