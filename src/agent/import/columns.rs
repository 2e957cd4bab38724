//! What a manifest may say of a picture.

use csv::StringRecord;

use crate::failure::Failure;

macro_rules! columns {
    ($($variant:ident = $word:literal,)+) => {
        /// A column.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column {
            $($variant,)+
        }

        impl Column {
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name in the header.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

columns! {
    SubjectType = "subject_type",
    Subject = "subject",
    Kind = "kind",
    Path = "path",
    Material = "material",
    CapturedOn = "captured_on",
    IssuedOn = "issued_on",
    ValidUntil = "valid_until",
    Case = "case",
    Item = "item",
    Slot = "slot",
    Issuer = "issuer",
    DocumentNumber = "document_number",
    Note = "note",
}

/// What no manifest goes without.
const REQUIRED: [Column; 4] = [Column::SubjectType, Column::Subject, Column::Kind, Column::Path];

/// Where each column stands; by [`Column`]'s order.
#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<Option<usize>>);

impl Columns {
    /// Reads the header: every name known and once, none missing that is needed. Names that are not known are not said
    /// again, since where there is no header they are somebody's data.
    pub(super) fn read(header: &StringRecord) -> Result<Self, Failure> {
        let mut places = vec![None; Column::ALL.len()];
        for (at, name) in header.iter().enumerate() {
            let name = name.trim().to_ascii_lowercase();
            let Some(column) = Column::ALL.iter().find(|column| column.as_str() == name) else {
                let names: Vec<_> = Column::ALL.iter().map(|column| column.as_str()).collect();
                let cause = format!("column {} of the first row has a name that is not known", at + 1);
                let remedy = format!(
                    "write a header with some of these, and remove other columns: {}",
                    names.join(",")
                );
                return Err(Failure::new("column_unknown", cause, remedy));
            };
            if places[*column as usize].replace(at).is_some() {
                let cause = format!("the column {name} comes twice");
                return Err(Failure::new("column_twice", cause, "remove one of them"));
            }
        }
        let missing: Vec<_> = REQUIRED
            .iter()
            .filter(|column| places[**column as usize].is_none())
            .map(|c| c.as_str())
            .collect();
        if !missing.is_empty() {
            let cause = format!("the first row lacks: {}", missing.join(", "));
            return Err(Failure::new("column_missing", cause, "add the columns that are named"));
        }
        Ok(Self(places))
    }

    /// The text of a column, outer spaces cut; empty where the column is not there.
    pub(super) fn text<'a>(&self, fields: &'a StringRecord, column: Column) -> &'a str {
        self.0[column as usize].and_then(|at| fields.get(at)).unwrap_or_default().trim()
    }

    /// How many there are in the manifest.
    pub(super) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_cannot_be_meant_is_refused_without_being_said_again() {
        let code = |names: &[&str]| Columns::read(&StringRecord::from(names.to_vec())).map_err(|f| f.code);
        let whole = ["path", "KIND ", "subject", "subject_type"];
        assert_eq!(code(&whole).unwrap().count(), 4);
        assert_eq!(code(&whole[1..]).unwrap_err(), "column_missing");
        assert_eq!(code(&["path", "kind", "path"]).unwrap_err(), "column_twice");
        let unknown = Columns::read(&StringRecord::from(vec!["000000199001010018"])).unwrap_err();
        assert_eq!(unknown.code, "column_unknown");
        assert!(!unknown.to_string().contains("0000001990"));
    }
}
