//! The manifest: a CSV file, read row by row.

use std::io::{self, Chain, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::{Reader, ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, GB18030};

use super::columns::Columns;
use super::decode::{self, Decoded};
use crate::failure::Failure;

/// Longest row, in bytes; a quotation mark that is never closed would make one of the whole file.
const ROW_BYTES_MAX: usize = 256 << 10;

/// A row that is read behind the last one: within a quotation that is never closed it is no row of its own.
const END: &str = "\u{1e}the manifest ends here\u{1e}";

/// A manifest whose header is right and whose rows can all be read.
pub(crate) struct Manifest {
    path: PathBuf,
    /// The folder it lies in, links resolved: no picture lies outside.
    pub(super) folder: PathBuf,
    encoding: &'static Encoding,
    pub(super) columns: Columns,
    /// How many rows it has beside the header.
    rows: u64,
}

/// A row. Rows count as in a spreadsheet: the header is row 1.
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) fields: StringRecord,
}

impl Manifest {
    /// Reads it through once.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let encoding = decode::encoding(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new(".")).canonicalize().map_err(|e| unreadable(&e))?;
        let mut rows = Rows::open(path, encoding)?;
        let Some(header) = rows.next().transpose()? else {
            let remedy = "write a header and a row for each picture";
            return Err(Failure::new("manifest_empty", "the manifest is empty", remedy));
        };
        let columns = Columns::read(&header.fields)?;
        let mut count = 0;
        for row in rows {
            row?;
            count += 1;
        }
        if count == 0 {
            let remedy = "write a row for each picture";
            return Err(Failure::new("manifest_empty", "the manifest names no picture", remedy));
        }
        Ok(Self { path: path.to_owned(), folder, encoding, columns, rows: count })
    }

    /// How many rows it has beside the header.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// How it is written, for who wonders about strange characters.
    pub(crate) fn encoding(&self) -> &'static str {
        if self.encoding == GB18030 { "GB18030" } else { "UTF-8" }
    }

    /// Its rows, from the first after the header on.
    pub(super) fn read(&self) -> Result<impl Iterator<Item = Result<Row, Failure>>, Failure> {
        Ok(Rows::open(&self.path, self.encoding)?.skip(1))
    }
}

struct Rows {
    reader: Reader<Bounded>,
    left: Arc<AtomicUsize>,
    number: u64,
    is_over: bool,
}

impl Rows {
    fn open(path: &Path, encoding: &'static Encoding) -> Result<Self, Failure> {
        let left = Arc::new(AtomicUsize::new(ROW_BYTES_MAX));
        let inner = decode::open(path, encoding).map_err(|e| unreadable(&e))?;
        let end = Cursor::new(format!("\n{END}\n"));
        let bounded = Bounded { inner: inner.chain(end), left: left.clone() };
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bounded);
        Ok(Self { reader, left, number: 0, is_over: false })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let mut fields = StringRecord::new();
        loop {
            self.left.store(ROW_BYTES_MAX, Ordering::Relaxed);
            self.number += 1;
            match self.reader.read_record(&mut fields) {
                Ok(true) if fields.iter().all(|field| field.trim().is_empty()) => {}
                Ok(true) if !fields.iter().any(|field| field.contains(END)) => {
                    return Some(Ok(Row { number: self.number, fields }));
                }
                Ok(_) => {
                    self.is_over = true;
                    return (fields != [END][..]).then(|| Err(unclosed(self.number)));
                }
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(invalid(self.number, error)));
                }
            }
        }
    }
}

fn invalid(number: u64, error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() != io::ErrorKind::InvalidData => unreadable(&error),
        _ => {
            let cause = format!("row {number} is longer than {ROW_BYTES_MAX} bytes, or no text");
            let remedy = "look for a quotation mark that is never closed in that row or one above";
            Failure::new("manifest_invalid", cause, remedy)
        }
    }
}

fn unclosed(number: u64) -> Failure {
    let cause =
        format!("row {number} has a quotation mark that is never closed: what follows would be part of it");
    Failure::new("manifest_invalid", cause, "close it, or leave it out")
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new("manifest_unreadable", error, "check the name and the rights of the manifest")
}

/// Gives no more than is left for a row.
struct Bounded {
    inner: Chain<Decoded, Cursor<String>>,
    left: Arc<AtomicUsize>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed);
        if count > left {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.left.store(left - count, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "subject_type,subject,kind,path\n";

    fn open(text: &str) -> Result<Vec<u64>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, text).unwrap();
        let manifest = Manifest::open(&path).map_err(|failure| failure.code)?;
        let rows: Vec<_> = manifest.read().unwrap().map(|row| row.unwrap().number).collect();
        assert_eq!(rows.len() as u64, manifest.rows());
        Ok(rows)
    }

    #[test]
    fn rows_are_numbered_as_in_a_spreadsheet() {
        assert_eq!(open(&format!("{HEADER}a,b,c,\"d\ne\"\n,,,\nf\n")), Ok(vec![2, 4]));
        assert_eq!(open(&format!("{HEADER}a,b,c,\"d\"")), Ok(vec![2]));
        assert_eq!(open(&format!("{HEADER}a,b,c,d\n\n,,,\n\n")), Ok(vec![2]));
    }

    #[test]
    fn what_is_no_manifest_is_refused_before_anything_is_imported() {
        let open_quote = format!("{HEADER}a,b,c,\"{}", "d\n".repeat(ROW_BYTES_MAX));
        for (text, code) in [
            ("", "manifest_empty"),
            ("\n\n", "manifest_empty"),
            (HEADER, "manifest_empty"),
            ("path,kind\na,b\n", "column_missing"),
            (open_quote.as_str(), "manifest_invalid"),
            (&format!("{HEADER}a,b,c,\"d\na,b,c,e\n"), "manifest_invalid"),
            (&format!("{HEADER}a,b,c,e\na,b,\"c,d"), "manifest_invalid"),
            (&format!("{HEADER}a,b,c,e\n\""), "manifest_invalid"),
        ] {
            assert_eq!(open(text), Err(code.to_owned()));
        }
    }
}
