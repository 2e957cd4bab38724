//! Blobs on their way in: what an agent has to upload, and the upload.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use yidang_archive::{Actor, ArchiveError, Stage};
use yidang_model::{CaptureId, Digest, Timestamp};
use yidang_sync::limits::{BLOB_SIZE_MAX, BLOBS_ASKED_MAX, JSON_BODY_MAX, LEASE_LIFETIME_S};
use yidang_sync::wire::{BlobSize, MissingAnswer, MissingRequest};

use crate::limits::UPLOAD_LIFETIME_MS;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository, work};
use crate::request::{Caller, parse, receive};
use crate::secrets::random;
use crate::state::Upload;

/// `POST /v1/blobs/missing`. Answered from the caller's own uploads alone: whether anyone else has filed a
/// picture is none of its business.
pub(crate) async fn missing(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    request: Request,
) -> Result<Json<MissingAnswer>, Problem> {
    let received = receive(&repository, request, JSON_BODY_MAX).await?;
    let MissingRequest { blobs } = parse(&received.bytes)?;
    if blobs.len() > BLOBS_ASKED_MAX {
        return Err(Problem::invalid(format!("more than {BLOBS_ASKED_MAX} blobs")));
    }
    work(&repository, received, move |repository| Ok(Json(repository.missing(&agent, &blobs)?))).await
}

/// `PUT /v1/blobs/{digest}`
pub(crate) async fn upload(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    Path(digest): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let digest: Digest =
        digest.parse().map_err(|_| Problem::invalid("the digest is not 64 hexadecimal digits"))?;
    let received = receive(&repository, request, BLOB_SIZE_MAX).await?;
    let size_bytes = received.bytes.len() as u64;
    let bytes = received.bytes;
    let is_new = work(&repository, received.share, move |r| r.take_in(&agent, digest, bytes.into())).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(BlobSize { digest, size_bytes })).into_response())
}

/// Whether an upload will still be there at that instant.
fn lasts(upload: &Upload, until: Timestamp) -> bool {
    upload.material.is_some() || upload.expires_at > until
}

impl Repository {
    fn missing(&self, agent: &Agent, blobs: &[BlobSize]) -> Result<MissingAnswer, Problem> {
        let expires_at = self.now().plus_millis(LEASE_LIFETIME_S as i64 * 1000);
        let tags: Vec<_> = blobs.iter().map(|b| self.secrets.digest_tag(&b.digest)).collect();
        let uploads = self.state.uploads(agent.record.number, &tags)?;
        let lacks = |upload: &Option<Upload>| !upload.is_some_and(|u| lasts(&u, expires_at));
        let asked = blobs.iter().zip(&uploads);
        // What is damaged here is welcome again.
        let missing = asked.filter(|(blob, upload)| lacks(upload) || self.archive.wants(&blob.digest));
        let missing = missing.map(|(blob, _)| blob.digest).collect();
        Ok(MissingAnswer { missing, lease: hex::encode(random::<16>()), expires_at })
    }

    /// Stores an upload durably; `false` if it is there already.
    pub(crate) fn take_in(&self, agent: &Agent, digest: Digest, bytes: Vec<u8>) -> Result<bool, Problem> {
        if Digest::of(&bytes) != digest {
            return Err(Code::DigestMismatch.into());
        }
        if bytes.is_empty() {
            return Err(Problem::invalid("the blob is empty"));
        }
        let (number, tag) = (agent.record.number, self.secrets.digest_tag(&digest));
        let known = self.state.uploads(number, &[tag])?;
        let known_as_filed = known.iter().flatten().any(|upload| upload.material.is_some());
        let lease_end = self.now().plus_millis(LEASE_LIFETIME_S as i64 * 1000);
        let wanted = self.archive.wants(&digest);
        if !wanted && known.into_iter().flatten().any(|upload| lasts(&upload, lease_end)) {
            return Ok(false);
        }
        let expires_at = self.now().plus_millis(UPLOAD_LIFETIME_MS);
        let staged = self.stage_one(agent, bytes, expires_at)?;
        if wanted && known_as_filed {
            // It is whole again; whose upload it is does not change.
            return Ok(false);
        }
        self.state.put_upload(number, tag, &Upload { staged, material: None, expires_at })?;
        Ok(true)
    }

    pub(crate) fn stage_one(
        &self,
        agent: &Agent,
        bytes: Vec<u8>,
        expires_at: Timestamp,
    ) -> Result<CaptureId, ArchiveError> {
        let id = CaptureId::from_bytes(random());
        let by = Actor { client: agent.record.name.clone(), operator: None };
        let note = Vec::new();
        self.archive.stage(Stage { id, blobs: vec![bytes], note, expires_at, by, idempotency: None })?;
        Ok(id)
    }
}
