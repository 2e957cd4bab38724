//! Red and blue stay, everything else becomes a copy in black and white.

/// Side of the squares whose mean colour must agree: the coloured fringes of a lens are red on one side of a
/// letter and blue on the other, and have no colour in the mean.
const SQUARE_PX: usize = 6;
/// A square's mean lead of red or blue over the other colours, below which its pixels are grey.
const SQUARE_LEAD_MIN: i32 = 7;
/// A pixel's own lead: grey up to the first, colour from the second on.
const PIXEL_LEAD: [i32; 2] = [14, 40];
/// Writing darker than the first becomes black, paper brighter than the second white.
const INK_TO_PAPER: [i32; 2] = [96, 214];

/// Red, green and blue of whitened pixels, three bytes a pixel.
pub(super) fn keep_red_and_blue(rgb: &[u8], width: usize, height: usize) -> Vec<u8> {
    let across = width.div_ceil(SQUARE_PX);
    let mut sums = vec![([0_i32; 2], 0_i32); across * height.div_ceil(SQUARE_PX)];
    for (i, pixel) in rgb.chunks_exact(3).enumerate() {
        let (sum, count) = &mut sums[i / width / SQUARE_PX * across + i % width / SQUARE_PX];
        let leads = leads(pixel);
        (sum[0], sum[1], *count) = (sum[0] + leads[0], sum[1] + leads[1], *count + 1);
    }
    let coloured: Vec<bool> =
        sums.iter().map(|(sum, count)| sum.iter().any(|s| *s >= SQUARE_LEAD_MIN * (*count).max(1))).collect();
    let mut out = Vec::with_capacity(rgb.len());
    for (i, pixel) in rgb.chunks_exact(3).enumerate() {
        let copy = copied(pixel);
        let is_coloured = coloured[i / width / SQUARE_PX * across + i % width / SQUARE_PX];
        let lead = leads(pixel).into_iter().max().unwrap_or(0);
        let weight = if is_coloured { ramp(lead, PIXEL_LEAD) } else { 0 };
        out.extend(
            (0..3).map(|c| ((i32::from(pixel[c]) * weight + copy * (255 - weight) + 127) / 255) as u8),
        );
    }
    out
}

/// By how much red leads over green and blue, and blue over red and green, below zero where they do not.
fn leads(pixel: &[u8]) -> [i32; 2] {
    let [r, g, b] = [0, 1, 2].map(|c| i32::from(pixel[c]));
    [r - (g + b) / 2, b - (r + g) / 2]
}

/// How a copying machine sees a pixel.
fn copied(pixel: &[u8]) -> i32 {
    ramp((i32::from(pixel[0]) * 77 + i32::from(pixel[1]) * 150 + i32::from(pixel[2]) * 29) >> 8, INK_TO_PAPER)
}

/// 0 up to the first value, 255 from the second on, straight between.
fn ramp(value: i32, [from, to]: [i32; 2]) -> i32 {
    ((value - from) * 255 / (to - from)).clamp(0, 255)
}
