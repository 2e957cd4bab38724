//! Resamples a plane by a projective map.

use crate::geometry::Homography;
use crate::planes::Plane;
use crate::span::{SPAN_PX, Span, kernel};

/// The page is filled in pieces so wide and so high: the part of the frame one comes from stays in the processor's
/// cache however the page is turned, and rows are long enough for it to fetch ahead.
const TILE_PX: [usize; 2] = [256, 32];
/// Planes whose shorter side is less are small: exact points are closer together in them.
const LARGE_SIDE_PX: usize = 600;
/// How close.
const SMALL_SPAN_PX: usize = 8;
/// Most samples a page's pixel takes, each way.
pub(crate) const SAMPLES_MAX: usize = 4;
/// Spans of a piece of a row at most.
const SPANS_MAX: usize = TILE_PX[0] * SAMPLES_MAX / SMALL_SPAN_PX;
/// Places are counted in 65,536ths of a pixel.
const ONE: i32 = 1 << 16;
/// Places this far outside are as good as any farther.
const OUTSIDE_MAX_PX: f64 = 4_096.0;

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
        let kernel = kernel();
        // The smaller a page, the more its map bends from pixel to pixel, and the less the time matters.
        let length_px = if self.to[0].min(self.to[1]) < LARGE_SIDE_PX { SMALL_SPAN_PX } else { SPAN_PX };
        // All divisions first: none of them waits for another one's spans.
        let mut exact = [[0; 2]; SPANS_MAX + 1];
        let exact = &mut exact[..=row.len().div_ceil(length_px)];
        exact.iter_mut().enumerate().for_each(|(i, place)| *place = places.at(i * length_px));
        for (row, ends) in row.chunks_mut(length_px).zip(exact.windows(2)) {
            let span = Span::between(ends[0], ends[1], length_px);
            match row.first_chunk_mut() {
                Some(whole) if span.is_inside(&self.from) => kernel(&self.from, span, whole),
                _ => span.fill_clamped(&self.from, row),
            }
        }
    }
}

/// Where the samples of a row lie in the plane: both coordinates and what they are divided by grow evenly.
struct Places {
    start: [f64; 3],
    step: [f64; 3],
    limit: [f64; 2],
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

    /// Where a sample lies, in 65,536ths of a pixel from the middle of the plane's first.
    #[inline]
    fn at(&self, sample: usize) -> [i32; 2] {
        let [x, y, w] = std::array::from_fn(|i| self.start[i] + self.step[i] * sample as f64);
        let divided = 1.0 / w;
        let fixed = |v: f64, limit: f64| {
            (v * divided + (0.5 - f64::from(ONE / 2))).clamp(-OUTSIDE_MAX_PX * f64::from(ONE), limit) as i32
        };
        [fixed(x, self.limit[0]), fixed(y, self.limit[1])]
    }
}
