//! The fixity check: is everything there, and is it what it was?

use std::collections::HashSet;
use std::num::NonZero;

use yidang_model::ErasureId;

use crate::check::Check;
use crate::compare_index::compare_index;
use crate::entry::{OpenEntry, open_entry};
use crate::gaps::Gaps;
use crate::lost_holds::lost_holds;
use crate::plan::Answer;
use crate::premises::check_premises;
use crate::storage::{
    BlobName, Entry, EntryHash, KeyKeeperError, Part, StagedState, StorageError, StorageFault, Verb,
    chain_hash,
};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::{Anchor, Archive, ArchiveError, DamagedRow, DamagedThing, VerifyReport};

/// About so many pictures are decoded unless all are.
pub const PICTURES_SAMPLED: u64 = 100;

/// Says whether plain bytes are a picture that opens to its end. Asked from several threads at once.
pub type OpensPicture<'a> = &'a (dyn Fn(&[u8]) -> bool + Sync);

/// Blobs handed to the threads that check them in one go.
const BLOBS_AT_A_TIME: usize = 128;
/// Most threads that check blobs; each has one blob in memory.
const CHECKERS_MAX: usize = 4;

/// What a fixity check looks at beside what it always does.
#[derive(Clone, Copy, Default)]
pub struct VerifyWish<'a> {
    /// How pictures are decoded; `None`: none is.
    pub opens: Option<OpensPicture<'a>>,
    /// Decode every picture. Otherwise a sample of [`PICTURES_SAMPLED`], more or less: the blobs whose name,
    /// its first four bytes exclusive-or those of the last entry's hash, is smallest.
    pub deep: bool,
    /// What somebody else remembers of the ledger.
    pub anchor: Anchor,
}

impl Archive {
    /// Reads everything: the epoch key, the hash chain, every entry, every blob, and whether the index says
    /// what the ledger says. Reports damage instead of stopping at it; an error means that the check itself
    /// could not go on. `progress` hears steps done and steps in all. Filing goes on meanwhile; memory is
    /// bounded by four blobs and the identifiers of what was erased.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, ArchiveError> {
        self.verify_with(&VerifyWish::default(), progress)
    }

    /// The same, and what is wished beside it.
    pub fn verify_with(
        &self,
        wish: &VerifyWish<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<VerifyReport, ArchiveError> {
        // So that what is used up is gone; a disk that takes nothing is no reason not to look.
        let _ = self.wait_for_writer();
        let stores = &self.shared.stores;
        let mut report = VerifyReport::default();
        check_epoch(stores, &mut report)?;
        let (head, hash) = stores.ledger.head()?;
        let (_, blobs) = stores.index.counts()?;
        let total = head + blobs;
        check_ledger(stores, (0, [0; 32]), head, &mut report, &mut |done| progress(done, total))?;
        check_anchor(stores, wish.anchor, &mut report)?;
        check_copies(stores, &mut report)?;
        check_holds(stores, &mut report)?;
        self.check_index(&mut report)?;
        let opens = match wish.opens {
            Some(opens) => Some(Decoding { opens, sample: Sample::of(hash, blobs, wish.deep) }),
            None => {
                report.pass_over(Check::Pictures, "no_decoder");
                None
            }
        };
        report.of(Check::Pictures, blobs);
        let mut done = |done| progress(head + done, total.max(head + done));
        check_blobs(stores, opens.as_ref(), &mut report, &mut done)?;
        count_orphans(stores, &mut report)?;
        self.check_erasures(&stores.index.erasing()?, &mut report)?;
        match &stores.place {
            Some(place) => check_premises(place, stores.clock.now(), &mut report)?,
            None => {
                for check in [Check::Modes, Check::KeysApart, Check::Leftovers] {
                    report.pass_over(check, "stored_elsewhere");
                }
            }
        }
        Ok(report)
    }

    /// Compares the index with the ledger; if it differs, once more while nobody writes, since what changes
    /// during the comparison looks like damage.
    fn check_index(&self, report: &mut VerifyReport) -> Result<(), ArchiveError> {
        let stores = &self.shared.stores;
        let (head, _) = stores.ledger.head()?;
        if stores.index.applied()? > head && stores.check_copy().is_err() {
            // It is the ledger that is not what it was, and its rebuild needs this index as it is.
            report.pass_over(Check::Index, "ledger_older");
            return Ok(());
        }
        let draft = || VerifyReport { is_draft: true, ..VerifyReport::default() };
        let mut first = draft();
        compare_index(&self.shared.stores, &mut first)?;
        if first.is_clean() {
            report.absorb(first);
            return Ok(());
        }
        let (sender, settled) = std::sync::mpsc::sync_channel(1);
        self.shared.writer.ask_alone(move |scribe| {
            let mut again = draft();
            compare_index(&scribe.stores, &mut again)?;
            // The receiver waits until this task has been answered.
            let _ = sender.send(again);
            Ok(Answer::Count(0))
        })?;
        report.absorb(settled.recv().map_err(|_| ArchiveError::Closed)?);
        Ok(())
    }

    /// Whether every erasure whose tombstone stands comes to its end. Once the writer has had its turn, one that was at work is
    /// done, and one that was cut short was gone on with: what stands before and after is stuck.
    pub(crate) fn check_erasures(
        &self,
        standing: &[(ErasureId, Vec<BlobName>)],
        report: &mut VerifyReport,
    ) -> Result<(), ArchiveError> {
        report.examined(Check::Leftovers, standing.len() as u64);
        if standing.is_empty() {
            return Ok(());
        }
        // A disk that takes nothing is what it may be stuck on.
        let _ = self.wait_for_writer();
        let still: HashSet<ErasureId> =
            self.shared.stores.index.erasing()?.into_iter().map(|(id, _)| id).collect();
        for (id, _) in standing.iter().filter(|(id, _)| still.contains(id)) {
            let what = DamagedThing::Row(DamagedRow::Erasure(*id));
            report.add(Check::Leftovers, Part::Index, what, StorageFault::Leftover);
        }
        Ok(())
    }
}

/// Whether the holds that stand are known to be all there are, and which are known to be lost.
fn check_holds(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    if stores.index.hold_doubt()?.stands {
        let what = DamagedThing::Row(DamagedRow::Holds);
        report.add(Check::Entries, Part::Ledger, what, StorageFault::Missing);
        report.holds_lost = lost_holds(stores, [])?;
    }
    Ok(())
}

fn check_epoch(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let what = DamagedThing::Epoch(stores.keys.epoch());
    report.examined(Check::Keys, 1);
    match stores.keys.check_epoch() {
        Ok(()) => {}
        Err(ArchiveError::KeysWrong | ArchiveError::Keys(KeyKeeperError::Damaged(_))) => {
            report.add(Check::Keys, Part::KeyKeeper, what, StorageFault::Damaged);
        }
        Err(ArchiveError::Keys(KeyKeeperError::Missing(_))) => {
            report.add(Check::Keys, Part::KeyKeeper, what, StorageFault::Missing);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The chain behind that entry, and whether every entry opens or its keys are gone for a reason.
pub(crate) fn check_ledger(
    stores: &Stores,
    (mut sequence, mut previous): (u64, EntryHash),
    head: u64,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ArchiveError> {
    let mut gaps = Gaps::default();
    while sequence < head {
        let entries = stores.ledger.after(sequence, ENTRIES_AT_A_TIME)?;
        if entries.is_empty() {
            gaps.see_end(sequence + 1);
            break;
        }
        for entry in &entries {
            gaps.see(sequence, entry);
            let chained = entry.sequence != sequence + 1 || entry.previous == previous;
            if !chained || chain_hash(&entry.previous, entry.sequence, &entry.content) != entry.hash {
                report.add(
                    Check::Chain,
                    Part::Ledger,
                    DamagedThing::Entry(entry.sequence),
                    StorageFault::Damaged,
                );
            }
            check_entry(stores, entry, report)?;
            (sequence, previous) = (entry.sequence, entry.hash);
            report.entries += 1;
            report.examined(Check::Chain, 1);
        }
        progress(sequence);
    }
    gaps.report(report);
    Ok(())
}

fn check_entry(stores: &Stores, entry: &Entry, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    report.examined(Check::Entries, 1);
    let opened = match noticed(open_entry(&stores.keys, entry).and_then(readable)) {
        Ok(opened) => opened?,
        Err(error) => {
            let check = if error.part == Part::Keyring { Check::Keys } else { Check::Entries };
            report.add(check, error.part, DamagedThing::Entry(entry.sequence), error.fault);
            return Ok(());
        }
    };
    report.examined(Check::Keys, u64::from(!opened.slot_keys.is_empty()));
    if !opened.is_forgotten() {
        return check_pages(&opened, report);
    }
    report.forgotten += 1;
    // A key that is gone without a reason is a loss; whether the index was made without it.
    let lost = match entry.content.verb {
        Verb::Filed | Verb::Refiled => match opened.refs.material {
            Some(id) if !stores.index.is_erased(id.0)? => {
                // What was put right since does not need the keys it had before.
                let row = stores.index.material(id.0)?;
                let put_right = row.as_ref().is_some_and(|row| row.sequence > entry.sequence);
                (!put_right).then_some((DamagedThing::Material(id.0), row.is_none()))
            }
            _ => None,
        },
        Verb::Staged => match opened.refs.staged.first() {
            Some(set) => {
                let row = stores.index.staged(set.id.0)?;
                let waits = row.filter(|row| row.state == StagedState::Unfiled);
                waits.map(|row| (DamagedThing::Staged(set.id.0), row.blobs.is_empty()))
            }
            None => None,
        },
        _ => None,
    };
    if let Some((what, is_left_out)) = lost {
        let before = report.damage_count;
        report.add(Check::Keys, Part::Keyring, what, StorageFault::Missing);
        // Unless it was named already.
        report.known_damages += if is_left_out { report.damage_count - before } else { 0 };
    }
    Ok(())
}

/// Whether an entry that files a material has every picture of every page.
fn check_pages(opened: &OpenEntry, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    if !matches!(opened.verb, Verb::Filed | Verb::Refiled) {
        return Ok(());
    }
    let Some((material, personal)) = opened.filed()? else { return Ok(()) };
    report.examined(Check::Pages, material.pages.len() as u64);
    let is_there = |digest| personal.blobs.iter().any(|blob| blob.digest.0 == digest);
    for page in &material.pages {
        let has_original = personal.originals_disposed || is_there(page.original.digest);
        if !is_there(page.image.digest) || !has_original {
            report.add(
                Check::Pages,
                Part::Ledger,
                DamagedThing::Material(material.id),
                StorageFault::Missing,
            );
        }
    }
    Ok(())
}

/// Whether the ledger still has the entry that somebody else remembers as its last.
fn check_anchor(stores: &Stores, anchor: Anchor, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let (sequence, hash) = match anchor {
        Anchor::Unknown(reason) => {
            report.pass_over(Check::Anchor, reason);
            return Ok(());
        }
        Anchor::Head { sequence, hash } => (sequence, hash),
    };
    // What a rebuild entered as lost is no damage; the repository is told of the new end with the next run.
    if matches!(stores.accounts_for(sequence, hash), Ok(true)) {
        report.examined(Check::Anchor, 1);
        return Ok(());
    }
    check_has(stores, Check::Anchor, (sequence, hash), report)
}

/// Whether the ledger still has the entry that its own second copy ends with.
pub(crate) fn check_copies(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    match stores.backups.as_ref().map(|backups| backups.head()) {
        Some(Ok(Some(head))) => check_has(stores, Check::Copies, head, report),
        Some(Err(error)) if error.fault != StorageFault::Damaged => Err(error.into()),
        // A damaged copy is made anew with the next sweep.
        _ => {
            report.pass_over(Check::Copies, "no_copy");
            Ok(())
        }
    }
}

fn check_has(
    stores: &Stores,
    check: Check,
    (sequence, hash): (u64, EntryHash),
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    report.examined(check, 1);
    let fault = match stores.ledger.get_many(&[sequence]) {
        Ok(found) => match found.first() {
            Some(entry) if entry.hash == hash => return Ok(()),
            Some(_) => StorageFault::Damaged,
            None => StorageFault::Missing,
        },
        Err(error) => noticed::<()>(Err(error.into())).err().ok_or(ArchiveError::Defect)?.fault,
    };
    report.add(check, Part::Ledger, DamagedThing::Entry(sequence), fault);
    Ok(())
}

/// An entry whose contents make sense as well.
fn readable(opened: OpenEntry) -> Result<OpenEntry, ArchiveError> {
    match opened.verb {
        Verb::Filed | Verb::Refiled => drop(opened.filed()?),
        _ => drop(crate::stores::blobs_of(&opened)?),
    }
    Ok(opened)
}

/// Separates damage, which is reported, from what keeps the check from going on.
pub(crate) fn noticed<T>(result: Result<T, ArchiveError>) -> Result<Result<T, ArchiveError>, StorageError> {
    match result {
        Err(ArchiveError::Storage(error))
            if matches!(error.fault, StorageFault::Damaged | StorageFault::NewerVersion) =>
        {
            Err(error)
        }
        other => Ok(other),
    }
}

/// Separates damage of ledger or keyring, which does not pass by itself, from every other error.
pub(crate) fn records_damage<T>(
    result: Result<T, ArchiveError>,
) -> Result<Result<T, StorageError>, ArchiveError> {
    match noticed(result) {
        Ok(result) => result.map(Ok),
        Err(error) if matches!(error.part, Part::Ledger | Part::Keyring) => Ok(Err(error)),
        Err(error) => Err(error.into()),
    }
}

/// How many staged sets wait to be filed.
pub(crate) fn count_unfiled(stores: &Stores) -> Result<u64, ArchiveError> {
    let (mut after, mut count) = (0, 0);
    loop {
        let rows = stores.index.unfiled(after, ENTRIES_AT_A_TIME)?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = last.sequence;
        count += rows.len() as u64;
    }
}

/// Every blob that anything needs: is it there, does it open, and is it what its name says?
fn check_blobs(
    stores: &Stores,
    decoding: Option<&Decoding<'_>>,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ArchiveError> {
    let (mut failure, mut names) = (None, Vec::with_capacity(BLOBS_AT_A_TIME));
    stores.index.visit_blobs(&mut |name| {
        names.push(name);
        if names.len() == BLOBS_AT_A_TIME {
            failure = check_side_by_side(stores, &names, decoding, report).err();
            names.clear();
            progress(report.blobs);
        }
        failure.is_none()
    })?;
    if failure.is_none() {
        failure = check_side_by_side(stores, &names, decoding, report).err();
        progress(report.blobs);
    }
    failure.map_or(Ok(()), Err)
}

/// Opening and hashing takes a processor each; what is found is reported in the order of the names.
fn check_side_by_side(
    stores: &Stores,
    names: &[BlobName],
    decoding: Option<&Decoding<'_>>,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(CHECKERS_MAX);
    let check = |names: &[BlobName]| {
        let mut found = VerifyReport::default();
        names.iter().try_for_each(|name| check_blob(stores, *name, decoding, &mut found)).map(|()| found)
    };
    let found: Vec<Result<VerifyReport, ArchiveError>> = std::thread::scope(|scope| {
        let shares = names.chunks(names.len().div_ceil(threads).max(1));
        let checkers: Vec<_> = shares.map(|names| scope.spawn(move || check(names))).collect();
        checkers.into_iter().map(|checker| checker.join().unwrap_or(Err(ArchiveError::Defect))).collect()
    });
    for found in found {
        report.absorb(found?);
    }
    Ok(())
}

pub(crate) fn check_blob(
    stores: &Stores,
    name: BlobName,
    decoding: Option<&Decoding<'_>>,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    report.blobs += 1;
    report.examined(Check::Blobs, 1);
    // Gone with its last user since it was listed: no damage. Asked again only where something is missing.
    let is_needed = || stores.index.blob_users(name).map(|users| !users.is_empty());
    let Some(key) = stores.live_key(name)? else {
        if is_needed()? {
            report.add(Check::Keys, Part::Keyring, DamagedThing::Blob(name), StorageFault::Missing);
        }
        return Ok(());
    };
    let sealed = match noticed(stores.blobs.get(name).map_err(ArchiveError::from)) {
        Ok(sealed) => sealed?,
        Err(error) => {
            report.add(Check::Blobs, error.part, DamagedThing::Blob(name), error.fault);
            return Ok(());
        }
    };
    let Some(sealed) = sealed else {
        if is_needed()? {
            let aside = stores.is_quarantined(name);
            let fault = if aside { StorageFault::Damaged } else { StorageFault::Missing };
            report.add(Check::Blobs, Part::Blobs, DamagedThing::Blob(name), fault);
        }
        return Ok(());
    };
    report.blob_bytes += sealed.len() as u64;
    let plain = stores.open_stored(name, &key, &sealed)?;
    match (plain, decoding) {
        (None, _) if is_needed()? => {
            report.add(Check::Blobs, Part::Blobs, DamagedThing::Blob(name), StorageFault::Damaged);
        }
        (Some(plain), Some(Decoding { opens, sample })) if sample.has(name) => {
            report.examined(Check::Pictures, 1);
            if !opens(&plain) {
                report.add(Check::Pictures, Part::Blobs, DamagedThing::Blob(name), StorageFault::Damaged);
            }
        }
        _ => {}
    }
    Ok(())
}

/// How pictures are decoded, and which.
pub(crate) struct Decoding<'a> {
    opens: OpensPicture<'a>,
    sample: Sample,
}

/// Which pictures are decoded. Names are keyed hashes, so every picture has the same chance, and the ledger's
/// last entry makes it another choice each time something has happened.
struct Sample {
    start: u32,
    last: u32,
}

impl Sample {
    fn of(head: EntryHash, blobs: u64, deep: bool) -> Self {
        let share = (u64::from(u32::MAX) * PICTURES_SAMPLED).checked_div(blobs).unwrap_or(u64::MAX);
        let last = if deep { u32::MAX } else { u32::try_from(share).unwrap_or(u32::MAX) };
        Self { start: first_four(&head), last }
    }

    fn has(&self, name: BlobName) -> bool {
        first_four(&name.0) ^ self.start <= self.last
    }
}

fn first_four(bytes: &[u8; 32]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn count_orphans(stores: &Stores, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    let mut failure = None;
    stores.blobs.visit(&mut |stat| match stores.index.blob_users(stat.name) {
        Ok(users) => {
            report.orphans += u64::from(users.is_empty());
            true
        }
        Err(error) => {
            failure = Some(error);
            false
        }
    })?;
    failure.map_or(Ok(()), |error| Err(error.into()))
}
