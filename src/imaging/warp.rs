//! Resamples a plane by a projective map.

use crate::geometry::Homography;
use crate::planes::Plane;
use crate::span::{Kernels, ONE, OUTSIDE_MAX_PX, Places};

/// The page is filled in pieces so wide and so high: the part of the frame one comes from stays in the processor's
/// cache however the page is turned, and rows are long enough for it to fetch ahead.
const TILE_PX: [usize; 2] = [256, 32];
/// Planes whose shorter side is less are small: exact points are closer together in them.
const LARGE_SIDE_PX: usize = 600;
/// Most samples a page's pixel takes, each way.
pub(crate) const SAMPLES_MAX: usize = 4;

/// A plane of a frame and the plane of a page that is made of it.
pub(crate) struct Warp<'a> {
    pub(crate) from: Plane<'a>,
    /// Pixels of the frame for each of the plane's, across and down.
    pub(crate) from_each: [usize; 2],
    /// Takes the unit square to the page's place in the frame, in the frame's pixels as stored.
    pub(crate) map: &'a Homography,
    /// The page's size in pixels of brightness.
    pub(crate) page: [usize; 2],
    /// The size of the page's plane, at least what the page needs: what is over goes on as the page does.
    pub(crate) to: [usize; 2],
    /// Pixels of the page for each of the plane's, across and down.
    pub(crate) to_each: [usize; 2],
    /// Samples of which each pixel is the mean, each way, at most [`SAMPLES_MAX`].
    pub(crate) samples: usize,
    pub(crate) kernels: Kernels,
}

impl Warp<'_> {
    /// Fills the page's plane, row by row; `to` has the room for exactly that.
    pub(crate) fn fill(&self, to: &mut [u8]) {
        let [width, height] = self.to;
        for top in (0..height).step_by(TILE_PX[1]) {
            for left in (0..width).step_by(TILE_PX[0]) {
                let across = TILE_PX[0].min(width - left);
                for y in top..height.min(top + TILE_PX[1]) {
                    let row = &mut to[y * width + left..][..across];
                    match self.samples {
                        0 | 1 => self.line(left, y as f64 + 0.5, row),
                        _ => self.averaged(left, y, row),
                    }
                }
            }
        }
    }

    /// A piece of a row, whose pixels are each the mean of several samples.
    fn averaged(&self, left: usize, y: usize, row: &mut [u8]) {
        let samples = self.samples.min(SAMPLES_MAX);
        let mut sums = [0_u32; TILE_PX[0]];
        let mut line = [0_u8; TILE_PX[0] * SAMPLES_MAX];
        let line = &mut line[..row.len() * samples];
        for i in 0..samples {
            self.line(left * samples, y as f64 + (i as f64 + 0.5) / samples as f64, line);
            for (sum, values) in sums.iter_mut().zip(line.chunks_exact(samples)) {
                *sum += values.iter().map(|v| u32::from(*v)).sum::<u32>();
            }
        }
        let count = (samples * samples) as u32;
        for (pixel, sum) in row.iter_mut().zip(sums) {
            *pixel = ((sum + count / 2) / count) as u8;
        }
    }

    /// A piece of a row of samples, from sample `left` on, at the height `y`.
    fn line(&self, left: usize, y: f64, row: &mut [u8]) {
        let samples = self.samples.max(1);
        let v = y * self.to_each[1] as f64 / self.page[1] as f64;
        let each = self.to_each[0] as f64 / (self.page[0] * samples) as f64;
        let places = Places::along(self, (left as f64 + 0.5) * each, v, each);
        // The smaller a page, the more its map bends from pixel to pixel, and the less the time matters.
        let is_large = self.to[0].min(self.to[1]) >= LARGE_SIDE_PX;
        (if is_large { self.kernels.long } else { self.kernels.short })(&self.from, &places, row);
    }
}

impl Places {
    /// From a point of the unit square on, each sample `each` farther to the right.
    fn along(warp: &Warp<'_>, u: f64, v: f64, each: f64) -> Self {
        let m = warp.map.matrix();
        let row = |i: usize, each: f64| [m[i] * u + m[i + 1] * v + m[i + 2], m[i] * each];
        let [x, y, w] = [row(0, each), row(3, each), row(6, each)];
        let [across, down] = warp.from_each.map(|each| f64::from(ONE) / each as f64);
        Self {
            start: [x[0] * across, y[0] * down, w[0]],
            step: [x[1] * across, y[1] * down, w[1]],
            limit: [warp.from.width, warp.from.height]
                .map(|side| (side as f64 + OUTSIDE_MAX_PX) * f64::from(ONE)),
        }
    }
}
