//! What in a small picture is not desk.

use crate::Picture;
use crate::gradient::Gradient;

/// Longer side of the picture in which regions are looked for: their outlines are fitted again in a larger one.
pub(crate) const REGION_SIDE_PX: u32 = 240;
/// Thresholds on the distance from the desk's colour, in spreads of the desk.
const COLOUR_THRESHOLDS: [f32; 3] = [4.0, 7.0, 13.0];
/// Thresholds on the gradient, in medians of the rim's gradient.
const BARRIER_THRESHOLDS: [f32; 2] = [2.5, 5.0];
/// Of each reading so many regions are looked at, the largest.
const REGIONS_MAX: usize = 3;
/// A region covers at least this share of the picture.
const AREA_MIN: f32 = 0.01;
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

/// Every reading's largest connected regions, holes filled, cleaned of what hangs on by a thread.
pub(crate) fn regions(picture: &Picture) -> Vec<Mask> {
    let from_desk = distance_from_desk(picture);
    let mut readings: Vec<Mask> =
        COLOUR_THRESHOLDS.iter().map(|t| mask(picture, |i| from_desk[i] > *t).opened(1)).collect();
    let whiteness: Vec<u8> = picture.rgb().chunks_exact(3).map(|p| p[0].min(p[1]).min(p[2])).collect();
    let bright = between_two_levels(&whiteness);
    readings.push(mask(picture, |i| whiteness[i] > bright).opened(1));
    let field = Gradient::of(picture);
    let steepness = |i: usize| f32::from(field.steepness[i]) / 8.0;
    let calm = median(rim(picture).map(steepness).collect()).max(2.0);
    readings.extend(BARRIER_THRESHOLDS.iter().map(|t| {
        // What the flood from the rim does not reach, less the half width of the barrier itself.
        mask(picture, |i| steepness(i) > calm * t).with_holes_filled().shrunk(1).opened(1)
    }));
    readings.into_iter().flat_map(|m| m.with_holes_filled().largest_regions()).collect()
}

/// The level that best parts the values into two kinds (Otsu's).
fn between_two_levels(values: &[u8]) -> u8 {
    let mut counts = [0_u32; 256];
    values.iter().for_each(|v| counts[usize::from(*v)] += 1);
    let all: f64 = counts.iter().enumerate().map(|(v, n)| v as f64 * f64::from(*n)).sum();
    let (mut below, mut sum) = (0.0, 0.0);
    let (mut best, mut level) = (-1.0, 0);
    for (v, n) in counts.iter().enumerate() {
        below += f64::from(*n);
        sum += v as f64 * f64::from(*n);
        let above = values.len() as f64 - below;
        if below > 0.0 && above > 0.0 {
            let apart = below * above * (sum / below - (all - sum) / above).powi(2);
            if apart > best {
                (best, level) = (apart, v as u8);
            }
        }
    }
    level
}
fn mask(picture: &Picture, is_set: impl Fn(usize) -> bool) -> Mask {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Mask { width, height, bits: (0..width * height).map(is_set).collect() }
}

/// Indices of the pixels along the rim.
fn rim(picture: &Picture) -> impl Iterator<Item = usize> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let band = ((width.min(height) as f32 * RIM_SHARE) as usize).max(2);
    (0..height).flat_map(move |y| {
        let whole = y < band || y + band >= height;
        let left = if whole { width } else { band.min(width) };
        let right = if whole { width } else { width.saturating_sub(band).max(left) };
        (0..left).chain(right..width).map(move |x| y * width + x)
    })
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
        let rows = squared.chunks_exact_mut(width).zip(picture.rgb().chunks_exact(width * 3));
        for (y, (sums, row)) in rows.enumerate() {
            // The surface along one row is a quadratic in the column.
            let v = terms(0, y, picture)[2];
            let flat = model[0] + model[2] * v + model[5] * v * v;
            let slope = model[1] + model[4] * v;
            let step = 2.0 / width as f32;
            for (x, (sum, pixel)) in sums.iter_mut().zip(row.chunks_exact(3)).enumerate() {
                let u = step * x as f32 - 1.0;
                let away = (f32::from(pixel[channel]) - flat - u * (slope + u * model[3])) / spread;
                *sum += away * away;
            }
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
        let mut rows = self.bits.clone();
        for (from, to) in self.bits.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            for shift in 1..=reach.min(width - 1) {
                let merge = |to: &mut bool, from: &bool| *to = if what { *to | from } else { *to & from };
                to[shift..].iter_mut().zip(from).for_each(|(to, from)| merge(to, from));
                to.iter_mut().zip(&from[shift..]).for_each(|(to, from)| merge(to, from));
            }
        }
        let mut bits = rows.clone();
        for shift in (1..=reach.min(height - 1)).map(|rows| rows * width) {
            let merge = |to: &mut bool, from: &bool| *to = if what { *to | from } else { *to & from };
            bits[shift..].iter_mut().zip(&rows).for_each(|(to, from)| merge(to, from));
            bits.iter_mut().zip(&rows[shift..]).for_each(|(to, from)| merge(to, from));
        }
        Self { width, height, bits }
    }

    /// Its pixels with one more row or column on each side, and how many pixels a row then has.
    fn framed(&self, frame: u8) -> (Vec<u8>, usize) {
        let wide = self.width + 2;
        let mut framed = vec![frame; wide * (self.height + 2)];
        let rows = framed.chunks_exact_mut(wide).skip(1).zip(self.bits.chunks_exact(self.width));
        for (to, from) in rows {
            to[1..=self.width].iter_mut().zip(from).for_each(|(to, from)| *to = u8::from(*from));
        }
        (framed, wide)
    }

    /// Sets everything that cannot be reached from the picture's rim over unset pixels.
    fn with_holes_filled(&self) -> Self {
        let (mut framed, wide) = self.framed(0);
        let end = framed.len();
        framed[0] = 2;
        let mut open = vec![0_usize];
        while let Some(i) = open.pop() {
            for j in [i.wrapping_sub(1), i + 1, i.wrapping_sub(wide), i + wide] {
                if j < end && framed[j] == 0 {
                    framed[j] = 2;
                    open.push(j);
                }
            }
        }
        let rows = framed.chunks_exact(wide).skip(1).take(self.height);
        let bits = rows.flat_map(|row| row[1..=self.width].iter().map(|state| *state != 2)).collect();
        Self { width: self.width, height: self.height, bits }
    }

    /// The connected regions with the most pixels, largest first.
    fn largest_regions(&self) -> Vec<Self> {
        let (mut framed, wide) = self.framed(0);
        let mut regions: Vec<Vec<usize>> = Vec::new();
        let least = (AREA_MIN * self.bits.len() as f32) as usize;
        for start in 0..framed.len() {
            if framed[start] != 1 {
                continue;
            }
            framed[start] = 2;
            let mut region = vec![start];
            let mut next = 0;
            while next < region.len() {
                let i = region[next];
                next += 1;
                for j in [i - 1, i + 1, i - wide, i + wide] {
                    if framed[j] == 1 {
                        framed[j] = 2;
                        region.push(j);
                    }
                }
            }
            if region.len() > least {
                regions.push(region);
            }
        }
        regions.sort_by_key(|region| std::cmp::Reverse(region.len()));
        regions.truncate(REGIONS_MAX);
        let (width, height) = (self.width, self.height);
        let mask = |region: Vec<usize>| {
            let mut bits = vec![false; self.bits.len()];
            region.into_iter().for_each(|i| bits[(i / wide - 1) * width + i % wide - 1] = true);
            Self { width, height, bits }
        };
        regions.into_iter().map(mask).collect()
    }
}
