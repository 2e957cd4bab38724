//! Straight lines across a small picture on which pieces of edge lie, one behind the other.

use crate::geometry::{Line, Point, minus};
use crate::segments::Segment;

/// So many lines are kept, the ones with most edge on them.
const LINES_MAX: usize = 56;
/// So many pieces of edge, the longest, may each start a line.
const SEEDS_MAX: usize = 260;
/// How far a piece of edge may lie off a line it belongs to.
const OFF_LINE_PX: f32 = 2.2;
/// Sine of the angle at which a piece may stand to its line; short ones are less sure of their direction.
const SINE_MAX: f32 = 0.06;
/// Lines with less edge on them than this are no side of a sheet.
const COVER_MIN_PX: f32 = 26.0;

/// A line, and where edges lie on it.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) line: Line,
    /// How much edge lies before each pixel along the line, counted from `start`: brighter on the right, brighter on the
    /// left, either.
    before: [Vec<u16>; 3],
    start: i32,
    /// The frame's own rim instead of an edge in it.
    pub(crate) is_rim: bool,
}

impl Edge {
    /// One side of the frame: covered all along.
    pub(crate) fn rim(line: Line) -> Self {
        Self { line, before: [Vec::new(), Vec::new(), Vec::new()], start: 0, is_rim: true }
    }

    /// Where along the line the point nearest to `p` lies, in pixels.
    pub(crate) fn along(&self, p: Point) -> f32 {
        let [dx, dy] = minus(p, self.line.point);
        dx * self.line.direction[0] + dy * self.line.direction[1]
    }

    /// Share of the stretch between two places that is edge, one way round or the other, whichever is more.
    pub(crate) fn cover(&self, from: f32, to: f32) -> f32 {
        let (low, high) = if from < to { (from, to) } else { (to, from) };
        if high - low < 1.0 {
            return 0.0;
        }
        let at = |before: &Vec<u16>, t: f32| {
            let i = (t.round() as i32 - self.start).clamp(0, before.len() as i32 - 1);
            f32::from(before[i as usize])
        };
        let [right, left, either] = &self.before;
        let within = |before| at(before, high) - at(before, low);
        (within(right).max(within(left)) * 0.75 + within(either) * 0.25) / (high - low)
    }
}

/// The lines with most edge on them.
pub(crate) fn edges(segments: &[Segment]) -> Vec<Edge> {
    let mut order: Vec<usize> = (0..segments.len()).collect();
    let weight = |i: &usize| segments[*i].length * segments[*i].contrast.min(12.0).sqrt();
    order.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    order.truncate(SEEDS_MAX);
    let mut taken = vec![false; segments.len()];
    let mut found: Vec<(f32, Edge)> = Vec::new();
    for seed in order {
        if taken[seed] {
            continue;
        }
        let Some(mut line) = Line::through(segments[seed].from, segments[seed].to) else { continue };
        let mut members = members(segments, &line);
        if let Some(fitted) = fitted(segments, &members, line) {
            line = fitted;
            members = self::members(segments, &line);
        }
        for i in &members {
            let s = &segments[*i];
            taken[*i] |= line.offset(s.from).abs().max(line.offset(s.to).abs()) < OFF_LINE_PX * 0.6;
        }
        taken[seed] = true;
        let (cover, edge) = covered(segments, &members, line);
        if cover >= COVER_MIN_PX {
            found.push((cover, edge));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(LINES_MAX);
    found.into_iter().map(|(_, edge)| edge).collect()
}

fn members(segments: &[Segment], line: &Line) -> Vec<usize> {
    let belongs = |s: &Segment| {
        let (a, b) = (line.offset(s.from), line.offset(s.to));
        a.abs() < OFF_LINE_PX && b.abs() < OFF_LINE_PX && (a - b).abs() < SINE_MAX * s.length + 0.6
    };
    (0..segments.len()).filter(|i| belongs(&segments[*i])).collect()
}

fn fitted(segments: &[Segment], members: &[usize], known: Line) -> Option<Line> {
    let ends = |i: &usize| {
        let s = &segments[*i];
        [(s.from, s.length), (s.to, s.length)]
    };
    let points: Vec<(Point, f32)> = members.iter().flat_map(ends).collect();
    let line = Line::fit(&points)?;
    let turned = line.direction[0] * known.direction[0] + line.direction[1] * known.direction[1] < 0.0;
    Some(if turned { Line { direction: line.direction.map(|v| -v), ..line } } else { line })
}

/// The line with what its members cover, and how much that is.
fn covered(segments: &[Segment], members: &[usize], line: Line) -> (f32, Edge) {
    let mut edge = Edge { line, before: Default::default(), start: 0, is_rim: false };
    let spans: Vec<(i32, i32, bool)> = members
        .iter()
        .map(|i| {
            let (a, b) = (edge.along(segments[*i].from), edge.along(segments[*i].to));
            (a.min(b).round() as i32, a.max(b).round() as i32, a < b)
        })
        .collect();
    let start = spans.iter().map(|s| s.0).min().unwrap_or(0) - 1;
    let end = spans.iter().map(|s| s.1).max().unwrap_or(0) + 1;
    let length = (end - start + 1).max(1) as usize;
    let mut bits = vec![0_u8; length];
    for (from, to, forward) in spans {
        for bit in &mut bits[(from - start) as usize..=(to - start) as usize] {
            *bit |= if forward { 1 } else { 2 };
        }
    }
    let count = |mask: u8| {
        let mut sum = 0_u16;
        bits.iter()
            .map(|bit| {
                let known = sum;
                sum += u16::from(bit & mask != 0);
                known
            })
            .collect::<Vec<u16>>()
    };
    edge.before = [count(1), count(2), count(3)];
    edge.start = start;
    let cover = edge.before[2].last().copied().unwrap_or(0);
    (f32::from(cover), edge)
}
