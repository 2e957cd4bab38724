//! How domain words look in the API, and back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use yidang_imaging::CodeRead;
use yidang_model::{Date, Quad, Subject, SubjectType};

use super::vocabulary;
use crate::problem::Problem;
use crate::quality_words::sentence;

/// A quadrilateral: top-left, top-right, bottom-right, bottom-left of the page, in pixels of the original.
pub(crate) type Corners = [[f32; 2]; 4];

/// Whom a number identifies.
#[derive(Deserialize, ToSchema)]
#[schema(as = Subject)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectBody {
    /// What kind of number it is.
    #[schema(value_type = vocabulary::SubjectType)]
    pub(crate) r#type: String,
    /// The number; spaces around it, width and case of letters do not matter.
    #[schema(min_length = 1)]
    pub(crate) value: String,
}

impl SubjectBody {
    pub(crate) fn read(&self) -> Result<Subject, Problem> {
        let subject_type: SubjectType = self
            .r#type
            .parse()
            .map_err(|_| Problem::invalid("subject.type is not one of the seven types"))?;
        Subject::new(subject_type, &self.value)
            .map_err(|_| Problem::invalid("subject.value is not written as numbers of this type are"))
    }
}

/// A date in a body.
pub(crate) fn date(field: &str, text: Option<&str>) -> Result<Option<Date>, Problem> {
    text.map(|t| t.parse().map_err(|()| Problem::invalid(format!("{field} is not a date YYYY-MM-DD"))))
        .transpose()
}

/// A free text in a body: outer spaces cut, empty is absent, bounded, one line.
pub(crate) fn line(field: &str, text: Option<String>, length_max: usize) -> Result<Option<String>, Problem> {
    bounded(field, text, length_max, &[])
}

/// The same in several lines.
pub(crate) fn paragraph(
    field: &str,
    text: Option<String>,
    length_max: usize,
) -> Result<Option<String>, Problem> {
    bounded(field, text, length_max, &['\n', '\t'])
}

fn bounded(
    field: &str,
    text: Option<String>,
    length_max: usize,
    allowed: &[char],
) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.chars().count() > length_max {
        return Err(Problem::invalid(format!("{field} is longer than {length_max} characters")));
    }
    if text.chars().any(|c| c.is_control() && !allowed.contains(&c)) {
        return Err(Problem::invalid(format!("{field} has control characters")));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// What can be said of a picture's legibility.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Quality)]
pub(crate) struct QualityBody {
    /// Steepness of the steepest edges, 0 (blurred) to 1 (sharp).
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) sharpness: f32,
    /// Median brightness, 0 (black) to 1 (white). Most of a page is paper, so this is the paper's.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) brightness: f32,
    /// Share of the page that is burnt out by a reflection, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) glare_share: f32,
    /// How much of a side is missing at the worst corner, as a share of the shorter side; 1 where the page runs out
    /// of the frame.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) corner_missing: f32,
    /// Share of the page that fingers cover, 0 to 1.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) finger_share: f32,
    /// Pixels along the page's longer side.
    pub(crate) longer_side_px: u32,
    /// The camera's pixels an inch of paper; null where the paper's size is not known.
    #[serde(default)]
    pub(crate) dpi: Option<f32>,
    /// What makes it hard to read; empty on a good page.
    #[schema(value_type = Vec<vocabulary::QualityIssue>)]
    pub(crate) issues: Vec<String>,
    /// The same at length, in the same order: what was measured, and what to tell the clerk, who may go on anyway.
    #[serde(default)]
    pub(crate) findings: Vec<FindingBody>,
}

/// One thing that makes a page hard to read.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = QualityFinding)]
pub(crate) struct FindingBody {
    /// What it is.
    #[schema(value_type = vocabulary::QualityIssue)]
    pub(crate) issue: String,
    /// What was measured.
    pub(crate) value: f32,
    /// From where on it is bad.
    pub(crate) threshold: f32,
    /// What is wrong and what to do, in Chinese.
    pub(crate) zh: String,
    /// The same in English.
    pub(crate) en: String,
}

impl From<&yidang_imaging::Issue> for FindingBody {
    fn from(found: &yidang_imaging::Issue) -> Self {
        let [zh, en] = sentence(found.issue).map(str::to_owned);
        Self { issue: found.as_str().to_owned(), value: found.value, threshold: found.threshold, zh, en }
    }
}

impl From<&yidang_imaging::Quality> for QualityBody {
    fn from(quality: &yidang_imaging::Quality) -> Self {
        Self {
            sharpness: quality.sharpness,
            brightness: quality.brightness,
            glare_share: quality.glare_share,
            corner_missing: quality.corner_missing,
            finger_share: quality.finger_share,
            longer_side_px: quality.longer_side_px,
            dpi: quality.dpi,
            issues: quality.issues.iter().map(|i| i.as_str().to_owned()).collect(),
            findings: quality.issues.iter().map(FindingBody::from).collect(),
        }
    }
}

/// Most bytes that the texts of a page's codes may have together: they are kept with the capture.
const CODE_TEXTS_MAX_BYTES: usize = 32 << 10;

/// A barcode or QR code on a page.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = PageCode)]
pub(crate) struct CodeBody {
    /// Its kind.
    #[schema(value_type = vocabulary::Symbology)]
    pub(crate) symbology: String,
    /// What it says. Whoever printed the paper wrote this: show it, check it, never follow it unasked.
    pub(crate) text: String,
    /// Where it stands on the page.
    #[schema(value_type = vocabulary::CodeCorners)]
    pub(crate) corners: Corners,
}

impl CodeBody {
    /// The codes of a page; without those whose texts are more than can be kept.
    pub(crate) fn list(codes: &[CodeRead]) -> Vec<Self> {
        let mut left = CODE_TEXTS_MAX_BYTES;
        let kept = codes.iter().filter(|code| {
            // As it is written: a control character takes six bytes.
            let written = serde_json::to_string(&code.text).map_or(usize::MAX, |text| text.len());
            let rest = left.checked_sub(written);
            left = rest.unwrap_or(left);
            rest.is_some()
        });
        let body = |code: &CodeRead| Self {
            symbology: code.symbology.as_str().to_owned(),
            text: code.text.clone(),
            corners: code.corners,
        };
        kept.map(body).collect()
    }
}

/// Quarter turns clockwise, in degrees.
pub(crate) fn degrees(quarter_turns: u8) -> u16 {
    u16::from(quarter_turns % 4) * 90
}

/// Corners a caller gave.
pub(crate) fn corners(corners: Option<Corners>) -> Result<Quad, Problem> {
    let corners = corners.ok_or_else(|| Problem::invalid("crop `corners` needs the four `corners`"))?;
    if corners.iter().flatten().any(|c| !c.is_finite()) {
        return Err(Problem::invalid("corners must be finite numbers"));
    }
    Ok(corners)
}

#[cfg(test)]
mod tests {
    use yidang_imaging::{CODE_TEXT_MAX_BYTES, CODES_MAX, Symbology};

    use super::*;

    #[test]
    fn a_page_full_of_the_longest_codes_can_still_be_kept() {
        for character in ["a", "\u{1}", "档"] {
            let text = character.repeat(CODE_TEXT_MAX_BYTES / character.len());
            let code = CodeRead { symbology: Symbology::Qr, text, corners: [[1234.5; 2]; 4] };
            let kept = CodeBody::list(&vec![code.clone(); CODES_MAX]);
            assert!(kept.len() < CODES_MAX, "{}", kept.len());
            let written = serde_json::to_vec(&kept).unwrap().len();
            assert!(written * 10 < yidang_archive::NOTE_BYTES_MAX * 6, "{written}");
        }
        let short =
            CodeRead { symbology: Symbology::Ean13, text: "6901234567892".into(), corners: [[0.0; 2]; 4] };
        assert_eq!(CodeBody::list(&vec![short; CODES_MAX]).len(), CODES_MAX);
    }
}
