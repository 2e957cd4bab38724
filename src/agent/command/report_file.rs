//! The file that an import's report is written to.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::whole_file::{WholeFile, resolved};
use crate::failure::Failure;

/// How a report begins: a byte order mark, by which spreadsheets read UTF-8, and its first columns.
const BEGINS: &[u8] = b"\xEF\xBB\xBFrow,code,cause,";

/// The report for this place, which may not lie in the forbidden folders and is free, or an earlier report's.
pub(super) fn create(path: &Path, forbidden: &[&Path]) -> Result<WholeFile, Failure> {
    let not_written = |error: io::Error| {
        Failure::new("report_not_written", format!("the report: {error}"), "name another file with --report")
    };
    let target = resolved(path).map_err(not_written)?;
    let inside = |folder: &&Path| folder.canonicalize().is_ok_and(|folder| target.starts_with(folder));
    if forbidden.iter().any(inside) {
        let cause = "the report would lie in the data folder or the keys' folder";
        return Err(Failure::new("target_inside_data", cause, "name a file elsewhere with --report"));
    }
    if !is_free(&target).map_err(not_written)? {
        let error = io::Error::other("there is something else of that name");
        return Err(not_written(error));
    }
    WholeFile::create(target).map_err(not_written)
}

/// Whether nothing is there, or an earlier report. What is no file is not opened: that may never return.
fn is_free(target: &Path) -> io::Result<bool> {
    let metadata = match fs::metadata(target) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if !metadata.is_file() {
        return Ok(false);
    }
    let mut begins = Vec::new();
    File::open(target)?.take(BEGINS.len() as u64).read_to_end(&mut begins)?;
    Ok(begins == BEGINS)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn code(made: Result<WholeFile, Failure>) -> String {
        made.err().map(|failure| failure.code).unwrap_or_default()
    }

    #[test]
    fn only_an_earlier_report_is_replaced_and_only_by_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        let held = || fs::read(&path).unwrap();
        let written = |text: &[u8]| {
            let mut report = create(&path, &[]).unwrap();
            report.write_all(BEGINS).unwrap();
            report.write_all(text).unwrap();
            report
        };
        written(b"1").finish().unwrap();
        drop(written(b"2"));
        assert_eq!(held(), [BEGINS, b"1"].concat());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing begun is left");
        written(b"3").finish().unwrap();
        assert_eq!(held(), [BEGINS, b"3"].concat());
        for other in [&b"SQLite format 3"[..], b"row,code", b""] {
            fs::write(&path, other).unwrap();
            assert_eq!(code(create(&path, &[])), "report_not_written");
            assert_eq!(held(), other);
        }
    }

    #[test]
    fn nothing_is_written_into_the_archive_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        for path in [data.join("new.csv"), link.join("new.csv"), folder.path().join("data/../data/new.csv")] {
            assert_eq!(code(create(&path, &[&data])), "target_inside_data");
        }
        assert_eq!(code(create(&data, &[])), "report_not_written");
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
    }
}
