//! How far the corners of two four-sided figures are apart.

use yidang_model::Quad;

pub(crate) fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Mean distance of the corners, as a share of the diagonal, whichever corner each list starts with.
pub(crate) fn corner_error(truth: &Quad, found: &Quad) -> f32 {
    let diagonal = distance(truth[0], truth[2]);
    let mean =
        |turn: usize| (0..4).map(|i| distance(truth[i], found[(i + turn) % 4])).sum::<f32>() / 4.0 / diagonal;
    (0..4).map(mean).fold(f32::MAX, f32::min)
}
