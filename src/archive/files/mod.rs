//! Plain files: sealed blobs in the data folder, epoch keys outside it.

mod blob_files;
pub(crate) mod durable;
#[cfg(test)]
mod fault_tests;
mod key_files;
mod segments;
#[cfg(test)]
pub(crate) mod small_disk;

pub use blob_files::BlobFiles;
pub use durable::{create_folder, move_folder, sync_folder, write_new_file};
pub use key_files::KeyFiles;
pub use segments::BlobSegments;
