//! Putting what is told of a dossier into a bag.

use serde::Serialize;

use super::metadata::{DocumentMetadata, SubjectMetadata};
use super::{Bag, MaterialMetadata};
use crate::control::{ExportDamage, ExportNews, PictureRole};
use crate::document::{self, DocumentPage};
use crate::failure::Failure;

/// Largest document that is put together, by its pictures: it is in memory as a whole. More pages become another.
const DOCUMENT_BYTES_MAX: usize = 128 << 20;
/// Most damages that are named; the others are counted.
const DAMAGES_MAX: usize = 1000;

/// `dossier.json`: whose package it is, and what it was taken out for. Personal.
#[derive(Serialize)]
pub(crate) struct DossierMetadata {
    pub(crate) subject: SubjectMetadata,
    pub(crate) exported_at: String,
    pub(crate) counter: String,
    pub(crate) operator: String,
    pub(crate) purpose: String,
    pub(crate) case: Option<String>,
}

#[derive(Serialize)]
struct DossierFile<'a> {
    #[serde(flatten)]
    metadata: &'a DossierMetadata,
    materials: u64,
    /// Originals that are not in it, as their term is over.
    originals_disposed: u64,
    damage_count: u64,
    damages: &'a [ExportDamage],
}

/// What is in the package, and what is not.
pub(crate) struct Packed {
    pub(crate) materials: u64,
    pub(crate) files: u64,
    pub(crate) size_bytes: u64,
    /// Originals that are not in it, as their term is over.
    pub(crate) originals_disposed: u64,
    pub(crate) damage_count: u64,
    pub(crate) damages: Vec<ExportDamage>,
}

/// Takes the news of an export, in their order.
pub(crate) struct Packer {
    bag: Bag,
    dossier: DossierMetadata,
    material: Option<Open>,
    picture: Vec<u8>,
    materials: u64,
    originals_disposed: u64,
    damage_count: u64,
    damages: Vec<ExportDamage>,
}

/// A material whose pictures come.
struct Open {
    metadata: MaterialMetadata,
    /// Pages that are in no document yet.
    pages: Vec<DocumentPage>,
    pages_bytes: usize,
    is_whole: bool,
}

impl Packer {
    pub(crate) fn new(bag: Bag, dossier: DossierMetadata) -> Self {
        let (material, picture, damages) = Default::default();
        Self {
            bag,
            dossier,
            material,
            picture,
            materials: 0,
            originals_disposed: 0,
            damage_count: 0,
            damages,
        }
    }

    /// How many materials are in it by now.
    pub(crate) fn materials(&self) -> u64 {
        self.materials
    }

    /// Takes the next piece of news.
    pub(crate) fn take(&mut self, news: ExportNews) -> Result<(), Failure> {
        match news {
            ExportNews::Began { .. } => Ok(()),
            ExportNews::Material(record) => {
                let metadata: MaterialMetadata =
                    serde_json::from_value(*record).map_err(|_| out_of_step())?;
                self.bag.add_folder(&metadata.id)?;
                self.material = Some(Open { metadata, pages: Vec::new(), pages_bytes: 0, is_whole: true });
                Ok(())
            }
            ExportNews::Piece(bytes) => {
                if self.picture.len() + bytes.len() > yidang_archive::BLOB_BYTES_MAX {
                    return Err(out_of_step());
                }
                self.picture.extend_from_slice(&bytes);
                Ok(())
            }
            ExportNews::Picture { page, role } => self.picture(page, role),
            ExportNews::Damaged(damage) => {
                self.damaged(damage);
                Ok(())
            }
            ExportNews::MaterialGone => {
                let open = self.material.take().ok_or_else(out_of_step)?;
                self.bag.remove_folder(&open.metadata.id)
            }
            ExportNews::MaterialEnd => self.close_material(),
        }
    }

    fn damaged(&mut self, damage: ExportDamage) {
        self.picture.clear();
        if let Some(open) = &mut self.material {
            open.is_whole &= damage.picture == Some(PictureRole::Original);
        }
        self.damage_count += 1;
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(damage);
        }
    }

    fn picture(&mut self, page: usize, role: PictureRole) -> Result<(), Failure> {
        let bytes = std::mem::take(&mut self.picture);
        let open = self.material.as_mut().ok_or_else(out_of_step)?;
        let at =
            page.checked_sub(1).and_then(|at| open.metadata.pages.get_mut(at)).ok_or_else(out_of_step)?;
        let picture = if role == PictureRole::Original { &mut at.original } else { &mut at.picture };
        let name = format!("{}-{page:03}.{}", role.as_str(), picture.ending());
        let hash = self.bag.add(&format!("{}/{name}", open.metadata.id), &bytes)?;
        if hash != picture.sha256 {
            return Err(out_of_step());
        }
        picture.file = Some(name);
        if role == PictureRole::Page {
            let (width, height) = (picture.width, picture.height);
            if open.pages_bytes + bytes.len() > DOCUMENT_BYTES_MAX {
                self.close_document()?;
            }
            let open = self.material.as_mut().ok_or_else(out_of_step)?;
            open.pages_bytes += bytes.len();
            open.pages.push(DocumentPage { bytes, width, height });
        }
        Ok(())
    }

    /// Writes the pages that have gathered as a document; none once a page is missing.
    fn close_document(&mut self) -> Result<(), Failure> {
        let open = self.material.as_mut().ok_or_else(out_of_step)?;
        let pages = std::mem::take(&mut open.pages);
        open.pages_bytes = 0;
        if !open.is_whole || pages.is_empty() {
            return Ok(());
        }
        let Ok(bytes) = document::write(&pages) else {
            let material = open.metadata.id.clone();
            let code = "document_not_made".to_owned();
            self.damaged(ExportDamage { material, page: None, picture: None, code });
            return Ok(());
        };
        drop(pages);
        let number = open.metadata.documents.len() + 1;
        let file = if number == 1 { "document.pdf".to_owned() } else { format!("document-{number}.pdf") };
        let sha256 = self.bag.add(&format!("{}/{file}", open.metadata.id), &bytes)?;
        open.metadata.documents.push(DocumentMetadata { file, size_bytes: bytes.len() as u64, sha256 });
        Ok(())
    }

    fn close_material(&mut self) -> Result<(), Failure> {
        self.close_document()?;
        let Open { metadata, .. } = self.material.take().ok_or_else(out_of_step)?;
        self.bag.add(&format!("{}/metadata.json", metadata.id), &metadata.to_json())?;
        self.bag.add(&format!("{}/metadata.xml", metadata.id), &metadata.to_xml())?;
        self.materials += 1;
        self.originals_disposed += metadata.pages.iter().filter(|page| page.original_disposed).count() as u64;
        self.bag.close_folder(&metadata.id)
    }

    /// Closes the package; it is in its place and durable when this returns.
    pub(crate) fn finish(mut self) -> Result<Packed, Failure> {
        if self.material.is_some() {
            return Err(out_of_step());
        }
        let Self { materials, originals_disposed, damage_count, .. } = self;
        let (metadata, damages) = (&self.dossier, &self.damages[..]);
        let dossier = DossierFile { metadata, materials, originals_disposed, damage_count, damages };
        let json = serde_json::to_vec_pretty(&dossier).unwrap_or_default();
        self.bag.add("dossier.json", &json)?;
        let (files, size_bytes) = self.bag.size();
        let software = concat!("yidang ", env!("CARGO_PKG_VERSION"));
        let description = "Materials on file for one person, with the untouched originals";
        self.bag.finish(&[
            ("Bag-Software-Agent", software),
            ("Internal-Sender-Identifier", &self.dossier.counter),
            ("External-Description", description),
        ])?;
        let damages = self.damages;
        Ok(Packed { materials, files, size_bytes, originals_disposed, damage_count, damages })
    }
}

/// What tells is of another version than what listens, or the bytes are not those it named.
fn out_of_step() -> Failure {
    let cause = "what came of the dossier does not hold together";
    Failure::new("export_broken", cause, "restart the daemon, which may be of another version, and try again")
}
