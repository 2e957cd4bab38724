//! What a camera offers.

use std::cmp::Reverse;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use yidang_device::{FrameFormat, Mode, Rate};

use crate::ioctl;
use crate::layout::{CAPTURE, DISCRETE, FormatDescription, Fraction, FrameInterval, FrameSize};

/// `MJPG`, `JPEG` and `YUYV`.
const MJPG: u32 = u32::from_le_bytes(*b"MJPG");
const JPEG: u32 = u32::from_le_bytes(*b"JPEG");
pub(crate) const YUYV: u32 = u32::from_le_bytes(*b"YUYV");

/// Most of each that are asked for, whatever the camera says.
const FORMATS_MAX: u32 = 64;
const SIZES_MAX: u32 = 128;
const RATES_MAX: u32 = 64;
/// Longest side of a picture, which is also JPEG's.
const SIDE_MAX: u32 = 65_535;
/// Sizes offered of a camera that takes any within a range, beside its smallest and largest.
const USUAL_SIZES: [(u32, u32); 7] =
    [(640, 480), (1280, 720), (1600, 1200), (1920, 1080), (2592, 1944), (3264, 2448), (3840, 2160)];

/// One mode, and the kernel's word for its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) pixel_format: u32,
    pub(crate) mode: Mode,
}

/// Everything the camera offers that this driver can take, the largest first; of one size JPEG first.
pub(crate) fn offers(node: BorrowedFd<'_>) -> Result<Vec<Offer>, Errno> {
    let mut offers: Vec<Offer> = Vec::new();
    for pixel_format in formats(node)? {
        let format = match pixel_format {
            MJPG | JPEG => FrameFormat::Mjpeg,
            YUYV => FrameFormat::Raw,
            _ => continue,
        };
        for (width, height) in sizes(node, pixel_format)? {
            let rates = rates(node, pixel_format, width, height)?;
            let mode = Mode { format, width, height, rates };
            if !offers.iter().any(|o| (o.mode.format, o.mode.width, o.mode.height) == (format, width, height))
            {
                offers.push(Offer { pixel_format, mode });
            }
        }
    }
    offers.sort_by_key(|offer| order(&offer.mode));
    Ok(offers)
}

fn order(mode: &Mode) -> (Reverse<u64>, bool) {
    (Reverse(u64::from(mode.width) * u64::from(mode.height)), mode.format == FrameFormat::Raw)
}

/// Asks with one index after the other until the kernel says that there are no more.
fn each(most: u32, mut ask: impl FnMut(u32) -> Result<(), Errno>) -> Result<(), Errno> {
    for index in 0..most {
        match ask(index) {
            // ENOTTY: the camera does not say.
            Err(Errno::INVAL | Errno::NOTTY) => return Ok(()),
            answer => answer?,
        }
    }
    Ok(())
}

fn formats(node: BorrowedFd<'_>) -> Result<Vec<u32>, Errno> {
    let mut formats = Vec::new();
    each(FORMATS_MAX, |index| {
        let mut asked = FormatDescription { index, kind: CAPTURE, ..FormatDescription::default() };
        ioctl::enumerate_format(node, &mut asked)?;
        formats.push(asked.pixel_format);
        Ok(())
    })?;
    Ok(formats)
}

fn sizes(node: BorrowedFd<'_>, pixel_format: u32) -> Result<Vec<(u32, u32)>, Errno> {
    let mut sizes = Vec::new();
    each(SIZES_MAX, |index| {
        let mut asked = FrameSize { index, pixel_format, ..FrameSize::default() };
        ioctl::enumerate_size(node, &mut asked)?;
        if asked.kind == DISCRETE {
            sizes.push((asked.size[0], asked.size[1]));
            return Ok(());
        }
        sizes.extend(within(asked.size));
        // A range is the only answer there is.
        Err(Errno::INVAL)
    })?;
    sizes.retain(|(width, height)| (1..=SIDE_MAX).contains(width) && (1..=SIDE_MAX).contains(height));
    Ok(sizes)
}

/// The sizes offered of a range: smallest, largest and step across, then down.
fn within(
    [width_min, width_max, width_step, height_min, height_max, height_step]: [u32; 6],
) -> Vec<(u32, u32)> {
    let fits = |side: u32, min: u32, max: u32, step: u32| {
        (min..=max).contains(&side) && (side - min).is_multiple_of(step.max(1))
    };
    let mut sizes = vec![(width_max, height_max)];
    sizes.extend(USUAL_SIZES.into_iter().filter(|(width, height)| {
        fits(*width, width_min, width_max, width_step) && fits(*height, height_min, height_max, height_step)
    }));
    sizes.push((width_min, height_min));
    sizes.dedup();
    sizes
}

fn rates(node: BorrowedFd<'_>, pixel_format: u32, width: u32, height: u32) -> Result<Vec<Rate>, Errno> {
    let mut intervals = Vec::new();
    each(RATES_MAX, |index| {
        let mut asked = FrameInterval { index, pixel_format, width, height, ..FrameInterval::default() };
        ioctl::enumerate_interval(node, &mut asked)?;
        if asked.kind == DISCRETE {
            intervals.push(asked.intervals[0]);
            return Ok(());
        }
        intervals.extend(&asked.intervals[..2]);
        Err(Errno::INVAL)
    })?;
    Ok(fastest_first(&intervals))
}

fn fastest_first(intervals: &[Fraction]) -> Vec<Rate> {
    let mut rates: Vec<Rate> = intervals
        .iter()
        .filter(|interval| interval.numerator > 0 && interval.denominator > 0)
        .map(|interval| Rate { frames: interval.denominator, seconds: interval.numerator })
        .collect();
    rates.sort_by(|a, b| {
        let times = |frames: u32, seconds: u32| u64::from(frames) * u64::from(seconds);
        times(b.frames, a.seconds).cmp(&times(a.frames, b.seconds))
    });
    rates.dedup();
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractional_rates_are_kept_and_sorted() {
        let interval = |numerator, denominator| Fraction { numerator, denominator };
        let rates = fastest_first(&[interval(2, 25), interval(1001, 30_000), interval(0, 1), interval(1, 5)]);
        let rates: Vec<_> = rates.iter().map(|rate| (rate.frames, rate.seconds)).collect();
        assert_eq!(rates, [(30_000, 1001), (25, 2), (5, 1)]);
    }

    #[test]
    fn a_range_of_sizes_is_offered_by_its_ends_and_the_usual_ones_on_its_steps() {
        assert_eq!(
            within([320, 1920, 16, 240, 1200, 16]),
            [(1920, 1200), (640, 480), (1280, 720), (1600, 1200), (320, 240)]
        );
        assert_eq!(within([640, 640, 0, 480, 480, 0]), [(640, 480)]);
    }

    #[test]
    fn the_largest_comes_first_and_jpeg_before_raw() {
        let mode = |format, width, height| Mode { format, width, height, rates: vec![] };
        let mut modes = [
            mode(FrameFormat::Raw, 1600, 1200),
            mode(FrameFormat::Mjpeg, 640, 480),
            mode(FrameFormat::Mjpeg, 1600, 1200),
        ];
        modes.sort_by_key(order);
        assert_eq!(
            modes.map(|m| (m.format, m.width)),
            [(FrameFormat::Mjpeg, 1600), (FrameFormat::Raw, 1600), (FrameFormat::Mjpeg, 640)]
        );
    }

    #[test]
    fn asking_ends_where_the_kernel_or_the_bound_says() {
        let mut asked = 0;
        let ended = each(5, |index| {
            asked += 1;
            if index < 3 { Ok(()) } else { Err(Errno::INVAL) }
        });
        assert_eq!((ended, asked), (Ok(()), 4));
        assert_eq!(each(5, |_| Ok(())), Ok(()));
        assert_eq!(each(5, |_| Err(Errno::NODEV)), Err(Errno::NODEV));
    }
}
