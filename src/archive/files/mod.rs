//! Plain files: sealed blobs in the data folder, epoch keys outside it.

mod blob_files;
mod direct;
pub(crate) mod durable;
#[cfg(test)]
mod fault_tests;
mod foreign_blobs;
mod key_files;
mod quarantine_files;
mod segments;
#[cfg(test)]
pub(crate) mod small_disk;

pub use blob_files::BlobFiles;
pub use durable::{create_folder, move_folder, probe as probe_folder, sync_folder, write_new_file};
pub(crate) use foreign_blobs::ForeignBlobs;
pub use key_files::KeyFiles;
pub(crate) use key_files::lies_inside;
pub(crate) use quarantine_files::QuarantineFiles;
pub use segments::BlobSegments;
