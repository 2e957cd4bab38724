//! A card's content, interpreted.

use std::fmt;

use yidang_device::RawCard;
use yidang_model::{Date, Origin, Subject, SubjectError, SubjectType};

use crate::codes;
use crate::fingerprint::FingerHead;
use crate::module_number::ModuleNumber;
use crate::text::{CardText, DocumentType, Field, LONG_TERM, TextError, decode_new_address};

/// Something on the card that a clerk should look at. The card is read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The last digit of the number is wrong; such cards exist.
    CheckDigitWrong,
    /// The number is not written as numbers of this card are.
    IdNumberMalformed,
    /// The date of birth is blank or no date.
    BirthDateInvalid,
    /// The date of birth differs from the one in the number.
    BirthDateDiffers,
    /// A day of validity is no date, the first is blank, or the last comes before the first.
    ValidityInvalid,
    /// The last day of validity is past.
    Expired,
    /// The name has characters of the private use area, which other systems show as something else.
    NameHasPrivateUseCharacters,
    /// Some field held what is no Unicode text.
    TextDamaged,
    /// The sex code is none of GB/T 2261.1.
    SexCodeUnknown,
    /// The ethnicity code is none of GB/T 3304.
    EthnicityCodeUnknown,
    /// A fingerprint block does not start as such blocks do.
    FingerprintMalformed,
}

impl Warning {
    /// The code used in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CheckDigitWrong => "check_digit_wrong",
            Self::IdNumberMalformed => "id_number_malformed",
            Self::BirthDateInvalid => "birth_date_invalid",
            Self::BirthDateDiffers => "birth_date_differs",
            Self::ValidityInvalid => "validity_invalid",
            Self::Expired => "expired",
            Self::NameHasPrivateUseCharacters => "name_has_private_use_characters",
            Self::TextDamaged => "text_damaged",
            Self::SexCodeUnknown => "sex_code_unknown",
            Self::EthnicityCodeUnknown => "ethnicity_code_unknown",
            Self::FingerprintMalformed => "fingerprint_malformed",
        }
    }
}

/// What a card says. A field the card does not have, or that is blank, is `None`. Personal data: its `Debug`
/// names the type only.
#[derive(Clone, PartialEq, Eq)]
pub struct IdCard {
    /// Which of the four cards it is.
    pub document_type: DocumentType,
    /// Name in Chinese characters.
    pub name: Option<String>,
    /// Name in Latin letters; foreigners' cards only.
    pub name_en: Option<String>,
    /// Word for the sex code (男, 女 …); `None` for an unknown code.
    pub sex: Option<&'static str>,
    /// Sex, GB/T 2261.1, as on the card.
    pub sex_code: Option<String>,
    /// Name of the ethnic group without 族; `None` for an unknown code.
    pub ethnicity: Option<&'static str>,
    /// Ethnic group, GB/T 3304, as on the card; resident cards only.
    pub ethnicity_code: Option<String>,
    /// Three letters (GB/T 2659); foreigners' cards only.
    pub nationality: Option<String>,
    /// Date of birth.
    pub birth_date: Option<Date>,
    /// Address printed on the card.
    pub address: Option<String>,
    /// Newest appended address.
    pub new_address: Option<String>,
    /// The holder's number, as on the card.
    pub id_number: Option<String>,
    /// Issuing authority.
    pub issuer: Option<String>,
    /// First day of validity.
    pub valid_from: Option<Date>,
    /// Last day of validity; `None` as well when `long_term`.
    pub valid_until: Option<Date>,
    /// The card never expires.
    pub long_term: bool,
    /// Number of the travel permit; HMT cards only.
    pub pass_number: Option<String>,
    /// How often the card was issued, two digits; HMT cards only.
    pub issue_count: Option<String>,
    /// How often the card was renewed, two digits; foreigners' cards of 2023 only.
    pub renewal_count: Option<String>,
    /// The security module that read the card.
    pub sam_id: Option<ModuleNumber>,
    /// The chip's serial, 16 lower-case hexadecimal digits.
    pub chip_serial: Option<String>,
    /// What the fingerprint blocks say about themselves, those that can be read; empty without a fingerprint.
    pub fingers: Vec<FingerHead>,
    /// What a clerk should look at, each at most once.
    pub warnings: Vec<Warning>,
    /// Where the reading comes from.
    pub origin: Origin,
}

impl IdCard {
    /// Interprets a reading. `today` decides whether the card has expired; without it nobody judges that.
    pub fn from_raw(raw: &RawCard, today: Option<Date>) -> Result<Self, TextError> {
        let text = CardText::decode(&raw.text)?;
        let (new_address, address_damaged) =
            raw.new_address.as_deref().map(decode_new_address).unwrap_or_default();
        let long_term = text.get(Field::ValidUntil) == LONG_TERM;
        let mut card = Self {
            document_type: text.document_type,
            name: present(&text, Field::Name),
            name_en: present(&text, Field::NameEn),
            sex: codes::sex(text.get(Field::SexCode)),
            sex_code: present(&text, Field::SexCode),
            ethnicity: codes::ethnicity(text.get(Field::EthnicityCode)),
            ethnicity_code: present(&text, Field::EthnicityCode),
            nationality: present(&text, Field::Nationality),
            birth_date: Date::from_digits(text.get(Field::BirthDate)),
            address: present(&text, Field::Address),
            new_address: Some(new_address).filter(|address| !address.is_empty()),
            id_number: present(&text, Field::IdNumber),
            issuer: present(&text, Field::Issuer),
            valid_from: Date::from_digits(text.get(Field::ValidFrom)),
            valid_until: Date::from_digits(text.get(Field::ValidUntil)),
            long_term,
            pass_number: present(&text, Field::PassNumber),
            issue_count: present(&text, Field::IssueCount),
            renewal_count: present(&text, Field::RenewalCount),
            sam_id: raw.sam_id.map(ModuleNumber),
            chip_serial: raw.chip_serial.map(hex::encode),
            fingers: raw.fingerprint.iter().filter_map(|block| FingerHead::decode(block).ok()).collect(),
            warnings: Vec::new(),
            origin: raw.origin,
        };
        card.warnings = card.judge(&text, text.damaged || address_damaged, today);
        if card.fingers.len() < raw.fingerprint.len() {
            card.warnings.push(Warning::FingerprintMalformed);
        }
        Ok(card)
    }

    /// Whom the card identifies. A wrong check digit is no error here.
    pub fn subject(&self) -> Result<Subject, SubjectError> {
        let subject_type = match self.document_type {
            DocumentType::Resident => SubjectType::Resident,
            DocumentType::Foreigner2017 | DocumentType::Foreigner2023 => SubjectType::Foreigner,
            DocumentType::Hmt => SubjectType::Hmt,
        };
        Subject::new(subject_type, self.id_number.as_deref().unwrap_or_default())
    }

    fn judge(&self, text: &CardText, damaged: bool, today: Option<Date>) -> Vec<Warning> {
        let subject = self.subject().ok();
        let until = text.get(Field::ValidUntil);
        let until_is_known = until.is_empty() || self.long_term || self.valid_until.is_some();
        let in_order = self.valid_until.is_none() || self.valid_from <= self.valid_until;
        let private_use = |name: &Option<String>| name.iter().flat_map(|n| n.chars()).any(is_private_use);
        let has_ethnicity = self.document_type == DocumentType::Resident;
        [
            (subject.is_none(), Warning::IdNumberMalformed),
            (
                subject.as_ref().and_then(Subject::check_digit_matches) == Some(false),
                Warning::CheckDigitWrong,
            ),
            (self.birth_date.is_none(), Warning::BirthDateInvalid),
            (self.birth_date_differs(), Warning::BirthDateDiffers),
            (self.valid_from.is_none() || !until_is_known || !in_order, Warning::ValidityInvalid),
            (self.valid_until.zip(today).is_some_and(|(until, today)| until < today), Warning::Expired),
            (private_use(&self.name) || private_use(&self.name_en), Warning::NameHasPrivateUseCharacters),
            (damaged, Warning::TextDamaged),
            (self.sex.is_none(), Warning::SexCodeUnknown),
            (has_ethnicity && self.ethnicity.is_none(), Warning::EthnicityCodeUnknown),
        ]
        .into_iter()
        .filter_map(|(found, warning)| found.then_some(warning))
        .collect()
    }

    /// Numbers of eighteen digits carry the date of birth in digits 7 to 14.
    fn birth_date_differs(&self) -> bool {
        let number = self.id_number.as_deref().unwrap_or_default();
        let (Some(birth_date), 18) = (self.birth_date, number.len()) else { return false };
        number.get(6..14).is_some_and(|digits| digits != birth_date.to_digits())
    }
}

impl fmt::Debug for IdCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdCard({}, …)", self.document_type.as_str())
    }
}

fn present(text: &CardText, field: Field) -> Option<String> {
    Some(text.get(field)).filter(|value| !value.trim().is_empty()).map(str::to_owned)
}

fn is_private_use(character: char) -> bool {
    matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::Finger;
    use crate::text::encode_new_address;
    use crate::vectors;

    fn raw(kind: DocumentType) -> RawCard {
        RawCard {
            text: vectors::text(kind),
            photo_wlt: vec![],
            new_address: None,
            sam_id: None,
            chip_serial: None,
            photo: None,
            fingerprint: vec![],
            origin: Origin::Device,
        }
    }

    fn read(kind: DocumentType) -> IdCard {
        IdCard::from_raw(&raw(kind), Date::new(2026, 11, 24)).unwrap()
    }

    /// The warnings of a resident card on which one field says something else.
    fn warnings_with(field: Field, value: &str) -> Vec<Warning> {
        let mut changed = raw(DocumentType::Resident);
        let mut text = CardText::decode(&changed.text).unwrap();
        text.set(field, value);
        changed.text = text.encode().unwrap();
        IdCard::from_raw(&changed, Date::new(2026, 11, 24)).unwrap().warnings
    }

    #[test]
    fn a_resident_card_is_read() {
        let mut whole = raw(DocumentType::Resident);
        whole.new_address = Some(encode_new_address("某市测试新址3号").unwrap().to_vec());
        whole.chip_serial = Some([0, 1, 2, 3, 4, 5, 6, 0xAB]);
        whole.sam_id = Some([0; 16]);
        let card = IdCard::from_raw(&whole, Date::new(2026, 11, 24)).unwrap();
        assert_eq!(card.name.as_deref(), Some("样本甲"));
        assert_eq!((card.sex, card.sex_code.as_deref()), (Some("女"), Some("2")));
        assert_eq!((card.ethnicity, card.ethnicity_code.as_deref()), (Some("汉"), Some("01")));
        assert_eq!(card.birth_date, Date::new(1949, 12, 31));
        assert_eq!(card.valid_from, Date::new(2020, 1, 1));
        assert_eq!((card.valid_until, card.long_term), (None, true));
        assert_eq!(card.new_address.as_deref(), Some("某市测试新址3号"));
        assert_eq!(card.chip_serial.as_deref(), Some("00010203040506ab"));
        assert_eq!(card.sam_id.unwrap().to_string(), "00.00-0-0000000000-0000000000");
        assert_eq!(card.subject().unwrap().value(), "11010519491231002X");
        assert_eq!(card.warnings, []);
        assert_eq!((card.nationality, card.name_en, card.pass_number), (None, None, None));
    }

    #[test]
    fn the_other_cards_are_read() {
        let older = read(DocumentType::Foreigner2017);
        assert_eq!(older.name_en.as_deref(), Some("SPECIMEN, TEST PERSON"));
        assert_eq!(older.nationality.as_deref(), Some("CAN"));
        assert_eq!(older.subject().unwrap().subject_type(), SubjectType::Foreigner);
        assert_eq!(older.warnings, [Warning::Expired]);
        let newer = read(DocumentType::Foreigner2023);
        assert_eq!(newer.renewal_count.as_deref(), Some("00"));
        assert_eq!((newer.ethnicity, newer.address), (None, None));
        assert_eq!(newer.warnings, []);
        let permit = read(DocumentType::Hmt);
        assert_eq!(permit.pass_number.as_deref(), Some("H00000000"));
        assert_eq!(permit.issue_count.as_deref(), Some("01"));
        assert_eq!(permit.subject().unwrap().subject_type(), SubjectType::Hmt);
    }

    #[test]
    fn each_warning_has_its_cause() {
        for (field, value, warning) in [
            (Field::IdNumber, "110105194912310021", Warning::CheckDigitWrong),
            (Field::IdNumber, "", Warning::IdNumberMalformed),
            (Field::BirthDate, "", Warning::BirthDateInvalid),
            (Field::BirthDate, "19491301", Warning::BirthDateInvalid),
            (Field::BirthDate, "19491230", Warning::BirthDateDiffers),
            (Field::ValidFrom, "", Warning::ValidityInvalid),
            (Field::ValidUntil, "20191231", Warning::ValidityInvalid),
            (Field::ValidUntil, "2030", Warning::ValidityInvalid),
            (Field::ValidUntil, "20261123", Warning::Expired),
            (Field::Name, "张\u{E863}", Warning::NameHasPrivateUseCharacters),
            (Field::SexCode, "7", Warning::SexCodeUnknown),
            (Field::EthnicityCode, "61", Warning::EthnicityCodeUnknown),
        ] {
            let warnings = warnings_with(field, value);
            assert!(warnings.contains(&warning), "{field:?} {value}: {warnings:?}");
        }
        assert_eq!(warnings_with(Field::ValidUntil, "20261124"), [], "its last day is a valid day");
        assert_eq!(warnings_with(Field::ValidUntil, ""), [], "a blank last day is unknown");
    }

    #[test]
    fn fingers_are_read_and_a_block_that_is_none_is_told() {
        let mut whole = raw(DocumentType::Resident);
        whole.fingerprint = vectors::fingerprint().to_vec();
        let card = IdCard::from_raw(&whole, None).unwrap();
        assert_eq!((card.fingers[0].finger, card.fingers[0].quality), (Finger::Left(1), Some(80)));
        assert_eq!((card.fingers.len(), card.warnings), (2, vec![]));
        whole.fingerprint[1][0] = 0;
        let card = IdCard::from_raw(&whole, None).unwrap();
        assert_eq!((card.fingers.len(), card.warnings), (1, vec![Warning::FingerprintMalformed]));
    }

    #[test]
    fn what_is_no_text_is_kept_as_a_replacement_with_a_warning() {
        let mut damaged = raw(DocumentType::Resident);
        damaged.text[2..4].copy_from_slice(&0xD840_u16.to_le_bytes());
        let card = IdCard::from_raw(&damaged, None).unwrap();
        assert_eq!(card.name.as_deref(), Some("样\u{FFFD}甲"));
        assert_eq!(card.warnings, [Warning::TextDamaged]);
        damaged.text[2..4].copy_from_slice(&[0, 0]);
        let card = IdCard::from_raw(&damaged, None).unwrap();
        assert_eq!(card.name.as_deref(), Some("样\u{FFFD}甲"), "no control character comes through");
        assert_eq!(card.warnings, [Warning::TextDamaged]);
        let mut address = raw(DocumentType::Resident);
        address.new_address = Some(vec![0x00, 0xDC]);
        assert_eq!(IdCard::from_raw(&address, None).unwrap().warnings, [Warning::TextDamaged]);
    }

    #[test]
    fn an_unknown_code_is_passed_through() {
        let mut unlisted = raw(DocumentType::Resident);
        let mut text = CardText::decode(&unlisted.text).unwrap();
        text.set(Field::EthnicityCode, "61");
        unlisted.text = text.encode().unwrap();
        let card = IdCard::from_raw(&unlisted, None).unwrap();
        assert_eq!((card.ethnicity, card.ethnicity_code.as_deref()), (None, Some("61")));
    }

    #[test]
    fn debug_output_hides_the_card() {
        assert_eq!(format!("{:?}", read(DocumentType::Resident)), "IdCard(resident, …)");
    }

    proptest! {
        #[test]
        fn any_text_block_is_a_card_or_refused(
            kind in 0..4_usize,
            changes in proptest::collection::vec((0..256_usize, any::<u8>()), 0..24),
            address in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut raw = raw(DocumentType::ALL[kind]);
            for (at, byte) in changes {
                raw.text[at] = byte;
            }
            raw.new_address = Some(address);
            if let Ok(card) = IdCard::from_raw(&raw, Date::from_digits("20260101")) {
                let _ = card.subject();
                for (i, warning) in card.warnings.iter().enumerate() {
                    prop_assert!(!card.warnings[..i].contains(warning));
                }
            }
        }
    }
}
