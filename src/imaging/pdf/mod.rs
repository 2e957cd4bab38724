//! Pages as one document, and documents as their pages.

mod document;
mod error;
mod read;
mod scan;
mod syntax;
#[cfg(test)]
mod tests;
mod write;

pub use document::{PDF_BYTES_MAX, PDF_OBJECTS_MAX};
pub use error::PdfError;
pub use read::{PdfImage, pdf_images};
pub use write::{PDF_PAGES_MAX, PdfInfo, PdfPage, write_card_pdf, write_pdf};
