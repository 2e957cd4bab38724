//! Makes planes of bytes smaller: each new pixel is the mean of those it covers.

/// So many rows at most are read for each new one: their sum fits into 16 bits, which takes half the time of 32.
const SUMMED_ROWS_MAX: usize = 256;
/// To 32-bit floats of this size and less than twice it nothing can be added but whole numbers.
const WHOLE: f32 = (1 << 23) as f32;

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
    let shares: Vec<f32> =
        columns.iter().flat_map(|column| [1.0 / (fewest + column.more) as f32; CHANNELS]).collect();
    // Behind each row are zeros: sums that begin in it may reach beyond its end.
    let mut sums = vec![0_u16; (from_width + fewest + 1) * CHANNELS];
    let mut added = [sums.clone(), sums.clone()];
    let mut covered = vec![0_u16; width * CHANNELS];
    let mut shrunk = vec![0; width * height * CHANNELS];
    let mut from_y = 0;
    for (y, new) in shrunk.chunks_exact_mut(width * CHANNELS).enumerate() {
        let to_y = ((y + 1) * from_height).div_ceil(height);
        let step = (to_y - from_y).div_ceil(SUMMED_ROWS_MAX);
        let rows = (from_y..to_y).step_by(step);
        let count_y = rows.len();
        from_y = to_y;
        add_rows(&mut sums[..from_width * CHANNELS], rows.map(|y| &bytes[y * stride..]));
        if (fewest + 1) * count_y * 255 > usize::from(u16::MAX) {
            for (pixel, column) in new.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(&columns) {
                let pixels = &sums.as_chunks::<CHANNELS>().0[column.from..][..fewest + column.more];
                *pixel = mean(pixels, count_y);
            }
            continue;
        }
        let most = beside(&sums, fewest, CHANNELS, &mut added);
        cover::<CHANNELS>(most, &sums[fewest * CHANNELS..], &columns, &mut covered);
        means(&covered, &shares, 1.0 / count_y as f32, new);
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

/// From each value of a row on, the sum of `count` of them that are `apart`. Twice as many are added up each time, with one
/// more where the count is odd, for the whole row at once: from one of two rows, which are as long, to the other.
fn beside<'a>(row: &'a [u16], count: usize, apart: usize, [now, next]: &'a mut [Vec<u16>; 2]) -> &'a [u16] {
    if count == 1 {
        return row;
    }
    let length = row.len() - count * apart;
    let mut done = 1;
    for bit in (0..count.ilog2()).rev() {
        let from = if done == 1 { row } else { &now[..] };
        let (first, second) = (&from[..length], &from[done * apart..]);
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
    now
}

/// The sums of what each new column covers: the fewest from its first pixel on, and the `last` one where there is one more.
///
/// Not a part of the loop over all rows, where its values would not stay in the processor's registers.
#[inline(never)]
fn cover<const CHANNELS: usize>(fewest: &[u16], last: &[u16], columns: &[Column], to: &mut [u16]) {
    let (fewest, last) = (&fewest[..last.len()], last);
    let (fewest, last) = (fewest.as_chunks::<CHANNELS>().0, last.as_chunks::<CHANNELS>().0);
    for (sum, column) in to.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(columns) {
        let (fewest, last) = (fewest[column.from], last[column.from]);
        let more = (column.more as u16).wrapping_neg();
        *sum = std::array::from_fn(|c| fewest[c].wrapping_add(last[c] & more));
    }
}

/// The mean of some pixels of a row that holds sums of so many rows, to the nearest.
fn mean<const CHANNELS: usize>(pixels: &[[u16; CHANNELS]], count_y: usize) -> [u8; CHANNELS] {
    let count = (pixels.len() * count_y) as u64;
    std::array::from_fn(|c| {
        let sum: u64 = pixels.iter().map(|pixel| u64::from(pixel[c])).sum();
        ((sum + count / 2) / count) as u8
    })
}

/// Divides each sum of bytes by their number, to the nearest: that number is one by the product of two shares. It is so small
/// that a quarter makes more of a sum that lies in the middle between two, and of no other.
fn means(sums: &[u16], shares: &[f32], share: f32, to: &mut [u8]) {
    for ((to, sum), beside) in to.iter_mut().zip(sums).zip(shares) {
        let mean = (f32::from(*sum) + 0.25) * (beside * share);
        // The lowest bits of what is that large are the nearest whole number's.
        *to = (mean + WHOLE).to_bits() as u8;
    }
}

/// Sums up rows, four at once: the sums are read and written once for all of them.
fn add_rows<'a>(sums: &mut [u16], mut rows: impl Iterator<Item = &'a [u8]>) {
    let mut is_first = true;
    while let Some(first) = rows.next() {
        match (rows.next(), rows.next(), rows.next()) {
            (None, ..) => add(sums, [first], is_first),
            (Some(b), None, _) => add(sums, [first, b], is_first),
            (Some(b), Some(c), None) => add(sums, [first, b, c], is_first),
            (Some(b), Some(c), Some(d)) => add(sums, [first, b, c, d], is_first),
        }
        is_first = false;
    }
}

/// Adds rows to the sums, which are nothing yet where these are the first.
fn add<const COUNT: usize>(sums: &mut [u16], rows: [&[u8]; COUNT], is_first: bool) {
    let rows = rows.map(|row| &row[..sums.len()]);
    let of = |x: usize| rows.iter().map(|row| u16::from(row[x])).sum::<u16>();
    if is_first {
        sums.iter_mut().enumerate().for_each(|(x, sum)| *sum = of(x));
    } else {
        sums.iter_mut().enumerate().for_each(|(x, sum)| *sum += of(x));
    }
}

#[cfg(test)]
mod tests {
    use super::{means, shrunk};

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
        for (across, down) in
            (1..=257_u32).flat_map(|across| (1..=257 / across).map(move |down| (across, down)))
        {
            let count = across * down;
            let sums: Vec<u16> = (0..=255 * count).map(|sum| sum as u16).collect();
            let mut got = vec![0; sums.len()];
            means(&sums, &vec![1.0 / across as f32; sums.len()], 1.0 / down as f32, &mut got);
            let want: Vec<u8> =
                sums.iter().map(|sum| ((u32::from(*sum) + count / 2) / count) as u8).collect();
            assert_eq!(got, want, "{across} by {down}");
        }
    }
}
