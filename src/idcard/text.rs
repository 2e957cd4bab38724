//! The text block: 256 bytes UTF-16LE, fields of fixed place padded with spaces, in one of four layouts.

use std::fmt;
use std::str::FromStr;

use yidang_device::TEXT_LENGTH_BYTES;

/// What a valid-to field says on a card that never expires.
pub const LONG_TERM: &str = "长期";
/// Length of one appended address.
pub const NEW_ADDRESS_LENGTH_BYTES: usize = 70;

/// Where every layout carries its type, as one UTF-16 unit.
const TYPE_OFFSET: usize = 248;
const SPACE: u16 = 0x0020;

/// The four cards that share the 256-byte text block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentType {
    /// Resident identity card.
    Resident,
    /// Foreigner's permanent residence card of 2017, flag `I`.
    Foreigner2017,
    /// Foreigner's permanent residence card of 2023, flag `Y`.
    Foreigner2023,
    /// Residence permit for Hong Kong, Macao and Taiwan residents, flag `J`.
    Hmt,
}

impl DocumentType {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Resident, Self::Foreigner2017, Self::Foreigner2023, Self::Hmt];

    /// The word used in the API and in card files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resident => "resident",
            Self::Foreigner2017 => "foreigner_2017",
            Self::Foreigner2023 => "foreigner_2023",
            Self::Hmt => "hmt",
        }
    }

    const fn flag(self) -> u8 {
        match self {
            Self::Resident => b' ',
            Self::Foreigner2017 => b'I',
            Self::Foreigner2023 => b'Y',
            Self::Hmt => b'J',
        }
    }

    /// Field, offset and length in bytes. A field with two places continues in the second.
    const fn layout(self) -> &'static [(Field, usize, usize)] {
        match self {
            Self::Resident => &[
                (Field::Name, 0, 30),
                (Field::SexCode, 30, 2),
                (Field::EthnicityCode, 32, 4),
                (Field::BirthDate, 36, 16),
                (Field::Address, 52, 70),
                (Field::IdNumber, 122, 36),
                (Field::Issuer, 158, 30),
                (Field::ValidFrom, 188, 16),
                (Field::ValidUntil, 204, 16),
            ],
            Self::Foreigner2017 => &[
                (Field::NameEn, 0, 120),
                (Field::SexCode, 120, 2),
                (Field::IdNumber, 122, 30),
                (Field::Nationality, 152, 6),
                (Field::Name, 158, 30),
                (Field::ValidFrom, 188, 16),
                (Field::ValidUntil, 204, 16),
                (Field::BirthDate, 220, 16),
                (Field::CardVersion, 236, 4),
                (Field::AuthorityCode, 240, 8),
            ],
            Self::Foreigner2023 => &[
                (Field::Name, 0, 30),
                (Field::SexCode, 30, 2),
                (Field::RenewalCount, 32, 4),
                (Field::BirthDate, 36, 16),
                (Field::NameEn, 52, 70),
                (Field::IdNumber, 122, 36),
                (Field::ValidFrom, 188, 16),
                (Field::ValidUntil, 204, 16),
                (Field::NameEn, 220, 22),
                (Field::Nationality, 242, 6),
                (Field::PreviousNumberLink, 250, 6),
            ],
            Self::Hmt => &[
                (Field::Name, 0, 30),
                (Field::SexCode, 30, 2),
                (Field::BirthDate, 36, 16),
                (Field::Address, 52, 70),
                (Field::IdNumber, 122, 36),
                (Field::Issuer, 158, 30),
                (Field::ValidFrom, 188, 16),
                (Field::ValidUntil, 204, 16),
                (Field::PassNumber, 220, 18),
                (Field::IssueCount, 238, 4),
            ],
        }
    }

    /// How many UTF-16 units a field holds on this card; 0 when this card has no such field.
    pub fn capacity(self, field: Field) -> usize {
        self.layout().iter().filter(|place| place.0 == field).map(|place| place.2 / 2).sum()
    }
}

impl FromStr for DocumentType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// A field of the text block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Name in Chinese characters.
    Name,
    /// Name in Latin letters.
    NameEn,
    /// Sex, GB/T 2261.1.
    SexCode,
    /// Ethnic group, GB/T 3304.
    EthnicityCode,
    /// Nationality, three letters (GB/T 2659).
    Nationality,
    /// Date of birth, `YYYYMMDD`.
    BirthDate,
    /// Address printed on the card.
    Address,
    /// The number of the card's holder.
    IdNumber,
    /// Issuing authority.
    Issuer,
    /// First day of validity, `YYYYMMDD`.
    ValidFrom,
    /// Last day of validity, `YYYYMMDD`, or [`LONG_TERM`].
    ValidUntil,
    /// Number of the travel permit an HMT card goes with.
    PassNumber,
    /// How often the card was issued, two digits.
    IssueCount,
    /// How often the card was renewed, two digits.
    RenewalCount,
    /// Version of the card, two digits.
    CardVersion,
    /// Code of the receiving authority, four digits.
    AuthorityCode,
    /// What links the card to the holder's previous number, three characters.
    PreviousNumberLink,
}

impl Field {
    const COUNT: usize = Self::PreviousNumberLink as usize + 1;
}

/// Why a text block cannot be read or written. Never quotes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The type at byte 248 is none of the four.
    #[error("the card's type flag {0:04X} is not known")]
    UnknownType(u16),
    /// The value does not fit its field; 0 units: this card has no such field.
    #[error("{field:?} holds {capacity} characters on this card, and the value is longer")]
    TooLong {
        /// The field.
        field: Field,
        /// What it holds, in UTF-16 units.
        capacity: usize,
    },
}

/// The text block's fields as they stand there, trailing spaces cut, nothing judged. Personal data: its
/// `Debug` names the type only.
#[derive(Clone, PartialEq, Eq)]
pub struct CardText {
    /// Which of the four cards it is.
    pub document_type: DocumentType,
    /// Whether some field held what is no Unicode text; the replacement character stands there now.
    pub damaged: bool,
    values: [String; Field::COUNT],
}

impl CardText {
    /// A card with nothing on it.
    pub fn blank(document_type: DocumentType) -> Self {
        Self { document_type, damaged: false, values: Default::default() }
    }

    /// Reads a block. The type is told by byte 248 alone. Only the type can be wrong: a field is whatever it
    /// holds.
    pub fn decode(block: &[u8; TEXT_LENGTH_BYTES]) -> Result<Self, TextError> {
        let flag = u16::from_le_bytes([block[TYPE_OFFSET], block[TYPE_OFFSET + 1]]);
        let document_type = DocumentType::ALL
            .into_iter()
            .find(|kind| u16::from(kind.flag()) == flag)
            .ok_or(TextError::UnknownType(flag))?;
        let mut units: [Vec<u16>; Field::COUNT] = Default::default();
        for &(field, offset, length) in document_type.layout() {
            units[field as usize].extend(units_of(&block[offset..offset + length]));
        }
        let mut text = Self::blank(document_type);
        for (value, units) in text.values.iter_mut().zip(&units) {
            let (decoded, damaged) = decode_units(units);
            *value = decoded;
            text.damaged |= damaged;
        }
        Ok(text)
    }

    /// Writes the block; reserved places are spaces.
    pub fn encode(&self) -> Result<[u8; TEXT_LENGTH_BYTES], TextError> {
        let mut block = [0; TEXT_LENGTH_BYTES];
        for unit in block.chunks_exact_mut(2) {
            unit.copy_from_slice(&SPACE.to_le_bytes());
        }
        let mut units: [Vec<u16>; Field::COUNT] =
            std::array::from_fn(|index| self.values[index].encode_utf16().collect());
        for &(field, offset, length) in self.document_type.layout() {
            let rest = &mut units[field as usize];
            let here: Vec<u16> = rest.drain(..rest.len().min(length / 2)).collect();
            for (place, unit) in block[offset..offset + length].chunks_exact_mut(2).zip(here) {
                place.copy_from_slice(&unit.to_le_bytes());
            }
        }
        if let Some(field) = FIELDS.into_iter().find(|&field| !units[field as usize].is_empty()) {
            return Err(TextError::TooLong { field, capacity: self.document_type.capacity(field) });
        }
        block[TYPE_OFFSET..TYPE_OFFSET + 2]
            .copy_from_slice(&u16::from(self.document_type.flag()).to_le_bytes());
        Ok(block)
    }

    /// A field's text; empty when it is blank or this card has no such field.
    pub fn get(&self, field: Field) -> &str {
        &self.values[field as usize]
    }

    /// Sets a field's text; trailing spaces are cut, as they could not be told from padding.
    pub fn set(&mut self, field: Field, value: &str) {
        value.trim_end_matches(' ').clone_into(&mut self.values[field as usize]);
    }
}

impl fmt::Debug for CardText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardText({}, …)", self.document_type.as_str())
    }
}

const FIELDS: [Field; Field::COUNT] = [
    Field::Name,
    Field::NameEn,
    Field::SexCode,
    Field::EthnicityCode,
    Field::Nationality,
    Field::BirthDate,
    Field::Address,
    Field::IdNumber,
    Field::Issuer,
    Field::ValidFrom,
    Field::ValidUntil,
    Field::PassNumber,
    Field::IssueCount,
    Field::RenewalCount,
    Field::CardVersion,
    Field::AuthorityCode,
    Field::PreviousNumberLink,
];

/// The text of an appended address, trailing spaces cut, and whether something in it was no Unicode text.
pub fn decode_new_address(bytes: &[u8]) -> (String, bool) {
    decode_units(&units_of(bytes))
}

/// An appended address as the card holds it: 70 bytes.
pub fn encode_new_address(text: &str) -> Result<[u8; NEW_ADDRESS_LENGTH_BYTES], TextError> {
    const CAPACITY: usize = NEW_ADDRESS_LENGTH_BYTES / 2;
    let units: Vec<u16> = text.trim_end_matches(' ').encode_utf16().collect();
    if units.len() > CAPACITY {
        return Err(TextError::TooLong { field: Field::Address, capacity: CAPACITY });
    }
    let mut bytes = [0; NEW_ADDRESS_LENGTH_BYTES];
    let padded = units.into_iter().chain(std::iter::repeat(SPACE));
    for (place, unit) in bytes.chunks_exact_mut(2).zip(padded) {
        place.copy_from_slice(&unit.to_le_bytes());
    }
    Ok(bytes)
}

fn units_of(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn decode_units(units: &[u16]) -> (String, bool) {
    let end = units.iter().rposition(|&unit| unit != SPACE).map_or(0, |last| last + 1);
    let mut damaged = false;
    let text = char::decode_utf16(units[..end].iter().copied())
        .map(|unit| {
            // No card was ever made with a control character in its text.
            let whole = unit.ok().filter(|character| !character.is_control());
            damaged |= whole.is_none();
            whole.unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    (text, damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vectors;

    #[test]
    fn every_field_stands_in_its_own_place() {
        assert!(FIELDS.iter().enumerate().all(|(index, &field)| field as usize == index));
        for kind in DocumentType::ALL {
            let mut taken = [false; TEXT_LENGTH_BYTES];
            taken[TYPE_OFFSET..TYPE_OFFSET + 2].fill(true);
            for &(field, offset, length) in kind.layout() {
                for place in &mut taken[offset..offset + length] {
                    assert!(!*place, "{field:?} of {} overlaps another field", kind.as_str());
                    *place = true;
                }
            }
        }
    }

    #[test]
    fn published_vectors_decode_and_encode_to_the_same_bytes() {
        for (kind, block) in vectors::texts() {
            let text = CardText::decode(&block).unwrap();
            assert_eq!(text.document_type, kind);
            assert!(!text.damaged);
            assert!(text.encode() == Ok(block), "{} differs when written", kind.as_str());
        }
    }

    #[test]
    fn the_2023_foreigner_card_joins_the_two_parts_of_the_latin_name() {
        let text = CardText::decode(&vectors::text(DocumentType::Foreigner2023)).unwrap();
        assert_eq!(text.get(Field::NameEn), "SPECIMEN, TEST PERSON WITH A LONG NAME");
        assert_eq!(text.get(Field::RenewalCount), "00");
        assert_eq!(text.get(Field::EthnicityCode), "");
        assert_eq!(text.get(Field::PreviousNumberLink), "001");
    }

    #[test]
    fn only_trailing_spaces_are_cut() {
        let mut block = vectors::text(DocumentType::Resident);
        block[52..54].copy_from_slice(&SPACE.to_le_bytes());
        block[56..58].copy_from_slice(&SPACE.to_le_bytes());
        assert_eq!(CardText::decode(&block).unwrap().get(Field::Address), " 京 朝阳区测试路1号");
    }

    #[test]
    fn an_unknown_flag_is_named() {
        let mut block = vectors::text(DocumentType::Resident);
        block[TYPE_OFFSET..TYPE_OFFSET + 2].copy_from_slice(&[b'Z', 0x01]);
        assert_eq!(CardText::decode(&block), Err(TextError::UnknownType(0x015A)));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_never_cut() {
        let mut text = CardText::blank(DocumentType::Resident);
        text.set(Field::Name, &"张".repeat(16));
        assert_eq!(text.encode(), Err(TextError::TooLong { field: Field::Name, capacity: 15 }));
        let mut text = CardText::blank(DocumentType::Resident);
        text.set(Field::PassNumber, "H0000001");
        assert_eq!(text.encode(), Err(TextError::TooLong { field: Field::PassNumber, capacity: 0 }));
        assert!(encode_new_address(&"路".repeat(36)).is_err());
    }

    #[test]
    fn debug_output_hides_the_fields() {
        let text = CardText::decode(&vectors::text(DocumentType::Hmt)).unwrap();
        assert_eq!(format!("{text:?}"), "CardText(hmt, …)");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            kind in 0usize..4,
            values in proptest::collection::vec("[ A-Za-z0-9张一档省市𠮷\u{E863}]{0,24}", Field::COUNT),
        ) {
            let mut text = CardText::blank(DocumentType::ALL[kind]);
            for (field, value) in FIELDS.into_iter().zip(&values) {
                let capacity = text.document_type.capacity(field);
                let mut units = 0;
                let fitting: String = value.chars().take_while(|c| {
                    units += c.len_utf16();
                    units <= capacity
                }).collect();
                text.set(field, &fitting);
            }
            prop_assert!(CardText::decode(&text.encode().unwrap()) == Ok(text));
        }

        #[test]
        fn arbitrary_blocks_never_panic(bytes in proptest::array::uniform32(any::<[u8; 8]>()), kind in 0usize..5) {
            let mut block = [0; TEXT_LENGTH_BYTES];
            block.copy_from_slice(&bytes.concat());
            if let Some(kind) = DocumentType::ALL.get(kind) {
                block[TYPE_OFFSET..TYPE_OFFSET + 2].copy_from_slice(&[kind.flag(), 0]);
            }
            if let Ok(text) = CardText::decode(&block) {
                prop_assert!(text.damaged || text.encode().is_ok());
            }
        }

        #[test]
        fn an_appended_address_reads_back(text in "[ A-Za-z0-9省市路号]{0,35}") {
            let trimmed = text.trim_end_matches(' ').to_owned();
            prop_assert_eq!(decode_new_address(&encode_new_address(&text).unwrap()), (trimmed, false));
        }
    }
}
