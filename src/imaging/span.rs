//! Samples along a row of a page through a plane: the innermost loop of [`warp`](crate::warp), and the one module of
//! this crate with `unsafe` in it, to call what is compiled for AVX2 where the processor has it.
//!
//! Exact places are computed some pixels apart, and between them the map is taken for straight. All arithmetic there is
//! in whole numbers of 16 bits, so both ways give the same bytes.

use crate::planes::Plane;

/// Between exact points this many pixels apart the map of a large page is taken for straight: seen at 45 degrees it is
/// off by a twentieth of a pixel. In a small page they are closer together.
const SPAN_PX: usize = 32;
const SMALL_SPAN_PX: usize = 8;
/// So many spans at once have their exact points computed: none of the divisions waits for another one's span.
const SPANS: usize = 8;
/// What is sampled at once.
const EIGHT_PX: usize = 8;
/// Places are counted in 65,536ths of a pixel.
pub(crate) const ONE: i32 = 1 << 16;
/// Places this far outside are as good as any farther.
pub(crate) const OUTSIDE_MAX_PX: f64 = 4_096.0;

/// Where the samples of a row lie in the plane: both coordinates, in `ONE`ths of a pixel from its outer corner, and what
/// they are divided by grow evenly.
pub(crate) struct Places {
    pub(crate) start: [f64; 3],
    pub(crate) step: [f64; 3],
    /// As good as any farther.
    pub(crate) limit: [f64; 2],
}

impl Places {
    /// Where the sample lies that a span starts with, from the middle of the plane's first pixel.
    #[inline(always)]
    fn at(&self, sample: i32) -> [i32; 2] {
        let sample = f64::from(sample);
        let [x, y, w] = [0, 1, 2].map(|i| self.start[i] + self.step[i] * sample);
        let divided = 1.0 / w;
        let fixed = |v: f64, limit: f64| {
            let place = v * divided + (0.5 - f64::from(ONE / 2));
            place.max(-OUTSIDE_MAX_PX * f64::from(ONE)).min(limit) as i32
        };
        [fixed(x, self.limit[0]), fixed(y, self.limit[1])]
    }
}

/// A straight line of samples, in 65,536ths of a pixel from the middle of the plane's first.
#[derive(Clone, Copy)]
struct Span {
    start: [i32; 2],
    step: [i32; 2],
}

/// Fills a row of any length.
type Kernel = fn(&Plane<'_>, &Places, &mut [u8]);

/// The loop as this processor runs it best, for large and for small pages.
#[derive(Clone, Copy)]
pub(crate) struct Kernels {
    pub(crate) long: Kernel,
    pub(crate) short: Kernel,
}

impl Kernels {
    /// The fastest that this processor can run.
    pub(crate) fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return AVX2;
        }
        Self::PORTABLE
    }

    const PORTABLE: Self = Self {
        long: |from, places, to| row::<SPAN_PX>(from, places, to, portable),
        short: |from, places, to| row::<SMALL_SPAN_PX>(from, places, to, portable),
    };
}

/// Only for processors with AVX2.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls what is compiled for AVX2")]
const AVX2: Kernels = Kernels {
    // SAFETY: both are safe code, and only need a processor that `Kernels::of_this_processor` found.
    long: |from, places, to| unsafe { avx2::long(from, places, to) },
    // SAFETY: as above.
    short: |from, places, to| unsafe { avx2::short(from, places, to) },
};

/// Fills a row, `LENGTH` samples in each span; `fill` fills a whole span that lies inside the plane.
#[inline(always)]
fn row<const LENGTH: usize>(
    from: &Plane<'_>,
    places: &Places,
    to: &mut [u8],
    fill: impl Fn(&Plane<'_>, &Span, &mut [u8; LENGTH]),
) {
    let mut first = 0;
    for to in to.chunks_mut(SPANS * LENGTH) {
        let ends: [[i32; 2]; SPANS + 1] = std::array::from_fn(|i| places.at(first + (i * LENGTH) as i32));
        for (to, ends) in to.chunks_mut(LENGTH).zip(ends.windows(2)) {
            let span = Span::between::<LENGTH>(ends[0], ends[1]);
            if !span.is_inside::<LENGTH>(from) {
                span.fill_clamped(from, to);
                continue;
            }
            match to.first_chunk_mut() {
                Some(whole) => fill(from, &span, whole),
                None => part(from, &span, to),
            }
        }
        first += (SPANS * LENGTH) as i32;
    }
}

fn portable<const LENGTH: usize>(from: &Plane<'_>, span: &Span, to: &mut [u8; LENGTH]) {
    let (eights, _) = to.as_chunks_mut();
    for (i, eight) in eights.iter_mut().enumerate() {
        fill_eight(from, span, i, eight);
    }
}

/// Fills the row's length of a span whose last sample lies inside the plane, too.
#[cold]
#[inline(never)]
fn part(from: &Plane<'_>, span: &Span, to: &mut [u8]) {
    for (i, to) in to.chunks_mut(EIGHT_PX).enumerate() {
        let mut eight = [0; EIGHT_PX];
        fill_eight(from, span, i, &mut eight);
        to.copy_from_slice(&eight[..to.len()]);
    }
}

/// Fills eight samples of a span, from sample `eight` times eight on.
#[inline(always)]
fn fill_eight(from: &Plane<'_>, span: &Span, eight: usize, to: &mut [u8; EIGHT_PX]) {
    let stride = from.stride as i32;
    let below = from.bytes.get(from.stride..).unwrap_or_default();
    let mut at = [0_i32; EIGHT_PX];
    let mut weight = [[0_u16; EIGHT_PX]; 2];
    for i in 0..EIGHT_PX {
        let [x, y] = span.place(eight * EIGHT_PX + i);
        at[i] = (y >> 16) * stride + (x >> 16);
        weight[0][i] = (x >> 8 & 255) as u16;
        weight[1][i] = (y >> 8 & 255) as u16;
    }
    // Left and right pixel, one in each half.
    let mut pairs = [[0_u16; EIGHT_PX]; 2];
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
    /// From a place towards another, where the next span starts `LENGTH` samples on.
    #[inline(always)]
    fn between<const LENGTH: usize>(start: [i32; 2], end: [i32; 2]) -> Self {
        Self { start, step: [0, 1].map(|axis| (end[axis] - start[axis]) / LENGTH as i32) }
    }

    /// Where a sample lies.
    #[inline(always)]
    fn place(&self, sample: usize) -> [i32; 2] {
        [0, 1].map(|axis| self.start[axis] + self.step[axis] * sample as i32)
    }

    /// Whether all samples have four pixels of the plane around them.
    #[inline(always)]
    fn is_inside<const LENGTH: usize>(&self, plane: &Plane<'_>) -> bool {
        let size = [plane.width, plane.height];
        (0..2).all(|axis| {
            [self.start[axis], self.place(LENGTH - 1)[axis]]
                .iter()
                .all(|v| *v >= 0 && ((v >> 16) as usize) + 1 < size[axis])
        })
    }

    /// Fills the row's length of any span; outside the plane its rim goes on.
    #[cold]
    #[inline(never)]
    fn fill_clamped(&self, plane: &Plane<'_>, to: &mut [u8]) {
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
/// serves eight samples, and each half of a register has eight of its own.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{EIGHT_PX, Places, Plane, SMALL_SPAN_PX, SPAN_PX, Span, portable, row};

    /// What is sampled at once.
    const SIXTEEN_PX: usize = 2 * EIGHT_PX;
    /// How many rows of the frame below a pixel's own are fetched while it is made.
    const AHEAD_ROWS: usize = 12;
    /// Pixels in one load.
    const LOAD_PX: usize = 16;
    /// From sample to sample at most, in 65,536ths of a pixel, so that eight lie in one load, and in three rows.
    const ACROSS_MAX: i32 = ((LOAD_PX as i32 - 3) << 16) / (EIGHT_PX as i32 - 1);
    const DOWN_MAX: i32 = (1 << 16) / (EIGHT_PX as i32 - 1);

    #[target_feature(enable = "avx2")]
    pub(super) fn long(from: &Plane<'_>, places: &Places, to: &mut [u8]) {
        row::<SPAN_PX>(from, places, to, |from, span, to| fill(from, span, to));
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn short(from: &Plane<'_>, places: &Places, to: &mut [u8]) {
        row::<SMALL_SPAN_PX>(from, places, to, portable);
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn fill(from: &Plane<'_>, span: &Span, to: &mut [u8; SPAN_PX]) {
        if span.step[0].abs() > ACROSS_MAX || span.step[1].abs() > DOWN_MAX {
            return steep(from, span, to);
        }
        let [first, second] = to.as_chunks_mut().0 else { return };
        match (straight::<3>(from, span, 0), straight::<3>(from, span, SIXTEEN_PX)) {
            (Some(filled), Some(and_filled)) => [*first, *second] = [filled, and_filled],
            _ => steep(from, span, to),
        }
    }

    /// A span of any slope. Apart, so that the processor's registers are free for most of them.
    #[inline(never)]
    #[target_feature(enable = "avx2")]
    fn steep(from: &Plane<'_>, span: &Span, to: &mut [u8; SPAN_PX]) {
        if span.step[0].abs() <= ACROSS_MAX && span.step[1].abs() <= 3 * DOWN_MAX {
            let [first, second] = to.as_chunks_mut().0 else { return };
            if let Some(filled) = straight::<5>(from, span, 0)
                && let Some(and_filled) = straight::<5>(from, span, SIXTEEN_PX)
            {
                [*first, *second] = [filled, and_filled];
                return;
            }
        }
        portable(from, span, to);
    }

    /// Sixteen samples of a span, from one of them on, of which each eight lie in `ROWS` rows; `None` where a load would
    /// reach beyond the plane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn straight<const ROWS: usize>(from: &Plane<'_>, span: &Span, first: usize) -> Option<[u8; SIXTEEN_PX]> {
        // Where the loads of each half begin.
        let start = span.place(first);
        let least = |axis: usize| start[axis] + span.step[axis].min(0) * (EIGHT_PX as i32 - 1);
        let [left, top] = [least(0), least(1)];
        let lefts = [left >> 16, (left + span.step[0] * EIGHT_PX as i32) >> 16];
        let tops = [top >> 16, (top + span.step[1] * EIGHT_PX as i32) >> 16];
        let at = [0, 1].map(|half| tops[half] as usize * from.stride + lefts[half] as usize);
        ahead(from, at[0]);
        let rows = rows::<ROWS>(from, at)?;
        let [x, tx] = places(start[0], span.step[0], lefts);
        let [y, ty] = places(start[1], span.step[1], tops);
        // Each lane's byte and, above it, none: 16 bits that say where a value of 16 bits comes from.
        let lefts = _mm256_or_si256(x, _mm256_set1_epi16(i16::MIN));
        let rights = _mm256_add_epi16(lefts, _mm256_set1_epi16(1));
        // The upper row in 256ths, and on towards the lower one.
        let down = |places: __m256i| {
            let mut rows = rows;
            for row in &mut rows {
                *row = _mm256_shuffle_epi8(*row, places);
            }
            let (mut upper, mut lower) = (rows[0], rows[1]);
            for i in 1..ROWS - 1 {
                let is_here = _mm256_cmpeq_epi16(y, _mm256_set1_epi16(i as i16));
                upper = _mm256_blendv_epi8(upper, rows[i], is_here);
                lower = _mm256_blendv_epi8(lower, rows[i + 1], is_here);
            }
            let part = _mm256_mullo_epi16(_mm256_sub_epi16(lower, upper), ty);
            _mm256_add_epi16(_mm256_slli_epi16::<8>(upper), part)
        };
        let weight = _mm256_slli_epi16::<7>(tx);
        let from_left = _mm256_sub_epi16(_mm256_set1_epi16(i16::MIN), weight);
        let across = _mm256_add_epi16(
            _mm256_mulhi_epu16(down(lefts), from_left),
            _mm256_mulhi_epu16(down(rights), weight),
        );
        let rounded = _mm256_srli_epi16::<7>(_mm256_add_epi16(across, _mm256_set1_epi16(64)));
        let [low, high] = [_mm256_castsi256_si128(rounded), _mm256_extracti128_si256::<1>(rounded)];
        let packed = _mm_packus_epi16(low, high);
        let halves = [_mm_cvtsi128_si64(packed), _mm_extract_epi64::<1>(packed)];
        let mut filled = [0; SIXTEEN_PX];
        for (to, half) in filled.as_chunks_mut().0.iter_mut().zip(halves) {
            *to = half.to_le_bytes();
        }
        Some(filled)
    }

    /// For sixteen places along an axis, the pixel counted from its half's base, and the weight of the next one.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn places(first: i32, step: i32, [low, high]: [i32; 2]) -> [__m256i; 2] {
        let bases = _mm256_set_m128i(_mm_set1_epi32(high), _mm_set1_epi32(low));
        // Packing takes the first four of both, then the last four of both.
        let samples = _mm256_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11);
        let step = _mm256_set1_epi32(step);
        let earlier = _mm256_add_epi32(_mm256_set1_epi32(first), _mm256_mullo_epi32(step, samples));
        let later = _mm256_add_epi32(earlier, _mm256_slli_epi32::<2>(step));
        let pixel = |place: __m256i| _mm256_sub_epi32(_mm256_srai_epi32::<16>(place), bases);
        let weight = |place: __m256i| _mm256_and_si256(_mm256_srli_epi32::<8>(place), _mm256_set1_epi32(255));
        [_mm256_packs_epi32(pixel(earlier), pixel(later)), _mm256_packs_epi32(weight(earlier), weight(later))]
    }

    /// Has the processor fetch what a later row of the page takes: it does not guess that by itself.
    #[inline]
    #[expect(unsafe_code, reason = "a prefetch takes a pointer")]
    fn ahead(from: &Plane<'_>, at: usize) {
        let place = from.bytes.as_ptr().wrapping_add(at + AHEAD_ROWS * from.stride);
        // SAFETY: a prefetch reads nothing and never faults, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }

    /// From each of two places sixteen pixels, and those below them, `ROWS` rows in all.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn rows<const ROWS: usize>(from: &Plane<'_>, [low, high]: [usize; 2]) -> Option<[__m256i; ROWS]> {
        // All that must be checked for each place is that its last row ends inside the plane.
        let reach = (ROWS - 1) * from.stride + LOAD_PX;
        let (low, high) = (from.bytes.get(low..)?.get(..reach)?, from.bytes.get(high..)?.get(..reach)?);
        let mut rows = [_mm256_setzero_si256(); ROWS];
        // Loops, and nothing that takes a closure: what does is compiled without AVX2, and calls it.
        for (i, row) in rows.iter_mut().enumerate() {
            let (low, high) = (low.get(i * from.stride..)?, high.get(i * from.stride..)?);
            *row = _mm256_set_m128i(load(high.first_chunk()?), load(low.first_chunk()?));
        }
        Some(rows)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(from: &[u8; LOAD_PX]) -> __m128i {
        let all = u128::from_le_bytes(*from);
        _mm_set_epi64x((all >> 64) as i64, all as i64)
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
            length in 1_usize..300,
        ) {
            let plane = Plane { bytes: &bytes, width: 69, height: 61, stride: 70 };
            let start = [f64::from(x + ONE / 2), f64::from(y + ONE / 2), 1.0];
            let step = [f64::from(dx >> (straighter / 2)), f64::from(dy >> straighter), 0.0];
            let places = Places { start, step, limit: [f64::from(80 * ONE); 2] };
            let slowly = |length_px: usize, span: fn([i32; 2], [i32; 2]) -> Span| {
                let mut slow = vec![0; length];
                for (i, to) in slow.chunks_mut(length_px).enumerate() {
                    let [start, end] = [i, i + 1].map(|i| places.at((i * length_px) as i32));
                    span(start, end).fill_clamped(&plane, to);
                }
                slow
            };
            let long = slowly(SPAN_PX, Span::between::<SPAN_PX>);
            let short = slowly(SMALL_SPAN_PX, Span::between::<SMALL_SPAN_PX>);
            for kernels in [Kernels::of_this_processor(), Kernels::PORTABLE] {
                for (kernel, slow) in [(kernels.long, &long), (kernels.short, &short)] {
                    let mut fast = vec![0; length];
                    kernel(&plane, &places, &mut fast);
                    prop_assert_eq!(&fast, slow);
                }
            }
        }
    }
}
