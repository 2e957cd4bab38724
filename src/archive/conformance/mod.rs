//! What every implementation of the storage traits must do: suites for its tests to run.
//!
//! Each suite takes a function that opens the store at a *place*. A place named for the first time is new and
//! empty; named again, it is opened again with what is in it, the earlier handle having been dropped. A suite
//! panics at the first rule that is broken.

mod blob_store;
#[cfg(test)]
mod built_in;
mod crypto_device;
mod index;
mod index_erasure;
mod key_keeper;
mod keyring;
mod ledger;
pub(crate) mod samples;

use crate::crypto::{CryptoDevice, Suite};
use crate::storage::{BlobStore, Index, KeyKeeper, Keyring, Ledger};

/// Runs the suite for blob stores.
pub fn blob_store(open: &dyn Fn(&str) -> Box<dyn BlobStore>) {
    blob_store::run(open);
}

/// Runs the suite for ledgers.
pub fn ledger(open: &dyn Fn(&str) -> Box<dyn Ledger>) {
    ledger::run(open);
}

/// Runs the suite for keyrings.
pub fn keyring(open: &dyn Fn(&str) -> Box<dyn Keyring>) {
    keyring::run(open);
}

/// Runs the suite for indexes.
pub fn index(open: &dyn Fn(&str) -> Box<dyn Index>) {
    index::run(open);
    index_erasure::run(open);
}

/// Runs the suite for what carries out that suite of algorithms.
pub fn crypto_device(suite: Suite, device: &dyn CryptoDevice) {
    crypto_device::run(suite, device);
}

/// Runs the suite for key keepers.
pub fn key_keeper(open: &dyn Fn(&str) -> Box<dyn KeyKeeper>) {
    key_keeper::run(open);
}
