//! What can be wrong with a document.

use crate::ImageError;

/// Why a document was not written or not read. Nothing here quotes the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// A document needs a page.
    #[error("a document has at least one page")]
    NoPages,
    /// More than [`PDF_PAGES_MAX`](crate::PDF_PAGES_MAX) pages.
    #[error("the document has too many pages")]
    TooManyPages,
    /// More bytes or objects than are read, or data that unpacks to more than a picture may have.
    #[error("the document is too large")]
    TooLarge,
    /// The bytes are not a PDF.
    #[error("this is not a PDF document")]
    NotAPdf,
    /// Cut off, or not built as PDF wants it.
    #[error("the document is damaged")]
    Damaged,
    /// Protected by a password, or by rights that need one.
    #[error("the document is encrypted; save it without protection")]
    Encrypted,
    /// It carries scripts, attachments, forms or other things that act.
    #[error("the document carries scripts, attachments or forms; only scanned pages are read")]
    Active,
    /// A page is not one scanned picture: it has text, drawings or several pictures.
    #[error("the document is not made of scanned pages, one picture each")]
    NotScanned,
    /// The picture of a page is of a kind that is not read.
    #[error("a page's picture is of a kind that is not read: JPEG, or plain grey or colour")]
    UnsupportedPicture,
    /// A page's picture.
    #[error(transparent)]
    Picture(#[from] ImageError),
}
