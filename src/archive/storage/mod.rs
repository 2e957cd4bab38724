//! The four traits the archive stands on, and their errors.
//!
//! All calls block. All writes are batches, and a batch is durable when its call returns: a power cut after
//! that loses none of it. Implementations are shared between threads; the archive serialises its own writes.

mod blob_store;
mod error;
mod index;
mod key_keeper;
mod keyring;
mod ledger;
mod names;

pub use blob_store::{BlobStat, BlobStore};
pub use error::{Part, StorageError, StorageFault};
pub use index::{
    AwaitedOriginals, DisposedOriginals, ErasureState, HoldDoubt, HoldRow, Index, IndexChange, IndexDump,
    LeftOut, MaterialRow, RebuiltLine, StagedRow, StagedState,
};
pub use key_keeper::{KeyKeeper, KeyKeeperError, Secret};
pub use keyring::{EpochRecord, KeyPurpose, KeyRecord, Keyring, RecoverySeal};
pub use ledger::{Entry, EntryHash, Ledger, NewEntry, Verb, chain_hash};
pub use names::{BlobName, KeyId, Tag};
