//! SQLite: the ledger, the keyring and the index of one machine, each in a file of its own.

mod database;
mod index;
mod index_rows;
mod keyring;
mod ledger;
mod schema;

pub use index::SqliteIndex;
pub use keyring::SqliteKeyring;
pub use ledger::SqliteLedger;
