//! A person's dossier on its way out, to whoever writes the package: read here, written there.
//!
//! The account that has the archive open may not be let into the folder the package goes to, and need not be.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use yidang_archive::storage::{Part, StorageFault};
use yidang_archive::{Actor, Archive, ArchiveError, Export, Stored};
use yidang_model::{Digest, MaterialId, Subject};

use super::{Listen, News, Outcome};
use crate::failure::Failure;
use crate::package::MaterialMetadata;

/// Bytes of a picture that cross the control socket at once.
const PIECE_BYTES: usize = 1 << 20;
/// Who the ledger says took it out, beside the operator.
const CLIENT: &str = "yidang archive export";

/// Whose dossier, and what for. No `Debug`: the number is personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportRequest {
    pub(crate) subject_type: String,
    pub(crate) subject: String,
    pub(crate) operator: String,
    pub(crate) purpose: String,
    pub(crate) case: Option<String>,
}

/// Which of a page's two pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PictureRole {
    /// The untouched frame.
    Original,
    /// The straightened page.
    Page,
}

impl PictureRole {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Page => "page",
        }
    }
}

/// What could not be read, and so is not in the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportDamage {
    /// The material.
    pub(crate) material: String,
    /// Its page, from 1; `None`: the record itself, and with it all pages.
    pub(crate) page: Option<usize>,
    /// Which picture of the page.
    pub(crate) picture: Option<PictureRole>,
    /// `blob_missing`, `blob_damaged`, `blob_unreadable`, `record_damaged` or `original_disposed`.
    pub(crate) code: String,
}

/// What comes of a dossier, in order: a material, each of its pictures in pieces, the material's end.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportNews {
    /// It is written down, and so many materials come.
    Began {
        /// How many.
        materials: u64,
    },
    /// A material's record: [`MaterialMetadata`].
    Material(Box<Value>),
    /// Some more of the picture that comes.
    Piece(#[serde(with = "base64_text")] Vec<u8>),
    /// That was the whole picture.
    Picture {
        /// Of this page, from 1.
        page: usize,
        /// Which of the two.
        role: PictureRole,
    },
    /// Something could not be read; the rest comes all the same.
    Damaged(ExportDamage),
    /// It has been erased meanwhile: nothing of it is to be kept.
    MaterialGone,
    /// That was the whole material.
    MaterialEnd,
}

impl std::fmt::Debug for ExportNews {
    /// Only what kind of news: the rest is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Began { .. } => "Began",
            Self::Material(_) => "Material",
            Self::Piece(_) => "Piece",
            Self::Picture { .. } => "Picture",
            Self::Damaged(_) => "Damaged",
            Self::MaterialGone => "MaterialGone",
            Self::MaterialEnd => "MaterialEnd",
        })
    }
}

pub(super) mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::control) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in crate::control) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(|_| D::Error::custom("not base64"))
    }
}

/// Tells everything on file for a person. The ledger has it before anything is told.
pub(super) fn export(
    archive: &Archive,
    request: &ExportRequest,
    listen: Listen<'_>,
) -> Result<Outcome, Failure> {
    let who = subject(&request.subject_type, &request.subject)?;
    let by = Actor { client: CLIENT.to_owned(), operator: Some(request.operator.clone()) };
    let (purpose, case) = (request.purpose.clone(), request.case.clone());
    let materials =
        archive.begin_export(Export { who: who.clone(), purpose, case, by }).map_err(|error| {
            if error == ArchiveError::HolderUnknown { nothing_on_file(&who) } else { error.into() }
        })?;
    let mut teller = Teller { archive, listen };
    teller.tell(ExportNews::Began { materials: materials.len() as u64 })?;
    let mut told = 0;
    for id in materials {
        told += u64::from(teller.material(id, &who)?);
    }
    Ok(Outcome::Exported { materials: told })
}

/// How somebody is named, with every kind of number there is.
pub(crate) const WRITE_SUBJECT: &str = "write the type (resident, hmt, foreigner, passport, birth_certificate, organisation, \
                                       provisional), a space and the number to standard input, as in `resident 000000…`";

/// Reads a subject as it was written; never says the number again.
pub(crate) fn subject(subject_type: &str, value: &str) -> Result<Subject, Failure> {
    let subject = subject_type.parse().and_then(|subject_type| Subject::new(subject_type, value));
    subject.map_err(|error| Failure::new("subject_invalid", error, WRITE_SUBJECT))
}

fn nothing_on_file(who: &Subject) -> Failure {
    let remedy = match who.check_digit_matches() {
        Some(false) => "the number's check digit is wrong: correct the number",
        _ => "check type and number; what other windows filed is exported there",
    };
    Failure::new("nothing_on_file", "nothing is on file here for this person", remedy)
}

struct Teller<'a, 'b> {
    archive: &'a Archive,
    listen: Listen<'b>,
}

impl Teller<'_, '_> {
    fn tell(&mut self, news: ExportNews) -> Result<(), Failure> {
        (self.listen)(News::Export(news))
            .map_err(|e| Failure::new("output_failed", e, "see what takes the output"))
    }

    /// Whether it is still on file.
    fn material(&mut self, id: MaterialId, who: &Subject) -> Result<bool, Failure> {
        let stored = match self.archive.material(id) {
            Ok(stored) => stored.filter(|stored| stored.material.holders.contains(who)),
            Err(error) => {
                let code = damage(&error).ok_or(error)?;
                let (material, page, picture) = (id.to_string(), None, None);
                self.tell(ExportNews::Damaged(ExportDamage { material, page, picture, code }))?;
                return Ok(true);
            }
        };
        let Some(stored) = stored else { return Ok(false) };
        let metadata = serde_json::to_value(MaterialMetadata::of(&stored)).unwrap_or_default();
        self.tell(ExportNews::Material(Box::new(metadata)))?;
        let is_there = self.pictures(&stored)?;
        self.tell(if is_there { ExportNews::MaterialEnd } else { ExportNews::MaterialGone })?;
        Ok(is_there)
    }

    /// Whether it is still on file.
    fn pictures(&mut self, stored: &Stored) -> Result<bool, Failure> {
        let material = &stored.material;
        for (page, picture) in (1..).zip(&material.pages) {
            // Its record says that it is gone.
            let original =
                (!stored.is_original_gone(picture)).then_some((PictureRole::Original, &picture.original));
            for (role, image) in original.into_iter().chain([(PictureRole::Page, &picture.image)]) {
                if !self.picture(material.id, page, role, &image.digest)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn picture(
        &mut self,
        id: MaterialId,
        page: usize,
        role: PictureRole,
        digest: &Digest,
    ) -> Result<bool, Failure> {
        match self.archive.blob(id, digest) {
            Ok(bytes) => {
                for piece in bytes.chunks(PIECE_BYTES) {
                    self.tell(ExportNews::Piece(piece.to_vec()))?;
                }
                self.tell(ExportNews::Picture { page, role })?;
            }
            Err(ArchiveError::MaterialErased | ArchiveError::MaterialUnknown) => return Ok(false),
            Err(error) => {
                let code = damage(&error).ok_or(error)?;
                let (material, page, picture) = (id.to_string(), Some(page), Some(role));
                self.tell(ExportNews::Damaged(ExportDamage { material, page, picture, code }))?;
            }
        }
        Ok(true)
    }
}

/// The word for an error that concerns one thing and lets the others be read; `None` for any other.
fn damage(error: &ArchiveError) -> Option<String> {
    let code = match error {
        ArchiveError::BlobMissing { .. } => "blob_missing",
        ArchiveError::OriginalDisposed => "original_disposed",
        ArchiveError::BlobDamaged { .. } | ArchiveError::BlobUnknown { .. } => "blob_damaged",
        ArchiveError::Storage(error) if error.part == Part::Blobs => "blob_unreadable",
        ArchiveError::Storage(error) if error.fault == StorageFault::Damaged => "record_damaged",
        _ => return None,
    };
    Some(code.to_owned())
}
