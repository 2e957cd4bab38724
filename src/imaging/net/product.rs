//! Matrix products and windows over planes: the innermost loops of the [net](super), compiled twice, for processors with
//! AVX2 and for all others.
//!
//! Sums differ in their last digits between the two: with AVX2 a product is added before it is rounded.

/// Output rows of a product that are made at once.
pub(super) const ROWS: usize = 4;
/// Columns that are made at once.
const COLUMNS: usize = 16;
/// Pixels of a window's result that are made at once: so many beside each other, in so many rows.
pub(super) const LANES: usize = 16;
pub(super) const BESIDE: usize = 4;

/// `ROWS` rows by one column of the left side of a product.
pub(super) type Weights = [f32; ROWS];
type Tile = [[f32; COLUMNS]; ROWS];

/// What becomes of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It replaces what is there.
    Store,
    /// The same, but nothing below zero.
    Rectify,
    /// It is added to what is there.
    Add,
}

/// A product of two matrices.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    /// The left side: for each four rows, as many weights as the right side has rows.
    pub(super) weights: &'a [Weights],
    /// What each row starts from; its length is the number of rows.
    pub(super) bias: &'a [f32],
    /// The right side, row by row.
    pub(super) right: &'a [f32],
    /// Columns of the right side.
    pub(super) columns: usize,
    /// From row to row of the result.
    pub(super) stride: usize,
    pub(super) then: Then,
}

/// A window of odd width that is moved over one plane.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    /// The plane with a border of half the window, each row followed by at least `LANES` values more, and all of them by
    /// `BESIDE` rows more.
    pub(super) bordered: &'a [f32],
    /// From row to row of it.
    pub(super) stride: usize,
    /// Row by row; as many as the square of its side.
    pub(super) weights: &'a [f32],
    pub(super) side: usize,
    pub(super) bias: f32,
    /// Pixels across the result.
    pub(super) width: usize,
}

/// The two loops, as this processor runs them best.
#[derive(Clone, Copy)]
pub(super) struct Kernels {
    pub(super) product: fn(Product<'_>, &mut [f32]),
    pub(super) window: fn(Window<'_>, &mut [f32]),
}

impl Kernels {
    /// The fastest that this processor can run.
    pub(super) fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return avx2::KERNELS;
        }
        Self::PORTABLE
    }

    pub(super) const PORTABLE: Self = Self {
        product: |product, out| multiply(product, out, FUSES),
        window: |window, out| slide(window, out, FUSES),
    };
}

/// Where adding a product is one step of the processor without being asked for.
const FUSES: bool = cfg!(target_arch = "aarch64");

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls what is compiled for AVX2")]
mod avx2 {
    use super::{Kernels, Product, Window, multiply, slide};

    /// Only for processors with AVX2 and FMA.
    pub(super) const KERNELS: Kernels = Kernels {
        // SAFETY: both are safe code, and only need a processor that `of_this_processor` found.
        product: |product, out| unsafe { with_avx2_multiply(product, out) },
        // SAFETY: as above.
        window: |window, out| unsafe { with_avx2_slide(window, out) },
    };

    #[target_feature(enable = "avx2,fma")]
    fn with_avx2_multiply(product: Product<'_>, out: &mut [f32]) {
        multiply(product, out, true);
    }

    #[target_feature(enable = "avx2,fma")]
    fn with_avx2_slide(window: Window<'_>, out: &mut [f32]) {
        slide(window, out, true);
    }
}

#[inline(always)]
fn plus_product(sum: f32, a: f32, b: f32, fused: bool) -> f32 {
    if fused { a.mul_add(b, sum) } else { sum + a * b }
}

#[inline(always)]
fn multiply(product: Product<'_>, out: &mut [f32], fused: bool) {
    let Product { weights, bias, right, columns, stride, then } = product;
    let depth = right.len() / columns;
    let mut panel = vec![[0.0_f32; COLUMNS]; depth];
    for from in (0..columns).step_by(COLUMNS) {
        let width = COLUMNS.min(columns - from);
        for (k, row) in panel.iter_mut().enumerate() {
            let values = &right[k * columns + from..];
            match values.first_chunk() {
                Some(values) if width == COLUMNS => *row = *values,
                _ => row[..width].copy_from_slice(&values[..width]),
            }
        }
        for (block, weights) in weights.chunks_exact(depth).enumerate() {
            let tile = tile(weights, &panel, fused);
            let first = block * ROWS;
            for (r, sums) in tile.iter().enumerate().take(bias.len() - first) {
                let row = &mut out[(first + r) * stride + from..][..width];
                finish(row, sums, bias[first + r], then);
            }
        }
    }
}

/// The sums of four rows by a panel of columns.
#[inline(always)]
fn tile(weights: &[Weights], panel: &[[f32; COLUMNS]], fused: bool) -> Tile {
    let mut sums: Tile = [[0.0; COLUMNS]; ROWS];
    for (weight, values) in weights.iter().zip(panel) {
        for r in 0..ROWS {
            for c in 0..COLUMNS {
                sums[r][c] = plus_product(sums[r][c], weight[r], values[c], fused);
            }
        }
    }
    sums
}

#[inline(always)]
fn finish(row: &mut [f32], sums: &[f32; COLUMNS], bias: f32, then: Then) {
    let pairs = row.iter_mut().zip(sums);
    match then {
        Then::Store => pairs.for_each(|(out, sum)| *out = sum + bias),
        Then::Rectify => pairs.for_each(|(out, sum)| *out = (sum + bias).max(0.0)),
        Then::Add => pairs.for_each(|(out, sum)| *out += sum + bias),
    }
}

#[inline(always)]
fn slide(window: Window<'_>, out: &mut [f32], fused: bool) {
    let Window { bordered, stride, side, bias, width, .. } = window;
    for (block, rows) in out.chunks_mut(BESIDE * width).enumerate() {
        for from in (0..width).step_by(LANES) {
            let sums = window_tile(window, &bordered[block * BESIDE * stride + from..], fused);
            for (row, sums) in rows.chunks_exact_mut(width).zip(&sums) {
                let pixels = &mut row[from..];
                pixels.iter_mut().zip(sums).for_each(|(pixel, sum)| *pixel = sum + bias);
            }
        }
    }
    debug_assert!(side % 2 == 1);
}

/// The sums of windows beside each other in four rows, the first of which begins at the start of these values.
#[inline(always)]
fn window_tile(window: Window<'_>, values: &[f32], fused: bool) -> [[f32; LANES]; BESIDE] {
    let Window { stride, weights, side, .. } = window;
    let mut sums = [[0.0; LANES]; BESIDE];
    for (dy, weights) in weights.chunks_exact(side).enumerate() {
        let [a, b, c, d] = [0, 1, 2, 3].map(|beside| &values[(dy + beside) * stride..][..side + LANES - 1]);
        for (dx, weight) in weights.iter().enumerate() {
            let beside = (first(a, dx), first(b, dx), first(c, dx), first(d, dx));
            let (Some(a), Some(b), Some(c), Some(d)) = beside else { break };
            for (sums, values) in sums.iter_mut().zip([a, b, c, d]) {
                for i in 0..LANES {
                    sums[i] = plus_product(sums[i], *weight, values[i], fused);
                }
            }
        }
    }
    sums
}

#[inline(always)]
fn first(values: &[f32], from: usize) -> Option<&[f32; LANES]> {
    values.get(from..)?.first_chunk()
}
