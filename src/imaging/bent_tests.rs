//! Corners of sheets whose ends bend away, and of such that lie flat.

use yidang_model::Quad;

use crate::bent::bent;
use crate::geometry::{Point, distance};
use crate::{Picture, find_page};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const DESK: f32 = 70.0;
const PAPER: f32 = 225.0;

/// A sheet between these points, in clockwise order, on a plain desk; with a second sheet or a printed frame where
/// `other` says so.
fn sheet(outline: &[Point], other: impl Fn(f32, f32) -> Option<f32>) -> Picture {
    let is_inside = |x: f32, y: f32| {
        let crossings = (0..outline.len()).filter(|i| {
            let (a, b) = (outline[*i], outline[(i + 1) % outline.len()]);
            (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]
        });
        crossings.count() % 2 == 1
    };
    let mut rgb = Vec::new();
    for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
        let mut sum = 0.0;
        for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
            let (x, y) = (x as f32 + dx, y as f32 + dy);
            let level = if is_inside(x, y) { PAPER } else { DESK };
            sum += other(x, y).unwrap_or(level) / 4.0;
        }
        let grain = ((x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77)) >> 24) as f32 / 64.0;
        rgb.extend([(sum + grain) as u8; 3]);
    }
    Picture::new(WIDTH, HEIGHT, rgb).unwrap()
}

fn nothing_else(_: f32, _: f32) -> Option<f32> {
    None
}

/// The right side runs straight down from the second corner, and the last quarter of it bends outwards.
const FLAPPED: [Point; 5] = [[150.0, 60.0], [420.0, 60.0], [420.0, 335.0], [434.0, 430.0], [150.0, 430.0]];
/// The figure that a straight line along most of that side gives.
const STRAIGHT: Quad = [[150.0, 60.0], [420.0, 60.0], [420.0, 430.0], [150.0, 430.0]];

#[test]
fn the_corner_of_a_flap_is_where_its_edge_ends() {
    let found = bent(&sheet(&FLAPPED, nothing_else), &STRAIGHT).unwrap();
    for (corner, truth) in found.iter().zip([FLAPPED[0], FLAPPED[1], FLAPPED[3], FLAPPED[4]]) {
        assert!(distance(*corner, truth) < 1.5, "{found:?}");
    }
}

#[test]
fn the_page_finder_finds_the_flap_as_well() {
    let found = find_page(&sheet(&FLAPPED, nothing_else)).unwrap();
    assert!(distance(found.corners[2], FLAPPED[3]) < 3.0, "{found:?}");
}

#[test]
fn a_flat_sheet_keeps_its_corners() {
    assert_eq!(bent(&sheet(&STRAIGHT, nothing_else), &STRAIGHT), None);
}

/// A frame printed close to the rim is steeper than the rim itself, but leads to no corner.
#[test]
fn a_printed_frame_is_no_bend() {
    let frame = |x: f32, y: f32| {
        let at = |v: f32, line: f32| (v - line).abs() < 2.0;
        let within = (160.0..=410.0).contains(&x) && (70.0..=420.0).contains(&y);
        (within && (at(x, 160.0) || at(x, 410.0) || at(y, 70.0) || at(y, 420.0))).then_some(20.0)
    };
    assert_eq!(bent(&sheet(&STRAIGHT, frame), &STRAIGHT), None);
}

/// The sheet below looks out, turned a little, past the last stretch of a side.
#[test]
fn the_side_of_a_sheet_below_is_no_bend() {
    let below = |x: f32, y: f32| {
        let is_below = x < 440.0 + (y - 245.0) * 0.06 && y > 150.0 && y < 460.0 && x > 250.0;
        let is_top = (150.0..420.0).contains(&x) && (60.0..430.0).contains(&y);
        (is_below && !is_top).then_some(190.0)
    };
    assert_eq!(bent(&sheet(&STRAIGHT, below), &STRAIGHT), None);
}
