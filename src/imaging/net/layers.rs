//! The layers the [net](super) is built of.

use super::product::{BESIDE, Kernels, LANES, Left, Pair, Product, ROWS, Then, Weights, Window};

/// So many pixels of a convolution's result are made at once: what their windows cover stays in the processor's cache.
const UNFOLDED_PX: usize = 320;

/// Values of several channels over a picture, channel by channel, each row by row.
#[derive(Clone, Debug)]
pub(super) struct Maps {
    pub(super) channels: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Maps {
    pub(super) fn zeros(channels: usize, width: usize, height: usize) -> Self {
        Self { channels, width, height, values: vec![0.0; channels * width * height] }
    }

    pub(super) fn area(&self) -> usize {
        self.width * self.height
    }

    /// Adds planes of half the width and height, each value to the four it stands for; nothing below zero is left.
    pub(super) fn add_doubled(&mut self, half: &Self) {
        let (width, height) = (self.width, self.height);
        for (plane, from) in
            self.values.chunks_exact_mut(width * height).zip(half.values.chunks_exact(half.area()))
        {
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                let from = &from[y / 2 * half.width..][..half.width];
                for (pair, value) in row.as_chunks_mut::<2>().0.iter_mut().zip(from) {
                    *pair = pair.map(|v| (v + value).max(0.0));
                }
            }
        }
    }
}

/// A convolution over all channels.
#[derive(Debug)]
pub(super) struct Convolution {
    /// As a [`Product`] wants them.
    weights: Vec<Weights>,
    bias: Vec<f32>,
    /// Side of its window in pixels, and how far apart two windows are.
    side: usize,
    step: usize,
}

impl Convolution {
    /// `weights` are those of the first output channel, then the next: by input channel, row and column.
    pub(super) fn new(weights: &[f32], bias: Vec<f32>, side: usize, step: usize) -> Self {
        let depth = weights.len() / bias.len();
        let mut packed = vec![[0.0; ROWS]; bias.len().div_ceil(ROWS) * depth];
        for (row, weights) in weights.chunks_exact(depth).enumerate() {
            for (k, weight) in weights.iter().enumerate() {
                packed[row / ROWS * depth + k][row % ROWS] = *weight;
            }
        }
        Self { weights: packed, bias, side, step }
    }

    /// The planes after this convolution.
    pub(super) fn run(&self, planes: &Maps, then: Then, kernels: Kernels) -> Maps {
        let (width, height) = (planes.width / self.step, planes.height / self.step);
        let mut out = Maps::zeros(self.bias.len(), width, height);
        let (left, stride) = (self.left(), width * height);
        if self.side == 1 {
            let product = Product { left, right: &planes.values, columns: stride, stride, then };
            (kernels.product)(product, &mut out.values);
            return out;
        }
        let depth = planes.channels * self.side * self.side;
        let rows = (UNFOLDED_PX / width).clamp(1, height);
        let mut unfolded = vec![0.0; depth * rows * width];
        for top in (0..height).step_by(rows) {
            let rows = rows.min(height - top);
            let unfolded = &mut unfolded[..depth * rows * width];
            self.unfold(planes, top, [width, rows], unfolded);
            let product = Product { left, right: unfolded, columns: rows * width, stride, then };
            (kernels.product)(product, &mut out.values[top * width..]);
        }
        out
    }

    fn left(&self) -> Left<'_> {
        Left { weights: &self.weights, bias: &self.bias }
    }

    /// What each window of some rows of the result covers, a column for each; outside the planes is zero. A window of odd
    /// side lies around its pixel, one of two on it and the next.
    fn unfold(&self, planes: &Maps, top: usize, [width, rows]: [usize; 2], to: &mut [f32]) {
        let (side, step) = (self.side, self.step);
        let before = (side - 1) / 2;
        // Every `step`th pixel of a row, from each of the first `step` on.
        let mut parts = vec![0.0; planes.width];
        let windows = to.chunks_exact_mut(rows * width * side * side);
        for (plane, to) in planes.values.chunks_exact(planes.area()).zip(windows) {
            for (y, dy) in (0..rows).flat_map(|y| (0..side).map(move |dy| (y, dy))) {
                let from_y = ((top + y) * step + dy).checked_sub(before).filter(|y| *y < planes.height);
                if let Some(from_y) = from_y {
                    split(&plane[from_y * planes.width..][..planes.width], step, &mut parts);
                }
                for dx in 0..side {
                    let to = &mut to[((dy * side + dx) * rows + y) * width..][..width];
                    if from_y.is_none() {
                        to.fill(0.0);
                        continue;
                    }
                    let skipped = usize::from(dx < before);
                    let first = skipped * step + dx - before;
                    let part = &parts[first % step * width..][..width];
                    // The last window may reach beyond the row's end.
                    let from = &part[first / step..];
                    let filled = (skipped + from.len()).min(width);
                    to[..skipped].fill(0.0);
                    to[skipped..filled].copy_from_slice(&from[..filled - skipped]);
                    to[filled..].fill(0.0);
                }
            }
        }
    }
}

/// Every `step`th value of a row, from each of the first `step` on.
fn split(row: &[f32], step: usize, parts: &mut [f32]) {
    match step {
        1 => parts.copy_from_slice(row),
        2 => {
            let (even, odd) = parts.split_at_mut(row.len() / 2);
            for ((even, odd), pair) in even.iter_mut().zip(odd).zip(row.as_chunks::<2>().0) {
                [*even, *odd] = *pair;
            }
        }
        _ => {
            for (part, first) in parts.chunks_exact_mut(row.len() / step).zip(0..step) {
                part.iter_mut().zip(row[first..].iter().step_by(step)).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// A convolution that looks at each channel by itself.
#[derive(Debug)]
struct Depthwise {
    weights: Vec<f32>,
    bias: Vec<f32>,
    side: usize,
}

impl Depthwise {
    fn run(&self, planes: &Maps, kernels: Kernels) -> Maps {
        let (width, height, half) = (planes.width, planes.height, self.side / 2);
        let stride = width.next_multiple_of(LANES) + self.side + LANES;
        let mut bordered = vec![0.0; stride * (height + self.side + BESIDE)];
        let mut out = Maps::zeros(planes.channels, width, height);
        let square = self.side * self.side;
        for (channel, to) in out.values.chunks_exact_mut(width * height).enumerate() {
            let from = &planes.values[channel * width * height..][..width * height];
            for (row, from) in bordered.chunks_exact_mut(stride).skip(half).zip(from.chunks_exact(width)) {
                row[half..half + width].copy_from_slice(from);
            }
            let window = Window {
                bordered: &bordered,
                stride,
                weights: &self.weights[channel * square..][..square],
                side: self.side,
                bias: self.bias[channel],
                width,
            };
            (kernels.window)(window, to);
        }
        out
    }
}

/// A residual block: each channel by itself over a wide window, then all channels at each pixel, widened and narrowed.
#[derive(Debug)]
pub(super) struct Block {
    around: Depthwise,
    widen: Convolution,
    narrow: Convolution,
}

impl Block {
    pub(super) fn run(&self, mut planes: Maps, kernels: Kernels) -> Maps {
        let around = self.around.run(&planes, kernels);
        let (first, second, columns) = (self.widen.left(), self.narrow.left(), planes.area());
        (kernels.pair)(Pair { first, second, right: &around.values, columns }, &mut planes.values);
        planes
    }
}

/// Reads layers from a list of weights, one after another.
pub(super) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    /// The upper halves of `count` floats, lower byte first; zeros where there are no more.
    fn floats(&mut self, count: usize) -> Vec<f32> {
        let (taken, left) = self.left.split_at(self.left.len().min(2 * count));
        self.left = left;
        let halves = taken.as_chunks().0.iter().map(|half| u32::from(u16::from_le_bytes(*half)) << 16);
        let mut floats: Vec<f32> = halves.map(f32::from_bits).collect();
        floats.resize(count, 0.0);
        floats
    }

    pub(super) fn convolution(&mut self, [from, to]: [usize; 2], side: usize, step: usize) -> Convolution {
        let weights = self.floats(from * to * side * side);
        Convolution::new(&weights, self.floats(to), side, step)
    }

    pub(super) fn block(&mut self, channels: usize, side: usize) -> Block {
        let around =
            Depthwise { weights: self.floats(channels * side * side), bias: self.floats(channels), side };
        let widen = self.convolution([channels, 2 * channels], 1, 1);
        Block { around, widen, narrow: self.convolution([2 * channels, channels], 1, 1) }
    }

    pub(super) fn blocks(&mut self, count: usize, channels: usize, side: usize) -> Vec<Block> {
        (0..count).map(|_| self.block(channels, side)).collect()
    }
}

/// A step down to coarser planes, and the blocks that look at them.
pub(super) fn deeper((narrow, blocks): &(Convolution, Vec<Block>), planes: &Maps, kernels: Kernels) -> Maps {
    let planes = narrow.run(planes, Then::Rectify, kernels);
    blocks.iter().fold(planes, |planes, block| block.run(planes, kernels))
}

/// A step back up: finer planes with what the coarser ones saw.
pub(super) fn joined(
    (narrow, block): &(Convolution, Block),
    mut fine: Maps,
    coarse: &Maps,
    kernels: Kernels,
) -> Maps {
    fine.add_doubled(&narrow.run(coarse, Then::Store, kernels));
    block.run(fine, kernels)
}
