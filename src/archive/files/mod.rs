//! Plain files: sealed blobs in the data folder, epoch keys outside it.

mod blob_files;
pub(crate) mod durable;
mod key_files;

pub use blob_files::BlobFiles;
pub use key_files::KeyFiles;
