//! How well two four-sided figures agree.

use yidang_model::Quad;

pub(crate) fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn area(corners: &[[f32; 2]]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f32>() / 2.0
}

/// Shared area over joint area of two convex clockwise figures (Sutherland and Hodgman's clipping).
pub(crate) fn intersection_over_union(a: &Quad, b: &Quad) -> f32 {
    let mut shared = a.to_vec();
    for i in 0..4 {
        let (from, to) = (b[i], b[(i + 1) % 4]);
        let inside =
            |p: [f32; 2]| (to[0] - from[0]) * (p[1] - from[1]) - (to[1] - from[1]) * (p[0] - from[0]);
        let mut kept = Vec::with_capacity(shared.len() + 1);
        for (j, p) in shared.iter().enumerate() {
            let q = shared[(j + 1) % shared.len()];
            let (at_p, at_q) = (inside(*p), inside(q));
            if at_p >= 0.0 {
                kept.push(*p);
            }
            if (at_p > 0.0 && at_q < 0.0) || (at_p < 0.0 && at_q > 0.0) {
                let t = at_p / (at_p - at_q);
                kept.push([p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t]);
            }
        }
        shared = kept;
    }
    let shared = area(&shared);
    shared / (area(a) + area(b) - shared)
}

/// Mean distance of the corners, as a share of the diagonal, whichever corner each list starts with.
pub(crate) fn corner_error(truth: &Quad, found: &Quad) -> f32 {
    let diagonal = distance(truth[0], truth[2]);
    let mean =
        |turn: usize| (0..4).map(|i| distance(truth[i], found[(i + turn) % 4])).sum::<f32>() / 4.0 / diagonal;
    (0..4).map(mean).fold(f32::MAX, f32::min)
}
