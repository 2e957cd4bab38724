//! The file that a report is written to.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::whole_file::{WholeFile, resolved};
use crate::failure::Failure;

/// How an import's report begins: a byte order mark, by which spreadsheets read UTF-8, and its first columns.
pub(super) const IMPORT_BEGINS: &[u8] = b"\xEF\xBB\xBFrow,code,cause,";

/// The report for this place, which may not lie in the forbidden folders and is free, or an earlier report's: a file
/// that begins in one of these ways.
pub(super) fn create(path: &Path, forbidden: &[&Path], begins: &[&[u8]]) -> Result<WholeFile, Failure> {
    let target = resolved(path).map_err(not_written)?;
    let inside = |folder: &&Path| folder.canonicalize().is_ok_and(|folder| target.starts_with(folder));
    if forbidden.iter().any(inside) {
        let cause = "the report would lie in the data folder or the keys' folder";
        return Err(Failure::new("target_inside_data", cause, "name a file elsewhere with --report"));
    }
    if !is_free(&target, begins).map_err(not_written)? {
        let error = io::Error::other("there is something else of that name");
        return Err(not_written(error));
    }
    WholeFile::create(target).map_err(not_written)
}

/// Why a report cannot be written.
pub(super) fn not_written(error: io::Error) -> Failure {
    Failure::new("report_not_written", format!("the report: {error}"), "name another file with --report")
}

/// Whether nothing is there, or an earlier report. What is no file is not opened: that may never return.
fn is_free(target: &Path, begins: &[&[u8]]) -> io::Result<bool> {
    let metadata = match fs::metadata(target) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if !metadata.is_file() {
        return Ok(false);
    }
    let longest = begins.iter().map(|begin| begin.len()).max().unwrap_or(0);
    let mut found = Vec::new();
    File::open(target)?.take(longest as u64).read_to_end(&mut found)?;
    Ok(begins.iter().any(|begin| found.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::IMPORT_BEGINS as BEGINS;
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
            let mut report = create(&path, &[], &[BEGINS]).unwrap();
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
            assert_eq!(code(create(&path, &[], &[BEGINS])), "report_not_written");
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
            assert_eq!(code(create(&path, &[&data], &[BEGINS])), "target_inside_data");
        }
        assert_eq!(code(create(&data, &[], &[BEGINS])), "report_not_written");
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
    }
}
