//! The archive: what a citizen will not bring twice, kept.
//!
//! The *truth* is sealed blobs ([`storage::BlobStore`]), the hash-chained [`storage::Ledger`] and the
//! [`storage::Keyring`]. The [`storage::Index`] is a view of them: delete it and it is rebuilt. The verbs of
//! [`Archive`] are built on these four traits alone; files and SQLite are their built-in implementation.

pub mod storage;
