//! Ledger entries from wherever any are left, and the one chain that can be made of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row as SqlRow, params};
use yidang_model::{MaterialId, Timestamp};

use super::pages::{Row, Value, visit_rows};
use super::{LedgerRebuild, RANGES_MAX, Source, failed};
use crate::ArchiveError;
use crate::backup::is_whole;
use crate::entry::{envelope_of, refs_of};
use crate::sqlite::SqliteLedger;
use crate::storage::{Entry, EntryHash, NewEntry, Part, StorageError, Tag, Verb};

const FILE: &str = "found.db";
/// Entries written in one transaction.
const ENTRIES_AT_A_TIME: usize = 1024;

/// Every entry that is what it was, of every source; on disk, since there may be millions.
pub(super) struct Found {
    database: Connection,
    /// Materials that a tombstone among them covers, in the chain or not.
    erased: HashSet<MaterialId>,
}

struct Candidate {
    entry: Entry,
    source: Source,
}

impl Found {
    /// Looks through these files for entries; `work` is an empty folder.
    pub(super) fn gather(work: &Path, sources: &[(Source, PathBuf)]) -> Result<Self, ArchiveError> {
        let mut database = Connection::open(work.join(FILE)).map_err(scratch)?;
        let schema = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;
            CREATE TABLE found (sequence INTEGER, source INTEGER, hash BLOB, version INTEGER, at_millis INTEGER,
                verb TEXT, idempotency BLOB, request BLOB, previous BLOB, body BLOB,
                PRIMARY KEY (sequence, hash, source)) WITHOUT ROWID";
        database.execute_batch(schema).map_err(scratch)?;
        let mut erased = HashSet::new();
        for (source, path) in sources {
            let transaction = database.transaction().map_err(scratch)?;
            visit_rows(path, &mut |row| {
                let Some(entry) = entry_of(row) else { return Ok(()) };
                let source = match (is_whole(&entry), source) {
                    (true, source) => *source,
                    // What it says is sealed, and may be whole where its place or time is not.
                    (false, Source::Ledger) if envelope_of(&entry).is_ok() => Source::Damaged,
                    _ => return Ok(()),
                };
                erased.extend(covered_by(&entry));
                keep(&transaction, source, &entry).map_err(std::io::Error::other)
            })
            .map_err(|e| StorageError::io(Part::Ledger, &e))?;
            transaction.commit().map_err(scratch)?;
        }
        Ok(Self { database, erased })
    }

    /// Whether the ledger's own file and its copy begin with different entries, both whole: they belong to two stores.
    pub(super) fn is_of_two_stores(&self) -> Result<bool, ArchiveError> {
        let sql = "SELECT COUNT(DISTINCT hash) > 1 FROM found WHERE sequence = 1 AND source IN (?1, ?2)";
        let sources = params![Source::Ledger as u8, Source::Copy as u8];
        self.database.query_row(sql, sources, |row| row.get(0)).map_err(scratch)
    }

    /// Writes the chain into a new ledger in that folder and tells what it is made of. `is_erased` knows tombstones that
    /// may be among what is lost: what they cover stays away.
    pub(super) fn write_chain(
        &self,
        folder: &Path,
        is_erased: &dyn Fn(MaterialId) -> bool,
    ) -> Result<LedgerRebuild, ArchiveError> {
        let buried = self.buried_in_chain()?;
        let stays_away =
            |id: MaterialId| !buried.contains(&id) && (self.erased.contains(&id) || is_erased(id));
        let ledger = SqliteLedger::create(folder)?;
        let mut kept = Vec::new();
        let mut chain = self.visit_chain(&mut |chain, chosen| {
            if is_withheld(&chosen.entry, &stays_away) {
                chain.report.withheld += 1;
                return Ok(());
            }
            chain.add(&chosen);
            kept.push(chosen.entry);
            if kept.len() == ENTRIES_AT_A_TIME {
                ledger.take_over(&kept)?;
                kept.clear();
            }
            Ok(())
        })?;
        ledger.take_over(&kept)?;
        Ok(std::mem::take(&mut chain.report))
    }

    /// Materials whose tombstones are in the chain: it says itself that they are gone. A tombstone that went another way,
    /// or that follows from nothing here, says so no more.
    fn buried_in_chain(&self) -> Result<HashSet<MaterialId>, ArchiveError> {
        let mut buried = HashSet::new();
        if !self.erased.is_empty() {
            self.visit_chain(&mut |_, chosen| {
                buried.extend(covered_by(&chosen.entry));
                Ok(())
            })?;
        }
        Ok(buried)
    }

    /// Shows the chain's entries in their order; which they are does not depend on what becomes of them.
    fn visit_chain(
        &self,
        visit: &mut dyn FnMut(&mut Chain, Candidate) -> Result<(), ArchiveError>,
    ) -> Result<Chain, ArchiveError> {
        let mut chain = Chain::default();
        let mut statement =
            self.database.prepare("SELECT * FROM found ORDER BY sequence, source").map_err(scratch)?;
        let mut rows = statement.query([]).map_err(scratch)?;
        let mut next = next_candidate(&mut rows)?;
        let mut group = Vec::new();
        let mut following = take_group(&mut rows, &mut next)?;
        loop {
            std::mem::swap(&mut group, &mut following);
            if group.is_empty() {
                return Ok(chain);
            }
            following = take_group(&mut rows, &mut next)?;
            if let Some(chosen) = chain.choose(std::mem::take(&mut group), &following) {
                visit(&mut chain, chosen)?;
            }
        }
    }
}

/// Whether an entry files what was erased by an entry that is not in the chain.
fn is_withheld(entry: &Entry, stays_away: &dyn Fn(MaterialId) -> bool) -> bool {
    let files = matches!(entry.content.verb, Verb::Filed | Verb::Refiled);
    let material = || refs_of(entry).unwrap_or_default().material;
    files && material().is_some_and(|id| stays_away(id.0))
}

/// Materials that an entry is the tombstone of.
fn covered_by(entry: &Entry) -> Vec<MaterialId> {
    if entry.content.verb != Verb::Erased {
        return Vec::new();
    }
    refs_of(entry).unwrap_or_default().materials.iter().map(|id| id.0).collect()
}

/// The chain as far as it has come.
#[derive(Default)]
struct Chain {
    /// The entry that was chosen last, written or withheld.
    at: u64,
    hash: EntryHash,
    /// The entry that was written last.
    written: (u64, EntryHash),
    /// The last entry that was left out because it follows from none that is here.
    left_out: Option<EntryHash>,
    report: LedgerRebuild,
}

impl Chain {
    /// Which of the entries of one place is the chain's: one that follows from the entry before and that the next one
    /// follows from, rather than one of which only half is so, and one that is changed only where there is no other. What
    /// follows from nothing here counts only as the ledger's own.
    fn choose(&mut self, group: Vec<Candidate>, following: &[Candidate]) -> Option<Candidate> {
        let sequence = group.first()?.entry.sequence;
        let contiguous = sequence == self.at + 1;
        let left_out = self.left_out.take();
        // What was entered behind a withheld entry follows from the one before that.
        let before = [self.hash, self.written.1];
        let follows = |c: &Candidate| !contiguous || before.contains(&c.entry.previous);
        let leads = |c: &Candidate| {
            following.iter().any(|f| f.entry.sequence == sequence + 1 && f.entry.previous == c.entry.hash)
        };
        let is_own = |c: &Candidate| matches!(c.source, Source::Ledger | Source::Damaged);
        let is_of_another = |c: &Candidate| left_out.is_some_and(|left| c.entry.previous == left);
        let fits = |c: &Candidate| is_own(c) || (follows(c) && !is_of_another(c));
        let rank = |c: &Candidate| (c.source == Source::Damaged, !fits(c), !follows(c), !leads(c), c.source);
        let whole: HashSet<EntryHash> = group
            .iter()
            .filter(|c| matches!(c.source, Source::Ledger | Source::Copy))
            .map(|c| c.entry.hash)
            .collect();
        let best = group.into_iter().min_by_key(|c| rank(c))?;
        let is_chosen = fits(&best);
        let others = whole.iter().filter(|hash| !is_chosen || **hash != best.entry.hash).count();
        self.report.displaced += others as u64;
        if !is_chosen {
            self.left_out = Some(best.entry.hash);
            self.report.unproven += 1;
            return None;
        }
        if !follows(&best) || best.source == Source::Damaged {
            self.report.harm.break_at(sequence);
            self.report.breaks.push(sequence);
            self.report.breaks.truncate(RANGES_MAX);
        }
        (self.at, self.hash) = (sequence, best.entry.hash);
        Some(best)
    }

    fn add(&mut self, chosen: &Candidate) {
        let Candidate { entry, source } = chosen;
        self.report.lose(self.written.0 + 1, entry.sequence);
        self.report.entries += 1;
        match source {
            Source::Ledger | Source::Damaged => self.report.from_ledger += 1,
            Source::Copy => self.report.from_copy += 1,
            Source::Aside => self.report.from_aside += 1,
        }
        self.written = (entry.sequence, entry.hash);
        self.report.head = entry.sequence;
    }
}

fn next_candidate(rows: &mut rusqlite::Rows<'_>) -> Result<Option<Candidate>, ArchiveError> {
    Ok(match rows.next().map_err(scratch)? {
        Some(row) => Some(candidate_of(row).map_err(scratch)?),
        None => None,
    })
}

fn take_group(
    rows: &mut rusqlite::Rows<'_>,
    next: &mut Option<Candidate>,
) -> Result<Vec<Candidate>, ArchiveError> {
    let mut group: Vec<Candidate> = Vec::new();
    while let Some(candidate) = next.take() {
        if group.first().is_some_and(|first| first.entry.sequence != candidate.entry.sequence) {
            *next = Some(candidate);
            break;
        }
        group.push(candidate);
        *next = next_candidate(rows)?;
    }
    Ok(group)
}

fn keep(database: &Connection, source: Source, entry: &Entry) -> rusqlite::Result<()> {
    let content = &entry.content;
    let sql = "INSERT OR IGNORE INTO found VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    database.prepare_cached(sql)?.execute(params![
        entry.sequence.cast_signed(),
        source as u8,
        entry.hash,
        content.version,
        content.at.as_millis(),
        content.verb.as_str(),
        content.idempotency.map(|tag| tag.0),
        content.request.map(|tag| tag.0),
        entry.previous,
        content.body,
    ])?;
    Ok(())
}

fn candidate_of(row: &SqlRow<'_>) -> rusqlite::Result<Candidate> {
    let verb: String = row.get(5)?;
    let content = NewEntry {
        version: row.get(3)?,
        at: Timestamp::from_millis(row.get(4)?),
        verb: Verb::from_word(&verb).ok_or(rusqlite::Error::QueryReturnedNoRows)?,
        idempotency: row.get::<_, Option<[u8; 32]>>(6)?.map(Tag),
        request: row.get::<_, Option<[u8; 32]>>(7)?.map(Tag),
        body: row.get(9)?,
    };
    let sequence = row.get::<_, i64>(0)?.cast_unsigned();
    let source = match row.get::<_, u8>(1)? {
        0 => Source::Ledger,
        1 => Source::Copy,
        2 => Source::Aside,
        _ => Source::Damaged,
    };
    Ok(Candidate { entry: Entry { sequence, previous: row.get(8)?, hash: row.get(2)?, content }, source })
}

/// The entry that a row may be; nothing of it is certain yet.
fn entry_of((number, columns): Row) -> Option<Entry> {
    use Value::{Bytes, Integer, Null};
    let [
        Null,
        Integer(version),
        Integer(at),
        Bytes(verb),
        idempotency,
        request,
        Bytes(previous),
        Bytes(hash),
        Bytes(body),
    ] = <[Value; 9]>::try_from(columns).ok()?
    else {
        return None;
    };
    let tag = |value| match value {
        Null => Some(None),
        Bytes(bytes) => bytes.try_into().ok().map(|bytes| Some(Tag(bytes))),
        _ => None,
    };
    let content = NewEntry {
        version: u16::try_from(version).ok()?,
        at: Timestamp::from_millis(at),
        verb: Verb::from_word(std::str::from_utf8(&verb).ok()?)?,
        idempotency: tag(idempotency)?,
        request: tag(request)?,
        body,
    };
    let sequence = u64::try_from(number?).ok().filter(|sequence| *sequence > 0)?;
    Some(Entry { sequence, previous: previous.try_into().ok()?, hash: hash.try_into().ok()?, content })
}

fn scratch(error: rusqlite::Error) -> ArchiveError {
    failed(&error.to_string())
}
