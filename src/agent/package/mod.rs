//! One person's dossier as a package that any archive can take in: a BagIt 1.0 bag (RFC 8493), not encrypted.
//!
//! ```text
//! bagit.txt  bag-info.txt  manifest-sha256.txt  tagmanifest-sha256.txt
//! data/dossier.json                    whose it is, what it was taken out for, what could not be read
//! data/MATERIAL/metadata.json, .xml    the material's record and its files
//! data/MATERIAL/original-001.jpg       the untouched frame of page 1
//! data/MATERIAL/page-001.jpg           the straightened page 1
//! data/MATERIAL/document.pdf           all pages
//! ```
//!
//! Names tell nothing about anyone: identifiers and page numbers.

mod bag;
mod metadata;
mod packer;
mod xml;

pub(crate) use bag::Bag;
pub(crate) use metadata::{MaterialMetadata, SubjectMetadata};
pub(crate) use packer::{DossierMetadata, Packed, Packer};
