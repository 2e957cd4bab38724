//! The built-in ledger, keyring and index: three SQLite files in the data folder.
//!
//! Ledger and keyring are synced with every commit. The index is not: what a power cut takes from it is
//! applied again from the ledger.

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
#[cfg(test)]
mod residue_tests;
mod row;
mod schema;

pub use index::SqliteIndex;
pub use keyring::SqliteKeyring;
pub use ledger::SqliteLedger;
