//! Fits the sides of a rough figure to the edges they lie on, and measures how good these edges are.

use yidang_model::Quad;

use crate::geometry::{Line, Point, between, distance};
use crate::picture::Pixels;

/// Places along a side where the edge is looked for.
const PLACES: usize = 64;
/// The ends of a side are left out, as a share of it: corners curl, and a rough figure is worst there.
const END_SHARE: f32 = 0.04;
/// Rounds of fitting in which places that do not fit lose their weight.
const ROUNDS: usize = 8;
/// A place off the line by this many pixels has a quarter of the weight.
const OFF_LINE_PX: f32 = 1.0;

/// How well the four sides of a figure are visible.
pub(crate) struct Sides {
    /// For each side the share of its places with a clear, sharp step of the same kind.
    pub(crate) support: [f32; 4],
    /// Height of the step on the weakest side, in levels of 255.
    pub(crate) step: f32,
    /// How much the surroundings of the side that has most of it look like paper rather than desk: 0 for plain
    /// desk, 1 where outside is as unlike the desk as inside. A ruled frame inside a page has 1.
    pub(crate) paper_outside: f32,
}

/// A side with the direction that leads out of the figure.
struct Side {
    from: Point,
    to: Point,
    outward: Point,
}

impl Side {
    fn of(quad: &Quad, i: usize) -> Self {
        let (from, to) = (quad[i], quad[(i + 1) % 4]);
        let length = distance(from, to).max(f32::EPSILON);
        // Clockwise with y down: the outside is on the left hand.
        let outward = [(to[1] - from[1]) / length, -(to[0] - from[0]) / length];
        Self { from, to, outward }
    }

    fn places(&self) -> impl Iterator<Item = Point> {
        let step = (1.0 - 2.0 * END_SHARE) / (PLACES - 1) as f32;
        (0..PLACES).map(move |i| between(self.from, self.to, END_SHARE + step * i as f32))
    }

    /// Mean colour around a place moved outwards by `out` pixels, along a stretch of the side.
    fn colour(&self, picture: &impl Pixels, place: Point, out: f32) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for along in [-1.0, 0.0, 1.0] {
            let x = place[0] + self.outward[0] * out - self.outward[1] * along;
            let y = place[1] + self.outward[1] * out + self.outward[0] * along;
            for (s, c) in sum.iter_mut().zip(picture.sample(x, y)) {
                *s += c / 3.0;
            }
        }
        sum
    }

    /// Colour inside less colour outside, from means over `near` to `far` pixels off the side.
    fn step(&self, picture: &impl Pixels, place: Point, near: f32, far: f32) -> [f32; 3] {
        let mut step = [0.0; 3];
        for i in 0..4 {
            let off = near + (far - near) * i as f32 / 3.0;
            let (inner, outer) = (self.colour(picture, place, -off), self.colour(picture, place, off));
            for c in 0..3 {
                step[c] += (inner[c] - outer[c]) / 4.0;
            }
        }
        step
    }

    /// The direction in colour in which inside and outside differ, length one, and by how much: medians along
    /// the side, since print and grid lines touch a side in places only.
    fn colour_step(&self, picture: &impl Pixels, near: f32, far: f32) -> ([f32; 3], f32) {
        let steps: Vec<[f32; 3]> = self.places().map(|p| self.step(picture, p, near, far)).collect();
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

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The figure whose sides lie on the steepest steps within `reach` pixels of the given one's; `None` where two
/// neighbouring sides no longer meet.
pub(crate) fn fit(picture: &impl Pixels, quad: &Quad, reach: f32) -> Option<Quad> {
    let lines: Vec<Line> =
        (0..4).map(|i| fit_side(picture, &Side::of(quad, i), reach)).collect::<Option<_>>()?;
    let mut fitted = *quad;
    for (i, corner) in fitted.iter_mut().enumerate() {
        *corner = lines[(i + 3) % 4].meet(&lines[i])?;
    }
    fitted.iter().flatten().all(|v| v.is_finite()).then_some(fitted)
}

fn fit_side(picture: &impl Pixels, side: &Side, reach: f32) -> Option<Line> {
    let (axis, height) = side.colour_step(picture, reach * 0.5, reach + 1.5);
    let mut points: Vec<(Point, f32)> = Vec::with_capacity(PLACES);
    if height > 1.0 {
        for place in side.places() {
            if let Some((out, rise)) = steepest(picture, side, place, axis, reach) {
                let at = [place[0] + side.outward[0] * out, place[1] + side.outward[1] * out];
                // A place counts by its rise, but no step of ink counts more than the paper's own.
                points.push((at, (rise / height).min(1.0)));
            }
        }
    }
    if points.len() < PLACES / 8 {
        return Line::through(side.from, side.to);
    }
    // Starts from the middle of the places, not from all: a few far ones would tilt a least-squares line.
    let mut line = Line::through(side.from, side.to)?;
    let mut offsets: Vec<f32> = points.iter().map(|(p, _)| line.offset(*p)).collect();
    offsets.sort_by(f32::total_cmp);
    let shift = offsets[offsets.len() / 2];
    line.point = [line.point[0] - side.outward[0] * shift, line.point[1] - side.outward[1] * shift];
    let mut tolerance = reach.max(OFF_LINE_PX);
    for _ in 0..ROUNDS {
        let weighted: Vec<(Point, f32)> = points
            .iter()
            .map(|(p, w)| {
                let off = line.offset(*p) / tolerance;
                (*p, w / (1.0 + off * off).powi(2))
            })
            .collect();
        line = same_way(Line::fit(&weighted)?, side);
        tolerance = (tolerance * 0.6).max(OFF_LINE_PX);
    }
    Some(line)
}

/// A fitted line has no sense of direction: gives it the side's.
fn same_way(line: Line, side: &Side) -> Line {
    let along = [side.to[0] - side.from[0], side.to[1] - side.from[1]];
    let turned = line.direction[0] * along[0] + line.direction[1] * along[1] < 0.0;
    if turned { Line { direction: line.direction.map(|v| -v), ..line } } else { line }
}

/// How far outwards the steepest fall from inside to outside lies, and its height; parts of a pixel by a
/// parabola through the three steepest. Where several are as steep, the outermost: inside are ruled frames.
fn steepest(
    picture: &impl Pixels,
    side: &Side,
    place: Point,
    axis: [f32; 3],
    reach: f32,
) -> Option<(f32, f32)> {
    let half = reach.ceil() as i32 + 1;
    let profile: Vec<f32> =
        (-half - 1..=half + 1).map(|i| dot(side.colour(picture, place, i as f32), axis)).collect();
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

/// Measures the sides of a fitted figure in the small picture, for which `from_desk` tells the distance of each
/// pixel from the desk's colour.
pub(crate) fn measure(picture: &impl Pixels, from_desk: &[f32], quad: &Quad) -> Sides {
    /// Below this a step cannot be told from noise.
    const STEP_MIN: f32 = 6.0;
    /// Share of the whole step that happens within two pixels: a sheet's edge is sharp, a shadow's is not.
    const SHARP_SHARE: f32 = 0.55;
    let mut sides = Sides { support: [0.0; 4], step: f32::MAX, paper_outside: 0.0 };
    for i in 0..4 {
        let side = Side::of(quad, i);
        let (axis, height) = side.colour_step(picture, 2.0, 6.0);
        sides.step = sides.step.min(height);
        let enough = (height * 0.4).max(STEP_MIN);
        let is_clear = |place: Point| {
            let wide = dot(side.step(picture, place, 2.0, 6.0), axis);
            let narrow = dot(side.step(picture, place, 0.8, 1.6), axis);
            wide >= enough && narrow >= wide * SHARP_SHARE
        };
        sides.support[i] = side.places().filter(|p| is_clear(*p)).count() as f32 / PLACES as f32;
        let paper = paper_outside(picture, from_desk, &side);
        sides.paper_outside = sides.paper_outside.max(paper);
    }
    sides
}

/// Median distance from the desk some way outside a side, as a share of that inside. The sheet's own shadow is
/// left out by looking past it.
fn paper_outside(picture: &impl Pixels, from_desk: &[f32], side: &Side) -> f32 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let median_at = |out: f32| {
        let at = |place: Point| {
            let x = (place[0] + side.outward[0] * out).clamp(0.0, width as f32 - 1.0) as usize;
            let y = (place[1] + side.outward[1] * out).clamp(0.0, height as f32 - 1.0) as usize;
            from_desk[y * width + x]
        };
        let mut values: Vec<f32> = side.places().map(at).collect();
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    };
    (median_at(10.0).min(median_at(14.0)) / median_at(-4.0).max(1.0)).min(1.0)
}
