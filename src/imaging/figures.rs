//! Rough figures that may be pages, from what the [net](crate::net) sees.
//!
//! Three kinds: the four-sided outline of each patch that is page, which needs no corner to be seen; figures whose
//! corners and sides are seen, which tells pages apart that touch; and figures between four straight stretches, which
//! finds the corner that a hand covers.

use yidang_model::Quad;

use crate::geometry::{
    Line, Point, between, cross, distance, intersection_over_union, is_convex_clockwise, minus, signed_area,
};
use crate::hull::straight_stretches;
use crate::net::{Of, Sightings};
use crate::patches::{Patch, patches};

/// Places at least this likely may be corners, the likeliest of them.
const CORNER_MIN: f32 = 0.12;
const CORNERS_MAX: usize = 16;
/// Mean likelihood along a side, at least: fingers and glare hide some of it.
const SIDE_MIN: f32 = 0.35;
/// The same for figures whose corners are not seen.
const COVERED_SIDE_MIN: f32 = 0.2;
/// No more of them than this.
const COVERED_MAX: usize = 6;
/// A stretch is straight where it is off by no more than this, in places of the net.
const STRAIGHT_CELLS: f32 = 0.8;
/// So many stretches of so many patches.
const STRETCHES_MAX: usize = 10;
const PATCHES_MAX: usize = 4;
/// Sine of the sharpest corner, about 44 degrees.
const CORNER_SINE_MIN: f32 = 0.7;
/// Corners may lie this far outside the picture, as a share of it.
const OUTSIDE_SHARE: f32 = 0.3;
/// A side is looked at so many times.
const SIDE_PLACES: usize = 16;
/// A side is at least this share of the picture's longer side.
const SIDE_SHARE_MIN: f32 = 0.06;
/// Figures that share more than this of what they cover together are the same.
const SAME: f32 = 0.96;
/// No more figures than this are looked at closely.
const FIGURES_MAX: usize = 24;

/// The figures, those of patches first, those of which most is covered last.
pub(crate) fn figures(seen: &Sightings) -> Vec<Quad> {
    let mut kept: Vec<Quad> = Vec::new();
    let patches = patches(seen);
    let corners = corners(seen);
    let outlines = patches.iter().filter_map(Patch::outline);
    let stretches = stretches(seen, &patches, &corners);
    for quad in outlines.chain(between_corners(seen, &corners)).chain(between_stretches(seen, &stretches)) {
        let same = |other: &Quad| intersection_over_union(other, &quad) > SAME;
        if kept.len() < FIGURES_MAX && !kept.iter().any(same) {
            kept.push(quad);
        }
    }
    kept
}

/// Figures whose four corners and sides are seen, the clearest first.
fn between_corners(seen: &Sightings, corners: &[Point]) -> Vec<Quad> {
    let count = corners.len();
    let mut sides = vec![0.0_f32; count * count];
    for i in 0..count {
        for j in 0..i {
            let clear = side(seen, corners[i], corners[j]);
            sides[i * count + j] = clear;
            sides[j * count + i] = clear;
        }
    }
    let clear = |i: usize, j: usize| sides[i * count + j];
    let mut found: Vec<(f32, Quad)> = Vec::new();
    for first in 0..count {
        // The first corner is the one of the lowest number, and the second's is below the last's: each figure once.
        for second in (first + 1..count).filter(|i| clear(first, *i) > 0.0) {
            for last in (second + 1..count).filter(|i| clear(first, *i) > 0.0) {
                let third = (first + 1..count).filter(|i| *i != second && *i != last);
                for third in third.filter(|i| clear(second, *i) > 0.0 && clear(*i, last) > 0.0) {
                    let on = [first, second, third, last];
                    let mut quad = on.map(|i| corners[i]);
                    if signed_area(&quad) < 0.0 {
                        quad.reverse();
                    }
                    if is_convex_clockwise(&quad) {
                        let all = (0..4).map(|i| clear(on[i], on[(i + 1) % 4]));
                        found.push((all.fold(1.0, f32::min), quad));
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, quad)| quad).collect()
}

/// Lines that a page's side may lie on: straight stretches of the patches' hulls, and between corners where a side is
/// clear, the clearest first.
fn stretches(seen: &Sightings, patches: &[Patch], corners: &[Point]) -> Vec<Line> {
    let tolerance = STRAIGHT_CELLS * seen.cell[0];
    let of_hulls =
        patches.iter().take(PATCHES_MAX).flat_map(|patch| straight_stretches(&patch.hull, tolerance));
    let pairs = (0..corners.len()).flat_map(|i| (0..i).map(move |j| [corners[i], corners[j]]));
    let mut all: Vec<(f32, [Point; 2])> =
        of_hulls.chain(pairs).map(|[from, to]| (side(seen, from, to), [from, to])).collect();
    all.retain(|(clear, _)| *clear > 0.0);
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut kept: Vec<([Point; 2], Line)> = Vec::new();
    for (_, ends) in all {
        let Some(line) = Line::through(ends[0], ends[1]) else { continue };
        let off = |line: &Line, p: Point| cross(line.direction, minus(p, line.point)).abs();
        // The same line, or a part of it.
        let same = |(other, on): &([Point; 2], Line)| {
            ends.iter().all(|p| off(on, *p) < tolerance) || other.iter().all(|p| off(&line, *p) < tolerance)
        };
        if kept.len() < STRETCHES_MAX && !kept.iter().any(same) {
            kept.push((ends, line));
        }
    }
    kept.into_iter().map(|(_, line)| line).collect()
}

/// Figures whose four sides lie on stretches, the clearest first: corners and parts of their sides may be covered.
fn between_stretches(seen: &Sightings, lines: &[Line]) -> Vec<Quad> {
    let end = seen.end();
    let is_near = |p: &Point| {
        (0..2).all(|c| {
            let share = (p[c] - seen.origin[c]) / (end[c] - seen.origin[c]);
            (-OUTSIDE_SHARE..1.0 + OUTSIDE_SHARE).contains(&share)
        })
    };
    let meet = |i: usize, j: usize| {
        let sine = cross(lines[i].direction, lines[j].direction).abs();
        lines[i].meet(&lines[j]).filter(|p| sine > CORNER_SINE_MIN && is_near(p))
    };
    let count = lines.len();
    let mut found: Vec<(f32, Quad)> = Vec::new();
    for (first, second) in (0..count).flat_map(|i| (0..i).map(move |j| (j, i))) {
        // The two that face each other, and the two across them: each figure once, with the lowest number first.
        for (third, fourth) in (first + 1..count).flat_map(|i| (first + 1..i).map(move |j| (j, i))) {
            let on = [first, third, second, fourth];
            if third == second || fourth == second {
                continue;
            }
            let corners: Option<Vec<Point>> = (0..4).map(|i| meet(on[(i + 3) % 4], on[i])).collect();
            let Some(Ok(mut quad)) = corners.map(Quad::try_from) else { continue };
            if signed_area(&quad) < 0.0 {
                quad.reverse();
            }
            if is_convex_clockwise(&quad) {
                let clear: Vec<f32> = (0..4).map(|i| along(seen, quad[i], quad[(i + 1) % 4])).collect();
                let least = clear.iter().copied().fold(1.0, f32::min);
                if least > COVERED_SIDE_MIN {
                    found.push((least + clear.iter().sum::<f32>() / 4.0, quad));
                }
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(COVERED_MAX);
    found.into_iter().map(|(_, quad)| quad).collect()
}

/// Where corners are likeliest, in pixels of the picture.
fn corners(seen: &Sightings) -> Vec<Point> {
    let [width, height] = seen.size;
    let all = seen.all(Of::Corner);
    let mut found: Vec<(f32, Point)> = Vec::new();
    for (place, here) in all.iter().copied().enumerate().filter(|(_, here)| *here >= CORNER_MIN) {
        let (x, y) = (place % width, place / width);
        let around = || {
            let rows = y.saturating_sub(1)..(y + 2).min(height);
            rows.flat_map(move |y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| (x, y)))
        };
        // Of equals the first is the peak.
        let is_peak = around().all(|(x, y)| {
            let (other, value) = (y * width + x, all[y * width + x]);
            value < here || (value == here && other >= place)
        });
        if is_peak {
            let weight: f32 = around().map(|(x, y)| all[y * width + x]).sum();
            let middle = |of: &dyn Fn(usize, usize) -> usize| {
                around().map(|(x, y)| (of(x, y) as f32 + 0.5) * all[y * width + x]).sum::<f32>() / weight
            };
            let place = [middle(&|x, _| x), middle(&|_, y| y)];
            let point = std::array::from_fn(|c| seen.origin[c] + place[c] * seen.cell[c]);
            found.push((here, point));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(CORNERS_MAX);
    found.into_iter().map(|(_, point)| point).collect()
}

/// How clearly a side is seen between two points; zero where that is not enough for one.
fn side(seen: &Sightings, from: Point, to: Point) -> f32 {
    let longer = (0..2).map(|c| seen.cell[c] * seen.size[c] as f32).fold(0.0, f32::max);
    if distance(from, to) < SIDE_SHARE_MIN * longer {
        return 0.0;
    }
    let mean = along(seen, from, to);
    if mean < SIDE_MIN { 0.0 } else { mean }
}

/// Mean likelihood of a side along a stretch.
pub(crate) fn along(seen: &Sightings, from: Point, to: Point) -> f32 {
    let step = 1.0 / SIDE_PLACES as f32;
    let places = (0..SIDE_PLACES).map(|i| between(from, to, (i as f32 + 0.5) * step));
    places.map(|place| seen.at(Of::Side, place)).sum::<f32>() * step
}
