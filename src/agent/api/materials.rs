//! Filing materials and looking at them.

mod document;
pub(super) mod file;
mod list;
mod one;
mod record;
mod refile;

pub(crate) use document::{__path_document, document};
pub(crate) use file::{__path_file, file};
pub(crate) use list::{__path_of_holder, look_at, of_holder};
pub(crate) use one::{__path_image, __path_one, image, one};
pub(crate) use refile::{__path_refile, refile};
