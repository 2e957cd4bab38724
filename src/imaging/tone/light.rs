//! How bright, and of which tint, blank paper would be at every place of a page.
//!
//! The page is cut into small cells, and the bright part of each is taken for its paper. Cells that follow one
//! another softly hang together: a shadow's rim is soft, a photograph's or a dark print's is not. What hangs
//! together over a good part of the page is paper; everywhere else the light is carried over from around.

use crate::Picture;
use crate::grey::luma;

/// Longer side of the picture the light is estimated on, in pixels.
const ESTIMATE_SIDE_PX: u32 = 512;
/// Side of a cell of that picture, in pixels: some 5 mm of A4.
const CELL_PX: usize = 8;
/// Paper is at least this bright against the page's brightest; darker is print, not shadow.
const SHADOW_MIN: f32 = 0.35;
/// Neighbours hang together when the darker has this share of the brighter's light.
const SOFT_STEP: f32 = 0.86;
/// Cells that hang together are paper when they are this share of the page.
const PATCH_SHARE_MIN: f32 = 0.08;
/// The paper's colour may differ from the page's by so much of its brightness before it is ink or a photograph.
const TINT_DIFFERENCE_MAX: f32 = 0.14;
/// Paper is made a little more than white, or its grain would stay as a veil.
const PAPER_SHARE: f32 = 0.955;
/// No place is made brighter than this many times.
const GAIN_MAX: f32 = 6.0;

/// The paper's colour in a lattice of cells.
pub(super) struct Light {
    across: usize,
    down: usize,
    cells: Vec<[f32; 3]>,
}

impl Light {
    pub(super) fn of(page: &Picture) -> Self {
        let small = page.shrunk(ESTIMATE_SIDE_PX);
        let across = (small.width() as usize).div_ceil(CELL_PX);
        let down = (small.height() as usize).div_ceil(CELL_PX);
        let mut cells: Vec<[f32; 3]> =
            (0..across * down).map(|i| bright_colour(&small, i % across, i / across)).collect();
        let known = paper_cells(&cells, across, down);
        carry_over(&mut cells, known, across, down);
        cells = smoothed(&cells, across, down);
        Self { across, down, cells }
    }

    /// Calls `take` with each row of the page, divided by the light.
    pub(super) fn for_each_row(&self, page: &Picture, mut take: impl FnMut(&[[u8; 3]])) {
        let (width, height) = (page.width() as usize, page.height() as usize);
        let mut gains = vec![[0.0_f32; 3]; self.across];
        let mut row = vec![[0_u8; 3]; width];
        let places: Vec<(usize, usize, f32)> = (0..width).map(|x| between(x, width, self.across)).collect();
        for (y, from) in page.rgb().chunks_exact(width * 3).enumerate() {
            let (above, below, t) = between(y, height, self.down);
            for (x, gain) in gains.iter_mut().enumerate() {
                let (a, b) = (self.cells[above * self.across + x], self.cells[below * self.across + x]);
                *gain = std::array::from_fn(|c| {
                    let paper = (a[c] + (b[c] - a[c]) * t) * PAPER_SHARE;
                    (255.0 / paper.max(1.0)).min(GAIN_MAX)
                });
            }
            for ((to, pixel), (left, right, t)) in row.iter_mut().zip(from.chunks_exact(3)).zip(&places) {
                let (a, b) = (gains[*left], gains[*right]);
                *to = std::array::from_fn(|c| {
                    (f32::from(pixel[c]) * (a[c] + (b[c] - a[c]) * t) + 0.5).min(255.0) as u8
                });
            }
            take(&row);
        }
    }
}

/// The two cells a pixel's middle lies between, and how far it is to the second.
fn between(at: usize, size: usize, cells: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) * cells as f32 / size as f32 - 0.5).clamp(0.0, cells as f32 - 1.0);
    let first = place as usize;
    (first, (first + 1).min(cells - 1), place - first as f32)
}

/// Mean colour of the brighter quarter of a cell, without its very brightest.
fn bright_colour(small: &Picture, cell_x: usize, cell_y: usize) -> [f32; 3] {
    let (width, height) = (small.width() as usize, small.height() as usize);
    let xs = cell_x * CELL_PX..((cell_x + 1) * CELL_PX).min(width);
    let ys = cell_y * CELL_PX..((cell_y + 1) * CELL_PX).min(height);
    let mut pixels: Vec<[u8; 3]> = ys.flat_map(|y| xs.clone().map(move |x| small.pixel(x, y))).collect();
    pixels.sort_by_key(|p| (luma(*p), *p));
    let end = (pixels.len() * 31 / 32).max(1);
    let bright = &pixels[(pixels.len() * 3 / 4).min(end - 1)..end];
    std::array::from_fn(|c| bright.iter().map(|p| f32::from(p[c])).sum::<f32>() / bright.len() as f32)
}

fn brightness(colour: &[f32; 3]) -> f32 {
    colour[0] * 0.3 + colour[1] * 0.59 + colour[2] * 0.11
}

/// Which cells show paper.
fn paper_cells(cells: &[[f32; 3]], across: usize, down: usize) -> Vec<bool> {
    let lights: Vec<f32> = cells.iter().map(brightness).collect();
    let page = paper_colour(cells, &lights);
    let bright = brightness(&page);
    let fits: Vec<bool> = cells
        .iter()
        .zip(&lights)
        .map(|(cell, light)| {
            *light >= bright * SHADOW_MIN && tint_difference(cell, &page) <= TINT_DIFFERENCE_MAX
        })
        .collect();
    let patches = patches(&lights, &fits, across, down);
    let largest = patches.iter().map(Vec::len).max().unwrap_or(0);
    let enough = ((cells.len() as f32 * PATCH_SHARE_MIN) as usize).min(largest).max(1);
    let mut paper = vec![false; cells.len()];
    for patch in patches.iter().filter(|patch| patch.len() >= enough) {
        patch.iter().for_each(|cell| paper[*cell] = true);
    }
    paper
}

/// Colour of the page's brighter cells.
fn paper_colour(cells: &[[f32; 3]], lights: &[f32]) -> [f32; 3] {
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by(|a, b| lights[*a].total_cmp(&lights[*b]));
    let bright = &order[order.len() * 6 / 10..(order.len() * 19 / 20).max(order.len() * 6 / 10 + 1)];
    std::array::from_fn(|c| bright.iter().map(|i| cells[*i][c]).sum::<f32>() / bright.len() as f32)
}

/// How far two colours are apart when both are made equally bright, as a share of that brightness.
fn tint_difference(a: &[f32; 3], b: &[f32; 3]) -> f32 {
    let (of_a, of_b) = (brightness(a).max(1.0), brightness(b).max(1.0));
    (0..3).map(|c| (a[c] / of_a - b[c] / of_b).abs()).fold(0.0, f32::max)
}

/// Groups of fitting cells that follow one another softly.
fn patches(lights: &[f32], fits: &[bool], across: usize, down: usize) -> Vec<Vec<usize>> {
    let mut seen = vec![false; lights.len()];
    let mut found = Vec::new();
    for start in 0..lights.len() {
        if seen[start] || !fits[start] {
            continue;
        }
        seen[start] = true;
        let mut patch = vec![start];
        let mut next = 0;
        while let Some(cell) = patch.get(next).copied() {
            next += 1;
            for other in neighbours(cell, across, down) {
                let (a, b) = (lights[cell], lights[other]);
                if !seen[other] && fits[other] && a.min(b) >= a.max(b) * SOFT_STEP {
                    seen[other] = true;
                    patch.push(other);
                }
            }
        }
        found.push(patch);
    }
    found
}

fn neighbours(cell: usize, across: usize, down: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (cell % across, cell / across);
    [
        (x > 0).then(|| cell - 1),
        (x + 1 < across).then(|| cell + 1),
        (y > 0).then(|| cell - across),
        (y + 1 < down).then(|| cell + across),
    ]
    .into_iter()
    .flatten()
}

/// Gives every unknown cell the mean of the known cells beside it, from the rim of the unknown inwards.
fn carry_over(cells: &mut [[f32; 3]], mut known: Vec<bool>, across: usize, down: usize) {
    while known.iter().any(|k| !k) {
        let mut filled = Vec::new();
        for cell in (0..cells.len()).filter(|cell| !known[*cell]) {
            let beside: Vec<usize> = neighbours(cell, across, down).filter(|n| known[*n]).collect();
            if !beside.is_empty() {
                let mean = |c: usize| beside.iter().map(|n| cells[*n][c]).sum::<f32>() / beside.len() as f32;
                filled.push((cell, std::array::from_fn(mean)));
            }
        }
        if filled.is_empty() {
            return;
        }
        for (cell, colour) in filled {
            cells[cell] = colour;
            known[cell] = true;
        }
    }
}

fn smoothed(cells: &[[f32; 3]], across: usize, down: usize) -> Vec<[f32; 3]> {
    let around = |cell: usize| {
        let (mut sum, mut weight) = (cells[cell].map(|v| v * 2.0), 2.0);
        for n in neighbours(cell, across, down) {
            (0..3).for_each(|c| sum[c] += cells[n][c]);
            weight += 1.0;
        }
        sum.map(|s| s / weight)
    };
    (0..cells.len()).map(around).collect()
}
