//! Matrix products and windows over planes: the innermost loops of the [net](super), compiled three times, for processors
//! with AVX-512, with AVX2, and for all others.
//!
//! The order of every sum is the same in all of them. The first two add a product before it is rounded and so give the
//! same bits; the last digits of the third may differ.

/// Output rows of a product that are made at once.
pub(super) const ROWS: usize = 6;
/// Columns that are made at once: the sums of so many rows and columns fill a processor's registers and leave enough.
const COLUMNS_PORTABLE: usize = if cfg!(target_arch = "aarch64") { 16 } else { 8 };
#[cfg(target_arch = "x86_64")]
const COLUMNS_AVX2: usize = 16;
#[cfg(target_arch = "x86_64")]
const COLUMNS_AVX512: usize = 32;
/// Pixels of a window's result that are made at once: so many beside each other, in so many rows.
pub(super) const LANES: usize = 16;
pub(super) const BESIDE: usize = 4;

/// `ROWS` rows by one column of the left side of a product.
pub(super) type Weights = [f32; ROWS];
type Tile<const COLUMNS: usize> = [[f32; COLUMNS]; ROWS];

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

/// The left side of a product.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    /// For each `ROWS` rows, as many weights as the right side has rows; past the last row they are zero.
    pub(super) weights: &'a [Weights],
    /// What each row starts from; its length is the number of rows.
    pub(super) bias: &'a [f32],
}

/// A product of two matrices.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) left: Left<'a>,
    /// The right side, row by row.
    pub(super) right: &'a [f32],
    /// Columns of the right side.
    pub(super) columns: usize,
    /// From row to row of the result.
    pub(super) stride: usize,
    pub(super) then: Then,
}

/// Two products, one of the other's result, in which nothing is below zero. What comes of them is added to what is there.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) first: Left<'a>,
    pub(super) second: Left<'a>,
    /// The first one's right side, row by row.
    pub(super) right: &'a [f32],
    /// Its columns, which are those of the result too.
    pub(super) columns: usize,
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

/// The three loops, as this processor runs them best.
#[derive(Clone, Copy)]
pub(super) struct Kernels {
    pub(super) product: fn(Product<'_>, &mut [f32]),
    pub(super) pair: fn(Pair<'_>, &mut [f32]),
    pub(super) window: fn(Window<'_>, &mut [f32]),
}

impl Kernels {
    /// The fastest that this processor can run.
    pub(super) fn of_this_processor() -> Self {
        Self::all().swap_remove(0)
    }

    /// All that this processor can run, the fastest first.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            if std::arch::is_x86_feature_detected!("avx512f") {
                all.push(x86::AVX512);
            }
            all.push(x86::AVX2);
        }
        all.push(Self::PORTABLE);
        all
    }

    pub(super) const PORTABLE: Self = Self {
        product: |product, out| multiply::<COLUMNS_PORTABLE>(product, out, FUSES),
        pair: |pair, out| multiply_twice::<COLUMNS_PORTABLE>(pair, out, FUSES),
        window: |window, out| slide(window, out, FUSES),
    };
}

/// Where adding a product is one step of the processor without being asked for.
const FUSES: bool = cfg!(target_arch = "aarch64");

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls what is compiled for AVX2 and AVX-512")]
mod x86 {
    use super::{
        COLUMNS_AVX2, COLUMNS_AVX512, Kernels, Pair, Product, Window, multiply, multiply_twice, slide,
    };

    /// Only for processors with AVX2 and FMA.
    pub(super) const AVX2: Kernels = Kernels {
        // SAFETY: all are safe code, and only need a processor that `Kernels::all` found.
        product: |product, out| unsafe { avx2_multiply(product, out) },
        // SAFETY: as above.
        pair: |pair, out| unsafe { avx2_multiply_twice(pair, out) },
        // SAFETY: as above.
        window: |window, out| unsafe { avx2_slide(window, out) },
    };

    /// Only for processors with AVX-512, too.
    pub(super) const AVX512: Kernels = Kernels {
        // SAFETY: as above.
        product: |product, out| unsafe { avx512_multiply(product, out) },
        // SAFETY: as above.
        pair: |pair, out| unsafe { avx512_multiply_twice(pair, out) },
        // SAFETY: as above.
        window: |window, out| unsafe { avx512_slide(window, out) },
    };

    #[target_feature(enable = "avx2,fma")]
    fn avx2_multiply(product: Product<'_>, out: &mut [f32]) {
        multiply::<COLUMNS_AVX2>(product, out, true);
    }

    #[target_feature(enable = "avx2,fma")]
    fn avx2_multiply_twice(pair: Pair<'_>, out: &mut [f32]) {
        multiply_twice::<COLUMNS_AVX2>(pair, out, true);
    }

    #[target_feature(enable = "avx2,fma")]
    fn avx2_slide(window: Window<'_>, out: &mut [f32]) {
        slide(window, out, true);
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    fn avx512_multiply(product: Product<'_>, out: &mut [f32]) {
        multiply::<COLUMNS_AVX512>(product, out, true);
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    fn avx512_multiply_twice(pair: Pair<'_>, out: &mut [f32]) {
        multiply_twice::<COLUMNS_AVX512>(pair, out, true);
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    fn avx512_slide(window: Window<'_>, out: &mut [f32]) {
        slide(window, out, true);
    }
}

#[inline(always)]
fn plus_product(sum: f32, a: f32, b: f32, fused: bool) -> f32 {
    if fused { a.mul_add(b, sum) } else { sum + a * b }
}

#[inline(always)]
fn multiply<const COLUMNS: usize>(product: Product<'_>, out: &mut [f32], fused: bool) {
    let Product { left, right, columns, stride, then } = product;
    let mut panel = vec![[0.0; COLUMNS]; right.len() / columns];
    for from in (0..columns).step_by(COLUMNS) {
        let width = COLUMNS.min(columns - from);
        pack(&mut panel, right, columns, from, width);
        for (weights, (rows, bias)) in left.weights.chunks_exact(panel.len()).zip(of_tiles(left.bias)) {
            let sums = tile(weights, &panel, fused);
            for (r, (sums, bias)) in sums.iter().zip(bias).enumerate() {
                finish(&mut out[(rows + r) * stride + from..][..width], sums, *bias, then);
            }
        }
    }
}

#[inline(always)]
fn multiply_twice<const COLUMNS: usize>(pair: Pair<'_>, out: &mut [f32], fused: bool) {
    let Pair { first, second, right, columns } = pair;
    let mut panel = vec![[0.0; COLUMNS]; right.len() / columns];
    let mut between = vec![[0.0; COLUMNS]; first.bias.len()];
    for from in (0..columns).step_by(COLUMNS) {
        let width = COLUMNS.min(columns - from);
        pack(&mut panel, right, columns, from, width);
        let tiles = between.chunks_mut(ROWS).zip(first.bias.chunks(ROWS));
        for (weights, (rows, bias)) in first.weights.chunks_exact(panel.len()).zip(tiles) {
            let sums = tile(weights, &panel, fused);
            for ((row, sums), bias) in rows.iter_mut().zip(sums).zip(bias) {
                *row = sums.map(|sum| (sum + bias).max(0.0));
            }
        }
        for (weights, (rows, bias)) in second.weights.chunks_exact(between.len()).zip(of_tiles(second.bias)) {
            let sums = tile(weights, &between, fused);
            for (r, (sums, bias)) in sums.iter().zip(bias).enumerate() {
                finish(&mut out[(rows + r) * columns + from..][..width], sums, *bias, Then::Add);
            }
        }
    }
}

/// The first row of each tile, and what its rows start from.
#[inline(always)]
fn of_tiles(bias: &[f32]) -> impl Iterator<Item = (usize, &[f32])> {
    bias.chunks(ROWS).enumerate().map(|(tile, bias)| (tile * ROWS, bias))
}

/// Copies some columns of a right side, one row after another: they stay in the processor's nearest cache.
#[inline(always)]
fn pack<const COLUMNS: usize>(
    panel: &mut [[f32; COLUMNS]],
    right: &[f32],
    columns: usize,
    from: usize,
    width: usize,
) {
    for (to, row) in panel.iter_mut().zip(right.chunks_exact(columns)) {
        match row[from..].first_chunk() {
            Some(values) => *to = *values,
            None => to[..width].copy_from_slice(&row[from..]),
        }
    }
}

/// The sums of some rows by a panel of columns.
#[inline(always)]
fn tile<const COLUMNS: usize>(weights: &[Weights], panel: &[[f32; COLUMNS]], fused: bool) -> Tile<COLUMNS> {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (weight, values) in weights.iter().zip(panel) {
        for r in 0..ROWS {
            for c in 0..COLUMNS {
                sums[r][c] = plus_product(sums[r][c], weight[r], values[c], fused);
            }
        }
    }
    sums
}

/// Ends the sums of a row, of which there may be less than there are columns.
#[inline(always)]
fn finish<const COLUMNS: usize>(row: &mut [f32], sums: &[f32; COLUMNS], bias: f32, then: Then) {
    match row.first_chunk_mut::<COLUMNS>() {
        Some(row) => put(row, sums, bias, then),
        None => put(row, sums, bias, then),
    }
}

#[inline(always)]
fn put(row: &mut [f32], sums: &[f32], bias: f32, then: Then) {
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
