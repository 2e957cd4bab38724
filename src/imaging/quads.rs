//! Four-sided figures whose sides lie on lines with enough edge on them.

use yidang_model::Quad;

use crate::geometry::{Line, Point, cross, distance, is_convex_clockwise, signed_area};
use crate::lines::Edge;

/// So many figures are handed on, the best covered.
const QUADS_MAX: usize = 120;
/// Share of a side that is edge, at least: fingers and glare hide some of it.
const COVER_MIN: f32 = 0.36;
/// A side is at least this share of the frame's longer side.
const SIDE_MIN: f32 = 0.06;
/// Sine of the sharpest corner, about 44 degrees.
const CORNER_SINE_MIN: f32 = 0.7;
/// Corners may lie this far outside the frame, as a share of its longer side.
const OUTSIDE_MAX: f32 = 0.30;
/// A figure covers at least this share of the frame.
const AREA_MIN: f32 = 0.012;
/// Figures whose corners all lie closer together than this are the same.
const SAME_PX: f32 = 4.0;

/// A figure that may be a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Clockwise; corners may lie outside the frame.
    pub(crate) quad: Quad,
    /// Which sides, from corner `i` to the next, are the frame's own rim.
    pub(crate) rims: [bool; 4],
}

/// The edges with the frame's four sides among them, and where they meet.
struct Net<'a> {
    edges: Vec<&'a Edge>,
    /// Where each two meet, if they do at the angle of a corner and not too far outside.
    corners: Vec<Option<Point>>,
    /// The stretch of each that lies in the frame.
    inside: Vec<(f32, f32)>,
    size: [f32; 2],
}

/// The best covered figures, best first.
pub(crate) fn quads(edges: &[Edge], width: usize, height: usize) -> Vec<Candidate> {
    let size = [width as f32, height as f32];
    let rims = rims(size);
    let net = Net::new(edges.iter().chain(&rims).collect(), size);
    let ranked = net.ranked();
    let mut kept: Vec<Candidate> = Vec::new();
    for (_, candidate) in ranked {
        let same = |k: &Candidate| {
            (0..4).any(|turn| (0..4).all(|i| distance(k.quad[i], candidate.quad[(i + turn) % 4]) < SAME_PX))
        };
        if !kept.iter().any(same) {
            kept.push(candidate);
            if kept.len() == QUADS_MAX {
                break;
            }
        }
    }
    kept
}

fn rims([width, height]: [f32; 2]) -> Vec<Edge> {
    let corners = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]];
    let side = |i: usize| Line::through(corners[i], corners[(i + 1) % 4]).map(Edge::rim);
    (0..4).filter_map(side).collect()
}

impl<'a> Net<'a> {
    fn new(edges: Vec<&'a Edge>, size: [f32; 2]) -> Self {
        let count = edges.len();
        let mut corners = vec![None; count * count];
        let margin = OUTSIDE_MAX * size[0].max(size[1]);
        let near = |p: &Point| (0..2).all(|c| (-margin..size[c] + margin).contains(&p[c]));
        for i in 0..count {
            for j in 0..i {
                let (a, b) = (edges[i], edges[j]);
                if cross(a.line.direction, b.line.direction).abs() >= CORNER_SINE_MIN {
                    let corner = a.line.meet(&b.line).filter(near);
                    corners[i * count + j] = corner;
                    corners[j * count + i] = corner;
                }
            }
        }
        let inside = edges.iter().map(|edge| inside(edge, size)).collect();
        Self { edges, corners, inside, size }
    }

    fn corner(&self, i: usize, j: usize) -> Option<Point> {
        self.corners[i * self.edges.len() + j]
    }

    /// How much of the stretch of edge `i` between two others is covered, where that is enough for a side.
    fn side(&self, i: usize, j: usize, l: usize) -> Option<f32> {
        let (a, b) = (self.corner(i, j)?, self.corner(i, l)?);
        let longer = self.size[0].max(self.size[1]);
        if distance(a, b) < SIDE_MIN * longer {
            return None;
        }
        let edge = self.edges[i];
        if edge.is_rim {
            return Some(1.0);
        }
        let (from, to) = (edge.along(a), edge.along(b));
        let (low, high) = self.inside[i];
        let (from, to) = (from.min(to).max(low), from.max(to).min(high));
        if to - from < SIDE_MIN * longer {
            return None;
        }
        let cover = edge.cover(from, to);
        (cover >= COVER_MIN).then_some(cover)
    }

    /// Share of the stretch just past a corner, on the side away from `other`, that is edge too: a sheet's side ends
    /// at its corner, a printed grid and a table's edge go on.
    fn overrun(&self, i: usize, corner: Point, other: Point) -> f32 {
        let edge = self.edges[i];
        if edge.is_rim {
            return 0.0;
        }
        let (at, back) = (edge.along(corner), edge.along(other));
        let reach = ((at - back).abs() * 0.12).max(10.0);
        let (low, high) = self.inside[i];
        let sense = (at - back).signum();
        let (from, to) = ((at + 4.0 * sense).clamp(low, high), (at + (4.0 + reach) * sense).clamp(low, high));
        if (to - from).abs() < reach * 0.5 { 0.0 } else { edge.cover(from, to) }
    }

    /// All figures, best covered first.
    fn ranked(&self) -> Vec<(f32, Candidate)> {
        let count = self.edges.len();
        let mut covers = vec![0.0_f32; count * count * count];
        for i in 0..count {
            for j in 0..count {
                for l in 0..j {
                    if let Some(cover) = self.side(i, j, l) {
                        covers[(i * count + j) * count + l] = cover;
                        covers[(i * count + l) * count + j] = cover;
                    }
                }
            }
        }
        let cover = |i: usize, j: usize, l: usize| covers[(i * count + j) * count + l];
        let mut found = Vec::new();
        for j in 0..count {
            for l in j + 1..count {
                // The pair that holds the lowest number leads, or each figure would be met twice.
                let crossing: Vec<usize> = (j + 1..count).filter(|i| cover(*i, j, l) > 0.0).collect();
                for (n, i) in crossing.iter().enumerate() {
                    for k in &crossing[..n] {
                        let sides = [cover(*i, j, l), cover(l, *i, *k), cover(*k, l, j), cover(j, *k, *i)];
                        if sides.iter().all(|c| *c > 0.0) {
                            found.extend(self.figure([*i, l, *k, j], sides));
                        }
                    }
                }
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found
    }

    /// The figure whose sides lie on four edges, in order around, with how good it looks by its cover.
    fn figure(&self, on: [usize; 4], covers: [f32; 4]) -> Option<(f32, Candidate)> {
        let is_rim = on.map(|i| self.edges[i].is_rim);
        let rim_count = is_rim.iter().filter(|r| **r).count();
        if rim_count > 2 {
            return None;
        }
        let mut quad: Quad = [[0.0; 2]; 4];
        for (i, corner) in quad.iter_mut().enumerate() {
            *corner = self.corner(on[(i + 3) % 4], on[i])?;
        }
        let mut rims = is_rim;
        if signed_area(&quad) < 0.0 {
            quad.reverse();
            rims = [is_rim[2], is_rim[1], is_rim[0], is_rim[3]];
        }
        let share = signed_area(&quad) / (self.size[0] * self.size[1]);
        if share < AREA_MIN || !is_convex_clockwise(&quad) {
            return None;
        }
        let real = || covers.iter().zip(is_rim).filter(|(_, rim)| !rim).map(|(c, _)| *c);
        let mean = real().sum::<f32>() / (4 - rim_count) as f32;
        let least = real().fold(1.0, f32::min);
        let mut overrun = 0.0;
        for i in 0..4 {
            let (a, b) = (self.corner(on[(i + 3) % 4], on[i])?, self.corner(on[i], on[(i + 1) % 4])?);
            overrun += (self.overrun(on[i], a, b) + self.overrun(on[i], b, a)) / 8.0;
        }
        let score = mean + least - 0.8 * overrun + 0.10 * share.ln() - 0.15 * rim_count as f32;
        Some((score, Candidate { quad, rims }))
    }
}

/// Between which places an edge's line lies in the frame.
fn inside(edge: &Edge, size: [f32; 2]) -> (f32, f32) {
    let (mut low, mut high) = (f32::MIN, f32::MAX);
    for (c, limit) in size.into_iter().enumerate() {
        let (at, step) = (edge.line.point[c], edge.line.direction[c]);
        if step.abs() < 1e-6 {
            continue;
        }
        let (a, b) = (-at / step, (limit - at) / step);
        low = low.max(a.min(b));
        high = high.min(a.max(b));
    }
    (low, high.max(low))
}
