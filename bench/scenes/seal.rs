//! The round red seal of an office: ring, five-pointed star, name along the arc, worn ink.

use std::f32::consts::{PI, TAU};

use crate::lettering::{Face, Lettering};
use crate::random::smooth_noise;
use crate::sheet::{Colour, DOTS_PER_MM, Sheet};

const INK: Colour = [205, 38, 34];
const RADIUS_MM: f32 = 20.0;
const RING_MM: f32 = 1.1;
const STAR_MM: f32 = 6.4;
const LETTER_MM: f32 = 4.4;

/// Stamps a seal, its centre at a point, on a sheet; `seed` decides where the ink is worn.
pub(crate) fn stamp(sheet: &mut Sheet, letters: &Lettering, name: &str, centre: [f32; 2], seed: u32) {
    let [cx, cy] = centre;
    let reach = RADIUS_MM + 1.0;
    // Drawn apart and then laid on, so that wear goes through all of it and the print below shows.
    let mut apart = Sheet::new(reach * 2.0, reach * 2.0, [0, 0, 0]);
    let whole = [0.0, 0.0, reach * 2.0, reach * 2.0];
    apart.shape(whole, [255; 3], |x, y| {
        ((x - reach).hypot(y - reach) - RADIUS_MM + RING_MM / 2.0).abs() - RING_MM / 2.0
    });
    apart.shape(whole, [255; 3], |x, y| star_distance(x - reach, y - reach));
    let count = name.chars().count();
    let step = (250.0_f32.to_radians() / count.max(2) as f32).min(0.36);
    for (i, character) in name.chars().enumerate() {
        let turn = (i as f32 - (count as f32 - 1.0) / 2.0) * step;
        let patch = letters.glyph(character, Face::Song, LETTER_MM * DOTS_PER_MM);
        let (sin, cos) = turn.sin_cos();
        let base = RADIUS_MM - RING_MM - 1.0 - LETTER_MM * 0.86;
        let half = patch.advance / DOTS_PER_MM / 2.0;
        let at = [reach + base * sin - half * cos, reach - base * cos - half * sin];
        apart.stamp(&patch, at, turn, [255; 3]);
    }
    let lean = 0.06;
    let (sin, cos) = f32::sin_cos(lean);
    sheet.paint([cx - reach, cy - reach, cx + reach, cy + reach], INK, |x, y| {
        let (dx, dy) = (x - cx, y - cy);
        let ink = apart.colour(reach + dx * cos + dy * sin, reach + dy * cos - dx * sin)[0] / 255.0;
        let patchy = 0.80
            + 0.16 * smooth_noise(x * 0.25, y * 0.25, seed)
            + 0.18 * smooth_noise(x * 3.0, y * 3.0, seed);
        ink * patchy.min(0.92)
    });
}

/// Signed distance, near enough, to a five-pointed star with a point up.
fn star_distance(x: f32, y: f32) -> f32 {
    let around = (x.atan2(-y) + TAU).rem_euclid(TAU / 5.0);
    let folded = around.min(TAU / 5.0 - around);
    let r = x.hypot(y);
    let (px, py) = (r * folded.cos(), r * folded.sin());
    // The edge runs from the outer point on the axis to the inner point at 36 degrees.
    let inner = STAR_MM * 0.382;
    let (ix, iy) = (inner * (PI / 5.0).cos(), inner * (PI / 5.0).sin());
    let (ex, ey) = (ix - STAR_MM, iy);
    ((px - STAR_MM) * -ey + py * ex) / -ex.hypot(ey)
}
