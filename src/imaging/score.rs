//! What the measures of a figure are worth.

use crate::quads::Candidate;
use crate::sides::{COUNT, Measures};

/// What each measure adds, in the order of [`Measures`].
const WEIGHTS: Measures = [-5.6, 38.7, -1.3, 6.4, 0.4, -0.4, -0.6, -0.8, -0.7, -19.3, 0.1, 5.0, 1.3, 1.1];
const BASE: f32 = -37.4;
/// What a figure loses that takes the frame's rim for a side, for each.
const RIM: f32 = -0.4;
/// What it loses for running out of the frame.
const CUT: f32 = -2.9;

/// Figures worth less than a little more than this are wrong often enough that a person should look.
const DOUBT: f32 = 1.6;

/// The worth of a figure: above zero it is more likely a page than not.
pub(crate) fn score(measures: &Measures, candidate: &Candidate, is_cut: bool) -> f32 {
    let sum: f32 = (0..COUNT).map(|i| measures[i] * WEIGHTS[i]).sum();
    let rims = candidate.rims.iter().filter(|rim| **rim).count() as f32;
    sum + BASE + rims * RIM + if is_cut { CUT } else { 0.0 }
}

/// 0 to 1: how likely this is the page, seeing that there is a rival of that score.
pub(crate) fn confidence(score: f32, rival: Option<f32>) -> f32 {
    let likely = |x: f32| 1.0 / (1.0 + (-x).exp());
    let margin = rival.map_or(1.0, |rival| likely(2.0 * (score - rival) + 1.5));
    likely(score - DOUBT) * margin
}
