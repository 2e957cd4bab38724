//! What the rows of one material say, checked.

use yidang_model::{Date, Kind, Subject, SubjectError, SubjectType};

use super::columns::{Column, Columns};
use super::group::Group;
use super::manifest::Row;
use super::refusal::{Reason, Refusal, RefusedRow};
use crate::clock;

/// Longest texts, in characters, as the local API has them.
const LABEL_CHARS_MAX: usize = 100;
const ISSUER_CHARS_MAX: usize = 200;
const NOTE_CHARS_MAX: usize = 1000;

/// A paper to import.
pub(super) struct Paper {
    pub(super) subject: Subject,
    pub(super) kind: Kind,
    pub(super) case: Option<String>,
    pub(super) item: Option<String>,
    pub(super) slot: Option<String>,
    pub(super) issued_on: Option<Date>,
    pub(super) valid_until: Option<Date>,
    pub(super) issuer: Option<String>,
    pub(super) document_number: Option<String>,
    pub(super) note: Option<String>,
    pub(super) pages: Vec<PaperPage>,
}

/// One row's picture.
pub(super) struct PaperPage {
    pub(super) row: u64,
    pub(super) path: String,
    pub(super) captured_on: Option<Date>,
}

/// Reads a group; every row it has where it is refused, each with its reason.
pub(super) fn read(
    group: &Group,
    columns: &Columns,
    keeps_wrong_digits: bool,
) -> Result<Paper, Vec<RefusedRow>> {
    let refused = |culprit: u64, refusal: Refusal| refuse(group, culprit, refusal);
    if let Some(refusal) = group.refusal {
        return Err(refuse_all(group, refusal));
    }
    let [first, others @ ..] = group.rows.as_slice() else { return Err(Vec::new()) };
    for row in &group.rows {
        if row.fields.len() != columns.count() {
            return Err(refused(row.number, Reason::RowMalformed.into()));
        }
    }
    for row in others {
        let differs = Column::ALL.iter().find(|column| {
            !matches!(column, Column::Path | Column::CapturedOn)
                && columns.text(&row.fields, **column) != columns.text(&first.fields, **column)
        });
        if let Some(column) = differs {
            return Err(refused(row.number, Refusal::in_column(Reason::RowsDiffer, column.as_str())));
        }
    }
    let mut paper =
        record(first, columns, keeps_wrong_digits).map_err(|refusal| refused(first.number, refusal))?;
    for row in &group.rows {
        paper.pages.push(page(row, columns).map_err(|refusal| refused(row.number, refusal))?);
    }
    Ok(paper)
}

/// Every row of a group, of which one is at fault.
pub(super) fn refuse(group: &Group, culprit: u64, refusal: Refusal) -> Vec<RefusedRow> {
    let mut refused = refuse_all(group, Reason::MaterialRefused.into());
    if let Some(row) = refused.iter_mut().find(|refused| refused.row == culprit) {
        row.refusal = refusal;
    }
    refused
}

/// Every row of a group, for the same reason.
pub(super) fn refuse_all(group: &Group, refusal: Refusal) -> Vec<RefusedRow> {
    let numbers = group.rows.iter().map(|row| row.number).chain(group.beyond.iter().copied());
    numbers.map(|row| RefusedRow { row, refusal }).collect()
}

fn record(row: &Row, columns: &Columns, keeps_wrong_digits: bool) -> Result<Paper, Refusal> {
    let text = |column| columns.text(&row.fields, column);
    let invalid = |column: Column| Refusal::in_column(Reason::FieldInvalid, column.as_str());
    let bounded = |column: Column, chars_max: usize| {
        let text = text(column);
        let is_bad = |c: char| c.is_control() && (column != Column::Note || !matches!(c, '\n' | '\r' | '\t'));
        if text.chars().count() > chars_max || text.chars().any(is_bad) {
            return Err(invalid(column));
        }
        Ok((!text.is_empty()).then(|| text.replace("\r\n", "\n").replace('\r', "\n")))
    };
    let issued_on = past_date(text(Column::IssuedOn), Column::IssuedOn)?;
    let valid_until = date(text(Column::ValidUntil), Column::ValidUntil)?;
    if matches!((issued_on, valid_until), (Some(from), Some(until)) if until < from) {
        return Err(Reason::DatesReversed.into());
    }
    Ok(Paper {
        subject: subject(text(Column::SubjectType), text(Column::Subject), keeps_wrong_digits)?,
        kind: Kind::new(text(Column::Kind)).map_err(|_| invalid(Column::Kind))?,
        case: bounded(Column::Case, LABEL_CHARS_MAX)?,
        item: bounded(Column::Item, LABEL_CHARS_MAX)?,
        slot: bounded(Column::Slot, LABEL_CHARS_MAX)?,
        issued_on,
        valid_until,
        issuer: bounded(Column::Issuer, ISSUER_CHARS_MAX)?,
        document_number: bounded(Column::DocumentNumber, LABEL_CHARS_MAX)?,
        note: bounded(Column::Note, NOTE_CHARS_MAX)?,
        pages: Vec::new(),
    })
}

fn page(row: &Row, columns: &Columns) -> Result<PaperPage, Refusal> {
    let text = |column| columns.text(&row.fields, column);
    let captured_on = past_date(text(Column::CapturedOn), Column::CapturedOn)?;
    Ok(PaperPage { row: row.number, path: text(Column::Path).to_owned(), captured_on })
}

fn subject(subject_type: &str, value: &str, keeps_wrong_digits: bool) -> Result<Subject, Refusal> {
    let subject_type: SubjectType = subject_type
        .parse()
        .map_err(|_: SubjectError| Refusal::in_column(Reason::SubjectTypeUnknown, "subject_type"))?;
    let subject = Subject::new(subject_type, value)
        .map_err(|_| Refusal::in_column(Reason::SubjectMalformed, "subject"))?;
    match subject.check_digit_matches() {
        Some(false) if !keeps_wrong_digits => Err(Refusal::in_column(Reason::CheckDigitWrong, "subject")),
        _ => Ok(subject),
    }
}

fn past_date(text: &str, column: Column) -> Result<Option<Date>, Refusal> {
    let date = date(text, column)?;
    match (date, clock::today()) {
        (Some(date), Some(today)) if date > today => {
            Err(Refusal::in_column(Reason::DateInFuture, column.as_str()))
        }
        _ => Ok(date),
    }
}

/// A date as it is written in ISO 8601, or as a spreadsheet makes of it: 2019/3/5.
fn date(text: &str, column: Column) -> Result<Option<Date>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let refusal = Refusal::in_column(Reason::DateInvalid, column.as_str());
    let separator = if text.contains('/') { '/' } else { '-' };
    let parts: Vec<&str> = text.split(separator).collect();
    let [year, month, day] = parts[..] else { return Err(refusal) };
    let is_number = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(year, 4..=4) || !is_number(month, 1..=2) || !is_number(day, 1..=2) {
        return Err(refusal);
    }
    let date = match (year.parse(), month.parse(), day.parse()) {
        (Ok(year), Ok(month), Ok(day)) => Date::new(year, month, day),
        _ => None,
    };
    date.map(Some).ok_or(refusal)
}

#[cfg(test)]
mod tests {
    use csv::StringRecord;

    use super::*;

    const HEADER: [&str; 8] =
        ["subject_type", "subject", "kind", "path", "issued_on", "valid_until", "captured_on", "note"];
    const GOOD: [&str; 8] =
        ["resident", "000000199001010018", "k", "a.jpg", "2019/3/5", "2029-03-05", "2019-03-06", "a\nb"];

    fn read_rows(rows: &[&[&str]]) -> Result<Paper, Vec<(u64, &'static str)>> {
        let columns = Columns::read(&StringRecord::from(HEADER.to_vec())).unwrap();
        let rows =
            (2..).zip(rows).map(|(number, row)| Row { number, fields: StringRecord::from(row.to_vec()) });
        let group = Group { rows: rows.collect(), beyond: Vec::new(), refusal: None };
        let told = |refused: Vec<RefusedRow>| {
            refused.into_iter().map(|refused| (refused.row, refused.refusal.reason.code())).collect()
        };
        read(&group, &columns, false).map_err(told)
    }

    #[test]
    fn a_good_row_is_read() {
        let paper = read_rows(&[&GOOD]).ok().unwrap();
        assert_eq!(paper.issued_on.unwrap().to_string(), "2019-03-05");
        assert_eq!((paper.case, paper.note.as_deref()), (None, Some("a\nb")));
        assert_eq!(paper.pages[0].captured_on.unwrap().to_string(), "2019-03-06");
    }

    #[test]
    fn each_fault_of_a_row_has_its_own_code() {
        let long = "长".repeat(65);
        for (at, value, code) in [
            (0, "citizen", "subject_type_unknown"),
            (1, "1.10105E+17", "subject_malformed"),
            (1, "", "subject_malformed"),
            (1, "000000199001010019", "check_digit_wrong"),
            (2, "", "field_invalid"),
            (2, long.as_str(), "field_invalid"),
            (4, "2019-02-29", "date_invalid"),
            (4, "5.3.2019", "date_invalid"),
            (4, "2019-+1-05", "date_invalid"),
            (4, "9999-01-01", "date_in_future"),
            (5, "2019-03-04", "dates_reversed"),
            (6, "20190305", "date_invalid"),
            (7, "a\u{7}", "field_invalid"),
        ] {
            let mut row = GOOD;
            row[at] = value;
            assert_eq!(read_rows(&[&row]).err(), Some(vec![(2, code)]), "{value}");
        }
        assert_eq!(read_rows(&[&GOOD[..7]]).err(), Some(vec![(2, "row_malformed")]));
    }

    #[test]
    fn a_material_is_refused_as_a_whole_and_each_row_told() {
        let mut other = GOOD;
        other[2] = "another kind";
        let refused = read_rows(&[&GOOD, &other]).err();
        assert_eq!(refused, Some(vec![(2, "material_refused"), (3, "rows_differ")]));
        let mut second = GOOD;
        (second[3], second[6]) = ("b.jpg", "");
        assert_eq!(read_rows(&[&GOOD, &second]).ok().unwrap().pages.len(), 2);
    }

    #[test]
    fn a_wrong_check_digit_can_be_kept() {
        let kept = subject("resident", "000000199001010019", true).unwrap();
        assert_eq!(kept.check_digit_matches(), Some(false));
    }
}
