//! Whom a number identifies.

use std::fmt;
use std::str::FromStr;

/// What kind of number identifies the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectType {
    /// Resident identity number, GB 11643; 15-digit numbers of the first generation are lifted to 18.
    Resident,
    /// Residence permit for Hong Kong, Macao and Taiwan residents (numbers 81…, 82…, 83…).
    Hmt,
    /// Foreigner's permanent residence card, both forms of its number.
    Foreigner,
    /// A passport.
    Passport,
    /// A medical certificate of birth, for a child that has no number yet.
    BirthCertificate,
    /// Unified social credit code of an organisation.
    Organisation,
    /// A number this office gave until a real one exists.
    Provisional,
}

impl SubjectType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Resident,
        Self::Hmt,
        Self::Foreigner,
        Self::Passport,
        Self::BirthCertificate,
        Self::Organisation,
        Self::Provisional,
    ];

    /// The word used in the API, on the wire and in stored records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resident => "resident",
            Self::Hmt => "hmt",
            Self::Foreigner => "foreigner",
            Self::Passport => "passport",
            Self::BirthCertificate => "birth_certificate",
            Self::Organisation => "organisation",
            Self::Provisional => "provisional",
        }
    }
}

impl FromStr for SubjectType {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        Self::ALL.into_iter().find(|t| t.as_str() == text).ok_or(SubjectError::UnknownType)
    }
}

/// Why a number cannot identify anyone. Never quotes the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The type is none of the seven.
    #[error("the subject type is not known")]
    UnknownType,
    /// Empty, longer than 64 characters, or with characters no such number has.
    #[error("the number is not written as numbers of this type are")]
    Malformed,
}

/// Whom a number identifies: a person or an organisation. Two subjects are equal when they are the same one,
/// however the number was written; `value` is the normalised form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    subject_type: SubjectType,
    value: String,
}

/// Longest number accepted, in characters.
const VALUE_LENGTH_MAX: usize = 64;

impl Subject {
    /// Normalises the number: outer spaces cut, full-width digits and letters narrowed, upper case, and a
    /// 15-digit resident number lifted to its 18-digit form. A wrong check digit is *not* an error, since
    /// cards with one exist: ask [`Subject::check_digit_matches`].
    pub fn new(subject_type: SubjectType, value: &str) -> Result<Self, SubjectError> {
        let value: String = value.trim().chars().map(narrow).collect::<String>().to_uppercase();
        if value.is_empty() || value.chars().count() > VALUE_LENGTH_MAX {
            return Err(SubjectError::Malformed);
        }
        let value = match subject_type {
            SubjectType::Resident => resident_number(&value)?,
            SubjectType::Hmt if !is_eighteen(&value) => return Err(SubjectError::Malformed),
            SubjectType::Provisional | SubjectType::BirthCertificate => {
                if value.chars().any(char::is_control) {
                    return Err(SubjectError::Malformed);
                }
                value
            }
            _ if value.bytes().all(|b| b.is_ascii_alphanumeric()) => value,
            _ => return Err(SubjectError::Malformed),
        };
        Ok(Self { subject_type, value })
    }

    /// What kind of number this is.
    pub fn subject_type(&self) -> SubjectType {
        self.subject_type
    }

    /// The normalised number. Personal data.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the last digit is right, for the types that have one (GB 11643, ISO 7064 MOD 11-2); `None`
    /// where the number carries no check digit.
    pub fn check_digit_matches(&self) -> Option<bool> {
        match self.subject_type {
            SubjectType::Resident | SubjectType::Hmt | SubjectType::Foreigner if is_eighteen(&self.value) => {
                check_digit(&self.value[..17]).map(|d| self.value.ends_with(d))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Subject {
    /// Never the number: `Debug` ends up in panics and logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({}, …)", self.subject_type.as_str())
    }
}

/// The check character of 17 digits after ISO 7064 MOD 11-2; `None` if they are not 17 digits.
pub fn check_digit(first_seventeen: &str) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHARACTERS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    if first_seventeen.len() != 17 {
        return None;
    }
    let mut sum = 0;
    for (character, weight) in first_seventeen.chars().zip(WEIGHTS) {
        sum += character.to_digit(10)? * weight;
    }
    Some(CHARACTERS[(sum % 11) as usize])
}

fn resident_number(value: &str) -> Result<String, SubjectError> {
    if is_eighteen(value) {
        return Ok(value.to_owned());
    }
    if value.len() == 15 && value.bytes().all(|b| b.is_ascii_digit()) {
        // First-generation numbers leave out the century, which was always 19, and the check digit.
        let seventeen = format!("{}19{}", &value[..6], &value[6..]);
        let last = check_digit(&seventeen).ok_or(SubjectError::Malformed)?;
        return Ok(format!("{seventeen}{last}"));
    }
    Err(SubjectError::Malformed)
}

fn is_eighteen(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 18
        && bytes[..17].iter().all(u8::is_ascii_digit)
        && (bytes[17].is_ascii_digit() || bytes[17] == b'X')
}

fn narrow(character: char) -> char {
    match character {
        // Chinese input methods type these when left in full-width mode.
        '！'..='～' => char::from_u32(character as u32 - 0xFEE0).unwrap_or(character),
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resident(value: &str) -> Result<Subject, SubjectError> {
        Subject::new(SubjectType::Resident, value)
    }

    #[test]
    fn published_specimens_have_matching_check_digits() {
        for value in ["11010519491231002X", "440524188001010014"] {
            assert_eq!(resident(value).unwrap().check_digit_matches(), Some(true), "{value}");
        }
        let foreigner = Subject::new(SubjectType::Foreigner, "931586198001010028").unwrap();
        assert_eq!(foreigner.check_digit_matches(), Some(true));
    }

    #[test]
    fn a_person_is_one_person_however_the_number_is_written() {
        let eighteen = resident("11010519491231002X").unwrap();
        assert_eq!(resident("110105491231002").unwrap(), eighteen);
        assert_eq!(resident(" 11010519491231002x ").unwrap(), eighteen);
        assert_eq!(resident("１１０１０５１９４９１２３１００２Ｘ").unwrap(), eighteen);
    }

    #[test]
    fn a_wrong_check_digit_is_reported_not_refused() {
        assert_eq!(resident("110105194912310021").unwrap().check_digit_matches(), Some(false));
    }

    #[test]
    fn a_number_without_a_check_digit_is_not_judged() {
        let subject = Subject::new(SubjectType::Foreigner, "CAN110081080319").unwrap();
        assert_eq!(subject.check_digit_matches(), None);
    }

    #[test]
    fn what_is_no_number_of_the_type_is_refused() {
        for value in ["", "   ", "12345", "1101051949123100XX", "11010519491231002X0", "阿"] {
            assert_eq!(resident(value).unwrap_err(), SubjectError::Malformed, "{value}");
        }
        let long = "9".repeat(65);
        assert_eq!(Subject::new(SubjectType::Passport, &long), Err(SubjectError::Malformed));
    }

    #[test]
    fn debug_output_hides_the_number() {
        let shown = format!("{:?}", resident("11010519491231002X").unwrap());
        assert_eq!(shown, "Subject(resident, …)");
    }
}
