//! Straightens a page.

use yidang_model::Quad;

use crate::geometry::{Homography, distance, is_convex_clockwise};
use crate::{ImageError, Picture, paper_size};

/// Longest side of a straightened page, in pixels: A4 at 400 dpi is 4,677.
pub const PAGE_SIDE_MAX_PX: u32 = 5_000;
/// Shortest side that can be a page, in pixels.
const PAGE_SIDE_MIN_PX: f32 = 16.0;
/// How far outside the picture a corner may lie, as a share of the longer side.
const CORNER_MARGIN: f32 = 0.02;

/// Cuts the page out and straightens it.
///
/// `corners` are the page's top-left, top-right, bottom-right and bottom-left in the picture; the page is then
/// turned clockwise by `quarter_turns`. Its proportions are those of the paper as far as the perspective tells
/// them, and exactly those of the paper that [`paper_size`] takes it for. Its size keeps the picture's own
/// resolution; with `dpi`, a paper of known size is given that many pixels an inch. No side is longer than
/// [`PAGE_SIDE_MAX_PX`]. Bilinear.
///
/// # Errors
/// `BadCorners`.
pub fn rectify(
    picture: &Picture,
    corners: &Quad,
    quarter_turns: u8,
    dpi: Option<u32>,
) -> Result<Picture, ImageError> {
    check_corners(picture, corners)?;
    let mut quad = *corners;
    quad.rotate_right(usize::from(quarter_turns % 4));
    let map = Homography::from_unit_square(&quad).ok_or(ImageError::BadCorners)?;
    let (width, height) = page_size(picture, &quad, &map, dpi);
    let longest_side = longest_of(&quad) as f32;
    // A page that gets smaller takes the mean of several samples, or thin lines would drop out.
    let shrink = longest_side / width.max(height) as f32;
    let samples = (shrink.ceil() as usize).clamp(1, 4);
    let share = 1.0 / (samples * samples) as f32;
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0_f32; 3];
            for i in 0..samples * samples {
                let place = |v: usize, i: usize| v as f64 + (i as f64 + 0.5) / samples as f64;
                let u = place(x, i % samples) / width as f64;
                let v = place(y, i / samples) / height as f64;
                let [px, py] = map.apply(u, v);
                for (s, c) in sum.iter_mut().zip(picture.sample(px, py)) {
                    *s += c;
                }
            }
            rgb.extend(sum.map(|s| (s * share + 0.5) as u8));
        }
    }
    Picture::new(width as u32, height as u32, rgb).ok_or(ImageError::BadCorners)
}

/// Refuses corners that cannot be a page in this picture.
pub(crate) fn check_corners(picture: &Picture, corners: &Quad) -> Result<(), ImageError> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let margin = width.max(height) * CORNER_MARGIN;
    let inside = |[x, y]: &[f32; 2]| {
        x.is_finite()
            && y.is_finite()
            && (-margin..=width + margin).contains(x)
            && (-margin..=height + margin).contains(y)
    };
    let long_enough = |i: usize| distance(corners[i], corners[(i + 1) % 4]) >= PAGE_SIDE_MIN_PX;
    if corners.iter().all(inside) && is_convex_clockwise(corners) && (0..4).all(long_enough) {
        Ok(())
    } else {
        Err(ImageError::BadCorners)
    }
}

/// Pixels across and down of the straightened page.
fn page_size(picture: &Picture, quad: &Quad, map: &Homography, dpi: Option<u32>) -> (usize, usize) {
    let side = |a: usize, b: usize| f64::from(distance(quad[a], quad[b]));
    let (top, bottom, left, right) = (side(0, 1), side(3, 2), side(0, 3), side(1, 2));
    let seen = (top + bottom) / (left + right);
    let centre = [f64::from(picture.width()) / 2.0, f64::from(picture.height()) / 2.0];
    let told = map.aspect(centre).filter(|told| (0.75..1.34).contains(&(told / seen)));
    let aspect = told.unwrap_or(seen);
    let size = paper_size(aspect, longest_of(quad), None);
    let aspect = size.map_or(aspect, |size| {
        let [short, long] = size.sides_mm();
        if aspect >= 1.0 { long / short } else { short / long }
    });
    // The larger of the two sizes that keep one side at the picture's own resolution: nothing gets lost.
    let height = top.max(bottom).max(left.max(right) * aspect) / aspect;
    let natural = height.max(height * aspect);
    let longest = match (dpi, size) {
        (Some(dpi), Some(size)) => size.long_side_px(f64::from(dpi.max(1))),
        _ => natural,
    };
    let longest = longest.min(f64::from(PAGE_SIDE_MAX_PX));
    let (width, height) =
        if aspect >= 1.0 { (longest, longest / aspect) } else { (longest * aspect, longest) };
    (width.round().max(1.0) as usize, height.round().max(1.0) as usize)
}

/// The longest side, in pixels.
pub(crate) fn longest_of(quad: &Quad) -> f64 {
    (0..4).map(|i| f64::from(distance(quad[i], quad[(i + 1) % 4]))).fold(0.0, f64::max)
}
