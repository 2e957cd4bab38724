//! Black or white, by each place's surroundings (Sauvola's rule).

/// Longest side of the surroundings as a share of the page's longer side: some 5 mm of A4.
const WINDOW_SHARE: f32 = 1.0 / 60.0;
const WINDOW_MIN_PX: usize = 9;
const WINDOW_MAX_PX: usize = 101;
/// How far below the mean of even surroundings ink is.
const DEPTH: f32 = 0.16;
/// Deviation of surroundings that are half ink.
const DEVIATION_FULL: f32 = 128.0;
/// Darker than this on whitened paper is ink wherever it is: the inside of a wide black bar has dark surroundings.
const INK_MAX: u8 = 84;
/// Brighter than this on whitened paper is never ink.
const PAPER_MIN: u8 = 224;

/// 0 for ink and 255 for paper, of whitened brightness. Dots of a single pixel are paper.
pub(super) fn threshold(luma: &[u8], width: usize, height: usize) -> Vec<u8> {
    let window = (width.max(height) as f32 * WINDOW_SHARE) as usize;
    let radius = window.clamp(WINDOW_MIN_PX, WINDOW_MAX_PX) / 2;
    let mut out = Vec::with_capacity(luma.len());
    let mut columns = vec![(0_u32, 0_u32); width];
    let add = |columns: &mut [(u32, u32)], y: usize, sign: i32| {
        for (sums, v) in columns.iter_mut().zip(&luma[y * width..(y + 1) * width]) {
            let v = u32::from(*v);
            let step = |sum: u32, by: u32| if sign > 0 { sum + by } else { sum - by };
            *sums = (step(sums.0, v), step(sums.1, v * v));
        }
    };
    (0..radius.min(height)).for_each(|y| add(&mut columns, y, 1));
    for y in 0..height {
        if y + radius < height {
            add(&mut columns, y + radius, 1);
        }
        if y > radius {
            add(&mut columns, y - radius - 1, -1);
        }
        let rows = (y + radius).min(height - 1) + 1 - y.saturating_sub(radius);
        threshold_row(&luma[y * width..(y + 1) * width], &columns, rows, radius, &mut out);
    }
    without_single_dots(&out, width, height)
}

fn threshold_row(row: &[u8], columns: &[(u32, u32)], rows: usize, radius: usize, out: &mut Vec<u8>) {
    let width = row.len();
    let (mut sum, mut squares) = (0_u64, 0_u64);
    for (s, q) in &columns[..radius.min(width)] {
        (sum, squares) = (sum + u64::from(*s), squares + u64::from(*q));
    }
    for (x, v) in row.iter().enumerate() {
        if let Some((s, q)) = columns.get(x + radius) {
            (sum, squares) = (sum + u64::from(*s), squares + u64::from(*q));
        }
        if x > radius {
            let (s, q) = columns[x - radius - 1];
            (sum, squares) = (sum - u64::from(s), squares - u64::from(q));
        }
        let count = (rows * ((x + radius).min(width - 1) + 1 - x.saturating_sub(radius))) as f32;
        let mean = sum as f32 / count;
        let deviation = (squares as f32 / count - mean * mean).max(0.0).sqrt();
        let limit = mean * (1.0 + DEPTH * (deviation / DEVIATION_FULL - 1.0));
        let ink = *v <= INK_MAX || (*v < PAPER_MIN && f32::from(*v) < limit);
        out.push(if ink { 0 } else { 255 });
    }
}

fn without_single_dots(dots: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut out = dots.to_vec();
    for y in 0..height {
        for x in 0..width {
            if dots[y * width + x] == 0 {
                let around = (y.saturating_sub(1)..(y + 2).min(height)).flat_map(|y| {
                    dots[y * width + x.saturating_sub(1)..y * width + (x + 2).min(width)].iter()
                });
                if around.filter(|v| **v == 0).count() == 1 {
                    out[y * width + x] = 255;
                }
            }
        }
    }
    out
}
