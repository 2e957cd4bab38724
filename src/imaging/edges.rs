//! Fits the sides of a rough figure to the edges they lie on, and measures how good these edges are.

use yidang_model::Quad;

use crate::geometry::{Line, Point, between, distance, minus};
use crate::picture::Pixels;

/// The ends of a side are left out, as a share of it: corners curl, and a rough figure is worst there.
const END_SHARE: f32 = 0.04;
/// Rounds of fitting in which places that do not fit lose their weight.
const ROUNDS: usize = 8;
/// How far a side usually bulges, as a share of its length.
const BOW_SHARE: f32 = 0.004;
/// A place off the line by this many pixels has a quarter of the weight.
const OFF_LINE_PX: f32 = 1.0;

/// How closely a picture is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Care {
    /// Places along each side.
    pub(crate) places: usize,
    /// How far from the rough side the edge may lie, in pixels.
    pub(crate) reach: f32,
    /// Whether the colours along the side are averaged a little: for pictures with noise at the scale of pixels.
    pub(crate) along: bool,
    /// Whether a side may bulge: its corners then lie where its ends are, not on the straight line through its middle.
    pub(crate) bowed: bool,
}

/// A side with the direction that leads out of the figure.
struct Side {
    from: Point,
    to: Point,
    outward: Point,
}

impl Side {
    fn of(quad: &Quad, i: usize) -> Self {
        Self::between(quad[i], quad[(i + 1) % 4])
    }

    fn between(from: Point, to: Point) -> Self {
        let length = distance(from, to).max(f32::EPSILON);
        // Clockwise with y down: the outside is on the left hand.
        let outward = [(to[1] - from[1]) / length, -(to[0] - from[0]) / length];
        Self { from, to, outward }
    }

    /// How far along the side a point lies: -1 at its start, 1 at its end.
    fn along(&self, p: Point) -> f32 {
        let way = minus(self.to, self.from);
        let from = minus(p, self.from);
        2.0 * (from[0] * way[0] + from[1] * way[1]) / (way[0] * way[0] + way[1] * way[1]).max(f32::EPSILON)
            - 1.0
    }

    fn moved(&self, p: Point, out: f32) -> Point {
        [p[0] + self.outward[0] * out, p[1] + self.outward[1] * out]
    }

    fn bow_px(&self) -> f32 {
        BOW_SHARE * distance(self.from, self.to)
    }

    fn places(&self, count: usize) -> impl Iterator<Item = Point> {
        let step = (1.0 - 2.0 * END_SHARE) / (count.max(2) - 1) as f32;
        (0..count).map(move |i| between(self.from, self.to, END_SHARE + step * i as f32))
    }

    /// Mean colour around a place moved outwards by `out` pixels, along a stretch of the side where `along` says so.
    fn colour(&self, picture: &impl Pixels, place: Point, out: f32, along: bool) -> [f32; 3] {
        if !along {
            let [x, y] = self.moved(place, out);
            return picture.sample(x, y);
        }
        let [x, y] = self.moved(place, out);
        let mut sum = [0.0; 3];
        for along in [-1.0, 0.0, 1.0] {
            let (x, y) = (x - self.outward[1] * along, y + self.outward[0] * along);
            for (s, c) in sum.iter_mut().zip(picture.sample(x, y)) {
                *s += c / 3.0;
            }
        }
        sum
    }

    /// Colour inside less colour outside, from means over `near` to `far` pixels off the side.
    fn step(&self, picture: &impl Pixels, place: Point, [near, far]: [f32; 2], along: bool) -> [f32; 3] {
        let mut step = [0.0; 3];
        for i in 0..4 {
            let off = near + (far - near) * i as f32 / 3.0;
            let inner = self.colour(picture, place, -off, along);
            let outer = self.colour(picture, place, off, along);
            for c in 0..3 {
                step[c] += (inner[c] - outer[c]) / 4.0;
            }
        }
        step
    }

    /// The direction in colour in which inside and outside differ, length one, and by how much: medians along
    /// the side, since print and grid lines touch a side in places only.
    fn colour_step(&self, picture: &impl Pixels, care: Care) -> ([f32; 3], f32) {
        let span = [care.reach * 0.5, care.reach + 1.5];
        let steps: Vec<[f32; 3]> =
            self.places(care.places).map(|p| self.step(picture, p, span, care.along)).collect();
        let median = |c: usize| {
            let mut values: Vec<f32> = steps.iter().map(|s| s[c]).collect();
            values.sort_by(f32::total_cmp);
            values[values.len() / 2]
        };
        let step = [median(0), median(1), median(2)];
        let length = dot(step, step).sqrt();
        (step.map(|v| v / length.max(f32::EPSILON)), length)
    }
}

pub(crate) fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The figure whose sides lie on the steepest steps within reach of the given one's; `None` where two
/// neighbouring sides no longer meet. Sides that are `kept` stay where they are.
pub(crate) fn fit(picture: &impl Pixels, quad: &Quad, kept: [bool; 4], care: Care) -> Option<Quad> {
    let line = |i: usize| {
        let side = Side::of(quad, i);
        if kept[i] { Line::through(side.from, side.to) } else { fit_side(picture, &side, care) }
    };
    let lines: Vec<Line> = (0..4).map(line).collect::<Option<_>>()?;
    let mut fitted = *quad;
    for (i, corner) in fitted.iter_mut().enumerate() {
        *corner = lines[(i + 3) % 4].meet(&lines[i])?;
    }
    fitted.iter().flatten().all(|v| v.is_finite()).then_some(fitted)
}

fn fit_side(picture: &impl Pixels, side: &Side, care: Care) -> Option<Line> {
    let places = edge_places(picture, side, care);
    if places.len() < care.places / 8 {
        return Line::through(side.from, side.to);
    }
    let course = course(&places, side, care)?;
    Line::through(side.moved(side.from, course.at(-1.0)), side.moved(side.to, course.at(1.0)))
}

/// A place on a side: how far along it lies, how far outwards of it the edge, and what the place counts.
type Place = (f32, f32, f32);

/// The places of a side at which there is an edge, those farthest inwards first.
fn edge_places(picture: &impl Pixels, side: &Side, care: Care) -> Vec<Place> {
    let (axis, height) = side.colour_step(picture, care);
    let mut places: Vec<Place> = Vec::with_capacity(care.places);
    if height > 1.0 {
        for place in side.places(care.places) {
            if let Some((out, rise)) = steepest(picture, side, place, axis, care) {
                // A place counts by its rise, but no step of ink counts more than the paper's own.
                places.push((side.along(place), out, (rise / height).min(1.0)));
            }
        }
    }
    places.sort_by(|a, b| a.1.total_cmp(&b.1));
    places
}

/// The course that most of the places lie on.
fn course(places: &[Place], side: &Side, care: Care) -> Option<Course> {
    // Starts from the middle of the places, not from all: a few far ones would tilt a least-squares line.
    let mut course = Course { shift: places.get(places.len() / 2)?.1, tilt: 0.0, bow: 0.0 };
    let mut tolerance = care.reach.max(OFF_LINE_PX);
    for _ in 0..ROUNDS {
        let weighted = places.iter().map(|(t, out, weight)| {
            let off = (out - course.at(*t)) / tolerance;
            (*t, *out, weight / (1.0 + off * off).powi(2))
        });
        course = Course::through(weighted, care.bowed.then(|| side.bow_px()))?;
        tolerance = (tolerance * 0.6).max(OFF_LINE_PX);
    }
    Some(course)
}

/// What is seen along a stretch of a side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) line: Line,
    /// How far outwards of the given stretch the line runs, at its start and at its end.
    pub(crate) off: [f32; 2],
    /// Share of the places at which the edge is on the line, and of those at which it is on the given stretch.
    pub(crate) support: f32,
    pub(crate) own_support: f32,
}

/// The straight edge within reach of a stretch of a side; it may run at an angle to it.
pub(crate) fn fit_stretch(picture: &impl Pixels, from: Point, to: Point, care: Care) -> Option<Stretch> {
    let side = Side::between(from, to);
    let places = edge_places(picture, &side, care);
    let course = course(&places, &side, care)?;
    let share = |on: &dyn Fn(f32) -> f32| {
        let there = places.iter().filter(|(t, out, _)| (out - on(*t)).abs() < OFF_LINE_PX);
        there.map(|(_, _, weight)| weight).sum::<f32>() / care.places as f32
    };
    let off = [course.at(-1.0), course.at(1.0)];
    Some(Stretch {
        line: Line::through(side.moved(from, off[0]), side.moved(to, off[1]))?,
        off,
        support: share(&|t| course.at(t)),
        own_support: share(&|_| 0.0),
    })
}

/// How far outwards of a rough side its edge runs, in pixels: `t` is -1 at the side's start and 1 at its end.
#[derive(Clone, Copy)]
struct Course {
    shift: f32,
    tilt: f32,
    /// How far the middle bulges beyond the ends: curled paper, and a lens that bends.
    bow: f32,
}

impl Course {
    fn at(&self, t: f32) -> f32 {
        self.shift + self.tilt * t + self.bow * (1.0 - t * t)
    }

    /// Least squares through places with their offset and weight. A bow is looked for where its usual size in pixels is
    /// given; the more it is beyond that, the more places must speak for it.
    fn through(places: impl Iterator<Item = (f32, f32, f32)>, bow_px: Option<f32>) -> Option<Self> {
        // The normal equations: three rows of three, and what they are to give.
        let mut rows = [[0.0_f64; 4]; 3];
        for (t, out, weight) in places {
            let terms = [1.0, f64::from(t), 1.0 - f64::from(t * t)];
            for (row, a) in rows.iter_mut().zip(terms) {
                for (sum, b) in row.iter_mut().zip(terms.into_iter().chain([f64::from(out)])) {
                    *sum += a * b * f64::from(weight);
                }
            }
        }
        match bow_px {
            Some(usual) => rows[2][2] += 1.0 / f64::from(usual * usual).max(1e-3),
            None => rows[2] = [0.0, 0.0, 1.0, 0.0],
        }
        let [shift, tilt, bow] = solved(rows)?;
        Some(Self { shift, tilt, bow })
    }
}

/// Solves three equations with a last column that they are to give (Gauss, the largest first); `None` where they do not
/// decide.
fn solved(mut rows: [[f64; 4]; 3]) -> Option<[f32; 3]> {
    for i in 0..3 {
        let largest = (i..3).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, largest);
        if rows[i][i].abs() < 1e-9 {
            return None;
        }
        let from = rows[i];
        for row in rows.iter_mut().skip(i + 1) {
            let factor = row[i] / from[i];
            row.iter_mut().zip(from).for_each(|(value, f)| *value -= factor * f);
        }
    }
    let mut found = [0.0; 3];
    for i in (0..3).rev() {
        let known: f64 = (i + 1..3).map(|j| rows[i][j] * found[j]).sum();
        found[i] = (rows[i][3] - known) / rows[i][i];
    }
    Some(found.map(|value| value as f32))
}

/// How far outwards the steepest fall from inside to outside lies, and its height; parts of a pixel by a
/// parabola through the three steepest. Where several are as steep, the outermost: inside are ruled frames.
fn steepest(
    picture: &impl Pixels,
    side: &Side,
    place: Point,
    axis: [f32; 3],
    care: Care,
) -> Option<(f32, f32)> {
    let half = care.reach.ceil() as i32 + 1;
    let profile: Vec<f32> = (-half - 1..=half + 1)
        .map(|i| dot(side.colour(picture, place, i as f32, care.along), axis))
        .collect();
    let rises: Vec<f32> = profile.windows(3).map(|w| (w[0] - w[2]) / 2.0).collect();
    let most = rises[1..rises.len() - 1].iter().copied().fold(0.0, f32::max);
    if most <= 0.5 {
        return None;
    }
    let at = (1..rises.len() - 1)
        .rev()
        .find(|i| rises[*i] >= most * 0.8 && rises[*i] >= rises[i - 1] && rises[*i] >= rises[i + 1])?;
    let (before, here, after) = (rises[at - 1], rises[at], rises[at + 1]);
    let bend = before - 2.0 * here + after;
    let part = if bend < -f32::EPSILON { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    Some((at as f32 - half as f32 + part, here * 2.0))
}
