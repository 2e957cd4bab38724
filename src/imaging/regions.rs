//! What in a small picture is not desk.

use crate::Picture;

/// Thresholds on the distance from the desk's colour, in spreads of the desk.
const COLOUR_THRESHOLDS: [f32; 4] = [4.0, 7.0, 12.0, 20.0];
/// Thresholds on the gradient, in medians of the rim's gradient.
const BARRIER_THRESHOLDS: [f32; 3] = [2.5, 4.5, 8.0];
/// The rim whose pixels tell the desk's colour, as a share of the shorter side.
const RIM_SHARE: f32 = 0.035;
/// The desk's spread is never taken for less: sensor noise and JPEG.
const SPREAD_MIN: f32 = 2.5;

/// A set of pixels.
#[derive(Clone)]
pub(crate) struct Mask {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) bits: Vec<bool>,
}

/// Every reading's largest connected region, holes filled, cleaned of what hangs on by a thread. `from_desk` is
/// what [`distance_from_desk`] says.
pub(crate) fn regions(picture: &Picture, from_desk: &[f32]) -> Vec<Mask> {
    let by_colour = COLOUR_THRESHOLDS.iter().map(|t| mask(picture, |i| from_desk[i] > *t).opened(1));
    let steepness = gradient(picture);
    let calm = median(rim(picture).map(|i| steepness[i]).collect()).max(2.0);
    let by_barrier = BARRIER_THRESHOLDS.iter().map(|t| {
        // What the flood from the rim does not reach, less the half width of the barrier itself.
        mask(picture, |i| steepness[i] > calm * t).grown(1).with_holes_filled().shrunk(2).opened(2)
    });
    by_colour.chain(by_barrier).filter_map(|m| m.with_holes_filled().largest_region()).collect()
}

fn mask(picture: &Picture, is_set: impl Fn(usize) -> bool) -> Mask {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Mask { width, height, bits: (0..width * height).map(is_set).collect() }
}

/// Indices of the pixels along the rim.
fn rim(picture: &Picture) -> impl Iterator<Item = usize> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let band = ((width.min(height) as f32 * RIM_SHARE) as usize).max(2);
    let is_rim = move |i: &usize| {
        let (x, y) = (i % width, i / width);
        x < band || y < band || x + band >= width || y + band >= height
    };
    (0..width * height).filter(is_rim)
}

fn median(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Terms of the desk's colour model: light falls off smoothly across the desk.
const TERMS: usize = 6;

fn terms(x: usize, y: usize, picture: &Picture) -> [f32; TERMS] {
    let u = 2.0 * x as f32 / picture.width() as f32 - 1.0;
    let v = 2.0 * y as f32 / picture.height() as f32 - 1.0;
    [1.0, u, v, u * u, u * v, v * v]
}

/// For each pixel, how far its colour lies from what the desk would show there, in spreads. The desk is a quadratic
/// surface for each channel, fitted to the rim; pixels of the rim that do not fit (a sheet that runs out of the
/// frame, a cable) lose their weight.
pub(crate) fn distance_from_desk(picture: &Picture) -> Vec<f32> {
    let width = picture.width() as usize;
    let samples: Vec<usize> = rim(picture).step_by(3).collect();
    let mut squared = vec![0.0; width * picture.height() as usize];
    for channel in 0..3 {
        let value = |i: usize| f32::from(picture.rgb()[i * 3 + channel]);
        let mut weights = vec![1.0; samples.len()];
        let mut model = [0.0; TERMS];
        let mut spread = SPREAD_MIN;
        for _ in 0..5 {
            model = weighted_fit(picture, &samples, &weights, value);
            let residual = |i: usize| value(i) - predicted(&model, i, picture);
            spread = (median(samples.iter().map(|i| residual(*i).abs()).collect()) * 1.483).max(SPREAD_MIN);
            for (weight, i) in weights.iter_mut().zip(&samples) {
                let away = residual(*i) / (3.0 * spread);
                *weight = 1.0 / (1.0 + away * away).powi(2);
            }
        }
        for (i, sum) in squared.iter_mut().enumerate() {
            let away = (value(i) - predicted(&model, i, picture)) / spread;
            *sum += away * away;
        }
    }
    squared.iter_mut().for_each(|s| *s = s.sqrt());
    squared
}

fn predicted(model: &[f32; TERMS], i: usize, picture: &Picture) -> f32 {
    let width = picture.width() as usize;
    terms(i % width, i / width, picture).iter().zip(model).map(|(t, m)| t * m).sum()
}

/// Weighted least squares by the normal equations, solved by elimination.
fn weighted_fit(
    picture: &Picture,
    samples: &[usize],
    weights: &[f32],
    value: impl Fn(usize) -> f32,
) -> [f32; TERMS] {
    let width = picture.width() as usize;
    let mut rows = [[0.0_f64; TERMS + 1]; TERMS];
    for (i, weight) in samples.iter().zip(weights) {
        let t = terms(i % width, i / width, picture);
        for (a, row) in rows.iter_mut().enumerate() {
            for b in 0..TERMS {
                row[b] += f64::from(weight * t[a] * t[b]);
            }
            row[TERMS] += f64::from(weight * t[a] * value(*i));
        }
    }
    for (a, row) in rows.iter_mut().enumerate() {
        // Keeps the equations solvable where the rim says too little.
        row[a] += 1e-6;
    }
    for pivot in 0..TERMS {
        let pivot_row = rows[pivot];
        for (a, row) in rows.iter_mut().enumerate() {
            if a != pivot {
                let factor = row[pivot] / pivot_row[pivot];
                row.iter_mut().zip(pivot_row).for_each(|(cell, p)| *cell -= factor * p);
            }
        }
    }
    std::array::from_fn(|a| (rows[a][TERMS] / rows[a][a]) as f32)
}

/// The steepest of the three channels' gradients at each pixel (Sobel, in levels a pixel).
fn gradient(picture: &Picture) -> Vec<f32> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut out = vec![0.0; width * height];
    let rgb = picture.rgb();
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let mut steepest = 0;
            for c in 0..3 {
                let at = |dx: usize, dy: usize| i32::from(rgb[((y + dy - 1) * width + x + dx - 1) * 3 + c]);
                let gx = at(2, 0) + 2 * at(2, 1) + at(2, 2) - at(0, 0) - 2 * at(0, 1) - at(0, 2);
                let gy = at(0, 2) + 2 * at(1, 2) + at(2, 2) - at(0, 0) - 2 * at(1, 0) - at(2, 0);
                steepest = steepest.max(gx * gx + gy * gy);
            }
            out[y * width + x] = (steepest as f32).sqrt() / 8.0;
        }
    }
    out
}

impl Mask {
    /// Grown by a square of `2 * reach + 1` pixels a side.
    fn grown(&self, reach: usize) -> Self {
        self.spread(reach, true)
    }

    /// Shrunk by a square; what lies outside the picture counts as unset.
    fn shrunk(&self, reach: usize) -> Self {
        self.spread(reach, false)
    }

    fn opened(&self, reach: usize) -> Self {
        self.shrunk(reach).grown(reach)
    }

    /// Spreads `what` over its neighbours, first along the rows, then along the columns.
    fn spread(&self, reach: usize, what: bool) -> Self {
        let (width, height) = (self.width, self.height);
        let mut rows = vec![!what; self.bits.len()];
        for (from, to) in self.bits.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            for x in (0..width).filter(|x| from[*x] == what) {
                to[x.saturating_sub(reach)..(x + reach + 1).min(width)].fill(what);
            }
        }
        let mut bits = vec![!what; self.bits.len()];
        for y in 0..height {
            for to in y.saturating_sub(reach)..(y + reach + 1).min(height) {
                for x in (0..width).filter(|x| rows[y * width + x] == what) {
                    bits[to * width + x] = what;
                }
            }
        }
        Self { width, height, bits }
    }

    /// Sets everything that cannot be reached from the picture's rim over unset pixels.
    fn with_holes_filled(&self) -> Self {
        let (width, height) = (self.width, self.height);
        let mut outside = vec![false; self.bits.len()];
        let on_rim = |i: &usize| {
            let (x, y) = (i % width, i / width);
            x == 0 || y == 0 || x + 1 == width || y + 1 == height
        };
        let mut open: Vec<usize> = (0..self.bits.len()).filter(|i| on_rim(i) && !self.bits[*i]).collect();
        open.iter().for_each(|i| outside[*i] = true);
        while let Some(i) = open.pop() {
            for j in neighbours(i, width, height) {
                if !self.bits[j] && !outside[j] {
                    outside[j] = true;
                    open.push(j);
                }
            }
        }
        Self { width, height, bits: outside.into_iter().map(|o| !o).collect() }
    }

    /// The connected region with the most pixels; `None` in an empty mask.
    fn largest_region(&self) -> Option<Self> {
        let mut labels = vec![0_u32; self.bits.len()];
        let (mut label, mut best, mut best_size) = (0, 0, 0);
        let mut open = Vec::new();
        for start in 0..self.bits.len() {
            if !self.bits[start] || labels[start] != 0 {
                continue;
            }
            label += 1;
            labels[start] = label;
            open.push(start);
            let mut size = 0_usize;
            while let Some(i) = open.pop() {
                size += 1;
                for j in neighbours(i, self.width, self.height) {
                    if self.bits[j] && labels[j] == 0 {
                        labels[j] = label;
                        open.push(j);
                    }
                }
            }
            if size > best_size {
                (best, best_size) = (label, size);
            }
        }
        let bits = labels.into_iter().map(|l| l == best).collect();
        (best_size > 0).then_some(Self { width: self.width, height: self.height, bits })
    }
}

/// The up to four pixels that share a side with one.
fn neighbours(i: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (i % width, i / width);
    let near = [
        (x > 0).then(|| i - 1),
        (x + 1 < width).then_some(i + 1),
        (y > 0).then(|| i.saturating_sub(width)),
        (y + 1 < height).then_some(i + width),
    ];
    near.into_iter().flatten()
}
