//! What the measures of a figure are worth.

use crate::candidates::Candidate;
use crate::figures::along;
use crate::geometry::{Point, between, distance};
use crate::net::{Of, Sightings};
use crate::sides::{COUNT, Measures};

/// What the net says of a figure, each 0 to 1: the least and the mean of its sides; the mean of the places inside it, and
/// of those around it; the least and the mean of its corners.
pub(crate) type Witness = [f32; 6];

/// What each part of the [`Witness`] adds.
const WITNESS_WEIGHTS: Witness = [3.41, -2.71, 20.07, -5.20, 1.76, -0.74];
/// What each measure adds, in the order of [`Measures`].
const WEIGHTS: Measures =
    [0.08, 5.78, 0.04, 2.08, 0.18, -0.54, -0.53, -0.48, -0.06, -4.75, -0.39, 1.79, -0.10, 1.10];
const BASE: f32 = -26.20;
/// What a figure loses that takes the frame's rim for a side, for each.
const RIM: f32 = -0.66;
/// What running out of the frame adds: little else looks like it.
const CUT: f32 = 0.14;
/// Places inside a figure that are looked at, across and down.
const INSIDE_PLACES: usize = 8;
/// Places around it, for each side, and how far off, in places of the net.
const AROUND_PLACES: usize = 8;
const AROUND_CELLS: f32 = 1.75;

/// Figures worth less than a little more than this are wrong often enough that a person should look.
const DOUBT: f32 = 2.6;

/// Asks the net about a figure.
pub(crate) fn witness(seen: &Sightings, candidate: &Candidate) -> Witness {
    let quad = &candidate.quad;
    let end = seen.end();
    let is_inside = |p: &Point| (0..2).all(|c| (seen.origin[c]..end[c]).contains(&p[c]));
    let sides: Vec<f32> =
        (0..4).filter(|i| !candidate.rims[*i]).map(|i| along(seen, quad[i], quad[(i + 1) % 4])).collect();
    let corners: Vec<f32> = quad.iter().filter(|p| is_inside(p)).map(|p| seen.at(Of::Corner, *p)).collect();
    let mut inside = (0..INSIDE_PLACES * INSIDE_PLACES).map(|i| {
        let t = |i: usize| 0.05 + 0.9 * (i as f32 + 0.5) / INSIDE_PLACES as f32;
        let (across, down) = (t(i % INSIDE_PLACES), t(i / INSIDE_PLACES));
        between(between(quad[0], quad[1], across), between(quad[3], quad[2], across), down)
    });
    let mut around = (0..4 * AROUND_PLACES).map(|i| {
        let (from, to) = (quad[i / AROUND_PLACES], quad[(i / AROUND_PLACES + 1) % 4]);
        let place = between(from, to, ((i % AROUND_PLACES) as f32 + 0.5) / AROUND_PLACES as f32);
        let off = AROUND_CELLS * seen.cell[0] / distance(from, to).max(1.0);
        [place[0] + (to[1] - from[1]) * off, place[1] - (to[0] - from[0]) * off]
    });
    let page = |places: &mut dyn Iterator<Item = Point>| {
        mean(&places.filter(is_inside).map(|p| seen.at(Of::Page, p)).collect::<Vec<f32>>())
    };
    [least(&sides), mean(&sides), page(&mut inside), page(&mut around), least(&corners), mean(&corners)]
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

fn least(values: &[f32]) -> f32 {
    if values.is_empty() { 0.0 } else { values.iter().copied().fold(1.0, f32::min) }
}

/// The worth of a figure: above zero it is more likely a page than not.
pub(crate) fn score(witness: &Witness, measures: &Measures, candidate: &Candidate, is_cut: bool) -> f32 {
    let seen: f32 = witness.iter().zip(WITNESS_WEIGHTS).map(|(value, weight)| value * weight).sum();
    let sum: f32 = (0..COUNT).map(|i| measures[i] * WEIGHTS[i]).sum();
    let rims = candidate.rims.iter().filter(|rim| **rim).count() as f32;
    seen + sum + BASE + rims * RIM + if is_cut { CUT } else { 0.0 }
}

/// 0 to 1: how likely this is the page, seeing that there is a rival of that score.
pub(crate) fn confidence(score: f32, rival: Option<f32>) -> f32 {
    let likely = |x: f32| 1.0 / (1.0 + (-x).exp());
    let margin = rival.map_or(1.0, |rival| likely(2.0 * (score - rival) + 1.5));
    likely(score - DOUBT) * margin
}
