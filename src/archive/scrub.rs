//! The scrub: a fixity check of the blobs that goes round and round, a little at a time.

use std::sync::{MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use yidang_model::Timestamp;

use crate::files::durable::{self, NewFile};
use crate::storage::{BlobName, Part, StorageError};
use crate::verify::check_blob;
use crate::{Archive, ArchiveError, ArchiveOptions, VerifyReport};

/// A round begins no sooner after the one before it began, in milliseconds: one day.
pub const SCRUB_ROUND_MS: i64 = 24 * 60 * 60 * 1000;
/// Names asked of the index at once.
const NAMES_AT_A_TIME: usize = 64;
/// After so many bytes it is written down how far the scrub has come; a restart reads at most those again.
const BYTES_PER_SAVING: u64 = 64 << 20;
/// Where that is written down, in the data folder.
const FILE: &str = "scrub.json";
const VERSION: u16 = 1;
/// Longer than the file ever is; what is longer is none.
const FILE_BYTES_MAX: u64 = 4096;

/// A round, or what there is of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubRound {
    /// When it began.
    pub began_at: Timestamp,
    /// When it was through; `None`: it goes on.
    pub ended_at: Option<Timestamp>,
    /// Blobs read.
    pub blobs: u64,
    /// Their length as stored, in bytes.
    pub blob_bytes: u64,
    /// Those that were damaged or missing.
    pub damaged: u64,
}

/// How far the scrub has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubState {
    /// The round under way.
    pub current: Option<ScrubRound>,
    /// The last one that was through.
    pub last: Option<ScrubRound>,
    /// Damaged blobs that are moved aside now.
    pub quarantined: u64,
}

/// What a step came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubStep {
    /// Bytes read.
    pub blob_bytes: u64,
    /// Blobs found damaged or missing.
    pub damaged: Vec<BlobName>,
    /// Whether there is nothing to do before the next round.
    pub rests: bool,
}

/// What an archive remembers of its scrub.
#[derive(Default)]
pub(crate) struct Scrubbing {
    state: ScrubState,
    after: Option<BlobName>,
    unsaved_bytes: u64,
}

/// As it is stored. A name is cut to four bytes: enough to go on from, too little to tell a picture by.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    version: u16,
    from: Option<u32>,
    current: Option<SavedRound>,
    last: Option<SavedRound>,
}

#[derive(Serialize, Deserialize)]
struct SavedRound {
    began_at: i64,
    ended_at: Option<i64>,
    blobs: u64,
    blob_bytes: u64,
    damaged: u64,
}

impl Archive {
    /// Reads on from where the last step ended, until so many bytes are read or the round is through; at least one
    /// blob. What is damaged is moved aside. Where a round is through and the next one is not due, nothing is done.
    pub fn scrub_step(&self, bytes_max: u64) -> Result<ScrubStep, ArchiveError> {
        let stores = &self.shared.stores;
        let mut scrubbing = self.scrubbing();
        let now = stores.clock.now();
        let due = scrubbing.state.last.is_none_or(|last| is_over(last.began_at, now));
        if scrubbing.state.current.is_none() {
            if !due {
                return Ok(ScrubStep { rests: true, ..ScrubStep::default() });
            }
            self.settle_quarantine(&self.quarantined())?;
        }
        let begun = ScrubRound { began_at: now, ended_at: None, blobs: 0, blob_bytes: 0, damaged: 0 };
        let mut round = *scrubbing.state.current.get_or_insert(begun);
        let mut step = ScrubStep::default();
        loop {
            let names = stores.index.blobs_after(scrubbing.after, NAMES_AT_A_TIME)?;
            for name in &names {
                scrubbing.after = Some(*name);
                self.scrub_blob(*name, &mut step, &mut round)?;
                scrubbing.state.current = Some(round);
                if step.blob_bytes >= bytes_max {
                    scrubbing.unsaved_bytes += step.blob_bytes;
                    if scrubbing.unsaved_bytes >= BYTES_PER_SAVING {
                        self.save(&mut scrubbing)?;
                    }
                    return Ok(step);
                }
            }
            if names.len() < NAMES_AT_A_TIME {
                break;
            }
        }
        scrubbing.state.current = None;
        scrubbing.state.last = Some(ScrubRound { ended_at: Some(now), ..round });
        scrubbing.after = None;
        step.rests = true;
        self.save(&mut scrubbing)?;
        tracing::info!(blobs = round.blobs, damaged = round.damaged, "every blob has been read once more");
        Ok(step)
    }

    /// How far the scrub has come.
    pub fn scrub_state(&self) -> ScrubState {
        ScrubState { quarantined: self.quarantined().len() as u64, ..self.scrubbing().state }
    }

    /// Writes down how far it has come, so that it goes on from here after a restart.
    pub fn save_scrub(&self) -> Result<(), ArchiveError> {
        self.save(&mut self.scrubbing())
    }

    fn scrub_blob(
        &self,
        name: BlobName,
        step: &mut ScrubStep,
        round: &mut ScrubRound,
    ) -> Result<(), ArchiveError> {
        let mut found = VerifyReport::default();
        check_blob(&self.shared.stores, name, None, &mut found)?;
        round.blobs += 1;
        round.blob_bytes += found.blob_bytes;
        step.blob_bytes += found.blob_bytes;
        if found.damages.iter().any(|damage| damage.part == Part::Blobs) {
            round.damaged += 1;
            step.damaged.push(name);
            self.set_aside(name)?;
        }
        Ok(())
    }

    fn scrubbing(&self) -> MutexGuard<'_, Scrubbing> {
        self.shared.scrubbing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, scrubbing: &mut Scrubbing) -> Result<(), ArchiveError> {
        if let Some(place) = &self.shared.stores.place {
            scrubbing.save(place)?;
        }
        scrubbing.unsaved_bytes = 0;
        Ok(())
    }
}

/// A clock that was set back does not keep the next round from beginning.
fn is_over(began_at: Timestamp, now: Timestamp) -> bool {
    now < began_at || began_at.plus_millis(SCRUB_ROUND_MS) <= now
}

impl Scrubbing {
    /// What the last run wrote down. A file that is none is passed over: the round begins anew.
    pub(crate) fn open(place: Option<&ArchiveOptions>) -> Self {
        let Some(place) = place else { return Self::default() };
        let path = place.data_dir.join(FILE);
        let readable = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= FILE_BYTES_MAX);
        let bytes = if readable { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let saved: Saved = serde_json::from_slice(&bytes).unwrap_or_default();
        if saved.version != VERSION {
            return Self::default();
        }
        let round = |saved: SavedRound| ScrubRound {
            began_at: Timestamp::from_millis(saved.began_at),
            ended_at: saved.ended_at.map(Timestamp::from_millis),
            blobs: saved.blobs,
            blob_bytes: saved.blob_bytes,
            damaged: saved.damaged,
        };
        // The last name before those that begin like the one it had come to.
        let after = saved.from.and_then(|from| from.checked_sub(1)).map(|before| {
            let mut name = [0xFF; 32];
            name[..4].copy_from_slice(&before.to_be_bytes());
            BlobName(name)
        });
        let (current, last) = (saved.current.map(round), saved.last.map(round));
        Self { state: ScrubState { current, last, quarantined: 0 }, after, unsaved_bytes: 0 }
    }

    fn save(&self, place: &ArchiveOptions) -> Result<(), StorageError> {
        let round = |round: ScrubRound| SavedRound {
            began_at: round.began_at.as_millis(),
            ended_at: round.ended_at.map(Timestamp::as_millis),
            blobs: round.blobs,
            blob_bytes: round.blob_bytes,
            damaged: round.damaged,
        };
        let from = self.after.map(|BlobName([a, b, c, d, ..])| u32::from_be_bytes([a, b, c, d]));
        let (current, last) = (self.state.current.map(round), self.state.last.map(round));
        let saved = Saved { version: VERSION, from, current, last };
        let failed = |e: &std::io::Error| StorageError::io(Part::Folder, e);
        let bytes = serde_json::to_vec(&saved).map_err(|e| failed(&e.into()))?;
        let file = NewFile { target: place.data_dir.join(FILE), bytes: &bytes };
        durable::write_files(&place.data_dir, &[file]).map_err(|e| failed(&e))
    }
}
