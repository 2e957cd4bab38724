//! Sides put right on drawn sheets that lie on their like.

use yidang_model::Quad;

use crate::Picture;
use crate::geometry::{between, distance};
use crate::net::{Strip, look_across};
use crate::put_right::put_right;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// The upper sheet, the lower one that looks out below it, and the upper one with its lower side on the lower one's.
const UPPER: Quad = [[170.0, 70.0], [470.0, 78.0], [464.0, 330.0], [166.0, 320.0]];
const LOWER: Quad = [[186.0, 124.0], [484.0, 106.0], [493.0, 358.0], [196.0, 372.0]];
const BOTH: Quad = [[170.0, 70.0], [470.0, 78.0], [463.3, 359.4], [165.1, 373.5]];

/// How far inside the figure a point lies, from each side: below zero outside.
fn depths(quad: &Quad, x: f32, y: f32) -> [f32; 4] {
    std::array::from_fn(|i| {
        let (from, to) = (quad[i], quad[(i + 1) % 4]);
        let cross = (to[0] - from[0]) * (y - from[1]) - (to[1] - from[1]) * (x - from[0]);
        cross / distance(from, to)
    })
}

fn depth(quad: &Quad, x: f32, y: f32) -> f32 {
    depths(quad, x, y).into_iter().fold(f32::MAX, f32::min)
}

/// A sheet with lines of print.
fn sheet(quad: &Quad, x: f32, y: f32) -> f32 {
    let [top, _, _, left] = depths(quad, x, y);
    let is_ink = top.rem_euclid(13.0) < 3.0 && left.rem_euclid(9.0) < 6.0;
    if is_ink && depth(quad, x, y) > 26.0 { 150.0 } else { 226.0 }
}

/// What a sheet leaves of the light beside it.
fn shade(depth: f32) -> f32 {
    1.0 - 0.3 * (depth.min(0.0) / 2.5).exp()
}

/// Two sheets of a form, or one, on a dark desk.
fn desk(has_lower: bool) -> Picture {
    let level = |x: f32, y: f32| {
        if depth(&UPPER, x, y) > 0.0 {
            sheet(&UPPER, x, y)
        } else if has_lower && depth(&LOWER, x, y) > 0.0 {
            sheet(&LOWER, x, y) * shade(depth(&UPPER, x, y))
        } else {
            64.0 * shade(depth(&UPPER, x, y))
        }
    };
    let mut rgb = Vec::new();
    for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
        let points = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
        let mean = points.iter().map(|(dx, dy)| level(x as f32 + dx, y as f32 + dy)).sum::<f32>() / 4.0;
        let grain = ((x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77)) >> 27) as f32 / 8.0 - 2.0;
        rgb.extend([mean + grain; 3].map(|v| v.clamp(0.0, 255.0) as u8));
    }
    Picture::new(WIDTH, HEIGHT, rgb).unwrap()
}

fn assert_near(a: &Quad, b: &Quad) {
    assert!(a.iter().zip(b).all(|(a, b)| distance(*a, *b) < 4.0), "{a:?} {b:?}");
}

#[test]
fn a_side_on_the_sheet_below_is_put_right() {
    let right = put_right(&desk(true), &BOTH).unwrap();
    assert!(right.is_moved);
    assert_near(&right.quad, &UPPER);
}

#[test]
fn sides_that_are_right_stay() {
    // The same figure that is wrong on two sheets is right on one that is longer.
    for (picture, quad) in [(desk(true), UPPER), (desk(false), UPPER), (only(&BOTH), BOTH)] {
        let kept = put_right(&picture, &quad).unwrap();
        assert!(!kept.is_moved, "{kept:?}");
        assert_eq!(kept.quad, quad);
    }
}

#[test]
fn a_side_far_from_its_place_is_found() {
    // The figure ends well within the sheet, and then as far beyond it: farther than a strip reaches.
    for share in [0.4, -0.45] {
        let mut quad = UPPER;
        quad[1] = between(UPPER[1], UPPER[0], share);
        quad[2] = between(UPPER[2], UPPER[3], share);
        let right = put_right(&desk(false), &quad).unwrap();
        assert!(right.is_moved);
        assert_near(&right.quad, &UPPER);
    }
}

/// One sheet on a dark desk.
fn only(quad: &Quad) -> Picture {
    let level = |x: f32, y: f32| if depth(quad, x, y) > 0.0 { sheet(quad, x, y) } else { 64.0 };
    let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x as f32 + 0.5, y as f32 + 0.5)));
    Picture::new(WIDTH, HEIGHT, places.flat_map(|(x, y)| [level(x, y) as u8; 3]).collect()).unwrap()
}

#[test]
fn a_strip_says_for_each_column_how_likely_each_row_is() {
    let strip = Strip::of(&UPPER, 2);
    let seen = look_across(&desk(false), &strip);
    for column in 0..crate::net::COLUMNS {
        let rows: f32 = (0..crate::net::ROWS).map(|row| seen.at(row, column)).sum();
        assert!((rows + seen.none(column) - 1.0).abs() < 1e-3, "column {column}");
    }
    let [start, end] = [0.0, 1.0].map(|along| strip.at(along, Strip::OWN_ROW));
    assert!(distance(start, UPPER[2]) < 0.01 && distance(end, UPPER[3]) < 0.01);
}

#[test]
fn no_figure_is_looked_at_in_vain() {
    // As thin as a hair, turned over, and far outside: nothing to put right, and no harm.
    let flat = Picture::new(WIDTH, HEIGHT, vec![90; (WIDTH * HEIGHT * 3) as usize]).unwrap();
    for quad in [
        [[10.0, 10.0], [600.0, 10.0], [600.0, 10.5], [10.0, 10.5]],
        [[10.0, 10.0], [10.0, 400.0], [600.0, 400.0], [600.0, 10.0]],
        [[-900.0, -900.0], [-800.0, -900.0], [-800.0, -800.0], [-900.0, -800.0]],
        [[5.0, 5.0]; 4],
    ] {
        let righted = put_right(&flat, &quad);
        assert!(righted.is_none_or(|r| r.quad.iter().flatten().all(|v| v.is_finite())), "{quad:?}");
    }
}
