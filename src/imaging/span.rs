//! Samples along a straight line through a plane: the innermost loop of [`warp`](crate::warp), and the one module of
//! this crate with `unsafe` in it, to call what is compiled for AVX2 where the processor has it.
//!
//! All arithmetic is in whole numbers of 16 bits, so both ways give the same bytes.

use crate::planes::Plane;

/// Between exact points this many pixels apart the map is taken for straight: a page seen at 45 degrees is off by
/// a hundredth of a pixel.
pub(crate) const SPAN_PX: usize = 16;
/// What is sampled at once.
const HALF_PX: usize = SPAN_PX / 2;

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
        return with_avx2;
    }
    portable
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls what is compiled for AVX2")]
fn with_avx2(from: &Plane<'_>, span: Span, to: &mut [u8; SPAN_PX]) {
    // SAFETY: `avx2::fill` is safe code, and only needs a processor with AVX2. This function is private, and `kernel`
    // hands it out only where the processor has it.
    unsafe { avx2::fill(from, span, to) }
}

fn portable(from: &Plane<'_>, span: Span, to: &mut [u8; SPAN_PX]) {
    let (halves, _) = to.as_chunks_mut();
    for (i, half) in halves.iter_mut().enumerate() {
        fill_half(from, span, i, half);
    }
}

/// Fills the `half`th half of a span.
#[inline(always)]
fn fill_half(from: &Plane<'_>, span: Span, half: usize, to: &mut [u8; HALF_PX]) {
    let stride = from.stride as i32;
    let below = from.bytes.get(from.stride..).unwrap_or_default();
    let mut at = [0_i32; HALF_PX];
    let mut weight = [[0_u16; HALF_PX]; 2];
    for i in 0..HALF_PX {
        let [x, y] = span.place(half * HALF_PX + i);
        at[i] = (y >> 16) * stride + (x >> 16);
        weight[0][i] = (x >> 8 & 255) as u16;
        weight[1][i] = (y >> 8 & 255) as u16;
    }
    // Left and right pixel, one in each half.
    let mut pairs = [[0_u16; HALF_PX]; 2];
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

/// The value between two pairs of pixels, weights in 256ths: first down, then across in 128ths of a level.
#[inline(always)]
fn blend([top, bottom]: [u16; 2], [tx, ty]: [u16; 2]) -> u8 {
    let left = (top & 255) * (256 - ty) + (bottom & 255) * ty;
    let right = (top >> 8) * (256 - ty) + (bottom >> 8) * ty;
    let share = |value: u16, weight: u16| ((u32::from(value) * u32::from(weight << 7)) >> 16) as u16;
    ((share(left, 256 - tx) + share(right, tx) + 64) >> 7) as u8
}

impl Span {
    /// From a place towards another, where the next span starts.
    pub(crate) fn between(start: [i32; 2], end: [i32; 2]) -> Self {
        Self { start, step: [0, 1].map(|axis| (end[axis] - start[axis]) / SPAN_PX as i32) }
    }

    /// Where a sample lies.
    #[inline(always)]
    fn place(&self, sample: usize) -> [i32; 2] {
        [0, 1].map(|axis| self.start[axis] + self.step[axis] * sample as i32)
    }

    /// Whether all samples have four pixels of the plane around them.
    pub(crate) fn is_inside(&self, plane: &Plane<'_>) -> bool {
        let size = [plane.width, plane.height];
        (0..2).all(|axis| {
            [self.start[axis], self.place(SPAN_PX - 1)[axis]]
                .iter()
                .all(|v| *v >= 0 && ((v >> 16) as usize) + 1 < size[axis])
        })
    }

    /// Fills the row's length of any span; outside the plane its rim goes on.
    pub(crate) fn fill_clamped(&self, plane: &Plane<'_>, to: &mut [u8]) {
        let size = [plane.width, plane.height];
        for (i, to) in to.iter_mut().enumerate() {
            let place = self.place(i);
            let place = [0, 1].map(|axis| place[axis].clamp(0, (size[axis] as i32 - 1) << 16));
            let [x, y] = place.map(|v| (v >> 16) as usize);
            let (right, down) = ((x + 1).min(plane.width - 1), (y + 1).min(plane.height - 1));
            let at = |x: usize, y: usize| u16::from(plane.bytes[y * plane.stride + x]);
            let pairs = [y, down].map(|y| at(x, y) | at(right, y) << 8);
            *to = blend(pairs, place.map(|v| (v >> 8 & 255) as u16));
        }
    }
}

/// A page that lies nearly straight takes neighbouring pixels from neighbouring places: one load of 16 pixels a row
/// serves eight samples.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{HALF_PX, Plane, SPAN_PX, Span, fill_half};

    /// How many rows of the frame below a pixel's own are fetched while it is made.
    const AHEAD_ROWS: usize = 12;
    /// Pixels in one load.
    const LOAD_PX: usize = 16;

    #[target_feature(enable = "avx2")]
    pub(super) fn fill(from: &Plane<'_>, span: Span, to: &mut [u8; SPAN_PX]) {
        let (halves, _) = to.as_chunks_mut();
        for (i, half) in halves.iter_mut().enumerate() {
            match straight(from, span, i) {
                Some(eight) => *half = eight,
                None => fill_half(from, span, i, half),
            }
        }
    }

    /// Half a span; `None` where it does not lie in one load of each of three rows.
    #[target_feature(enable = "avx2")]
    fn straight(from: &Plane<'_>, span: Span, half: usize) -> Option<[u8; HALF_PX]> {
        let first = span.place(half * HALF_PX);
        let last = span.place(half * HALF_PX + HALF_PX - 1);
        let [left, top] = [0, 1].map(|axis| first[axis].min(last[axis]) >> 16);
        let [right, bottom] = [0, 1].map(|axis| first[axis].max(last[axis]) >> 16);
        if right - left > LOAD_PX as i32 - 2 || bottom - top > 1 {
            return None;
        }
        let at = top as usize * from.stride + left as usize;
        ahead(from, at);
        let above = load(from.bytes, at)?;
        let middle = load(from.bytes, at + from.stride)?;
        let [x, tx] = places(first[0], span.step[0], left);
        let [y, ty] = places(first[1], span.step[1], top);
        // Each lane's byte and, above it, none: 16 bits that say where a value of 16 bits comes from.
        let lefts = _mm_or_si128(x, _mm_set1_epi16(i16::MIN));
        let rights = _mm_add_epi16(lefts, _mm_set1_epi16(1));
        let pick = |row: __m128i| [_mm_shuffle_epi8(row, lefts), _mm_shuffle_epi8(row, rights)];
        let (mut upper, mut lower) = (pick(above), pick(middle));
        if bottom > top {
            let below = pick(load(from.bytes, at + 2 * from.stride)?);
            let is_lower = _mm_cmpeq_epi16(y, _mm_set1_epi16(1));
            for side in 0..2 {
                upper[side] = _mm_blendv_epi8(upper[side], lower[side], is_lower);
                lower[side] = _mm_blendv_epi8(lower[side], below[side], is_lower);
            }
        }
        let whole = _mm_set1_epi16(256);
        let from_top = _mm_sub_epi16(whole, ty);
        let down = |side: usize| {
            _mm_add_epi16(_mm_mullo_epi16(upper[side], from_top), _mm_mullo_epi16(lower[side], ty))
        };
        let share = |value: __m128i, weight: __m128i| _mm_mulhi_epu16(value, _mm_slli_epi16::<7>(weight));
        let across = _mm_add_epi16(share(down(0), _mm_sub_epi16(whole, tx)), share(down(1), tx));
        let rounded = _mm_srli_epi16::<7>(_mm_add_epi16(across, _mm_set1_epi16(64)));
        Some(_mm_cvtsi128_si64(_mm_packus_epi16(rounded, rounded)).to_le_bytes())
    }

    /// For eight places along an axis, the pixel counted from `base`, and the weight of the next one.
    #[target_feature(enable = "avx2")]
    fn places(first: i32, step: i32, base: i32) -> [__m128i; 2] {
        let steps = _mm256_mullo_epi32(_mm256_set1_epi32(step), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        let places = _mm256_add_epi32(_mm256_set1_epi32(first), steps);
        let pixels = _mm256_sub_epi32(_mm256_srai_epi32::<16>(places), _mm256_set1_epi32(base));
        let weights = _mm256_and_si256(_mm256_srli_epi32::<8>(places), _mm256_set1_epi32(255));
        [pixels, weights]
            .map(|v| _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v)))
    }

    /// Has the processor fetch what a later row of the page takes: it does not guess that by itself.
    #[inline]
    #[expect(unsafe_code, reason = "a prefetch takes a pointer")]
    fn ahead(from: &Plane<'_>, at: usize) {
        let place = from.bytes.as_ptr().wrapping_add(at + AHEAD_ROWS * from.stride);
        // SAFETY: a prefetch reads nothing and never faults, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }

    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8], at: usize) -> Option<__m128i> {
        let [low, high] = *bytes.get(at..at + LOAD_PX)?.as_chunks::<8>().0 else { return None };
        Some(_mm_set_epi64x(i64::from_le_bytes(high), i64::from_le_bytes(low)))
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
            // From nearly straight to any direction.
            (dx, dy) in (-5_i32 << 16..5 << 16, -5_i32 << 16..5 << 16),
            straighter in 0..8,
        ) {
            let plane = Plane { bytes: &bytes, width: 69, height: 61, stride: 70 };
            let span = Span { start: [x, y], step: [dx >> (straighter / 2), dy >> straighter] };
            let mut slow = [0; SPAN_PX];
            span.fill_clamped(&plane, &mut slow);
            if span.is_inside(&plane) {
                for kernel in [kernel(), portable as Kernel] {
                    let mut fast = [0; SPAN_PX];
                    kernel(&plane, span, &mut fast);
                    prop_assert_eq!(fast, slow);
                }
            }
        }
    }
}
