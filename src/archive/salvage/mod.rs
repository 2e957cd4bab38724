//! Ledger and keyring made anew of what is left of them: their own files, however damaged, their second copies, and what
//! an earlier rebuild moved aside.
//!
//! | step | what a crash right after it leaves | who goes on |
//! |---|---|---|
//! | 1. new ledger and keyring in `DATA_DIR/rebuild.tmp` | the archive as it was | the next rebuild begins again |
//! | 2. the damaged files moved to `DATA_DIR/damaged/TIME`, the new ones into their places, index and second copies moved aside ([`swap`]) | some of each | opening, or the next rebuild |
//! | 3. index and second copies made anew | an archive that opens | opening, and the sweep |
//!
//! Nothing of this is opened by SQLite but copies: to look at a damaged database is to change it.

mod found;
mod keyring;
mod losses;
mod pages;
mod report;
mod swap;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use yidang_model::{HoldId, MaterialId};

use self::found::Found;
use self::keyring::{Keys, Resolved};
use self::report::RANGES_MAX;
pub use self::report::{KeyringRebuild, LedgerRebuild, RebuildReport};
use self::swap::{NEW, Swap};
pub(crate) use self::swap::{complete_begun, folder_of};
use crate::archive::{lock, open_keeper};
use crate::backup::{ASIDE, FOLDER as COPIES};
use crate::dead::DeadIndex;
use crate::entry::{Plain, envelope_of, seal_entry};
use crate::files::{BlobSegments, KeyFiles, durable};
use crate::gaps::Harm;
use crate::keys::KeyCabinet;
use crate::lost_holds::LostHolds;
use crate::record::{NoPersonal, Office, Refs};
use crate::scribe::INDEX_AHEAD;
use crate::sqlite::{SqliteIndex, SqliteKeyring, SqliteLedger, copy_database};
use crate::storage::{
    BlobStore, Entry, EntryHash, Index, KeyId, Keyring, Ledger, Part, StorageError, StorageFault, Verb,
};
use crate::stores::ENTRIES_AT_A_TIME;
use crate::{Actor, Anchor, Archive, ArchiveError, ArchiveOptions, Clock, KeyOptions, SystemClock};

/// Where new files are made, in the data folder.
const WORK: &str = "rebuild.tmp";

/// Where something was found. In this order they count where two say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// The ledger's or keyring's own file.
    Ledger = 0,
    Copy = 1,
    Aside = 2,
    /// The ledger's own, and not what its hash says.
    Damaged = 3,
}

/// Who has an archive rebuilt, and who else knows of its ledger.
pub struct Rebuild<'a> {
    /// What somebody else remembers of the ledger with this name. Asked once, before anything is put in its place.
    pub anchor: &'a dyn Fn(&str) -> Anchor,
    /// Who has it done.
    pub by: Actor,
}

impl Archive {
    /// Makes ledger and keyring anew of what is left of them, where they are damaged or missing or have less than their
    /// copies; what is whole stays as it is, and what was damaged is moved aside. What was put in place is entered in the
    /// ledger, behind everything that is known to be lost, so that no place in it is given twice.
    ///
    /// Takes as much room again as ledger and keyring, twice. Nobody may have the archive open:
    /// [`StorageFault::InUse`]. The epoch's key must be there: without it no key can be told from noise.
    pub fn rebuild(
        options: &ArchiveOptions,
        how: &KeyOptions,
        wish: &Rebuild<'_>,
    ) -> Result<RebuildReport, ArchiveError> {
        let lock = lock(&options.data_dir)?;
        complete_begun(&options.data_dir)?;
        let carry_out = |mut job: Job<'_>| Ok((job.known_holds()?, job.carry_out(how, wish)?));
        let report = Job::begin(options, how).and_then(carry_out);
        shred_work(&options.data_dir)?;
        drop(lock);
        let ((known, known_before), mut report) = report?;
        if report.ledger.state != "lost" && report.keyring.state != "lost" {
            let archive = Self::open_keyed(options, how)?;
            report.holds_unproven = !archive.tells_every_hold()?;
            // What the last rebuild found to be lost is told until somebody has confirmed it: that one may have been cut off.
            let known_before = known_before.into_iter().filter(|_| report.holds_unproven);
            let known: Vec<HoldId> = known.into_iter().chain(known_before).collect();
            losses::tell(&archive.shared.stores, &known, &mut report)?;
            if let Err(error) = archive.back_up() {
                tracing::warn!(%error, "the second copies are made with the next sweep");
            }
        }
        report.complete = report.lacks_nothing();
        Ok(report)
    }
}

/// Overwrites what a rebuild that was cut off has left: no erasure looks there. What is on its way into its place stays.
pub(crate) fn shred_work(data_dir: &Path) -> Result<(), ArchiveError> {
    if swap::is_begun(data_dir) {
        return Ok(());
    }
    durable::shred_folder(&data_dir.join(WORK)).map_err(|e| io_error(&e))
}

/// A rebuild that a crash ends after so many steps of the swap; whether there were so many.
#[cfg(test)]
pub(crate) fn rebuild_cut_off(
    options: &ArchiveOptions,
    how: &KeyOptions,
    wish: &Rebuild<'_>,
    steps: usize,
) -> Result<bool, ArchiveError> {
    let (_, is_new) = Job::begin(options, how)?.make(how, wish)?;
    assert!(is_new, "there was nothing to rebuild");
    if steps == 0 {
        return Ok(true);
    }
    let swap = Swap::begin(&options.data_dir)?;
    let left = swap.steps().map_err(|e| io_error(&e))?;
    let taken = left.iter().take(steps - 1);
    taken.into_iter().try_for_each(|step| swap.take(step)).map_err(|e| io_error(&e))?;
    Ok(steps <= left.len() + 1)
}

/// One rebuild.
struct Job<'a> {
    options: &'a ArchiveOptions,
    keeper: KeyFiles,
    work: PathBuf,
    /// Copies that SQLite may open, and what is made anew.
    live: PathBuf,
    new: PathBuf,
    index: Option<SqliteIndex>,
}

impl<'a> Job<'a> {
    fn begin(options: &'a ArchiveOptions, how: &KeyOptions) -> Result<Self, ArchiveError> {
        let keeper = open_keeper(options, how)?;
        let work = options.data_dir.join(WORK);
        let (live, new) = (work.join("live"), work.join(NEW));
        let make = || {
            durable::shred_folder(&work)?;
            durable::create_folder(&new)?;
            durable::create_folder(&live)?;
            for file in [SqliteLedger::FILE, SqliteKeyring::FILE, SqliteIndex::FILE] {
                copy_database(&options.data_dir, file, &live)?;
            }
            Ok(())
        };
        make().map_err(|e| StorageError::io_at(Part::Folder, &work, &e))?;
        let index = SqliteIndex::open(&live).ok();
        Ok(Self { options, keeper, work, live, new, index })
    }

    /// The holds that stand by the index there is, and those by the one that the last rebuild moved aside; as far as they can be
    /// read.
    fn known_holds(&self) -> Result<(Vec<HoldId>, Vec<HoldId>), ArchiveError> {
        let now = self.index.as_ref().map(|index| usable(DeadIndex::of(index))).transpose()?.flatten();
        let before = aside(&self.options.data_dir)?.pop();
        let before = before.map(|folder| DeadIndex::read(&folder, &self.work)).transpose()?;
        Ok((now.unwrap_or_default().holds, before.unwrap_or_default().holds))
    }

    fn carry_out(&mut self, how: &KeyOptions, wish: &Rebuild<'_>) -> Result<RebuildReport, ArchiveError> {
        let (mut report, is_new) = self.make(how, wish)?;
        if is_new {
            report.aside = Some(Swap::begin(&self.options.data_dir)?.complete()?);
        }
        Ok(report)
    }

    /// Makes the new files; whether they are to be put in place.
    fn make(&mut self, how: &KeyOptions, wish: &Rebuild<'_>) -> Result<(RebuildReport, bool), ArchiveError> {
        let sources = self.sources(SqliteLedger::FILE)?;
        let found = Found::gather(&self.work, &sources)?;
        if found.is_of_two_stores()? {
            return Err(ArchiveError::LedgerForeign);
        }
        let is_erased =
            |id: MaterialId| self.index.as_ref().is_some_and(|i| i.is_erased(id).unwrap_or(false));
        let mut ledger = found.write_chain(&self.new, &is_erased)?;
        drop(found);
        let made = SqliteLedger::open(&self.new)?;
        let forgotten = forgotten_keys(&made)?;
        let keys = Keys::gather(&self.sources(SqliteKeyring::FILE)?)?;
        let resolved = keys.resolve(&self.keeper, &forgotten, SystemClock.now())?;
        let mut keyring = self.settle_keyring(resolved.as_ref())?;
        let mut report = RebuildReport::default();
        let store_id = resolved.as_ref().map(|resolved| resolved.store_id.as_str()).unwrap_or_default();
        report.repository = self.compare_heads(&made, &mut ledger, (wish.anchor)(store_id))?;
        let is_intact = self.is_intact(&made, &ledger)?;
        ledger.state = match (ledger.entries, is_intact) {
            (0, false) => "lost",
            // A database that was copied without its journal.
            (0, true) if self.has_blobs()? => "lost",
            (_, true) => "unchanged",
            _ => "rebuilt",
        }
        .to_owned();
        let usable = ledger.state != "lost" && keyring.state != "lost";
        let changed = [&ledger.state, &keyring.state].contains(&&"rebuilt".to_owned());
        if usable && changed {
            drop(made);
            self.enter(how, wish, &ledger, &keyring)?;
        } else if keyring.state == "rebuilt" {
            // Without a ledger it opens nothing; it stays where it was, and its copy too.
            keyring.state = "unchanged".to_owned();
        }
        (report.ledger, report.keyring) = (ledger, keyring);
        Ok((report, usable && changed))
    }

    /// Where a database may be found, whole or not.
    fn sources(&self, file: &str) -> Result<Vec<(Source, PathBuf)>, ArchiveError> {
        let data_dir = &self.options.data_dir;
        let mut sources =
            vec![(Source::Ledger, data_dir.join(file)), (Source::Copy, data_dir.join(COPIES).join(file))];
        for folder in aside(data_dir)? {
            sources.extend(
                [folder.join(file), folder.join(COPIES).join(file)].map(|path| (Source::Aside, path)),
            );
        }
        Ok(sources)
    }

    /// Writes the new keyring, unless the one there is has all of it.
    fn settle_keyring(&self, resolved: Option<&Resolved>) -> Result<KeyringRebuild, ArchiveError> {
        let lost = |report: KeyringRebuild| KeyringRebuild { state: "lost".to_owned(), ..report };
        let Some(resolved) = resolved else { return Ok(lost(KeyringRebuild::default())) };
        let report = resolved.report.clone();
        if !report.missing.is_empty() {
            return Ok(lost(report));
        }
        let state = if self.keyring_is_intact(resolved)? { "unchanged" } else { "rebuilt" };
        if state == "rebuilt" {
            resolved.write(&self.new)?;
        }
        Ok(KeyringRebuild { state: state.to_owned(), ..report })
    }

    fn keyring_is_intact(&self, resolved: &Resolved) -> Result<bool, ArchiveError> {
        let Some(keyring) = usable(SqliteKeyring::open(&self.live))? else { return Ok(false) };
        if !keyring.is_sound()? || keyring.current_epoch()?.as_ref() != Some(&resolved.epoch) {
            return Ok(false);
        }
        for key in &resolved.keys {
            if keyring.get(key.id)?.as_ref() != Some(key) {
                return Ok(false);
            }
        }
        Ok(resolved.report.unopened == 0)
    }

    /// Notes up to where the ledger is known to have been, and what the repository thinks of it.
    fn compare_heads(
        &self,
        made: &SqliteLedger,
        ledger: &mut LedgerRebuild,
        anchor: Anchor,
    ) -> Result<String, ArchiveError> {
        let applied = self.index.as_ref().and_then(|index| index.applied().ok()).unwrap_or(0) & !INDEX_AHEAD;
        let (anchored, said) = match anchor {
            Anchor::Unknown(reason) => (0, reason),
            Anchor::Head { sequence, hash } => (sequence, told(made, sequence, hash)?),
        };
        // What the repository remembers is nowhere: an older ledger was put back, and more was entered in it. That is lost for good,
        // whatever the repository has been told since.
        let differs_at = if said == "differs" { Some(anchored) } else { entered(made)?.differs_at() };
        if let Some(place) = differs_at {
            ledger.harm.differ_at(place);
        }
        let known = [("ledger", ledger.head), ("index", applied), ("repository", anchored)];
        for (who, head) in known {
            if head > ledger.known_head {
                (ledger.known_by, ledger.known_head) = (who.to_owned(), head);
            }
        }
        ledger.lose(ledger.head + 1, ledger.known_head + 1);
        Ok(said.to_owned())
    }

    fn has_blobs(&self) -> Result<bool, ArchiveError> {
        let mut has_some = false;
        BlobSegments::open(&self.options.data_dir)?.visit(&mut |_| {
            has_some = true;
            false
        })?;
        Ok(has_some)
    }

    /// Whether the ledger's own file has every entry of the chain and nothing else, and is sound, ends where it is
    /// known to have ended, is what its copy is a copy of, and says itself that what is lost or changed was found to be.
    fn is_intact(&self, made: &SqliteLedger, ledger: &LedgerRebuild) -> Result<bool, ArchiveError> {
        let Some(live) = usable(SqliteLedger::open(&self.live))? else { return Ok(false) };
        if !live.is_sound()? || ledger.known_head > ledger.head || ledger.displaced > 0 {
            return Ok(false);
        }
        let (mut after, mut told) = (0, Harm::default());
        loop {
            let Some(ours) = usable(live.after(after, ENTRIES_AT_A_TIME))? else { return Ok(false) };
            if ours != made.after(after, ENTRIES_AT_A_TIME)? {
                return Ok(false);
            }
            let Some(last) = ours.last() else { return Ok(told.tells(&ledger.harm)) };
            after = last.sequence;
            told = ours.iter().rev().find_map(Harm::entered_by).unwrap_or(told);
        }
    }

    /// Enters in the new ledger that it is one. What stays as it is, is not written to: a copy of it is, and comes into its
    /// place.
    fn enter(
        &self,
        how: &KeyOptions,
        wish: &Rebuild<'_>,
        ledger: &LedgerRebuild,
        keyring: &KeyringRebuild,
    ) -> Result<(), ArchiveError> {
        let rebuilt = keyring.state == "rebuilt";
        let folder = if rebuilt { &self.new } else { &self.live };
        let keeper = open_keeper(self.options, how)?;
        let keys = SqliteKeyring::open(folder)?;
        let keys = KeyCabinet::open(Box::new(keys), Box::new(keeper), how, false, SystemClock.now())?;
        let parts = [("ledger", ledger.state == "rebuilt"), ("keyring", rebuilt)];
        let parts: Vec<&str> = parts.iter().filter(|(_, is)| *is).map(|(part, _)| *part).collect();
        let made = SqliteLedger::open(&self.new)?;
        let plain = Plain {
            verb: Verb::Rebuilt,
            refs: Refs { holds: self.lost_holds(&made)?.refs(), ..ledger.harm.refs() },
            office: Office {
                basis: Some(parts.join(",")),
                count: ledger.lost_count + ledger.displaced + u64::from(ledger.differs()),
                stored_until: self.stored_until(),
                ..Office::of(&wish.by)
            },
            personal: NoPersonal {},
            slots: &[],
            idempotency: None,
        };
        let entry = seal_entry(&keys, &SystemClock, plain)?;
        made.append_behind_gap(ledger.known_head + 1, &entry)?;
        Ok(made.scrub()?)
    }

    /// The holds that stand by the index there is and that this ledger does not tell of: nothing else knows them once the index
    /// is made anew.
    fn lost_holds(&self, ledger: &SqliteLedger) -> Result<LostHolds, ArchiveError> {
        let known = self.index.as_ref().map(|index| usable(DeadIndex::of(index))).transpose()?.flatten();
        let mut lost = LostHolds::of(known.unwrap_or_default().holds);
        visit(ledger, &mut |entry| lost.see_placed(entry))?;
        Ok(lost)
    }

    /// The time, or the latest at which a blob that is there was stored by a clock that was ahead, in milliseconds since 1970:
    /// what is lost needs none that is stored later. `None` where it cannot be told; then every blob may be needed.
    fn stored_until(&self) -> Option<i64> {
        let mut latest = SystemClock.now();
        let looked = BlobSegments::open(&self.options.data_dir).and_then(|blobs| {
            blobs.visit(&mut |stat| {
                latest = latest.max(stat.written_at);
                true
            })
        });
        match looked {
            Ok(()) => Some(latest.as_millis()),
            Err(error) => {
                tracing::warn!(%error, "the blobs cannot be looked through");
                None
            }
        }
    }
}

/// Where earlier rebuilds moved what was damaged, the last one last.
fn aside(data_dir: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut folders = match fs::read_dir(data_dir.join(ASIDE)) {
        Ok(found) => found.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
    .map_err(|e| io_error(&e))?;
    folders.sort();
    Ok(folders)
}

/// Keys that the ledger says are deleted: of people who are forgotten, and of captures that are used up.
fn forgotten_keys(ledger: &SqliteLedger) -> Result<HashSet<KeyId>, ArchiveError> {
    let mut forgotten = HashSet::new();
    visit(ledger, &mut |entry| {
        let Ok(envelope) = envelope_of(entry) else { return Ok(()) };
        match entry.content.verb {
            Verb::Erased if envelope.refs.whole_holder => {
                forgotten.extend(envelope.slots.iter().map(|slot| slot.key));
            }
            Verb::Filed | Verb::Recognised | Verb::Discarded => {
                forgotten.extend(envelope.refs.staged.iter().map(|set| set.key));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(forgotten)
}

/// What the last rebuild entered in this ledger.
fn entered(ledger: &SqliteLedger) -> Result<Harm, ArchiveError> {
    let mut entered = Harm::default();
    visit(ledger, &mut |entry| {
        if let Some(harm) = Harm::entered_by(entry) {
            entered = harm;
        }
        Ok(())
    })?;
    Ok(entered)
}

/// Goes through all entries of a ledger, in their order.
fn visit(
    ledger: &SqliteLedger,
    visit: &mut dyn FnMut(&Entry) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut after = 0;
    loop {
        let entries = ledger.after(after, ENTRIES_AT_A_TIME)?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.sequence;
        entries.iter().try_for_each(&mut *visit)?;
    }
}

fn told(ledger: &SqliteLedger, sequence: u64, hash: EntryHash) -> Result<&'static str, ArchiveError> {
    Ok(match ledger.get_many(&[sequence])?.first() {
        Some(entry) if entry.hash == hash => "anchored",
        Some(_) => "differs",
        None => "behind",
    })
}

/// `None` for what is damaged or not there; any other fault ends the rebuild.
fn usable<T>(result: Result<T, StorageError>) -> Result<Option<T>, ArchiveError> {
    match result {
        Err(error) if matches!(error.fault, StorageFault::Damaged | StorageFault::Missing) => Ok(None),
        other => Ok(Some(other?)),
    }
}

fn io_error(error: &std::io::Error) -> ArchiveError {
    StorageError::io(Part::Folder, error).into()
}

fn failed(detail: &str) -> ArchiveError {
    StorageError::new(Part::Folder, StorageFault::Io, detail).into()
}
