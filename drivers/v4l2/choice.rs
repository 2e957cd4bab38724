//! Which mode serves a preview.

use std::cmp::Reverse;

use yidang_device::{FrameFormat, Mode, PreviewWish, Rate};

use crate::format::Offer;

/// The offer a preview takes, of those that are there, the largest first. The one pages are taken with, should it fit
/// and be fast enough: then a page needs no change of modes. Otherwise, of those that fit, one that is fast enough,
/// encodes JPEG itself, and is large, in this order of weight; the smallest where none fits. `None` of no offers.
pub(crate) fn for_preview<'a>(offers: &'a [Offer], wish: &PreviewWish) -> Option<&'a Offer> {
    let fits = |mode: &Mode| mode.width <= wish.width_max && mode.height <= wish.height_max;
    let best = offers.first()?;
    if fits(&best.mode) && is_fast(&best.mode, wish) {
        return Some(best);
    }
    let fitting = offers.iter().filter(|offer| fits(&offer.mode));
    let weigh = |offer: &&Offer| {
        let mode = &offer.mode;
        let area = u64::from(mode.width) * u64::from(mode.height);
        (!is_fast(mode, wish), mode.format == FrameFormat::Raw, Reverse(area))
    };
    fitting.min_by_key(weigh).or_else(|| offers.last())
}

/// A camera that does not tell its rates is taken at its word.
fn is_fast(mode: &Mode, wish: &PreviewWish) -> bool {
    mode.rates.first().is_none_or(|fastest| reaches(fastest, wish.rate))
}

fn reaches(rate: &Rate, frames_per_second: u32) -> bool {
    u64::from(rate.frames) >= u64::from(frames_per_second) * u64::from(rate.seconds)
}

/// The rate a preview runs at: the slowest that is enough, or the fastest.
pub(crate) fn rate(rates: &[Rate], wish: &PreviewWish) -> Option<Rate> {
    rates.iter().rfind(|rate| reaches(rate, wish.rate)).or(rates.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISH: PreviewWish = PreviewWish { width_max: 1920, height_max: 1080, rate: 15 };

    fn offer(format: FrameFormat, width: u32, height: u32, rates: &[(u32, u32)]) -> Offer {
        let rates =
            rates.iter().map(|(frames, seconds)| Rate { frames: *frames, seconds: *seconds }).collect();
        Offer { pixel_format: 0, mode: Mode { format, width, height, rates } }
    }

    fn chosen(offers: &[Offer]) -> (FrameFormat, u32) {
        let mode = &for_preview(offers, &WISH).expect("there are offers").mode;
        (mode.format, mode.width)
    }

    use FrameFormat::{Mjpeg, Raw};

    #[test]
    fn the_largest_that_fits_is_taken_and_jpeg_before_raw() {
        let offers = [
            offer(Mjpeg, 4608, 3456, &[(15, 1)]),
            offer(Raw, 1920, 1080, &[(30, 1)]),
            offer(Mjpeg, 1280, 720, &[(30_000, 1001)]),
            offer(Mjpeg, 640, 480, &[(30, 1)]),
        ];
        assert_eq!(chosen(&offers), (Mjpeg, 1280));
        assert_eq!(chosen(&offers[..2]), (Raw, 1920));
    }

    #[test]
    fn a_mode_that_is_too_slow_comes_after_a_smaller_one_that_is_not() {
        let offers = [
            offer(Mjpeg, 4608, 3456, &[(15, 1)]),
            offer(Mjpeg, 1920, 1080, &[(25, 2)]),
            offer(Mjpeg, 640, 480, &[(30, 1)]),
        ];
        assert_eq!(chosen(&offers), (Mjpeg, 640));
        assert_eq!(chosen(&offers[..2]), (Mjpeg, 1920));
    }

    #[test]
    fn the_mode_of_pages_is_taken_where_it_serves() {
        let offers = [offer(Raw, 1600, 1080, &[(15, 1)]), offer(Mjpeg, 1280, 720, &[(30, 1)])];
        assert_eq!(chosen(&offers), (Raw, 1600));
    }

    #[test]
    fn the_smallest_is_taken_where_none_fits() {
        let offers = [offer(Mjpeg, 4608, 3456, &[(15, 1)]), offer(Mjpeg, 2592, 1944, &[])];
        assert_eq!(chosen(&offers), (Mjpeg, 2592));
        assert!(for_preview(&[], &WISH).is_none());
    }

    #[test]
    fn the_slowest_rate_that_is_enough_is_taken() {
        let rates = |all: &[(u32, u32)]| offer(Mjpeg, 1, 1, all).mode.rates;
        let taken = |all: &[(u32, u32)]| rate(&rates(all), &WISH).map(|rate| (rate.frames, rate.seconds));
        assert_eq!(taken(&[(30, 1), (15, 1), (25, 2)]), Some((15, 1)));
        assert_eq!(taken(&[(25, 2), (5, 1)]), Some((25, 2)));
        assert_eq!(taken(&[]), None);
    }
}
