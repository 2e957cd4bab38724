//! The append-only, hash-chained sequence of everything that happened.

use std::fmt;

use aes_gcm::aead::consts::U32;
use sha2::{Digest, Sha256};
use sm3::Sm3;
use yidang_model::Timestamp;

use super::{StorageError, Tag};
use crate::crypto::Suite;

/// SHA-256, or SM3, over an entry and its predecessor's hash.
pub type EntryHash = [u8; 32];

macro_rules! verbs {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// What an entry records. The words are stored: they are never renamed, only added to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Verb {
            $($(#[$doc])* $variant,)+
        }

        impl Verb {
            /// The stored word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Reads a stored word; `None` for one this version does not know.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for Verb {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

verbs! {
    /// Blobs were taken in and wait to be filed.
    Staged = "staged",
    /// What was staged was thrown away or expired.
    Discarded = "discarded",
    /// A material was filed.
    Filed = "filed",
    /// A material that had been filed to the wrong person, kind or case was put right.
    Refiled = "refiled",
    /// A filing was recognised as one that is on file already; what it was made of is used up.
    Recognised = "recognised",
    /// Someone opened a dossier or looked at a picture.
    Looked = "looked",
    /// A dossier was opened on another basis than the card; goes to the reviewers' list.
    Opened = "opened",
    /// Someone asked the ledger who did what.
    Audited = "audited",
    /// Someone took a dossier out as a package.
    Exported = "exported",
    /// Someone began to bring home what only the disk of a dead PC had.
    Recovered = "recovered",
    /// Papers whose retention term is over were disposed of; the erasure of each follows.
    Disposed = "disposed",
    /// Untouched originals whose term is over were disposed of; the papers stay.
    OriginalsDisposed = "originals_disposed",
    /// The repository was asked to have a paper's untouched originals, whose term is over, disposed of everywhere.
    OriginalsRequested = "originals_requested",
    /// It will not have them disposed of; or, with somebody's name, a hold has come in between, or what it had decided was
    /// about another kind of paper than it is by now.
    OriginalsRefused = "originals_refused",
    /// The repository decided that they go, and something keeps them here for now: a hold, or a damaged ledger.
    OriginalsDeferred = "originals_deferred",
    /// Someone asked that a material or a person be forgotten.
    ErasureRequested = "erasure_requested",
    /// The repository decided it, and a hold keeps it from being carried out here for now.
    ErasureDeferred = "erasure_deferred",
    /// The request was refused.
    ErasureRefused = "erasure_refused",
    /// The tombstone: from here on the materials are gone.
    Erased = "erased",
    /// Every trace the tombstone covers has been removed.
    ErasureDone = "erasure_done",
    /// A material's or a person's papers may not be forgotten until further notice.
    Held = "held",
    /// They may again.
    HoldLifted = "hold_lifted",
    /// The ledger is not all that it was, and a hold may be among what is missing.
    HoldsDoubted = "holds_doubted",
    /// Somebody compared the holds that stand with the orders that were made: what cannot be read by then is none.
    HoldsConfirmed = "holds_confirmed",
    /// A damaged blob was moved aside.
    Quarantined = "quarantined",
    /// A damaged or missing blob is whole again.
    Repaired = "repaired",
    /// A clerk signed in at this window, or took up a session that was locked.
    SignedIn = "signed_in",
    /// A clerk's session at this window ended.
    SignedOut = "signed_out",
    /// A clerk's session was locked.
    SessionLocked = "session_locked",
    /// A clerk took over the captures that another had left.
    TakenOver = "taken_over",
    /// Someone tried to sign in as a clerk and could not prove it.
    SignInRefused = "sign_in_refused",
    /// Ledger or keyring was made anew of what was left of it. What is missing before this entry is known to be lost.
    Rebuilt = "rebuilt",
}

impl Verb {
    /// Whether an entry of this kind may stand behind places that are known to be lost.
    pub const fn tells_of_a_gap(self) -> bool {
        matches!(self, Self::Rebuilt | Self::HoldsDoubted)
    }
}

/// An entry about to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Version of the body's format.
    pub version: u16,
    /// Instant by this machine's clock. Not trusted for order: the sequence is.
    pub at: Timestamp,
    /// What happened.
    pub verb: Verb,
    /// Keyed hash of the caller's idempotency key; at most one entry carries it.
    pub idempotency: Option<Tag>,
    /// Keyed hash of the request that carried the idempotency key.
    pub request: Option<Tag>,
    /// The sealed envelope. Opaque here.
    pub body: Vec<u8>,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3 …; behind a gap only where the places before are known to be lost.
    pub sequence: u64,
    /// The predecessor's hash; 32 zero bytes for the first.
    pub previous: EntryHash,
    /// [`chain_hash`] of this entry.
    pub hash: EntryHash,
    /// What was appended.
    pub content: NewEntry,
}

/// The hash that chains an entry to its predecessor: by the suite that the entry's version names, SHA-256 for one that is
/// not known. Every field is length-prefixed or of fixed length, so no two different entries hash the same input.
pub fn chain_hash(previous: &EntryHash, sequence: u64, entry: &NewEntry) -> EntryHash {
    match Suite::of_number(entry.version) {
        Some(Suite::Sm4Gcm) => chained(Sm3::new(), previous, sequence, entry),
        Some(Suite::Aes256Gcm) | None => chained(Sha256::new(), previous, sequence, entry),
    }
}

fn chained<H: Digest<OutputSize = U32>>(
    mut hasher: H,
    previous: &EntryHash,
    sequence: u64,
    entry: &NewEntry,
) -> EntryHash {
    hasher.update(b"yidang ledger entry 1\0");
    hasher.update(previous);
    hasher.update(sequence.to_be_bytes());
    hasher.update(entry.version.to_be_bytes());
    hasher.update(entry.at.as_millis().to_be_bytes());
    let verb = entry.verb.as_str().as_bytes();
    hasher.update((verb.len() as u64).to_be_bytes());
    hasher.update(verb);
    for tag in [entry.idempotency, entry.request] {
        hasher.update([u8::from(tag.is_some())]);
        hasher.update(tag.map_or([0; 32], |t| t.0));
    }
    hasher.update((entry.body.len() as u64).to_be_bytes());
    hasher.update(&entry.body);
    hasher.finalize().into()
}

/// The append-only sequence. Entries are never changed or removed.
pub trait Ledger: Send + Sync {
    /// Appends all or none, in order, and returns them in their places once they are durable.
    ///
    /// The caller has made sure that no idempotency tag is there already; one that is fails the batch with
    /// [`StorageFault::Damaged`](super::StorageFault::Damaged).
    fn append_many(&self, entries: &[NewEntry]) -> Result<Vec<Entry>, StorageError>;

    /// Appends an entry in that place, behind the last one there is, which it follows from all the same: the places between are
    /// known to be lost, and none of them is given again. Durable when it returns.
    ///
    /// Only an entry that says so may stand there ([`Verb::tells_of_a_gap`]); a place that is taken is
    /// [`StorageFault::Damaged`](super::StorageFault::Damaged).
    fn append_behind_gap(&self, sequence: u64, entry: &NewEntry) -> Result<(), StorageError>;

    /// At most `limit` entries after `sequence`, in order.
    fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Entry>, StorageError>;

    /// These entries, in the order asked; a sequence that is not there is left out.
    fn get_many(&self, sequences: &[u64]) -> Result<Vec<Entry>, StorageError>;

    /// The entry that carries this idempotency tag.
    fn find_idempotent(&self, idempotency: Tag) -> Result<Option<Entry>, StorageError>;

    /// Sequence and hash of the last entry; `(0, zeros)` when empty.
    fn head(&self) -> Result<(u64, EntryHash), StorageError>;

    /// Moves everything out of the journal into the ledger proper and empties the journal.
    fn scrub(&self) -> Result<(), StorageError>;
}
