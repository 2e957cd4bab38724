//! Which mode serves a preview.

use std::cmp::Reverse;

use crate::{FrameFormat, Mode, PreviewWish, Rate};

/// The mode a preview takes, by its place among these, the largest first. The one pages are taken with, should it fit
/// and be fast enough: then a page needs no change of modes. Otherwise, of those that fit, one that is fast enough,
/// encodes JPEG itself, and is large, in this order of weight; the smallest where none fits. `None` of no modes.
pub fn preview_mode<'a>(modes: impl IntoIterator<Item = &'a Mode>, wish: &PreviewWish) -> Option<usize> {
    let modes: Vec<&Mode> = modes.into_iter().collect();
    let fits = |mode: &Mode| mode.width <= wish.width_max && mode.height <= wish.height_max;
    let best = modes.first()?;
    if fits(best) && is_fast(best, wish) {
        return Some(0);
    }
    let fitting = modes.iter().enumerate().filter(|(_, mode)| fits(mode));
    let weigh = |(_, mode): &(usize, &&Mode)| {
        let area = u64::from(mode.width) * u64::from(mode.height);
        (!is_fast(mode, wish), mode.format == FrameFormat::Raw, Reverse(area))
    };
    fitting.min_by_key(weigh).map(|(place, _)| place).or(Some(modes.len() - 1))
}

/// A camera that does not tell its rates is taken at its word.
fn is_fast(mode: &Mode, wish: &PreviewWish) -> bool {
    mode.rates.first().is_none_or(|fastest| reaches(fastest, wish.rate))
}

fn reaches(rate: &Rate, frames_per_second: u32) -> bool {
    u64::from(rate.frames) >= u64::from(frames_per_second) * u64::from(rate.seconds)
}

/// The rate a preview runs at: the slowest that is enough, or the fastest.
pub fn preview_rate(rates: &[Rate], wish: &PreviewWish) -> Option<Rate> {
    rates.iter().rfind(|rate| reaches(rate, wish.rate)).or(rates.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISH: PreviewWish = PreviewWish { width_max: 1920, height_max: 1080, rate: 15 };

    fn mode(format: FrameFormat, width: u32, height: u32, rates: &[(u32, u32)]) -> Mode {
        let rates = rates.iter().map(|(frames, seconds)| Rate { frames: *frames, seconds: *seconds });
        Mode { format, width, height, rates: rates.collect() }
    }

    fn chosen(modes: &[Mode]) -> (FrameFormat, u32) {
        let mode = &modes[preview_mode(modes, &WISH).expect("there are modes")];
        (mode.format, mode.width)
    }

    use FrameFormat::{Mjpeg, Raw};

    #[test]
    fn the_largest_that_fits_is_taken_and_jpeg_before_raw() {
        let modes = [
            mode(Mjpeg, 4608, 3456, &[(15, 1)]),
            mode(Raw, 1920, 1080, &[(30, 1)]),
            mode(Mjpeg, 1280, 720, &[(30_000, 1001)]),
            mode(Mjpeg, 640, 480, &[(30, 1)]),
        ];
        assert_eq!(chosen(&modes), (Mjpeg, 1280));
        assert_eq!(chosen(&modes[..2]), (Raw, 1920));
    }

    #[test]
    fn a_mode_that_is_too_slow_comes_after_a_smaller_one_that_is_not() {
        let modes = [
            mode(Mjpeg, 4608, 3456, &[(15, 1)]),
            mode(Mjpeg, 1920, 1080, &[(25, 2)]),
            mode(Mjpeg, 640, 480, &[(30, 1)]),
        ];
        assert_eq!(chosen(&modes), (Mjpeg, 640));
        assert_eq!(chosen(&modes[..2]), (Mjpeg, 1920));
    }

    #[test]
    fn the_mode_of_pages_is_taken_where_it_serves() {
        let modes = [mode(Raw, 1600, 1080, &[(15, 1)]), mode(Mjpeg, 1280, 720, &[(30, 1)])];
        assert_eq!(chosen(&modes), (Raw, 1600));
    }

    #[test]
    fn the_smallest_is_taken_where_none_fits() {
        let modes = [mode(Mjpeg, 4608, 3456, &[(15, 1)]), mode(Mjpeg, 2592, 1944, &[])];
        assert_eq!(chosen(&modes), (Mjpeg, 2592));
        assert!(preview_mode([], &WISH).is_none());
    }

    #[test]
    fn the_slowest_rate_that_is_enough_is_taken() {
        let rates = |all: &[(u32, u32)]| mode(Mjpeg, 1, 1, all).rates;
        let taken =
            |all: &[(u32, u32)]| preview_rate(&rates(all), &WISH).map(|rate| (rate.frames, rate.seconds));
        assert_eq!(taken(&[(30, 1), (15, 1), (25, 2)]), Some((15, 1)));
        assert_eq!(taken(&[(25, 2), (5, 1)]), Some((25, 2)));
        assert_eq!(taken(&[]), None);
    }
}
