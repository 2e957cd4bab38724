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
    let columns = columns(from_width, width);
    let fewest = from_width / width;
    let none = vec![0_u8; from_width * CHANNELS];
    // Behind each row are zeros: sums that begin in it may reach beyond its end.
    let mut sums = vec![0_u16; (from_width + fewest + 1) * CHANNELS];
    let mut beside = [sums.clone(), sums.clone()];
    let mut shrunk = vec![0; width * height * CHANNELS];
    let mut from_y = 0;
    for (y, new) in shrunk.as_chunks_mut::<CHANNELS>().0.chunks_exact_mut(width).enumerate() {
        let to_y = ((y + 1) * from_height).div_ceil(height);
        let step = (to_y - from_y).div_ceil(SUMMED_ROWS_MAX);
        let rows = (from_y..to_y).step_by(step);
        let count_y = rows.len();
        from_y = to_y;
        add_rows(&mut sums[..none.len()], rows.map(|y| &bytes[y * stride..][..none.len()]), &none);
        let means = [fewest, fewest + 1].map(|count| Mean::of((count * count_y) as u64));
        if (fewest + 1) * count_y * 255 > usize::from(u16::MAX) {
            for (pixel, column) in new.iter_mut().zip(&columns) {
                let pixels = &sums.as_chunks::<CHANNELS>().0[column.from..][..fewest + column.more];
                *pixel = added_up(pixels).map(|sum| means[column.more].from(sum));
            }
            continue;
        }
        add_beside(&sums, fewest, CHANNELS, &mut beside);
        let (beside, sums) = (beside[0].as_chunks::<CHANNELS>().0, sums.as_chunks::<CHANNELS>().0);
        for (pixel, column) in new.iter_mut().zip(&columns) {
            let mean = &means[column.more & 1];
            let (fewest, last) = (beside[column.from], sums[column.from + fewest]);
            // One more value, or none.
            let last = last.map(|value| value & (column.more as u16).wrapping_neg());
            *pixel = std::array::from_fn(|c| mean.few(u32::from(fewest[c]) + u32::from(last[c])));
        }
    }
    shrunk
}

/// A new column: the first of the pixels it covers, and how many more these are than the fewest that a column covers, none
/// or one.
struct Column {
    from: usize,
    more: usize,
}

fn columns(from_width: usize, width: usize) -> Vec<Column> {
    let end = |x: usize| (x * from_width).div_ceil(width);
    let column = |x: usize| Column { from: end(x), more: end(x + 1) - end(x) - from_width / width };
    (0..width).map(column).collect()
}

/// From each value of a row on, the sum of `count` of them that are `apart`: into the first of two rows, which are as long.
/// Twice as many are added up each time, with one more where the count is odd, for the whole row at once.
fn add_beside(row: &[u16], count: usize, apart: usize, [now, next]: &mut [Vec<u16>; 2]) {
    let length = row.len() - count * apart;
    now.copy_from_slice(row);
    let mut done = 1;
    for bit in (0..count.ilog2()).rev() {
        let (first, second) = (&now[..length], &now[done * apart..]);
        done *= 2;
        let sums = next.iter_mut().zip(first).zip(second);
        if count >> bit & 1 == 0 {
            sums.for_each(|((sum, a), b)| *sum = a.wrapping_add(*b));
        } else {
            let third = &row[done * apart..];
            done += 1;
            sums.zip(third).for_each(|(((sum, a), b), c)| *sum = a.wrapping_add(*b).wrapping_add(*c));
        }
        std::mem::swap(now, next);
    }
}

/// All of some pixels of a row.
fn added_up<const CHANNELS: usize>(pixels: &[[u16; CHANNELS]]) -> [u32; CHANNELS] {
    let mut total = [0; CHANNELS];
    for pixel in pixels {
        total.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
    }
    total
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
    inverse: u64,
}

impl Mean {
    fn of(count: u64) -> Self {
        Self { count, inverse: (1_u64 << 32).div_ceil(count.max(1)) }
    }

    fn from(&self, sum: u32) -> u8 {
        if self.count <= COUNT_MAX {
            return self.few(sum);
        }
        ((u64::from(sum) + self.count / 2) / self.count) as u8
    }

    /// The same for [`COUNT_MAX`] bytes at most.
    fn few(&self, sum: u32) -> u8 {
        (((u64::from(sum) + self.count / 2) * self.inverse) >> 32) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNT_MAX, Mean, shrunk};

    /// By its definition.
    fn slowly<const CHANNELS: usize>(bytes: &[u8], from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
        let ends = |i: usize, axis: usize| (i * from[axis]).div_ceil(to[axis]);
        let mut slow = Vec::new();
        for (x, y, c) in
            (0..to[1]).flat_map(|y| (0..to[0]).flat_map(move |x| (0..CHANNELS).map(move |c| (x, y, c))))
        {
            let columns = || ends(x, 0)..ends(x + 1, 0);
            let pixels = (ends(y, 1)..ends(y + 1, 1)).flat_map(|y| columns().map(move |x| y * from[0] + x));
            let values: Vec<u64> = pixels.map(|at| u64::from(bytes[at * CHANNELS + c])).collect();
            let count = values.len() as u64;
            slow.push(((values.iter().sum::<u64>() + count / 2) / count) as u8);
        }
        slow
    }

    #[test]
    fn each_new_pixel_is_the_mean_of_those_it_covers() {
        let mut state = 1_u32;
        // The last ones are white: their sums are the largest there are.
        let mut random = |from: [usize; 2], channels: usize| -> Vec<u8> {
            (0..from[0] * from[1] * channels)
                .map(|i| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if i > from[0] * from[1] * channels / 2 { 255 } else { (state >> 24) as u8 }
                })
                .collect()
        };
        let sizes = [[1, 1], [2, 7], [37, 29], [64, 64], [301, 97], [640, 250], [1023, 31], [5000, 9]];
        for from in sizes {
            let (grey, colour) = (random(from, 1), random(from, 3));
            for to in [[1, 1], [2, 3], [9, 4], [37, 9], [64, 61], [300, 31], [640, 240]] {
                if to[0] <= from[0] && to[1] <= from[1] {
                    assert_eq!(
                        shrunk::<1>(&grey, from[0], from, to),
                        slowly::<1>(&grey, from, to),
                        "{from:?} {to:?}"
                    );
                    let got = shrunk::<3>(&colour, from[0] * 3, from, to);
                    assert_eq!(got, slowly::<3>(&colour, from, to), "{from:?} {to:?}");
                }
            }
        }
    }

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
