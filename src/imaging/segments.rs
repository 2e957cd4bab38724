//! Straight pieces of edge in a small picture.

use crate::geometry::{Line, Point, distance};
use crate::gradient::Gradient;

/// A gradient below this many eighths of a level a pixel is noise.
const STEEPNESS_MIN: u16 = 14;
/// No more pixels than this are followed; in a busy picture the faint ones are left out.
const EDGELS_MAX: usize = 24_000;
/// A shorter piece of edge says nothing about a sheet's side.
const LENGTH_MIN_PX: f32 = 9.0;
/// How far a piece may bend off its chord.
const BEND_MAX_PX: f32 = 1.1;

/// A straight piece of edge; the brighter side (in the channel that changes most) is on its right, seen from `from` with y
/// down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) from: Point,
    pub(crate) to: Point,
    pub(crate) length: f32,
    /// Mean gradient in levels a pixel.
    pub(crate) contrast: f32,
}

/// Pixels on the crest of the gradient.
struct Crest {
    /// 0: no crest; 1: on it; 2: taken by a chain.
    state: Vec<u8>,
}

/// All straight pieces of edge.
pub(crate) fn segments(field: &Gradient) -> Vec<Segment> {
    let (mut crest, starts) = crest(field);
    let mut found = Vec::new();
    let mut chain: Vec<usize> = Vec::new();
    for start in starts {
        if crest.state[start] != 1 {
            continue;
        }
        chain.clear();
        crest.state[start] = 2;
        follow(field, &mut crest, start, 1.0, &mut chain);
        chain.reverse();
        chain.push(start);
        follow(field, &mut crest, start, -1.0, &mut chain);
        if chain.len() as f32 >= LENGTH_MIN_PX * 0.7 {
            split(field, &chain, &mut found);
        }
    }
    found
}

/// The crest's pixels: steeper than both neighbours along the gradient.
fn crest(field: &Gradient) -> (Crest, Vec<usize>) {
    let width = field.width;
    let mut state = vec![0; field.steepness.len()];
    let mut pixels = Vec::new();
    if width < 5 {
        return (Crest { state }, pixels);
    }
    for y in 2..field.height.saturating_sub(2) {
        let places = y * width + 2..(y + 1) * width - 2;
        for (i, here) in places.clone().zip(&field.steepness[places]) {
            let here = *here;
            if here < STEEPNESS_MIN {
                continue;
            }
            let (gx, gy) = (i32::from(field.x[i]), i32::from(field.y[i]));
            let (ax, ay) = (gx.abs(), gy.abs());
            let step = if ax > 2 * ay {
                1
            } else if ay > 2 * ax {
                width
            } else if (gx > 0) == (gy > 0) {
                width + 1
            } else {
                width - 1
            };
            if here > field.steepness[i - step] && here >= field.steepness[i + step] {
                state[i] = 1;
                pixels.push(i);
            }
        }
    }
    if pixels.len() > EDGELS_MAX {
        let mut order: Vec<u16> = pixels.iter().map(|i| field.steepness[*i]).collect();
        let at = order.len() - EDGELS_MAX;
        let least = *order.select_nth_unstable(at).1;
        pixels.retain(|i| {
            let keep = field.steepness[*i] >= least;
            state[*i] = u8::from(keep);
            keep
        });
    }
    (Crest { state }, pixels)
}

/// Follows the crest from a pixel, keeping the brighter side on one hand, and adds what it passes to the chain.
fn follow(field: &Gradient, crest: &mut Crest, start: usize, sense: f32, chain: &mut Vec<usize>) {
    let width = field.width;
    let mut at = start;
    loop {
        let (gx, gy) = (f32::from(field.x[at]), f32::from(field.y[at]));
        // Along the edge, the gradient a quarter turn on.
        let (tx, ty) = (gy * sense, -gx * sense);
        // The neighbour straight ahead, or else one of the two beside it.
        let octant = (ty.atan2(tx) * (4.0 / std::f32::consts::PI)).round() as i32;
        let is_next = |turn: &i32| {
            let next = neighbour(at, octant + turn, width);
            let along = gx * f32::from(field.x[next]) + gy * f32::from(field.y[next]);
            let sizes = f32::from(field.steepness[at]) * f32::from(field.steepness[next]);
            crest.state[next] == 1 && along >= 0.8 * sizes
        };
        let next = [0, 1, -1].into_iter().find(is_next).map(|turn| neighbour(at, octant + turn, width));
        let Some(next) = next else { return };
        crest.state[next] = 2;
        chain.push(next);
        at = next;
    }
}

/// The pixel next to one in a direction counted in eighths of a turn from rightward on, clockwise (y down).
fn neighbour(at: usize, eighth: i32, width: usize) -> usize {
    match eighth.rem_euclid(8) {
        0 => at + 1,
        1 => at + width + 1,
        2 => at + width,
        3 => at + width - 1,
        4 => at - 1,
        5 => at - width - 1,
        6 => at - width,
        _ => at - width + 1,
    }
}

/// Cuts a chain where it bends most until its pieces are straight, and keeps those long enough.
fn split(field: &Gradient, chain: &[usize], found: &mut Vec<Segment>) {
    let point = |i: usize| [(i % field.width) as f32 + 0.5, (i / field.width) as f32 + 0.5];
    let mut open = vec![(0, chain.len() - 1)];
    while let Some((first, last)) = open.pop() {
        let (a, b) = (point(chain[first]), point(chain[last]));
        let length = distance(a, b);
        let Some(chord) = Line::through(a, b).filter(|_| length >= LENGTH_MIN_PX * 0.7) else { continue };
        let bend = |i: &usize| chord.offset(point(chain[*i])).abs();
        let farthest = (first + 1..last).max_by(|i, j| bend(i).total_cmp(&bend(j)));
        match farthest {
            Some(i) if bend(&i) > BEND_MAX_PX => open.extend([(first, i), (i, last)]),
            _ if length >= LENGTH_MIN_PX => found.push(segment(field, &chain[first..=last], point)),
            _ => {}
        }
    }
}

fn segment(field: &Gradient, chain: &[usize], point: impl Fn(usize) -> Point) -> Segment {
    let (a, b) = (point(chain[0]), point(chain[chain.len() - 1]));
    let points: Vec<(Point, f32)> = chain.iter().map(|i| (point(*i), 1.0)).collect();
    let total: f32 = chain.iter().map(|i| f32::from(field.steepness[*i])).sum();
    let contrast = total / chain.len() as f32 / 8.0;
    // The chain's ends on the line through all of it.
    let (mut from, mut to) = (a, b);
    if let Some(line) = Line::fit(&points) {
        let onto = |p: Point| {
            let t = (p[0] - line.point[0]) * line.direction[0] + (p[1] - line.point[1]) * line.direction[1];
            [line.point[0] + line.direction[0] * t, line.point[1] + line.direction[1] * t]
        };
        (from, to) = (onto(a), onto(b));
    }
    let middle = chain[chain.len() / 2];
    let (gx, gy) = (f32::from(field.x[middle]), f32::from(field.y[middle]));
    let right = (to[0] - from[0]) * gy - (to[1] - from[1]) * gx;
    if right < 0.0 {
        std::mem::swap(&mut from, &mut to);
    }
    Segment { from, to, length: distance(from, to), contrast }
}
