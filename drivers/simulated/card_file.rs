//! A card file: TOML with the fields of a reading by their API names.

use std::collections::BTreeMap;

use toml::{Spanned, Value};
use yidang_idcard::text::{CardText, DocumentType, Field, LONG_TERM, TextError, encode_new_address};
use yidang_idcard::{ModuleNumber, codes};
use yidang_model::Date;

use crate::fault::CardFault;

/// What is wrong with a card file. Never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardFileProblem {
    /// It is no TOML, or not UTF-8.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the TOML parser expected.
        message: String,
    },
    /// A key that no card file has.
    #[error("line {line}: the key {key} is not known")]
    UnknownKey {
        /// Counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A value that its key cannot have.
    #[error("line {line}: {key} must be {wanted}")]
    BadValue {
        /// Counted from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// A field this document has not, or not at that length.
    #[error("line {line}: this document has room for {capacity} characters of {key}")]
    DoesNotFit {
        /// Counted from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// Characters there is room for; 0: the document has no such field.
        capacity: usize,
    },
    /// A key that every card file has is missing.
    #[error("the key {0} is missing")]
    Missing(&'static str),
    /// Two keys say different things about one field.
    #[error("line {line}: {key} contradicts {other}")]
    Contradiction {
        /// Counted from 1.
        line: usize,
        /// One key.
        key: &'static str,
        /// The other key.
        other: &'static str,
    },
    /// The photo is not a file beside the card file, or is neither PNG nor JPEG.
    #[error("the photo is no PNG or JPEG file in the same folder")]
    Photo,
}

/// What a card file says. Personal data where somebody wrote real data into it: no `Debug`.
pub(crate) struct CardFile {
    /// The text block's fields.
    pub(crate) text: CardText,
    /// The newest appended address, 70 bytes.
    pub(crate) new_address: Option<Vec<u8>>,
    /// The chip's serial.
    pub(crate) chip_serial: Option<[u8; 8]>,
    /// Number of the module that reads the card, where it is not the simulation's own.
    pub(crate) sam_id: Option<ModuleNumber>,
    /// Whether the card has fingerprints.
    pub(crate) fingerprint: bool,
    /// Name of the portrait's file.
    pub(crate) photo: Option<String>,
    /// What always goes wrong with this card.
    pub(crate) fault: Option<CardFault>,
}

/// Keys whose text goes into a field as it is.
const PLAIN: [(&str, Field); 11] = [
    ("name", Field::Name),
    ("name_en", Field::NameEn),
    ("sex_code", Field::SexCode),
    ("ethnicity_code", Field::EthnicityCode),
    ("nationality", Field::Nationality),
    ("address", Field::Address),
    ("id_number", Field::IdNumber),
    ("issuer", Field::Issuer),
    ("pass_number", Field::PassNumber),
    ("issue_count", Field::IssueCount),
    ("renewal_count", Field::RenewalCount),
];

/// Keys whose date goes into a field.
const DATES: [(&str, Field); 3] =
    [("birth_date", Field::BirthDate), ("valid_from", Field::ValidFrom), ("valid_until", Field::ValidUntil)];

/// Keys that mean something else.
const OTHERS: [&str; 10] = [
    "document_type",
    "sex",
    "ethnicity",
    "long_term",
    "new_address",
    "chip_serial",
    "sam_id",
    "photo",
    "fingerprint",
    "fault",
];

/// Reads a card file.
pub(crate) fn parse(bytes: &[u8]) -> Result<CardFile, CardFileProblem> {
    let keys = Keys::parse(bytes)?;
    let wanted = "resident, hmt, foreigner_2017 or foreigner_2023";
    let document_type: DocumentType = keys
        .parsed("document_type", wanted, |text| text.parse().ok())?
        .ok_or(CardFileProblem::Missing("document_type"))?;
    let mut text = CardText::blank(document_type);
    for (key, field) in PLAIN {
        if let Some(value) = keys.text(key)? {
            keys.fill(&mut text, key, field, value)?;
        }
    }
    for (key, field) in DATES {
        let date = keys.parsed(key, "a date YYYY-MM-DD", |text| text.parse::<Date>().ok())?;
        if let Some(date) = date {
            keys.fill(&mut text, key, field, &date.to_digits())?;
        }
    }
    let sex = keys.parsed("sex", "a word of GB/T 2261.1 such as 男 or 女", codes::sex_code)?;
    keys.fill_coded(&mut text, ["sex", "sex_code"], Field::SexCode, sex)?;
    let ethnicity = keys.parsed("ethnicity", "an ethnic group of GB/T 3304", codes::ethnicity_code)?;
    keys.fill_coded(&mut text, ["ethnicity", "ethnicity_code"], Field::EthnicityCode, ethnicity)?;
    if keys.flag("long_term")? {
        if keys.line("valid_until").is_some() {
            return Err(keys.contradiction("long_term", "valid_until"));
        }
        keys.fill(&mut text, "long_term", Field::ValidUntil, LONG_TERM)?;
    }
    let wanted = "at most 35 characters";
    let new_address = keys.parsed("new_address", wanted, |text| encode_new_address(text).ok())?;
    Ok(CardFile {
        new_address: new_address.filter(|_| keys.text("new_address") != Ok(Some(""))).map(|b| b.to_vec()),
        chip_serial: keys.parsed("chip_serial", "16 hexadecimal digits", |text| {
            let mut serial = [0; 8];
            hex::decode_to_slice(text, &mut serial).ok().map(|()| serial)
        })?,
        sam_id: keys
            .parsed("sam_id", "written as 05.01-20101129-0001228293-0296863149", |text| text.parse().ok())?,
        fingerprint: keys.flag("fingerprint")?,
        photo: keys.text("photo")?.map(str::to_owned),
        fault: keys.parsed("fault", "a card fault", |text| text.parse().ok())?,
        text,
    })
}

/// The keys of a file with their lines.
struct Keys {
    values: BTreeMap<String, (usize, Value)>,
}

impl Keys {
    fn parse(bytes: &[u8]) -> Result<Self, CardFileProblem> {
        let source = std::str::from_utf8(bytes).map_err(|e| CardFileProblem::Syntax {
            line: line_at(bytes, e.valid_up_to()),
            message: "the file is not UTF-8".to_owned(),
        })?;
        // Values stay untyped here: a typed parser's errors quote them.
        let table: BTreeMap<Spanned<String>, Value> =
            toml::from_str(source).map_err(|e| CardFileProblem::Syntax {
                line: line_at(bytes, e.span().map_or(bytes.len(), |span| span.start)),
                message: e.message().to_owned(),
            })?;
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let line = line_at(bytes, key.span().start);
            let key = key.into_inner();
            let known = PLAIN.iter().chain(&DATES).any(|(name, _)| *name == key);
            if !known && !OTHERS.contains(&key.as_str()) {
                return Err(CardFileProblem::UnknownKey { line, key });
            }
            values.insert(key, (line, value));
        }
        Ok(Self { values })
    }

    fn line(&self, key: &str) -> Option<usize> {
        self.values.get(key).map(|(line, _)| *line)
    }

    fn text(&self, key: &'static str) -> Result<Option<&str>, CardFileProblem> {
        match self.values.get(key) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text)),
            Some((line, _)) => Err(CardFileProblem::BadValue { line: *line, key, wanted: "text in quotes" }),
        }
    }

    fn flag(&self, key: &'static str) -> Result<bool, CardFileProblem> {
        match self.values.get(key) {
            None => Ok(false),
            Some((_, Value::Boolean(flag))) => Ok(*flag),
            Some((line, _)) => Err(CardFileProblem::BadValue { line: *line, key, wanted: "true or false" }),
        }
    }

    fn parsed<V>(
        &self,
        key: &'static str,
        wanted: &'static str,
        parse: impl Fn(&str) -> Option<V>,
    ) -> Result<Option<V>, CardFileProblem> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let line = self.line(key).unwrap_or_default();
        parse(text).map(Some).ok_or(CardFileProblem::BadValue { line, key, wanted })
    }

    /// Sets a field, or says that it does not fit.
    fn fill(
        &self,
        text: &mut CardText,
        key: &'static str,
        field: Field,
        value: &str,
    ) -> Result<(), CardFileProblem> {
        text.set(field, value);
        text.encode().map(|_| ()).map_err(|error| {
            let line = self.line(key).unwrap_or_default();
            let capacity = match error {
                TextError::TooLong { capacity, .. } => capacity,
                TextError::UnknownType(_) => 0,
            };
            CardFileProblem::DoesNotFit { line, key, capacity }
        })
    }

    /// Sets a coded field from its word, which must agree with the code where both are given.
    fn fill_coded(
        &self,
        text: &mut CardText,
        [word_key, code_key]: [&'static str; 2],
        field: Field,
        code: Option<&str>,
    ) -> Result<(), CardFileProblem> {
        let Some(code) = code else { return Ok(()) };
        if self.line(code_key).is_some() && text.get(field) != code {
            return Err(self.contradiction(word_key, code_key));
        }
        self.fill(text, word_key, field, code)
    }

    fn contradiction(&self, key: &'static str, other: &'static str) -> CardFileProblem {
        CardFileProblem::Contradiction { line: self.line(key).unwrap_or_default(), key, other }
    }
}

fn line_at(bytes: &[u8], offset: usize) -> usize {
    1 + bytes.iter().take(offset).filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> CardFileProblem {
        parse(text.as_bytes()).err().expect("the file is refused")
    }

    #[test]
    fn a_file_becomes_the_fields_of_the_card() {
        let card = parse(
            "document_type = \"resident\"\nname = \"张 一档\"\nsex = \"女\"\nethnicity = \"土家族\"\n\
             birth_date = \"1990-02-28\"\nvalid_from = \"2020-01-01\"\nlong_term = true\n\
             chip_serial = \"00112233445566FF\"\nnew_address = \"某市某路3号\"\nfault = \"hang\"\n"
                .as_bytes(),
        )
        .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(card.text.get(Field::Name), "张 一档");
        assert_eq!(card.text.get(Field::SexCode), "2");
        assert_eq!(card.text.get(Field::EthnicityCode), "15");
        assert_eq!(card.text.get(Field::BirthDate), "19900228");
        assert_eq!(card.text.get(Field::ValidUntil), LONG_TERM);
        assert_eq!(card.chip_serial, Some([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xFF]));
        assert_eq!(card.new_address.map(|bytes| bytes.len()), Some(70));
        assert_eq!(card.fault, Some(CardFault::Hang));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let wanted = CardFileProblem::UnknownKey { line: 3, key: "nmae".to_owned() };
        assert_eq!(problem("document_type = \"hmt\"\n\nnmae = \"甲\"\n"), wanted);
        assert_eq!(wanted.to_string(), "line 3: the key nmae is not known");
    }

    #[test]
    fn each_mistake_is_told_with_its_line() {
        let resident = "document_type = \"resident\"\n";
        for (rest, shown) in [
            ("sex = 1", "line 2: sex must be text in quotes"),
            ("sex = \"M\"", "line 2: sex must be a word of GB/T 2261.1 such as 男 or 女"),
            ("sex = \"男\"\nsex_code = \"2\"", "line 2: sex contradicts sex_code"),
            ("birth_date = \"2023-02-29\"", "line 2: birth_date must be a date YYYY-MM-DD"),
            ("valid_until = \"2030-01-01\"\nlong_term = true", "line 3: long_term contradicts valid_until"),
            ("long_term = \"yes\"", "line 2: long_term must be true or false"),
            ("pass_number = \"H00000000\"", "line 2: this document has room for 0 characters of pass_number"),
            ("sex_code = \"12\"", "line 2: this document has room for 1 characters of sex_code"),
            ("chip_serial = \"00\"", "line 2: chip_serial must be 16 hexadecimal digits"),
            ("fault = \"stall\"", "line 2: fault must be a card fault"),
            ("fingerprint = \"yes\"", "line 2: fingerprint must be true or false"),
        ] {
            assert_eq!(problem(&format!("{resident}{rest}\n")).to_string(), shown);
        }
        assert_eq!(problem("name = \"甲\""), CardFileProblem::Missing("document_type"));
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line_and_without_its_text() {
        let shown = problem("document_type = \"hmt\"\nname = 张三\n").to_string();
        assert!(shown.starts_with("line 2: ") && !shown.contains('张'), "{shown}");
        let broken = parse(b"document_type = \"hmt\"\n\xFF\n").err();
        assert!(matches!(broken, Some(CardFileProblem::Syntax { line: 2, .. })), "{broken:?}");
    }
}
