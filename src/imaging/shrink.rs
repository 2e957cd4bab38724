//! Makes planes of bytes smaller: each new pixel is the mean of those it covers.

/// So many rows at most are read for each new one: their sum fits into 16 bits, which takes half the time of 32.
const SUMMED_ROWS_MAX: usize = 256;
/// Up to so many pixels a mean can be had without a division.
const COUNT_MAX: u64 = 4000;

/// The plane at a size no larger than its own, each way. Its rows are `stride` bytes apart and hold `CHANNELS` bytes a
/// pixel; those of the new one follow each other.
pub(crate) fn shrunk<const CHANNELS: usize>(
    bytes: &[u8],
    stride: usize,
    [from_width, from_height]: [usize; 2],
    [width, height]: [usize; 2],
) -> Vec<u8> {
    // Where the pixels of each new column end.
    let ends: Vec<usize> = (1..=width).map(|x| (x * from_width).div_ceil(width)).collect();
    let none = vec![0_u8; from_width * CHANNELS];
    let mut sums = vec![0_u16; none.len()];
    let mut totals = vec![[0_u32; CHANNELS]; from_width + 1];
    let mut shrunk = Vec::with_capacity(width * height * CHANNELS);
    let mut from_y = 0;
    for y in 1..=height {
        let to_y = (y * from_height).div_ceil(height);
        let step = (to_y - from_y).div_ceil(SUMMED_ROWS_MAX);
        let rows = (from_y..to_y).step_by(step);
        let count_y = rows.len();
        add_rows(&mut sums, rows.map(|y| &bytes[y * stride..][..none.len()]), &none);
        add_up(&sums, &mut totals);
        let mut from_x = 0;
        let mut mean = Mean::of(0);
        for to_x in &ends {
            let count = ((to_x - from_x) * count_y) as u64;
            if mean.count != count {
                mean = Mean::of(count);
            }
            let [before, after] = [totals[from_x], totals[*to_x]];
            shrunk.extend::<[u8; CHANNELS]>(std::array::from_fn(|c| {
                mean.from(after[c].wrapping_sub(before[c]))
            }));
            from_x = *to_x;
        }
        from_y = to_y;
    }
    shrunk
}

/// All pixels of a row up to each of them, and none of them first.
fn add_up<const CHANNELS: usize>(row: &[u16], totals: &mut [[u32; CHANNELS]]) {
    let mut total = [0_u32; CHANNELS];
    for (pixel, to) in row.as_chunks::<CHANNELS>().0.iter().zip(&mut totals[1..]) {
        total.iter_mut().zip(pixel).for_each(|(sum, value)| *sum = sum.wrapping_add(u32::from(*value)));
        *to = total;
    }
}

/// Sums up rows, four at once: the sums are read and written once for all of them. `none` is a row of zeros.
fn add_rows<'a>(sums: &mut [u16], mut rows: impl Iterator<Item = &'a [u8]>, none: &'a [u8]) {
    sums.fill(0);
    while let Some(first) = rows.next() {
        let [second, third, fourth] = [(); 3].map(|()| rows.next().unwrap_or(none));
        let rows = first.iter().zip(second).zip(third).zip(fourth);
        for (sum, (((a, b), c), d)) in sums.iter_mut().zip(rows) {
            *sum += u16::from(*a) + u16::from(*b) + u16::from(*c) + u16::from(*d);
        }
    }
}

/// Divides the sum of so many bytes by their number, to the nearest.
struct Mean {
    count: u64,
    /// 2^32 divided by the count, upwards: what it is too large by is too little to matter for few pixels.
    inverse: Option<u64>,
}

impl Mean {
    fn of(count: u64) -> Self {
        let few = (1..=COUNT_MAX).contains(&count);
        Self { count, inverse: few.then(|| (1_u64 << 32).div_ceil(count)) }
    }

    fn from(&self, sum: u32) -> u8 {
        let sum = u64::from(sum) + self.count / 2;
        self.inverse.map_or_else(|| sum / self.count.max(1), |inverse| (sum * inverse) >> 32) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNT_MAX, Mean};

    #[test]
    fn a_mean_without_a_division_is_the_mean() {
        for count in (1..300).chain(COUNT_MAX - 3..COUNT_MAX + 3) {
            let mean = Mean::of(count);
            let limit = 255 * count as u32;
            for sum in (0..=limit).step_by((limit / 5000 + 1) as usize).chain([limit]) {
                let want = (u64::from(sum) + count / 2) / count;
                assert_eq!(u64::from(mean.from(sum)), want, "{sum} of {count}");
            }
        }
    }
}
