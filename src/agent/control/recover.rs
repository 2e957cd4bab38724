//! A paper of a dead PC on its way into this window's archive, from whoever reads the dead disk.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use yidang_archive::storage::StagedState;
use yidang_archive::{Actor, Archive, ArchiveError, Filing, Idempotency, PlaceHold, Recovery, Stage};
use yidang_model::{CaptureId, Material, MaterialId};
use yidang_sync::wire::WireMaterial;

use super::body::Body;
use super::hold::target;
use super::{Held, Outcome};
use crate::api::CAPTURE_LIFETIME_MS;
use crate::failure::Failure;
use crate::{clock, random};

/// Who the ledger says did it, beside the operator.
const CLIENT: &str = "yidang archive recover";
/// Begins every idempotency key of a recovery; those of the local API begin with a token's number.
const KEY_PREFIX: &[u8] = b"recover\0";
/// What is noted with a page until its material is filed. It is no capture's, so that no window takes it for one.
const PAGE_NOTE: &[u8] = b"{\"recovered\":true}";
/// Most strings of bytes that come with a request: a note, an original and its page.
#[cfg(unix)]
const PARTS_MAX: usize = 3;

/// What is wanted for one paper. No `Debug`: it is personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "recover", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RecoverRequest {
    /// Enter in the ledger that a recovery begins.
    Begin {
        /// The dead archive's name.
        store: String,
        /// Its last ledger entry.
        head: u64,
        /// How many papers it alone has.
        count: u64,
        operator: Option<String>,
    },
    /// Whether the material is on file here.
    Find { material: String },
    /// Keep a page until its material is filed; its original and, unless that is the same, itself follow.
    Stage {
        material: String,
        /// Counts from 1.
        page: usize,
        /// Whether what an earlier run kept has been thrown away, and it is kept anew.
        again: bool,
        operator: Option<String>,
        body: Body,
    },
    /// File the material that follows as JSON, out of these pages.
    File { captures: Vec<String>, operator: Option<String>, body: Body },
    /// Place a hold that stands at the dead PC.
    Hold {
        /// Its own, so that it is placed once.
        id: String,
        of: Held,
        reason: String,
        case: Option<String>,
        operator: Option<String>,
    },
    /// Keep a capture that was not filed: its note and its pictures follow.
    Capture { capture: String, operator: Option<String>, body: Body },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecoverAnswer {
    /// The recovery is in the ledger.
    Begun,
    /// It is not here yet.
    Unknown,
    /// The page is kept.
    Staged {
        /// As this capture.
        capture: String,
    },
    /// The page was kept once and thrown away since: it must be kept again.
    StageAgain,
    /// It is here now.
    Recovered,
    /// It was here before, or was here and was used.
    Here,
    /// It was erased here since.
    Erased,
    /// It keeps to no rule that this version has for papers.
    Unfit,
}

#[cfg(unix)]
impl RecoverRequest {
    fn body_mut(&mut self) -> Option<&mut Body> {
        match self {
            Self::Stage { body, .. } | Self::File { body, .. } | Self::Capture { body, .. } => Some(body),
            Self::Begin { .. } | Self::Find { .. } | Self::Hold { .. } => None,
        }
    }

    /// How many bytes follow the request's line; `None`: more than may.
    pub(super) fn body_bytes(&self) -> Option<usize> {
        match self {
            Self::Stage { body, .. } | Self::File { body, .. } | Self::Capture { body, .. } => {
                body.bytes(PARTS_MAX, yidang_archive::BLOB_BYTES_MAX)
            }
            Self::Begin { .. } | Self::Find { .. } | Self::Hold { .. } => Some(0),
        }
    }

    /// Takes the bytes that followed.
    pub(super) fn set_body(&mut self, bytes: Vec<u8>) {
        if let Some(body) = self.body_mut() {
            body.fill(bytes);
        }
    }

    /// The bytes that follow.
    pub(super) fn body(&self) -> &[Vec<u8>] {
        match self {
            Self::Stage { body, .. } | Self::File { body, .. } | Self::Capture { body, .. } => body.parts(),
            Self::Begin { .. } | Self::Find { .. } | Self::Hold { .. } => &[],
        }
    }
}

/// Does it. Blocks until it is durable.
pub(super) fn recover(archive: &Archive, request: &RecoverRequest) -> Result<Outcome, Failure> {
    let answer = match request {
        RecoverRequest::Begin { store, head, count, operator } => {
            archive.begin_recovery(Recovery {
                store_id: store.clone(),
                count: *count,
                by: by(operator),
                idempotency: idempotency(&format!("begin {store} {head}")),
            })?;
            RecoverAnswer::Begun
        }
        RecoverRequest::Find { material } => find(archive, id_of(material)?)?,
        RecoverRequest::Stage { material, page, again, operator, body } => {
            let key = (!again).then(|| idempotency(&format!("page {material} {page}")));
            keep(archive, id_of(material)?, key, by(operator), body)?
        }
        RecoverRequest::File { captures, operator, body } => file(archive, captures, by(operator), body)?,
        RecoverRequest::Hold { id, of, reason, case, operator } => {
            let hold = PlaceHold {
                id: id_of(id)?,
                target: target(of)?,
                reason: reason.clone(),
                case: case.clone(),
                by: by(operator),
                decided_elsewhere: false,
            };
            place(archive, hold)?
        }
        RecoverRequest::Capture { capture, operator, body } => {
            take_capture(archive, id_of(capture)?, by(operator), body)?
        }
    };
    Ok(Outcome::Recover(answer))
}

fn id_of<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|_| Failure::new("invalid", "this is no identifier", "restart the daemon, and try again"))
}

fn by(operator: &Option<String>) -> Actor {
    Actor { client: CLIENT.to_owned(), operator: operator.clone() }
}

/// The archive hashes it with its own key before it keeps it.
fn idempotency(what: &str) -> Idempotency {
    let request = Sha256::digest(what).to_vec();
    Idempotency { key: [KEY_PREFIX, &request].concat(), request }
}

fn find(archive: &Archive, id: MaterialId) -> Result<RecoverAnswer, ArchiveError> {
    if archive.is_erased(id)? {
        return Ok(RecoverAnswer::Erased);
    }
    Ok(if archive.material(id)?.is_some() { RecoverAnswer::Here } else { RecoverAnswer::Unknown })
}

fn keep(
    archive: &Archive,
    material: MaterialId,
    idempotency: Option<Idempotency>,
    by: Actor,
    body: &Body,
) -> Result<RecoverAnswer, ArchiveError> {
    let staged = archive.stage(Stage {
        id: random::capture_id(),
        blobs: body.parts().to_vec(),
        note: PAGE_NOTE.to_vec(),
        expires_at: clock::now().plus_millis(CAPTURE_LIFETIME_MS),
        by,
        idempotency,
    })?;
    Ok(match staged.state {
        StagedState::Unfiled => RecoverAnswer::Staged { capture: staged.id.to_string() },
        // Whoever recovers the same disk at the same time may have filed it since.
        _ => match find(archive, material)? {
            RecoverAnswer::Unknown => RecoverAnswer::StageAgain,
            known => known,
        },
    })
}

fn file(
    archive: &Archive,
    captures: &[String],
    by: Actor,
    body: &Body,
) -> Result<RecoverAnswer, ArchiveError> {
    let wire = body.parts().first().and_then(|json| serde_json::from_slice::<WireMaterial>(json).ok());
    let Some(material) = wire.and_then(|wire| Material::try_from(wire).ok()) else {
        return Ok(RecoverAnswer::Unfit);
    };
    let id = material.id;
    let from: Vec<CaptureId> = captures.iter().map_while(|id| id.parse().ok()).collect();
    let filing = Filing {
        material,
        page_sets: from.clone(),
        from,
        by,
        may_fork: true,
        purpose: None,
        idempotency: None,
    };
    match archive.file(filing) {
        Ok(filed) if filed.duplicate => Ok(RecoverAnswer::Here),
        Ok(_) => Ok(RecoverAnswer::Recovered),
        Err(ArchiveError::MaterialErased) => Ok(RecoverAnswer::Erased),
        Err(ArchiveError::Invalid(_)) => Ok(RecoverAnswer::Unfit),
        Err(error @ (ArchiveError::StagedFiled { .. } | ArchiveError::StagedUnknown)) => {
            match find(archive, id)? {
                RecoverAnswer::Unknown => Err(error),
                known => Ok(known),
            }
        }
        Err(error) => Err(error),
    }
}

fn place(archive: &Archive, hold: PlaceHold) -> Result<RecoverAnswer, ArchiveError> {
    // One that an earlier run brought may have been lifted since.
    if archive.was_placed(hold.id)? {
        return Ok(RecoverAnswer::Here);
    }
    match archive.place_hold(hold) {
        Ok(_) => Ok(RecoverAnswer::Recovered),
        Err(ArchiveError::MaterialUnknown) => Ok(RecoverAnswer::Unknown),
        Err(ArchiveError::MaterialErased) => Ok(RecoverAnswer::Erased),
        Err(error) => Err(error),
    }
}

fn take_capture(
    archive: &Archive,
    id: CaptureId,
    by: Actor,
    body: &Body,
) -> Result<RecoverAnswer, ArchiveError> {
    let Some((note, blobs)) = body.parts().split_first() else { return Ok(RecoverAnswer::Unfit) };
    let staged = archive.stage(Stage {
        id,
        blobs: blobs.to_vec(),
        note: note.clone(),
        // Nobody could file it while the PC was dead.
        expires_at: clock::now().plus_millis(CAPTURE_LIFETIME_MS),
        by,
        idempotency: None,
    });
    match staged {
        Ok(staged) if staged.replayed => Ok(RecoverAnswer::Here),
        Ok(_) => Ok(RecoverAnswer::Recovered),
        // An earlier run brought it, and it has been filed or thrown away since.
        Err(ArchiveError::StagedFiled { .. } | ArchiveError::IdempotencyConflict) => Ok(RecoverAnswer::Here),
        Err(ArchiveError::Invalid(_)) => Ok(RecoverAnswer::Unfit),
        Err(error) => Err(error),
    }
}
