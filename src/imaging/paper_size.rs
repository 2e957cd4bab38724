//! Which paper a page is, and so how large it is in the world.

use std::fmt;

/// Sizes of paper that are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaperSize {
    /// 210 x 297 mm (ISO 216, GB/T 148).
    A4,
    /// 148 x 210 mm (ISO 216, GB/T 148).
    A5,
    /// 176 x 250 mm, the B5 of ISO 216 and GB/T 148. The Japanese B5 (182 x 257 mm) is taken for it.
    B5,
    /// 85.60 x 53.98 mm (ISO/IEC 7810 ID-1): identity card, bank card, social security card.
    Id1,
    /// One page of a household register booklet: 105 x 143 mm.
    HukouPage,
    /// An open household register booklet, both pages: 210 x 143 mm.
    HukouSpread,
}

/// How far each side may be off where the camera's scale is known.
const SCALED_TOLERANCE: f64 = 0.04;

impl PaperSize {
    /// Every size.
    pub const ALL: [Self; 6] = [Self::A4, Self::A5, Self::B5, Self::Id1, Self::HukouPage, Self::HukouSpread];

    /// The stable word used in the API: the standards' own name, where there is one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A4 => "A4",
            Self::A5 => "A5",
            Self::B5 => "B5",
            Self::Id1 => "ID-1",
            Self::HukouPage => "hukou_page",
            Self::HukouSpread => "hukou_spread",
        }
    }

    /// Shorter and longer side.
    pub const fn sides_mm(self) -> [f64; 2] {
        match self {
            Self::A4 => [210.0, 297.0],
            Self::A5 => [148.0, 210.0],
            Self::B5 => [176.0, 250.0],
            Self::Id1 => [53.98, 85.6],
            Self::HukouPage => [105.0, 143.0],
            Self::HukouSpread => [143.0, 210.0],
        }
    }

    /// Pixels an inch of a page of this size whose longer side has so many pixels.
    pub fn dpi(self, long_side_px: f64) -> f64 {
        long_side_px * MM_PER_INCH / self.sides_mm()[1]
    }

    /// Pixels the longer side has at so many pixels an inch.
    pub fn long_side_px(self, dpi: f64) -> f64 {
        dpi * self.sides_mm()[1] / MM_PER_INCH
    }

    /// How far proportions may be off where they are all that is known. A4 is by far the most frequent, so of
    /// what lies between A4 and the booklet A4 takes more.
    const fn aspect_tolerance(self) -> f64 {
        match self {
            Self::A4 => 0.025,
            Self::Id1 => 0.02,
            _ => 0.011,
        }
    }
}

impl fmt::Display for PaperSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(crate) const MM_PER_INCH: f64 = 25.4;

/// The paper a straightened page is, or `None` where it is none of them, as a receipt is.
///
/// `aspect` is one side by the other, either way round; `px_per_mm` is the camera's scale on the mat. With a scale
/// both sides must fit within 4 %, and the nearest size wins. Without one only proportions tell: all of the A and
/// B series are alike and become A4; the booklet's pages must fit closely, because A4 lies between them.
pub fn paper_size(aspect: f64, long_side_px: f64, px_per_mm: Option<f64>) -> Option<PaperSize> {
    let aspect = if aspect >= 1.0 { aspect } else { 1.0 / aspect };
    if !aspect.is_finite() || !long_side_px.is_finite() {
        return None;
    }
    let off = |size: &PaperSize| {
        let [short, long] = size.sides_mm();
        match px_per_mm {
            Some(scale) => {
                let long_mm = long_side_px / scale;
                let off = (long_mm / long).ln().abs().max((long_mm / aspect / short).ln().abs());
                (off, SCALED_TOLERANCE)
            }
            None => ((aspect * short / long).ln().abs(), size.aspect_tolerance()),
        }
    };
    let tell_apart = PaperSize::ALL
        .into_iter()
        .filter(|size| px_per_mm.is_some() || !matches!(size, PaperSize::A5 | PaperSize::B5));
    tell_apart
        .filter(|size| {
            let (off, most) = off(size);
            off <= most
        })
        .min_by(|a, b| off(a).0.total_cmp(&off(b).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_scale_every_size_is_told_from_every_other() {
        for size in PaperSize::ALL {
            let [short, long] = size.sides_mm();
            for stretch in [0.985, 1.0, 1.015] {
                let found = paper_size(long * stretch / short, long * 7.9 * stretch, Some(7.9));
                assert_eq!(found, Some(size), "{size} stretched by {stretch}");
            }
        }
        // 80 mm of till roll, and a sheet of letter paper.
        assert_eq!(paper_size(0.4, 200.0 * 8.0, Some(8.0)), None);
        assert_eq!(paper_size(279.4 / 215.9, 279.4 * 8.0, Some(8.0)), None);
    }

    #[test]
    fn without_the_scale_the_series_is_a4_and_the_rest_by_proportions() {
        for (size, told) in [
            (PaperSize::A4, PaperSize::A4),
            (PaperSize::A5, PaperSize::A4),
            (PaperSize::B5, PaperSize::A4),
            (PaperSize::Id1, PaperSize::Id1),
            (PaperSize::HukouPage, PaperSize::HukouPage),
            (PaperSize::HukouSpread, PaperSize::HukouSpread),
        ] {
            let [short, long] = size.sides_mm();
            for aspect in [long / short, short / long, long / short * 1.009, long / short * 0.991] {
                assert_eq!(paper_size(aspect, 1000.0, None), Some(told), "{size} at {aspect}");
            }
        }
        assert_eq!(paper_size(2.6, 1000.0, None), None);
        assert_eq!(paper_size(1.0, 1000.0, None), None);
    }

    #[test]
    fn senseless_numbers_are_no_paper() {
        for aspect in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            for scale in [None, Some(0.0), Some(-3.0), Some(f64::NAN)] {
                assert_eq!(paper_size(aspect, 100.0, scale), None);
            }
        }
    }

    #[test]
    fn resolution_follows_from_the_size() {
        assert!((PaperSize::A4.dpi(3508.0) - 300.0).abs() < 0.1);
        assert!((PaperSize::Id1.long_side_px(300.0) - 1011.0).abs() < 0.1);
    }
}
