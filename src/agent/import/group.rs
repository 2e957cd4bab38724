//! The rows that make one material.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use yidang_archive::PAGES_MAX;

use super::columns::{Column, Columns};
use super::manifest::Row;
use super::refusal::{Reason, Refusal};
use crate::failure::Failure;

/// Rows that stand together and belong together.
pub(super) struct Group {
    /// At least one, and at most as many as a material has pages.
    pub(super) rows: Vec<Row>,
    /// Numbers of the rows beyond that.
    pub(super) beyond: Vec<u64>,
    /// Why none of them is imported, where that shows already.
    pub(super) refusal: Option<Refusal>,
}

impl Group {
    /// How many rows it has.
    pub(super) fn count(&self) -> u64 {
        (self.rows.len() + self.beyond.len()) as u64
    }
}

/// Groups the rows of a manifest by their column `material`; rows that leave it empty stand alone.
pub(super) struct Groups<'a, I> {
    rows: I,
    columns: &'a Columns,
    /// The first row of the next group.
    next: Option<Row>,
    /// Names of the materials there were, hashed: what a long manifest costs in memory is eight bytes a material.
    names: HashSet<u64>,
    hasher: RandomState,
}

impl<'a, I: Iterator<Item = Result<Row, Failure>>> Groups<'a, I> {
    pub(super) fn new(rows: I, columns: &'a Columns) -> Self {
        Self { rows, columns, next: None, names: HashSet::new(), hasher: RandomState::new() }
    }

    fn name<'b>(&self, row: &'b Row) -> &'b str {
        self.columns.text(&row.fields, Column::Material)
    }

    fn collect(&mut self) -> Result<Option<Group>, Failure> {
        let Some(first) = self.next.take().map(Ok).or_else(|| self.rows.next()).transpose()? else {
            return Ok(None);
        };
        let name = self.name(&first).to_owned();
        let mut group = Group { rows: vec![first], beyond: Vec::new(), refusal: None };
        if name.is_empty() {
            return Ok(Some(group));
        }
        if !self.names.insert(self.hasher.hash_one(&name)) {
            group.refusal = Some(Refusal::in_column(Reason::NotTogether, Column::Material.as_str()));
        }
        while let Some(row) = self.rows.next().transpose()? {
            if self.name(&row) != name {
                self.next = Some(row);
                break;
            }
            if group.rows.len() == PAGES_MAX {
                group.beyond.push(row.number);
                group.refusal = Some(Reason::TooManyPages.into());
            } else {
                group.rows.push(row);
            }
        }
        Ok(Some(group))
    }
}

impl<I: Iterator<Item = Result<Row, Failure>>> Iterator for Groups<'_, I> {
    type Item = Result<Group, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.collect().transpose()
    }
}

#[cfg(test)]
mod tests {
    use csv::StringRecord;

    use super::*;

    fn groups(names: &[&str]) -> Vec<(Vec<u64>, usize, Option<Reason>)> {
        let header = ["subject_type", "subject", "kind", "path", "material"];
        let columns = Columns::read(&StringRecord::from(header.to_vec())).unwrap();
        let rows = (2..).zip(names).map(|(number, name)| {
            Ok(Row { number, fields: StringRecord::from(vec!["a", "b", "c", "d", name]) })
        });
        let shown = |group: Group| {
            let numbers = group.rows.iter().map(|row| row.number).collect();
            (numbers, group.beyond.len(), group.refusal.map(|refusal| refusal.reason))
        };
        Groups::new(rows, &columns).map(|group| shown(group.unwrap())).collect()
    }

    #[test]
    fn rows_that_stand_together_are_one_material() {
        let found = groups(&["", "", "m1", "m1", "m2", "m1"]);
        let apart = Some(Reason::NotTogether);
        let wanted = [
            (vec![2], 0, None),
            (vec![3], 0, None),
            (vec![4, 5], 0, None),
            (vec![6], 0, None),
            (vec![7], 0, apart),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_material_has_no_more_pages_than_the_archive_takes() {
        let found = groups(&["m"; PAGES_MAX + 3]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0.len(), found[0].1, found[0].2), (PAGES_MAX, 3, Some(Reason::TooManyPages)));
    }
}
