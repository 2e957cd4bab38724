//! What was measured on a page, and what of it is bad.

use std::fmt;

/// Below this sharpness letters run into each other: a blur whose deviation is a third of a millimetre.
const SHARPNESS_MIN: f32 = 0.19;
/// Below this brightness a page's paper is too dark.
const BRIGHTNESS_MIN: f32 = 0.33;
/// Above this brightness half of the page is as good as white: pale writing is lost.
const BRIGHTNESS_MAX: f32 = 0.985;
/// More glare than this may hide a line of writing.
const GLARE_SHARE_MAX: f32 = 0.004;
/// A corner of which more is missing was folded, torn or hidden; the round corners of a card miss 0.04.
const CORNER_MISSING_MAX: f32 = 0.055;
/// A fingertip covers more than this, the shadow of a thumb's rim does not.
const FINGER_SHARE_MAX: f32 = 0.002;
/// Print of 8 points needs this many pixels an inch.
const DPI_MIN: f32 = 150.0;
/// What is asked of a page of unknown size: A4 at 100 dpi.
const LONGER_SIDE_MIN_PX: u32 = 1_170;

/// What was measured on a page, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Steepness of the steepest edges where the page has any, as a share of their contrast, over the distance that
    /// 150 dpi resolves, 0 to 1. 1 where the page has too little on it to tell.
    pub sharpness: f32,
    /// Median brightness, 0 (black) to 1 (white). Most of a page is paper, so this is the paper's.
    pub brightness: f32,
    /// Share of the page that is blown out while the paper around it is not, 0 to 1.
    pub glare_share: f32,
    /// How much of a side is missing at the worst corner, as a share of the shorter side; 1 where the page runs out
    /// of the frame.
    pub corner_missing: f32,
    /// Share of the page that fingers cover, 0 to 1.
    pub finger_share: f32,
    /// Pixels on the longer side.
    pub longer_side_px: u32,
    /// The camera's pixels an inch of paper, where the paper's size is known.
    pub dpi: Option<f32>,
    /// What is wrong, none or several.
    pub issues: Vec<Issue>,
}

/// A number that was measured and the one it is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Issue {
    /// What it is about.
    pub issue: QualityIssue,
    /// What was measured.
    pub value: f32,
    /// From where on it is bad.
    pub threshold: f32,
}

/// What can be wrong with a page's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QualityIssue {
    /// Out of focus, or moved.
    Blurred,
    /// Too little light.
    TooDark,
    /// Too much light.
    TooBright,
    /// A lamp's reflection hides a part.
    Glare,
    /// A corner is outside the frame, folded or missing.
    CutCorner,
    /// A finger lies on it.
    Finger,
    /// Too few pixels to read small print.
    LowResolution,
}

impl QualityIssue {
    /// Everything that can be wrong.
    pub const ALL: [Self; 7] = [
        Self::Blurred,
        Self::TooDark,
        Self::TooBright,
        Self::Glare,
        Self::CutCorner,
        Self::Finger,
        Self::LowResolution,
    ];

    /// The stable word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blurred => "blurred",
            Self::TooDark => "too_dark",
            Self::TooBright => "too_bright",
            Self::Glare => "glare",
            Self::CutCorner => "cut_corner",
            Self::Finger => "finger",
            Self::LowResolution => "low_resolution",
        }
    }

    /// Whether a low number is the bad one.
    const fn is_bad_below(self) -> bool {
        matches!(self, Self::Blurred | Self::TooDark | Self::LowResolution)
    }
}

impl fmt::Display for QualityIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Issue {
    /// The stable word used in the API.
    pub const fn as_str(&self) -> &'static str {
        self.issue.as_str()
    }

    /// Whether the number is beyond its threshold.
    pub fn is_beyond(&self) -> bool {
        if self.issue.is_bad_below() { self.value < self.threshold } else { self.value > self.threshold }
    }
}

impl Quality {
    /// Every number with its threshold, good or bad, in the order of [`QualityIssue::ALL`].
    pub fn measures(&self) -> [Issue; 7] {
        let resolution = match self.dpi {
            Some(dpi) => (dpi, DPI_MIN),
            None => (self.longer_side_px as f32, LONGER_SIDE_MIN_PX as f32),
        };
        QualityIssue::ALL.map(|issue| {
            let (value, threshold) = match issue {
                QualityIssue::Blurred => (self.sharpness, SHARPNESS_MIN),
                QualityIssue::TooDark => (self.brightness, BRIGHTNESS_MIN),
                QualityIssue::TooBright => (self.brightness, BRIGHTNESS_MAX),
                QualityIssue::Glare => (self.glare_share, GLARE_SHARE_MAX),
                QualityIssue::CutCorner => (self.corner_missing, CORNER_MISSING_MAX),
                QualityIssue::Finger => (self.finger_share, FINGER_SHARE_MAX),
                QualityIssue::LowResolution => resolution,
            };
            Issue { issue, value, threshold }
        })
    }

    /// Whether this is wrong with the page.
    pub fn has(&self, issue: QualityIssue) -> bool {
        self.issues.iter().any(|found| found.issue == issue)
    }
}
