//! Samples along a straight line through a plane: the innermost loop of [`warp`](crate::warp), and the one module of
//! this crate with `unsafe` in it.
//!
//! The loop is written once. Where the processor has AVX2, a copy of it runs that the compiler made for AVX2; all
//! arithmetic is in whole numbers, so both copies give the same bytes.

use crate::planes::Plane;

/// Between exact points this many pixels apart the map is taken for straight: a page seen at 45 degrees is off by
/// a hundredth of a pixel.
pub(crate) const SPAN_PX: usize = 16;

/// A straight line of [`SPAN_PX`] samples, in 65,536ths of a pixel from the middle of the plane's first.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    start: [i32; 2],
    step: [i32; 2],
}

/// Fills a whole span that lies [inside](Span::is_inside) the plane.
pub(crate) type Kernel = fn(&Plane<'_>, Span, &mut [u8; SPAN_PX]);

/// The fastest that this processor can run.
pub(crate) fn kernel() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return avx2;
    }
    fill
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls the copy that is compiled for AVX2")]
fn avx2(from: &Plane<'_>, span: Span, to: &mut [u8; SPAN_PX]) {
    #[target_feature(enable = "avx2")]
    fn compiled(from: &Plane<'_>, span: Span, to: &mut [u8; SPAN_PX]) {
        fill(from, span, to);
    }
    // SAFETY: `compiled` is safe code, and only needs a processor with AVX2. This function is private, and `kernel`
    // hands it out only where the processor has it.
    unsafe { compiled(from, span, to) }
}

#[inline(always)]
fn fill(from: &Plane<'_>, span: Span, to: &mut [u8; SPAN_PX]) {
    let stride = from.stride as i32;
    let below = from.bytes.get(from.stride..).unwrap_or_default();
    let mut at = [0_i32; SPAN_PX];
    let mut weight = [[0_u16; SPAN_PX]; 2];
    for i in 0..SPAN_PX {
        let [x, y] = [0, 1].map(|axis| span.start[axis] + span.step[axis] * i as i32);
        at[i] = (y >> 16) * stride + (x >> 16);
        weight[0][i] = (x >> 8 & 255) as u16;
        weight[1][i] = (y >> 8 & 255) as u16;
    }
    // Left and right pixel, one in each half.
    let mut pairs = [[0_u16; SPAN_PX]; 2];
    for (i, at) in at.into_iter().enumerate() {
        pairs[0][i] = pair(from.bytes, at as usize);
        pairs[1][i] = pair(below, at as usize);
    }
    for (i, to) in to.iter_mut().enumerate() {
        *to = blend([pairs[0][i], pairs[1][i]], [weight[0][i], weight[1][i]]);
    }
}

/// Two neighbouring pixels, the left one in the low half.
#[inline(always)]
fn pair(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]))
}

/// The value between two pairs of pixels, weights in 256ths.
#[inline(always)]
fn blend(pairs: [u16; 2], [tx, ty]: [u16; 2]) -> u8 {
    let [top, bottom] = pairs.map(|pair| (pair & 255) * (256 - tx) + (pair >> 8) * tx);
    let sum = u32::from(top) * u32::from(256 - ty) + u32::from(bottom) * u32::from(ty);
    ((sum + (1 << 15)) >> 16) as u8
}

impl Span {
    /// From a place towards another, where the next span starts.
    pub(crate) fn between(start: [i32; 2], end: [i32; 2]) -> Self {
        Self { start, step: [0, 1].map(|axis| (end[axis] - start[axis]) / SPAN_PX as i32) }
    }

    /// Whether all samples have four pixels of the plane around them.
    pub(crate) fn is_inside(&self, plane: &Plane<'_>) -> bool {
        let size = [plane.width, plane.height];
        (0..2).all(|axis| {
            let last = self.start[axis] + self.step[axis] * (SPAN_PX as i32 - 1);
            [self.start[axis], last].iter().all(|v| *v >= 0 && ((v >> 16) as usize) + 1 < size[axis])
        })
    }

    /// Fills the row's length of any span; outside the plane its rim goes on.
    pub(crate) fn fill_clamped(&self, plane: &Plane<'_>, to: &mut [u8]) {
        let size = [plane.width, plane.height];
        for (i, to) in to.iter_mut().enumerate() {
            let place = [0, 1].map(|axis| {
                let v = self.start[axis] + self.step[axis] * i as i32;
                v.clamp(0, (size[axis] as i32 - 1) << 16)
            });
            let [x, y] = place.map(|v| (v >> 16) as usize);
            let (right, down) = ((x + 1).min(plane.width - 1), (y + 1).min(plane.height - 1));
            let at = |x: usize, y: usize| u16::from(plane.bytes[y * plane.stride + x]);
            let pairs = [y, down].map(|y| at(x, y) | at(right, y) << 8);
            *to = blend(pairs, place.map(|v| (v >> 8 & 255) as u16));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_copy_of_the_loop_fills_alike(
            bytes in proptest::collection::vec(any::<u8>(), 70 * 61),
            (x, y) in (0_i32..68 << 16, 0_i32..60 << 16),
            (dx, dy) in (-5_i32 << 16..5 << 16, -5_i32 << 16..5 << 16),
        ) {
            let plane = Plane { bytes: &bytes, width: 69, height: 61, stride: 70 };
            let span = Span { start: [x, y], step: [dx, dy] };
            let mut slow = [0; SPAN_PX];
            span.fill_clamped(&plane, &mut slow);
            if span.is_inside(&plane) {
                for kernel in [kernel(), fill as Kernel] {
                    let mut fast = [0; SPAN_PX];
                    kernel(&plane, span, &mut fast);
                    prop_assert_eq!(fast, slow);
                }
            }
        }
    }
}
