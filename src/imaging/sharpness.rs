//! How sharp a page is, by the patches where something stands on it.

use crate::glance::Glance;
use crate::grey::luma;
use crate::picture::Pixels;

/// The page is cut into so many fields along its longer and shorter side; each gives its richest patch.
const FIELDS: [usize; 2] = [6, 4];
/// Side of a patch, in cells of the glance.
const PATCH_CELLS: usize = 8;
/// A patch whose light and dark differ by fewer steps of 255 has nothing to judge sharpness by.
const CONTRAST_MIN: u8 = 48;
/// Longer side, in pixels, of A4 at 150 dpi: steepness is measured over as many pixels as this takes for one.
const RESOLVED_SIDE_PX: usize = 1_754;
/// The edges of a patch: its steepest changes, but for the few that noise makes.
const STEEPEST: f64 = 0.985;

/// 0 (blurred) to 1 (sharp); 1 where no patch has anything on it.
pub(crate) fn sharpness(page: &impl Pixels, glance: &Glance) -> f32 {
    let [across, down] = if glance.width > glance.height { FIELDS } else { [FIELDS[1], FIELDS[0]] };
    let mut found: Vec<f32> = (0..across * down)
        .filter_map(|field| {
            let part = |i: usize, of: usize, size: usize| i * size / of..(i + 1) * size / of;
            let xs = part(field % across, across, glance.width);
            let ys = part(field / across, down, glance.height);
            let (x, y) = richest(glance, xs, ys)?;
            steepness(page, glance, x, y)
        })
        .collect();
    found.sort_by(f32::total_cmp);
    // A photograph's or a tint's patches are soft on the sharpest page; three in four are writing.
    found.get(found.len() * 3 / 4).copied().unwrap_or(1.0)
}

/// The cell where the patch with the most contrast begins.
fn richest(
    glance: &Glance,
    xs: std::ops::Range<usize>,
    ys: std::ops::Range<usize>,
) -> Option<(usize, usize)> {
    let patches = ys.step_by(PATCH_CELLS).flat_map(|y| xs.clone().step_by(PATCH_CELLS).map(move |x| (x, y)));
    let contrast = |&(x, y): &(usize, usize)| {
        let rows = y..(y + PATCH_CELLS).min(glance.height);
        let columns = x..(x + PATCH_CELLS).min(glance.width);
        let (mut dark, mut light) = (255, 0);
        let mut changes = 0_u32;
        for row in rows {
            let row = &glance.luma[row * glance.width..][columns.clone()];
            changes += row.windows(2).map(|w| u32::from(w[0].abs_diff(w[1]))).sum::<u32>();
            dark = row.iter().copied().fold(dark, u8::min);
            light = row.iter().copied().fold(light, u8::max);
        }
        (light.saturating_sub(dark), changes)
    };
    // The first of equals, so that the same page gives the same answer.
    let mut best = None;
    for patch in patches {
        let (range, changes) = contrast(&patch);
        if range >= CONTRAST_MIN / 2 && best.is_none_or(|(most, _)| changes > most) {
            best = Some((changes, patch));
        }
    }
    best.map(|(_, patch)| patch)
}

/// The steepest edges of a patch as a share of its contrast; `None` where it has too little.
fn steepness(page: &impl Pixels, glance: &Glance, x: usize, y: usize) -> Option<f32> {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let px = |cell: usize, cells: usize, size: usize| (cell.min(cells) * size / cells).min(size);
    let xs = px(x, glance.width, width)..px(x + PATCH_CELLS, glance.width, width);
    let ys = px(y, glance.height, height)..px(y + PATCH_CELLS, glance.height, height);
    let (across, down) = (xs.len(), ys.len());
    let columns: Vec<usize> = xs.collect();
    let mut row = vec![[0; 3]; across];
    let mut values = Vec::with_capacity(across * down);
    for y in ys {
        page.pixels(y, &columns, &mut row);
        values.extend(row.iter().copied().map(luma));
    }
    let levels = Histogram::of(values.iter().copied());
    let contrast = levels.quantile(0.98).saturating_sub(levels.quantile(0.02));
    let reach = (width.max(height) + RESOLVED_SIDE_PX / 2) / RESOLVED_SIDE_PX;
    let reach = reach.max(1);
    if contrast < CONTRAST_MIN || across <= reach || down <= reach {
        return None;
    }
    let rows = values.chunks_exact(across);
    let sideways = rows.flat_map(|row| row.iter().zip(&row[reach..]).map(|(a, b)| a.abs_diff(*b)));
    let downwards = values.iter().zip(&values[reach * across..]).map(|(a, b)| a.abs_diff(*b));
    let steepest = Histogram::of(sideways.chain(downwards)).quantile(STEEPEST);
    Some((f32::from(steepest) / f32::from(contrast)).min(1.0))
}

struct Histogram {
    counts: [u64; 256],
    total: u64,
}

impl Histogram {
    fn of(values: impl Iterator<Item = u8>) -> Self {
        let mut counts = [0; 256];
        values.for_each(|v| counts[usize::from(v)] += 1);
        Self { counts, total: counts.iter().sum() }
    }

    /// The value below which this share of all lie.
    fn quantile(&self, share: f64) -> u8 {
        let goal = (self.total as f64 * share) as u64;
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen > goal
        };
        self.counts.iter().position(reaches).unwrap_or(255) as u8
    }
}
