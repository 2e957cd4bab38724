//! How long papers are kept, by their kind. A kind without a rule is kept for good.

use yidang_model::{Date, Kind, Material};

use crate::clock;

/// When a term begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermStart {
    /// On the day the paper was filed.
    Filed,
    /// When the paper itself expires; one that does not say when is kept for good.
    ValidUntil,
}

/// How long papers of one kind are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// The kind.
    pub kind: Kind,
    /// The term; `None`: for good.
    pub years: Option<u16>,
    /// The term of the untouched originals; `None`: as long as the paper.
    pub originals_years: Option<u16>,
    /// When it begins.
    pub starts: TermStart,
}

/// The office's rules, one a kind at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention(pub Vec<RetentionRule>);

impl Retention {
    /// The last day on which a paper is shown; `None`: it is kept for good.
    pub(crate) fn term_end(&self, material: &Material) -> Option<Date> {
        self.end(material, |rule| rule.years)
    }

    /// The last day on which its untouched originals are; `None`: as long as the paper itself.
    pub(crate) fn originals_end(&self, material: &Material) -> Option<Date> {
        self.end(material, |rule| rule.originals_years)
    }

    fn end(&self, material: &Material, years: impl Fn(&RetentionRule) -> Option<u16>) -> Option<Date> {
        let rule = self.0.iter().find(|rule| rule.kind == material.kind)?;
        let start = match rule.starts {
            TermStart::Filed => clock::date_at_counter(material.filed_at)?,
            TermStart::ValidUntil => material.valid_until?,
        };
        years_later(start, years(rule)?)
    }

    /// Whether a paper's term is over, so that it is shown to nobody and waits to be disposed of.
    pub(crate) fn is_over(&self, material: &Material, today: Option<Date>) -> bool {
        match (self.term_end(material), today) {
            (Some(end), Some(today)) => end < today,
            _ => false,
        }
    }
}

/// The same day of a later year; of a leap day, the day after it. `None` beyond the calendar: for good.
fn years_later(date: Date, years: u16) -> Option<Date> {
    let digits = date.to_digits();
    let number = |text: &str| text.parse::<u16>().ok();
    let year = number(digits.get(..4)?)?.checked_add(years)?;
    let [month, day] = [digits.get(4..6)?, digits.get(6..)?].map(|text| text.parse::<u8>().ok());
    Date::new(year, month?, day?).or_else(|| Date::new(year, 3, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_term_ends_on_the_same_day_of_a_later_year() {
        let ends = [
            ("2026-03-01", 10, Some("2036-03-01")),
            ("2024-02-29", 4, Some("2028-02-29")),
            ("2024-02-29", 1, Some("2025-03-01")),
            ("2026-03-01", 9000, None),
        ];
        for (start, years, end) in ends {
            assert_eq!(years_later(date(start), years), end.map(date), "{start} and {years} years");
        }
    }
}
