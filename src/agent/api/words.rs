//! How domain words look in the API, and back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
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

/// Corners a caller gave.
pub(crate) fn corners(corners: Option<Corners>) -> Result<Quad, Problem> {
    let corners = corners.ok_or_else(|| Problem::invalid("crop `corners` needs the four `corners`"))?;
    if corners.iter().flatten().any(|c| !c.is_finite()) {
        return Err(Problem::invalid("corners must be finite numbers"));
    }
    Ok(corners)
}
