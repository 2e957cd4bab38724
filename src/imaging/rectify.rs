//! Straightens a page.

use yidang_model::Quad;

use crate::geometry::{Homography, distance, is_convex_clockwise};
use crate::paper_size::MM_PER_INCH;
use crate::picture::Pixels;
use crate::planes::{NEUTRAL, Plane, Planes};
use crate::span::Kernels;
use crate::warp::{SAMPLES_MAX, Warp};
use crate::{ImageError, Orientation, Picture, paper_size};

/// Longest side of a straightened page, in pixels: A4 at 400 dpi is 4,677.
pub const PAGE_SIDE_MAX_PX: u32 = 5_000;
/// Shortest side that can be a page, in pixels.
const PAGE_SIDE_MIN_PX: f32 = 16.0;
/// How far outside the picture a corner may lie, as a share of the longer side.
const CORNER_MARGIN: f32 = 0.02;
/// A plane that gets smaller by less than this takes one sample a pixel, bilinear: between two of the frame's
/// pixels it is their mean.
const ONE_SAMPLE_MAX: f32 = 1.5;

/// What is known or wished of how many pixels a length of paper has.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scale {
    /// Pixels an inch that a page is to have whose size or scale is known.
    pub(crate) dpi: Option<u32>,
    /// The camera's pixels a millimetre, by which sizes of paper are told.
    pub(crate) px_per_mm: Option<f64>,
}

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
    let place = Place::of(picture, corners, quarter_turns, Scale { dpi, px_per_mm: None })?;
    let map = Homography::from_unit_square(&place.quad).ok_or(ImageError::BadCorners)?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let [across, down] = place.page;
    let mut rgb = vec![0; across * down * 3];
    let mut to = vec![0; across * down];
    for channel in 0..3 {
        let bytes: Vec<u8> = picture.rgb().iter().skip(channel).step_by(3).copied().collect();
        let from = Plane { bytes: &bytes, width, height, stride: width };
        place.warp(from, [1, 1], &map, place.page, [1, 1]).fill(&mut to);
        rgb.iter_mut().skip(channel).step_by(3).zip(&to).for_each(|(pixel, value)| *pixel = *value);
    }
    Picture::new(across as u32, down as u32, rgb).ok_or(ImageError::BadCorners)
}

/// The same for a frame in planes; colour comes out at half the page's resolution each way.
pub(crate) fn rectify_planes(
    frame: &Planes,
    corners: &Quad,
    quarter_turns: u8,
    scale: Scale,
) -> Result<Planes, ImageError> {
    straightened(frame, &Place::of(frame, corners, quarter_turns, scale)?)
}

/// The full frame, turned, as the page: every pixel of brightness stays what it was.
pub(crate) fn turned(frame: &Planes, quarter_turns: u8) -> Result<Planes, ImageError> {
    let (width, height) = (frame.width() as f32, frame.height() as f32);
    let mut quad = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]];
    quad.rotate_right(usize::from(quarter_turns % 4));
    let mut page = [frame.width() as usize, frame.height() as usize];
    page.rotate_right(usize::from(quarter_turns % 2));
    straightened(frame, &Place { quad, page, shrink: 1.0 })
}

fn straightened(frame: &Planes, place: &Place) -> Result<Planes, ImageError> {
    let stored = frame.stored_size().map(|side| side as f32);
    let quad = place.quad.map(|corner| frame.orientation().to_stored(corner, stored));
    let map = Homography::from_unit_square(&quad).ok_or(ImageError::BadCorners)?;
    let half = place.page.map(|side| side.div_ceil(2));
    let (samples, whole) = (half[0] * half[1], half.map(|side| side * 2));
    let mut bytes = vec![0; samples * 6];
    let (luma, colours) = bytes.split_at_mut(samples * 4);
    place.warp(frame.luma(), [1, 1], &map, whole, [1, 1]).fill(luma);
    match frame.colours() {
        Some((sampling, planes)) => {
            for (from, to) in planes.into_iter().zip(colours.chunks_exact_mut(samples)) {
                place.warp(from, sampling, &map, half, [2, 2]).fill(to);
            }
        }
        None => colours.fill(NEUTRAL),
    }
    Planes::new(place.page, Some([2, 2]), bytes, Orientation::Upright).ok_or(ImageError::BadCorners)
}

/// Where a page lies in its frame and how large it becomes.
struct Place {
    /// The corners in the upright frame, from the one that becomes the page's top left.
    quad: Quad,
    /// Pixels across and down of the page.
    page: [usize; 2],
    /// Pixels of the frame for each of the page's.
    shrink: f32,
}

impl Place {
    fn of(frame: &impl Pixels, corners: &Quad, quarter_turns: u8, scale: Scale) -> Result<Self, ImageError> {
        check_corners(frame, corners)?;
        let mut quad = *corners;
        quad.rotate_right(usize::from(quarter_turns % 4));
        let map = Homography::from_unit_square(&quad).ok_or(ImageError::BadCorners)?;
        let (width, height) = page_size(frame, &quad, &map, scale);
        let longest_side = longest_of(&quad) as f32;
        Ok(Self { quad, page: [width, height], shrink: longest_side / width.max(height) as f32 })
    }

    /// How a plane of the page is made of a plane of the frame; `each`: pixels for each sample of the plane.
    fn warp<'a>(
        &self,
        from: Plane<'a>,
        from_each: [usize; 2],
        map: &'a Homography,
        to: [usize; 2],
        to_each: [usize; 2],
    ) -> Warp<'a> {
        // What gets smaller takes the mean of several samples, or thin lines would drop out.
        let shrink = self.shrink * to_each[0] as f32 / from_each[0].max(from_each[1]) as f32;
        let samples = if shrink < ONE_SAMPLE_MAX { 1 } else { (shrink.ceil() as usize).min(SAMPLES_MAX) };
        Warp {
            from,
            from_each,
            map,
            page: self.page,
            to,
            to_each,
            samples,
            kernels: Kernels::of_this_processor(),
        }
    }
}

/// Refuses corners that cannot be a page in this picture.
pub(crate) fn check_corners(picture: &impl Pixels, corners: &Quad) -> Result<(), ImageError> {
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
fn page_size(picture: &impl Pixels, quad: &Quad, map: &Homography, scale: Scale) -> (usize, usize) {
    let side = |a: usize, b: usize| f64::from(distance(quad[a], quad[b]));
    let (top, bottom, left, right) = (side(0, 1), side(3, 2), side(0, 3), side(1, 2));
    let seen = (top + bottom) / (left + right);
    let centre = [f64::from(picture.width()) / 2.0, f64::from(picture.height()) / 2.0];
    let told = map.aspect(centre).filter(|told| (0.75..1.34).contains(&(told / seen)));
    let aspect = told.unwrap_or(seen);
    let size = paper_size(aspect, longest_of(quad), scale.px_per_mm);
    let aspect = size.map_or(aspect, |size| {
        let [short, long] = size.sides_mm();
        if aspect >= 1.0 { long / short } else { short / long }
    });
    // The larger of the two sizes that keep one side at the picture's own resolution: nothing gets lost.
    let height = top.max(bottom).max(left.max(right) * aspect) / aspect;
    let natural = height.max(height * aspect);
    let longest = match (scale.dpi.map(|dpi| f64::from(dpi.max(1))), size, scale.px_per_mm) {
        (Some(dpi), Some(size), _) => size.long_side_px(dpi),
        (Some(dpi), None, Some(px_per_mm)) if px_per_mm > 0.0 => natural * dpi / (px_per_mm * MM_PER_INCH),
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
