//! An old photograph on its way into the archive, from whoever reads it: made into a page there, filed here.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use yidang_archive::storage::StagedState;
use yidang_archive::{Actor, Archive, ArchiveError, Filed, Filing, Idempotency, Stage};
use yidang_model::{CaptureId, Kind, Material, Origin, Page, Quad, Status, Timestamp};

use super::{Outcome, subject};
use crate::api::CAPTURE_LIFETIME_MS;
use crate::capture_note::StoredImage;
use crate::failure::Failure;
use crate::{clock, random};

/// Who the ledger says did it, beside the operator.
const CLIENT: &str = "yidang archive import";
/// Begins every idempotency key of an import; those of the local API begin with a token's number.
const KEY_PREFIX: &[u8] = b"import\0";
/// Most blobs that come with a request: an original and its page.
#[cfg(unix)]
const BLOBS_MAX: usize = 2;

/// What is wanted for one paper. No `Debug`: it is personal. `key` tells this paper from any other: 64 hexadecimal
/// digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "import", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ImportRequest {
    /// What an earlier run made of it.
    Find {
        /// Which paper.
        key: String,
    },
    /// Keep a page and its original; the bytes follow the request's line.
    Stage(StageImport),
    /// File the pages that were kept.
    File(Box<FileImport>),
    /// Keep a paper's only page and its original and file it, in one step; the bytes follow the request's line.
    Ingest(Box<IngestImport>),
}

/// A paper of one page to keep and file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IngestImport {
    pub(crate) page: StageImport,
    /// No captures are in it.
    pub(crate) paper: FileImport,
}

/// A page to keep.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StageImport {
    pub(crate) key: String,
    /// Counts from 1.
    pub(crate) page: usize,
    /// Whether what an earlier run kept has been thrown away, and it is kept anew.
    pub(crate) again: bool,
    pub(crate) operator: Option<String>,
    /// [`ImportNote`].
    pub(crate) note: String,
    /// Lengths of the blobs: the original, and the page unless that is the same.
    pub(crate) sizes: Vec<usize>,
    #[serde(skip)]
    pub(crate) blobs: Vec<Vec<u8>>,
}

/// A paper to file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileImport {
    pub(crate) key: String,
    pub(crate) operator: Option<String>,
    pub(crate) captures: Vec<String>,
    pub(crate) subject_type: String,
    pub(crate) subject: String,
    pub(crate) kind: String,
    pub(crate) case: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) slot: Option<String>,
    pub(crate) issued_on: Option<String>,
    pub(crate) valid_until: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) document_number: Option<String>,
    pub(crate) note: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportAnswer {
    /// No run filed it yet.
    Unknown,
    /// The page is kept.
    Staged {
        /// As this capture.
        capture: String,
    },
    /// The page was kept once and thrown away since: it must be kept again.
    StageAgain,
    /// It is filed now.
    Filed,
    /// It was filed by an earlier run.
    FiledBefore,
    /// The same bytes were on file for the same person, case and slot; nothing was filed.
    OnFile,
    /// It was filed, and erased since.
    Erased,
}

/// What is kept with a page until it is filed: a stored format, sealed by the archive. It is no capture's, so that no
/// window program takes it for one.
#[derive(Serialize, Deserialize)]
pub(crate) struct ImportNote {
    pub(crate) imported: ImportedPage,
}

/// The page it becomes when filed.
#[derive(Serialize, Deserialize)]
pub(crate) struct ImportedPage {
    pub(crate) original: StoredImage,
    pub(crate) page: StoredImage,
    pub(crate) corners: Option<Quad>,
    pub(crate) confidence: f32,
    /// Milliseconds since the Unix epoch.
    pub(crate) captured_at: i64,
}

#[cfg(unix)]
impl ImportRequest {
    /// How many bytes follow the request's line; `None`: more than may.
    pub(super) fn body_bytes(&self) -> Option<usize> {
        let Some(StageImport { sizes, .. }) = self.page() else { return Some(0) };
        let is_bounded =
            sizes.len() <= BLOBS_MAX && sizes.iter().all(|s| *s <= yidang_archive::BLOB_BYTES_MAX);
        is_bounded.then(|| sizes.iter().sum())
    }

    /// Takes the bytes that followed.
    pub(super) fn set_body(&mut self, mut body: Vec<u8>) {
        let stage = match self {
            Self::Stage(stage) => stage,
            Self::Ingest(ingest) => &mut ingest.page,
            Self::Find { .. } | Self::File(_) => return,
        };
        for size in stage.sizes.iter().rev() {
            let blob = body.split_off(body.len().saturating_sub(*size));
            stage.blobs.insert(0, blob);
        }
    }

    /// The bytes that follow.
    pub(super) fn body(&self) -> &[Vec<u8>] {
        self.page().map_or(&[], |page| &page.blobs)
    }

    fn page(&self) -> Option<&StageImport> {
        match self {
            Self::Stage(stage) => Some(stage),
            Self::Ingest(ingest) => Some(&ingest.page),
            Self::Find { .. } | Self::File(_) => None,
        }
    }
}

/// Does it. Blocks until it is durable.
pub(super) fn import(archive: &Archive, counter: &str, request: &ImportRequest) -> Result<Outcome, Failure> {
    let answer = match request {
        ImportRequest::Find { key } => find(archive, key),
        ImportRequest::Stage(stage) => keep(archive, stage),
        ImportRequest::File(file) => return self::file(archive, counter, file).map(Outcome::Import),
        ImportRequest::Ingest(wanted) => return ingest(archive, counter, wanted).map(Outcome::Import),
    };
    Ok(Outcome::Import(answer?))
}

/// The archive hashes it with its own key before it keeps it.
fn idempotency(key: &str, page: Option<usize>) -> Idempotency {
    let mut hasher = Sha256::new();
    hasher.update(key);
    hasher.update(page.map_or_else(String::new, |page| format!("\0{page}")));
    let request = hasher.finalize().to_vec();
    Idempotency { key: [KEY_PREFIX, &request].concat(), request }
}

fn find(archive: &Archive, key: &str) -> Result<ImportAnswer, ArchiveError> {
    match archive.find_filed(&idempotency(key, None)) {
        Ok(None) => Ok(ImportAnswer::Unknown),
        Ok(Some(filed)) => Ok(answer_of(&filed)),
        Err(ArchiveError::MaterialErased) => Ok(ImportAnswer::Erased),
        Err(error) => Err(error),
    }
}

fn answer_of(filed: &Filed) -> ImportAnswer {
    match filed {
        Filed { duplicate: true, .. } => ImportAnswer::OnFile,
        Filed { replayed: true, .. } => ImportAnswer::FiledBefore,
        Filed { .. } => ImportAnswer::Filed,
    }
}

fn keep(archive: &Archive, stage: &StageImport) -> Result<ImportAnswer, ArchiveError> {
    let staged = archive.stage(Stage {
        id: random::capture_id(),
        blobs: stage.blobs.clone(),
        note: stage.note.clone().into_bytes(),
        expires_at: clock::now().plus_millis(CAPTURE_LIFETIME_MS),
        by: by(&stage.operator),
        idempotency: (!stage.again).then(|| idempotency(&stage.key, Some(stage.page))),
    })?;
    Ok(match staged.state {
        StagedState::Unfiled => ImportAnswer::Staged { capture: staged.id.to_string() },
        // Whoever imports the same paper at the same time may have filed it since.
        _ => match find(archive, &stage.key)? {
            ImportAnswer::Unknown => ImportAnswer::StageAgain,
            known => known,
        },
    })
}

fn by(operator: &Option<String>) -> Actor {
    Actor { client: CLIENT.to_owned(), operator: operator.clone() }
}

fn file(archive: &Archive, counter: &str, file: &FileImport) -> Result<ImportAnswer, Failure> {
    let captures: Vec<CaptureId> = file.captures.iter().map_while(|id| id.parse().ok()).collect();
    let Some(pages) = pages_of(archive, &captures)? else {
        // Whoever imports the same paper at the same time has used them up.
        return match find(archive, &file.key)? {
            ImportAnswer::Unknown => Err(ArchiveError::StagedUnknown.into()),
            known => Ok(known),
        };
    };
    let filing = Filing {
        material: material(counter, file, pages)?,
        from: captures.clone(),
        page_sets: captures,
        may_fork: false,
        by: by(&file.operator),
        purpose: None,
        idempotency: Some(idempotency(&file.key, None)),
    };
    filed(archive.file(filing))
}

fn ingest(archive: &Archive, counter: &str, wanted: &IngestImport) -> Result<ImportAnswer, Failure> {
    let IngestImport { page, paper } = wanted;
    let broken = || Failure::new("invalid", "the page is not described", "import it with this version");
    let pages = vec![page_of(page.note.as_bytes()).ok_or_else(broken)?];
    let filing = Filing {
        material: material(counter, paper, pages)?,
        from: Vec::new(),
        page_sets: Vec::new(),
        may_fork: false,
        by: by(&paper.operator),
        purpose: None,
        idempotency: Some(idempotency(&paper.key, None)),
    };
    filed(archive.ingest(filing, page.blobs.clone()))
}

fn filed(filed: Result<Filed, ArchiveError>) -> Result<ImportAnswer, Failure> {
    match filed {
        Ok(filed) => Ok(answer_of(&filed)),
        Err(ArchiveError::MaterialErased) => Ok(ImportAnswer::Erased),
        Err(error) => Err(error.into()),
    }
}

fn material(counter: &str, file: &FileImport, pages: Vec<Page>) -> Result<Material, Failure> {
    let date = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
    let kind = Kind::new(&file.kind).map_err(|e| Failure::new("invalid", e, "correct the manifest"))?;
    Ok(Material {
        id: random::material_id(),
        holders: vec![subject(&file.subject_type, &file.subject)?],
        kind,
        captured_at: pages.iter().map(|page| page.captured_at).max().unwrap_or(clock::now()),
        pages,
        case: file.case.clone(),
        item: file.item.clone(),
        slot: file.slot.clone(),
        issued_on: date(&file.issued_on),
        valid_until: date(&file.valid_until),
        issuer: file.issuer.clone(),
        document_number: file.document_number.clone(),
        presented_as: None,
        original_seen: None,
        note: file.note.clone(),
        filed_at: clock::now(),
        counter: counter.to_owned(),
        operator: file.operator.clone(),
        status: Status::Current,
        origin: Origin::Upload,
        duplicate_of: None,
        supersedes: None,
    })
}

/// The pages these captures become; `None` where one of them is no page that waits to be filed.
fn pages_of(archive: &Archive, captures: &[CaptureId]) -> Result<Option<Vec<Page>>, ArchiveError> {
    let mut pages = Vec::with_capacity(captures.len());
    for id in captures {
        let staged = archive.staged(*id)?;
        let Some(page) = staged.and_then(|staged| page_of(&staged.note)) else { return Ok(None) };
        pages.push(page);
    }
    Ok(Some(pages))
}

fn page_of(note: &[u8]) -> Option<Page> {
    let ImportNote { imported } = serde_json::from_slice(note).ok()?;
    Some(Page {
        image: imported.page.image()?,
        original: imported.original.image()?,
        corners: imported.corners,
        confidence: imported.confidence,
        about: Vec::new(),
        captured_at: Timestamp::from_millis(imported.captured_at),
    })
}
