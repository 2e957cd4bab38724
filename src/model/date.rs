//! Calendar dates without a time.

use std::fmt;
use std::str::FromStr;

/// A date of the Gregorian calendar, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A date that exists, years 1 to 9999; anything else is `None`.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let calendar_month = time::Month::try_from(month).ok()?;
        if !(1..=9999).contains(&year) {
            return None;
        }
        time::Date::from_calendar_date(i32::from(year), calendar_month, day).ok()?;
        Some(Self { year, month, day })
    }

    /// The eight-digit form that ID cards carry: `YYYYMMDD`.
    pub fn from_digits(text: &str) -> Option<Self> {
        if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Self::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?)
    }

    /// The eight-digit form that ID cards carry: `YYYYMMDD`.
    pub fn to_digits(self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(());
        }
        Self::from_digits(&text.replace('-', "")).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_text_forms_name_the_same_day() {
        let date = Date::new(2024, 2, 29).unwrap();
        assert_eq!(date.to_string(), "2024-02-29");
        assert_eq!("2024-02-29".parse(), Ok(date));
        assert_eq!(Date::from_digits("20240229"), Some(date));
        assert_eq!(date.to_digits(), "20240229");
    }

    #[test]
    fn days_that_never_were_are_refused() {
        for text in ["2023-02-29", "2024-00-10", "2024-1-010", "2024/01/01", "0000-01-01", "长期"] {
            assert_eq!(text.parse::<Date>(), Err(()), "{text}");
        }
    }
}
