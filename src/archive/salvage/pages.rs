//! Rows out of a SQLite file that SQLite itself will not read any more: every page is looked at by itself, whatever the
//! pages above it say. What comes out may be anything; whoever asked tells by hash or seal what is real. Pages in the
//! journal count before those in the file. (The format: sqlite.org/fileformat2.html.)

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Length of a page where the file does not say.
const PAGE_BYTES: usize = 4096;
/// The file's own header, before what is on its first page.
const FILE_HEADER_BYTES: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
const WAL_HEADER_BYTES: usize = 32;
const WAL_FRAME_HEADER_BYTES: usize = 24;
/// Columns beyond that are in none of our tables.
const COLUMNS_MAX: usize = 16;
/// Longer than any row there is; what says it is longer is damaged.
const ROW_BYTES_MAX: usize = 256 << 20;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    /// Text or bytes.
    Bytes(Vec<u8>),
    /// In none of our tables.
    Real,
}

/// A row: its number, where its table has numbers, and its columns.
pub(super) type Row = (Option<i64>, Vec<Value>);

/// Hands over every row of every table and index of a database that can still be read; what is not there has none. First
/// what SQLite itself would take for committed, and then, in a second call for each, whatever else there is.
pub(super) fn visit_rows(path: &Path, visit: &mut dyn FnMut(Row) -> io::Result<()>) -> io::Result<()> {
    visit_rows_by_state(path, &mut |_, row| visit(row))
}

/// The same, told whether the row was committed, as far as its journal tells.
pub(super) fn visit_rows_by_state(
    path: &Path,
    visit: &mut dyn FnMut(bool, Row) -> io::Result<()>,
) -> io::Result<()> {
    let Some(mut pages) = Pages::open(path)? else { return Ok(()) };
    let anything = std::mem::replace(&mut pages.in_journal, std::mem::take(&mut pages.committed));
    pages.visit(&mut |row| visit(true, row))?;
    // A journal may be what is damaged.
    for in_journal in [anything, HashMap::new()] {
        if in_journal != pages.in_journal {
            pages.in_journal = in_journal;
            pages.visit(&mut |row| visit(false, row))?;
        }
    }
    Ok(())
}

struct Pages {
    file: File,
    journal: Option<File>,
    /// Where in the journal a page's latest bytes begin.
    in_journal: HashMap<u32, u64>,
    /// The same, of what was committed and whose checksums hold.
    committed: HashMap<u32, u64>,
    page_bytes: usize,
    /// Without what is reserved at the end of each.
    usable_bytes: usize,
    count: u32,
}

impl Pages {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut header = Vec::new();
        file.by_ref().take(FILE_HEADER_BYTES as u64).read_to_end(&mut header)?;
        let (page_bytes, reserved) = page_length(&header);
        let pages = file.metadata()?.len().div_ceil(page_bytes as u64);
        let mut found = Self {
            file,
            journal: None,
            in_journal: HashMap::new(),
            committed: HashMap::new(),
            page_bytes,
            usable_bytes: page_bytes - reserved,
            count: u32::try_from(pages).unwrap_or(u32::MAX),
        };
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        match File::open(Path::new(&name)) {
            Ok(journal) => found.read_journal(journal)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Some(found))
    }

    /// Frames of the journal's present generation, the last of each page; and those up to the last commit before the
    /// first whose checksum does not hold, as SQLite reads it.
    fn read_journal(&mut self, mut journal: File) -> io::Result<()> {
        let mut header = [0; WAL_HEADER_BYTES];
        if read_up_to(&mut journal, &mut header)? < WAL_HEADER_BYTES {
            return Ok(());
        }
        let mut at = WAL_HEADER_BYTES as u64;
        let mut frame = [0; WAL_FRAME_HEADER_BYTES];
        let mut page = vec![0; self.page_bytes];
        let mut sum = Some(Checksum::of(&header));
        let mut open = HashMap::new();
        loop {
            journal.seek(SeekFrom::Start(at))?;
            if read_up_to(&mut journal, &mut frame)? < WAL_FRAME_HEADER_BYTES {
                break;
            }
            let number = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
            if frame[8..16] == header[16..24] && number > 0 {
                self.in_journal.insert(number, at + WAL_FRAME_HEADER_BYTES as u64);
                self.count = self.count.max(number);
            }
            let read = read_up_to(&mut journal, &mut page)?;
            let is_sound = frame[8..16] == header[16..24] && number > 0 && read == page.len();
            sum = sum.and_then(|sum| sum.plus(&frame[..8]).plus(&page).holds(&frame).filter(|_| is_sound));
            if sum.is_some() {
                open.insert(number, at + WAL_FRAME_HEADER_BYTES as u64);
                if frame[4..8] != [0; 4] {
                    self.committed.extend(open.drain());
                }
            }
            at += (WAL_FRAME_HEADER_BYTES + self.page_bytes) as u64;
        }
        self.journal = Some(journal);
        Ok(())
    }

    fn visit(&mut self, visit: &mut dyn FnMut(Row) -> io::Result<()>) -> io::Result<()> {
        for number in 1..=self.count {
            let Some(page) = self.page(number)? else { continue };
            let start = if number == 1 { FILE_HEADER_BYTES } else { 0 };
            for cell in cells(&page, start) {
                if let Some(row) = self.row(&page, &cell)? {
                    visit(row)?;
                }
            }
        }
        Ok(())
    }

    /// A page's bytes; `None` behind the end of what is there. A last page that was cut short ends in zeros.
    fn page(&mut self, number: u32) -> io::Result<Option<Vec<u8>>> {
        let mut page = vec![0; self.page_bytes];
        let read = match (self.in_journal.get(&number), &mut self.journal) {
            (Some(at), Some(journal)) => {
                journal.seek(SeekFrom::Start(*at))?;
                read_up_to(journal, &mut page)?
            }
            _ => {
                self.file.seek(SeekFrom::Start(u64::from(number - 1) * self.page_bytes as u64))?;
                read_up_to(&mut self.file, &mut page)?
            }
        };
        Ok((read > 0).then_some(page))
    }

    /// The row in a cell; `None` where it makes no sense.
    fn row(&mut self, page: &[u8], cell: &Cell) -> io::Result<Option<Row>> {
        let Some((bytes, number)) = self.payload(page, cell)? else { return Ok(None) };
        Ok(columns(&bytes).map(|columns| (number, columns)))
    }

    /// What a cell holds, wherever the rest of it lies.
    fn payload(&mut self, page: &[u8], cell: &Cell) -> io::Result<Option<(Vec<u8>, Option<i64>)>> {
        let mut read = Reader(page.get(cell.at..self.usable_bytes).unwrap_or_default());
        let Some(length) = read.varint().and_then(|length| usize::try_from(length).ok()) else {
            return Ok(None);
        };
        let number = if cell.has_number {
            let Some(number) = read.varint() else { return Ok(None) };
            Some(number.cast_signed())
        } else {
            None
        };
        if length > ROW_BYTES_MAX.min(self.count as usize * self.page_bytes) {
            return Ok(None);
        }
        let local = local_bytes(self.usable_bytes, length, cell.has_number);
        let Some(begin) = read.take(local) else { return Ok(None) };
        let mut bytes = begin.to_vec();
        let mut next = if local < length { read.big_endian() } else { None };
        while bytes.len() < length {
            let Some(number) = next.filter(|number| *number > 0) else { return Ok(None) };
            let Some(page) = self.page(number)? else { return Ok(None) };
            let mut read = Reader(page.get(..self.usable_bytes).unwrap_or_default());
            next = read.big_endian();
            let some = read.0.len().min(length - bytes.len());
            bytes.extend_from_slice(&read.0[..some]);
        }
        Ok(Some((bytes, number)))
    }
}

/// The running checksum of a journal.
#[derive(Clone, Copy)]
struct Checksum {
    is_big_endian: bool,
    sums: [u32; 2],
}

impl Checksum {
    fn of(header: &[u8; WAL_HEADER_BYTES]) -> Self {
        let start = Self { is_big_endian: header[3] & 1 == 1, sums: [0; 2] };
        start.plus(&header[..WAL_HEADER_BYTES - 8])
    }

    fn plus(mut self, bytes: &[u8]) -> Self {
        for pair in bytes.as_chunks::<8>().0 {
            let words = pair.as_chunks::<4>().0;
            for (i, word) in words.iter().enumerate() {
                let word =
                    if self.is_big_endian { u32::from_be_bytes(*word) } else { u32::from_le_bytes(*word) };
                self.sums[i] = self.sums[i].wrapping_add(word).wrapping_add(self.sums[1 - i]);
            }
        }
        self
    }

    /// Itself, if it is what the frame's header says.
    fn holds(self, frame: &[u8; WAL_FRAME_HEADER_BYTES]) -> Option<Self> {
        let said = [&frame[16..20], &frame[20..24]];
        (self.sums.map(u32::to_be_bytes).iter().zip(said).all(|(sum, said)| sum == said)).then_some(self)
    }
}

/// A place on a page where a row may begin.
struct Cell {
    at: usize,
    has_number: bool,
}

/// The cells of a page that holds rows; none of any other.
fn cells(page: &[u8], start: usize) -> Vec<Cell> {
    let (header_bytes, skipped, has_number) = match page.get(start) {
        Some(0x0D) => (8, 0, true),
        Some(0x0A) => (8, 0, false),
        // Between the pages below it an index has rows itself, each behind a page's number.
        Some(0x02) => (12, 4, false),
        _ => return Vec::new(),
    };
    let number_at = |at: usize| {
        let bytes = page.get(at..at + 2)?;
        Some(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
    };
    let count = number_at(start + 3).unwrap_or(0);
    let places = (0..count).map_while(|nth| number_at(start + header_bytes + 2 * nth));
    places.filter(|at| *at > 0).map(|at| Cell { at: at + skipped, has_number }).collect()
}

/// How much of a row lies on its own page.
fn local_bytes(usable: usize, length: usize, has_number: bool) -> usize {
    let least = (usable - 12) * 32 / 255 - 23;
    let most = if has_number { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
    if length <= most {
        return length;
    }
    let local = least + (length - least) % (usable - 4);
    if local <= most { local } else { least }
}

/// The columns of a row; `None` where they contradict themselves.
fn columns(bytes: &[u8]) -> Option<Vec<Value>> {
    let mut head = Reader(bytes);
    let head_bytes = usize::try_from(head.varint()?).ok()?;
    let mut types = Reader(bytes.get(bytes.len() - head.0.len()..head_bytes)?);
    let mut body = Reader(bytes.get(head_bytes..)?);
    let mut columns = Vec::new();
    while !types.0.is_empty() {
        if columns.len() == COLUMNS_MAX {
            return None;
        }
        columns.push(body.value(types.varint()?)?);
    }
    body.0.is_empty().then_some(columns)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    /// Seven bits a byte, eight in the ninth.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for nth in 0..9 {
            let byte = self.take(1)?[0];
            if nth == 8 {
                return Some(value << 8 | u64::from(byte));
            }
            value = value << 7 | u64::from(byte & 0x7F);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn big_endian(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn value(&mut self, kind: u64) -> Option<Value> {
        let length = match kind {
            0 => return Some(Value::Null),
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 => 8,
            7 => return self.take(8).map(|_| Value::Real),
            8 | 9 => return Some(Value::Integer((kind - 8).cast_signed())),
            12.. => {
                return self.take(usize::try_from((kind - 12) / 2).ok()?).map(|b| Value::Bytes(b.to_vec()));
            }
            _ => return None,
        };
        let bytes = self.take(length)?;
        let sign = if bytes.first().is_some_and(|byte| *byte >= 0x80) { -1 } else { 0 };
        Some(Value::Integer(bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte))))
    }
}

/// Length of a page, and of what is reserved on each.
fn page_length(header: &[u8]) -> (usize, usize) {
    if !header.starts_with(MAGIC) || header.len() < FILE_HEADER_BYTES {
        return (PAGE_BYTES, 0);
    }
    match (usize::from(u16::from_be_bytes([header[16], header[17]])), usize::from(header[20])) {
        (1, reserved) => (1 << 16, reserved),
        (length, reserved) if length.is_power_of_two() && length >= 512 && length - reserved >= 480 => {
            (length, reserved)
        }
        _ => (PAGE_BYTES, 0),
    }
}

fn read_up_to(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(path: &Path) -> Vec<Row> {
        let mut rows = Vec::new();
        visit_rows(path, &mut |row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
        rows
    }

    #[test]
    fn every_row_of_a_whole_file_comes_out_long_ones_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = rusqlite::Connection::open(&path).unwrap();
        database
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, a BLOB, b INTEGER);
            CREATE TABLE k (id BLOB PRIMARY KEY, a BLOB) WITHOUT ROWID;",
            )
            .unwrap();
        let lengths = [0, 1, 400, 1000, 4000, 4057, 4061, 5000, 70_000];
        for (nth, length) in lengths.into_iter().enumerate() {
            let number = [0, 1, -1, 127, -200, 70_000, i64::from(i32::MAX) + 5, i64::MIN, i64::MAX][nth];
            database
                .execute(
                    "INSERT INTO t VALUES (?1, ?2, ?3)",
                    (nth as i64 + 1, vec![nth as u8; length], number),
                )
                .unwrap();
        }
        for nth in 0..200_u8 {
            database.execute("INSERT INTO k VALUES (?1, ?2)", ([nth; 16], vec![nth; 90])).unwrap();
        }
        for closed in [false, true] {
            if closed {
                database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
            }
            let found = rows(&path);
            for (nth, length) in lengths.into_iter().enumerate() {
                let has = |row: &Row| {
                    row.0 == Some(nth as i64 + 1) && row.1[1] == Value::Bytes(vec![nth as u8; length])
                };
                let row = found
                    .iter()
                    .find(|row| row.1.len() == 3 && has(row))
                    .unwrap_or_else(|| panic!("{length}"));
                let number = [0, 1, -1, 127, -200, 70_000, i64::from(i32::MAX) + 5, i64::MIN, i64::MAX][nth];
                assert_eq!(row.1[2], Value::Integer(number));
            }
            for nth in 0..200_u8 {
                let row = (None, vec![Value::Bytes(vec![nth; 16]), Value::Bytes(vec![nth; 90])]);
                assert!(found.contains(&row), "{nth}");
            }
        }
    }

    #[test]
    fn what_was_committed_is_told_from_what_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = rusqlite::Connection::open(&path).unwrap();
        database
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, a)")
            .unwrap();
        for number in 1..=3 {
            database.execute("INSERT INTO t VALUES (?1, 'xx')", [number]).unwrap();
        }
        // The third one's commit is cut off, and the second one's on its way to the disk was spoilt.
        let wal = std::fs::read(folder.path().join("a.db-wal")).unwrap();
        let main = std::fs::read(&path).unwrap();
        let committed = |wal: &[u8]| {
            let copy = folder.path().join("b.db");
            std::fs::write(&copy, &main).unwrap();
            std::fs::write(folder.path().join("b.db-wal"), wal).unwrap();
            let mut found = std::collections::BTreeSet::new();
            visit_rows_by_state(&copy, &mut |is_committed, (number, columns)| {
                if is_committed && columns.len() == 2 {
                    found.extend(number);
                }
                Ok(())
            })
            .unwrap();
            found.into_iter().collect::<Vec<_>>()
        };
        let frame = WAL_FRAME_HEADER_BYTES + PAGE_BYTES;
        assert_eq!(committed(&wal), [1, 2, 3]);
        assert_eq!(committed(&wal[..wal.len() - 1]), [1, 2]);
        let mut spoilt = wal.clone();
        let second = wal.len() - 2 * frame + WAL_FRAME_HEADER_BYTES + PAGE_BYTES - 1;
        spoilt[second] ^= 1;
        assert_eq!(committed(&spoilt), [1]);
    }

    #[test]
    fn nothing_in_a_file_makes_it_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute_batch("CREATE TABLE t (a)").unwrap();
        for length in 0..60_i64 {
            database.execute("INSERT INTO t VALUES (zeroblob(?1))", [length * 97]).unwrap();
        }
        drop(database);
        let whole = std::fs::read(&path).unwrap();
        for seed in 0..400_usize {
            let mut spoilt = whole.clone();
            for nth in 0..20 {
                let at = (seed * 7919 + nth * 104_729) % spoilt.len();
                spoilt[at] = (seed * 31 + nth * 17) as u8;
            }
            spoilt.truncate(whole.len() - seed * 13 % whole.len());
            std::fs::write(&path, spoilt).unwrap();
            rows(&path);
        }
        assert!(rows(&folder.path().join("absent")).is_empty());
    }
}
