//! The closed lists of words of the API, as its document shows them. The code that reads and writes the words
//! stands where they belong; these types only describe, and the tests below hold the two together.

use std::borrow::Cow;

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($($name:ident: $doc:literal [$($word:literal),+];)+) => { $(
        #[doc = $doc]
        pub(crate) struct $name;

        impl $name {
            /// The whole list.
            const WORDS: &[&str] = &[$($word),+];
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = Self::WORDS.iter().copied();
                let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
                word.description(Some($doc)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+ };
}

words! {
    Basis: "On what ground a dossier is opened without the card. `none`: a number alone, for filing only." [
        "none", "guardian", "authorised_agent", "lost_card", "no_card", "official_duty"
    ];
    CameraState: "`ready`; `denied`: the system keeps it from this program; `failed`: it does not answer." [
        "ready", "denied", "failed"
    ];
    CaptureState: "Which captures are listed." ["unfiled"];
    CardOrigin: "Whether a real reader or a simulated one gave it." ["device", "simulated"];
    CardWarning: "What is odd about a card. None of them keeps it from being read." [
        "check_digit_wrong", "id_number_malformed", "birth_date_invalid", "birth_date_differs",
        "validity_invalid", "expired", "name_has_private_use_characters", "text_damaged", "sex_code_unknown",
        "ethnicity_code_unknown", "fingerprint_malformed"
    ];
    ControlName: "What can be adjusted on a camera. `exposure` in units of 100 µs, `white_balance` in kelvin, \
        `power_line_frequency` 0 off, 1 50 Hz, 2 60 Hz, 3 by itself; names with `_auto`: 1, the camera does it by \
        itself; all others in the camera's own steps." [
        "focus", "focus_auto", "exposure", "exposure_auto", "white_balance", "white_balance_auto", "zoom",
        "brightness", "contrast", "saturation", "sharpness", "gain", "power_line_frequency"
    ];
    Crop: "`auto`: find the page; `full`: keep the whole frame; `corners`: take the given ones." [
        "auto", "full", "corners"
    ];
    DeviceState: "`ready`; `absent`: none is there; `denied`: the system keeps it from this program." [
        "ready", "absent", "denied"
    ];
    DeviceType: "What a device is." ["card_reader", "camera"];
    DocumentType: "Which of the four cards it is." ["resident", "foreigner_2017", "foreigner_2023", "hmt"];
    ErasureRefusal: "Why the repository refused an erasure. `legal_hold`: a hold there keeps it; `holds_unproven`: its \
        ledger lost something that may have been a hold, and its operator has to confirm the holds; `erasure_denied`: this \
        window neither filed it nor had the dossier open lately; `invalid`: the request does not hold together; \
        `repository_refused`: anything else." [
        "legal_hold", "holds_unproven", "erasure_denied", "invalid", "repository_refused"
    ];
    ErasureRepository: "What the repository said to an erasure; `none`: there is no repository." [
        "confirmed", "pending", "none"
    ];
    ErasureState: "How far an erasure has come; `refused` and `done` are final." [
        "requested", "approved", "refused", "done"
    ];
    FrameFormat: "`mjpeg`: a JPEG each, passed on as it is; `raw`: bare pixels, encoded by this program." ["mjpeg", "raw"];
    MatchVerdict: "`same`: the very same bytes." ["same"];
    MaterialScope: "`local`: what this PC holds; `all`: the repository is asked too." ["local", "all"];
    MediaType: "How a picture is encoded." ["image/jpeg", "image/png"];
    NumberWarning: "`check_digit_wrong`: the number was probably mistyped." ["check_digit_wrong"];
    OperatorNeed: "What calls must tell of their clerk: nothing, a name in `Yidang-Operator`, or a session in \
        `Yidang-Session`." ["none", "named", "session"];
    Origin: "Where a picture came from. The repository refuses `simulated` unless it is told otherwise." [
        "device", "upload", "simulated"
    ];
    PaperSize: "Which paper a page is. `ID-1`: a card, 85.6 by 54 mm; `hukou_page` and `hukou_spread`: a page of the \
        household register booklet, and the open booklet." [
        "A4", "A5", "B5", "ID-1", "hukou_page", "hukou_spread"
    ];
    PairingScope: "What can be asked for by pairing; other scopes are given at the command line only." [
        "card", "capture", "archive:write", "archive:read"
    ];
    PairingState: "How far a request for a token has come. `refused` and `paired` are told once." [
        "waiting", "refused", "paired"
    ];
    PhotoDecoderState: "`none`: no decoder is configured; `ready`; `absent`: the configured program cannot be run." [
        "none", "ready", "absent"
    ];
    PhotoStatus: "`decoded`: `photo` has the portrait; `no_decoder`: only `photo_wlt` could be given; `failed`: \
        it could not be decoded; `none`: the card gave none." ["decoded", "no_decoder", "failed", "none"];
    PresentedAs: "What form of the paper the clerk was shown." ["original", "copy", "certified", "e_licence"];
    QualityIssue: "What makes a page hard to read." [
        "blurred", "too_dark", "too_bright", "glare", "cut_corner", "finger", "low_resolution"
    ];
    RepositoryAnswer: "`answered`; `unreachable`: it gave no answer that could be used, and only this PC's \
        materials are listed; `none`: it was not asked, \
        or there is none." ["answered", "unreachable", "none"];
    RepositoryState: "`none`: this window works alone; `connecting`: not asked yet; `not_enrolled`: it has not been \
        enrolled, or the repository does not know it any more." [
        "none", "not_enrolled", "connecting", "connected", "unreachable"
    ];
    Right: "What an open dossier allows: `file` papers into it, `read` what is in it." ["file", "read"];
    SafeAt: "`this_pc`: durable here; `repository`: committed centrally." ["this_pc", "repository"];
    ServiceState: "The service answers." ["ok"];
    ArchiveState: "What is known of the archive: `damaged` where pictures are moved aside as damaged or the ledger is, `incomplete` \
        where something is lost for good as a rebuild entered, or a hold may be and nobody has confirmed yet that none is, `unchecked` as \
        long as the ledger has not been read through since the start." ["unchecked", "whole", "incomplete", "damaged"];
    LedgerState: "What is known of the ledger; `unchecked` as long as it has not been read through since the start, `incomplete` where \
        something is lost for good as a rebuild entered, or a hold may be and nobody has confirmed yet that none is." [
        "unchecked", "whole", "incomplete", "damaged"
    ];
    SessionState: "Whether a clerk's session can be used; `locked`: not until the same clerk signs in again." [
        "open", "locked"
    ];
    SignInWay: "How a clerk proved to be who they are: by a local PIN, or the window system asserted it." [
        "pin", "assertion"
    ];
    SimulatedDevice: "Which simulated device." ["card", "camera"];
    MaterialStatus: "Whether a material still counts." ["current", "superseded", "revoked"];
    SubjectType: "What kind of number it is." [
        "resident", "hmt", "foreigner", "passport", "birth_certificate", "organisation", "provisional"
    ];
    Symbology: "What kind of code it is." ["qr", "data_matrix", "pdf417", "code128", "code39", "ean13"];
    Tone: "`colour`: as it is; the others whiten the paper: `grey`; `bw`, black and white alone; `seal`, which keeps red \
        stamps and blue ink." ["colour", "grey", "bw", "seal"];
    When: "`now`: the next frame; `settled`: as soon as a page lies at rest." ["now", "settled"];
}

/// Clockwise turns of a quarter.
pub(crate) struct Rotation;

impl PartialSchema for Rotation {
    fn schema() -> RefOr<Schema> {
        let degrees = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([0, 90, 180, 270]));
        degrees.default(Some(0.into())).description(Some("Degrees, clockwise.")).into()
    }
}

impl ToSchema for Rotation {
    fn name() -> Cow<'static, str> {
        "Rotation".into()
    }
}

/// A quadrilateral.
pub(crate) struct Corners;

impl PartialSchema for Corners {
    fn schema() -> RefOr<Schema> {
        let about = "Four points `[x, y]` in pixels of the frame: top-left, top-right, bottom-right, bottom-left of the \
            page as it lies there.";
        points(about)
    }
}

impl ToSchema for Corners {
    fn name() -> Cow<'static, str> {
        "Corners".into()
    }
}

/// Where a code stands.
pub(crate) struct CodeCorners;

impl PartialSchema for CodeCorners {
    fn schema() -> RefOr<Schema> {
        let about = "Four points `[x, y]` in pixels of the page, clockwise from the top left: the upright rectangle around \
            the places by which the code was found. A barcode's may have no height: it is read along a line.";
        points(about)
    }
}

impl ToSchema for CodeCorners {
    fn name() -> Cow<'static, str> {
        "CodeCorners".into()
    }
}

/// Four points.
fn points(about: &str) -> RefOr<Schema> {
    let number = ObjectBuilder::new().schema_type(Type::Number);
    let point = ArrayBuilder::new().items(number).min_items(Some(2)).max_items(Some(2));
    let points = ArrayBuilder::new().items(point).min_items(Some(4)).max_items(Some(4));
    points.description(Some(about)).into()
}

/// An encoded picture.
pub(crate) struct Picture;

impl PartialSchema for Picture {
    fn schema() -> RefOr<Schema> {
        let bytes = utoipa::openapi::KnownFormat::Binary;
        let picture =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(bytes)));
        picture.description(Some("The bytes of a JPEG or PNG picture.")).into()
    }
}

impl ToSchema for Picture {
    fn name() -> Cow<'static, str> {
        "Picture".into()
    }
}

/// A document.
pub(crate) struct Document;

impl PartialSchema for Document {
    fn schema() -> RefOr<Schema> {
        let bytes = utoipa::openapi::KnownFormat::Binary;
        let document =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(bytes)));
        document.description(Some("The bytes of a PDF document.")).into()
    }
}

impl ToSchema for Document {
    fn name() -> Cow<'static, str> {
        "Document".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every<T: std::str::FromStr>(words: &[&str], as_str: fn(&T) -> &str) {
        for word in words {
            let Ok(value) = word.parse::<T>() else { panic!("`{word}` is not read") };
            assert_eq!(as_str(&value), *word);
        }
    }

    #[test]
    fn the_document_and_the_model_use_the_same_words() {
        every::<yidang_model::SubjectType>(SubjectType::WORDS, |t| t.as_str());
        every::<yidang_model::Presentation>(PresentedAs::WORDS, |p| p.as_str());
        every::<yidang_model::Status>(MaterialStatus::WORDS, |s| s.as_str());
        every::<yidang_model::Origin>(Origin::WORDS, |o| o.as_str());
        every::<yidang_model::MediaType>(MediaType::WORDS, |m| m.as_str());
        let cards = yidang_idcard::text::DocumentType::ALL.map(|t| t.as_str());
        assert_eq!(cards, *DocumentType::WORDS);
    }

    #[test]
    fn the_model_has_no_word_the_document_lacks() {
        use yidang_idcard::Warning as W;
        use yidang_imaging::QualityIssue as Q;
        let warnings = [
            W::CheckDigitWrong,
            W::IdNumberMalformed,
            W::BirthDateInvalid,
            W::BirthDateDiffers,
            W::ValidityInvalid,
            W::Expired,
            W::NameHasPrivateUseCharacters,
            W::TextDamaged,
            W::SexCodeUnknown,
            W::EthnicityCodeUnknown,
            W::FingerprintMalformed,
        ];
        assert_eq!(warnings.map(W::code), *CardWarning::WORDS);
        let controls: Vec<_> = yidang_device::ControlName::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(controls, *ControlName::WORDS);
        use crate::operators::{OperatorNeed as Need, Way};
        assert_eq!([Need::None, Need::Named, Need::Session].map(Need::as_str), *OperatorNeed::WORDS);
        assert_eq!([Way::Pin, Way::Assertion].map(Way::as_str), *SignInWay::WORDS);
        assert_eq!(crate::pairings::SCOPES.map(crate::scope::Scope::as_str), *PairingScope::WORDS);
        let formats = [yidang_device::FrameFormat::Mjpeg, yidang_device::FrameFormat::Raw];
        assert_eq!(formats.map(super::super::cameras::format_word), *FrameFormat::WORDS);
        assert_eq!(yidang_imaging::Tone::ALL.map(yidang_imaging::Tone::as_str), *Tone::WORDS);
        assert_eq!(Q::ALL.map(Q::as_str), *QualityIssue::WORDS);
        assert_eq!(yidang_imaging::PaperSize::ALL.map(|size| size.as_str()), *PaperSize::WORDS);
        assert_eq!(yidang_imaging::Symbology::ALL.map(|kind| kind.as_str()), *Symbology::WORDS);
    }
}
