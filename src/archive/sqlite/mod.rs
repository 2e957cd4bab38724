//! The built-in ledger, keyring and index: three SQLite files in the data folder. A fourth tells where blobs lie.
//!
//! Ledger and keyring are synced with every commit. Views are not: what a power cut takes from the index is
//! applied again from the ledger, and what it takes from the table of places is read again from the segments.

mod copy;
mod database;
mod fault;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod fields_tests;
mod index;
mod index_changes;
mod index_dump;
mod index_holds;
mod keyring;
mod ledger;
mod places;
#[cfg(test)]
mod residue_tests;
mod row;
mod schema;

pub use copy::copy_database;
pub(crate) use database::shred_database;
pub use index::SqliteIndex;
pub(crate) use keyring::PutKey;
pub use keyring::SqliteKeyring;
pub use ledger::SqliteLedger;
pub(crate) use places::{Place, Reached, SqlitePlaces};
