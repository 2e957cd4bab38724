//! Files: sealed blobs, and the epoch keys' folder.

mod blob_files;
mod durable;
mod key_files;

pub use blob_files::BlobFiles;
pub use key_files::KeyFiles;

pub(crate) use durable::create_private_folder;
