//! Showing a person's materials to an agent: the look is written down first, then comes a grant.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use yidang_archive::{Actor, ArchiveError, HISTORY_PAGE_MAX, HistoryPage, Look, LookVerb, Stored};
use yidang_model::{Digest, Material, MaterialId, Subject};
use yidang_sync::limits::{
    BLOB_SIZE_MAX, GRANT_LIFETIME_S, JSON_BODY_MAX, MATERIALS_DEFAULT, MATERIALS_MAX, NAME_LENGTH_MAX,
    REMARK_LENGTH_MAX, TEXT_LENGTH_MAX,
};
use yidang_sync::wire::{GRANT_HEADER, MaterialsAnswer, MaterialsRequest, WireMaterial};

use crate::grants::Granted;
use crate::limits::{CHUNK_SIZE, SCANNED_MAX};
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository, work};
use crate::request::{Caller, bounded, parse, receive, share_of_memory};
use crate::state::Tag;

/// The basis that needs no reason: the person's own card lies on the reader.
const CARD: &str = "card";
/// What stands in the ledger where an agent gets a picture back that it committed.
const REPAIR: &str = "repair";
/// Every other basis on which a dossier may be looked at. Each needs a purpose and a case.
const STATED: [&str; 5] = ["guardian", "authorised_agent", "lost_card", "no_card", "official_duty"];

/// `POST /v1/holders/materials`
pub(crate) async fn materials(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    request: Request,
) -> Result<Json<MaterialsAnswer>, Problem> {
    let received = receive(&repository, request, JSON_BODY_MAX).await?;
    let request: MaterialsRequest = parse(&received.bytes)?;
    let query = query(request)?;
    work(&repository, received, move |r| Ok(Json(r.show(&agent, query)?))).await
}

/// `GET /v1/blobs/{digest}`
pub(crate) async fn blob(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    Path(digest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let digest: Digest =
        digest.parse().map_err(|_| Problem::invalid("the digest is not 64 hexadecimal digits"))?;
    let grant = headers.get(GRANT_HEADER).and_then(|v| v.to_str().ok()).ok_or(Code::GrantInvalid)?.to_owned();
    let found = repository.grants.find(agent.record.number, &grant, &digest).ok_or(Code::GrantInvalid)?;
    let Some(&Granted { media_type, size_bytes, .. }) = found.first() else {
        return Err(Code::GrantInvalid.into());
    };
    let share = share_of_memory(&repository, usize::try_from(size_bytes).unwrap_or(usize::MAX)).await?;
    let bytes = work(&repository, (), move |r| r.granted_blob(&found, &digest)).await?;
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type.as_str())),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes.len())),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((fixed, piecewise(bytes.into(), share)).into_response())
}

/// `GET /v1/uploads/{digest}`: a picture that this very agent uploaded and committed, to repair its own copy.
pub(crate) async fn own_blob(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    Path(digest): Path<String>,
) -> Result<Response, Problem> {
    let digest: Digest =
        digest.parse().map_err(|_| Problem::invalid("the digest is not 64 hexadecimal digits"))?;
    let share = share_of_memory(&repository, BLOB_SIZE_MAX).await?;
    let bytes = work(&repository, (), move |r| r.own_blob(&agent, &digest)).await?;
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes.len())),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((fixed, piecewise(bytes.into(), share)).into_response())
}

/// A body that keeps its share of the memory until the connection has taken its last piece.
fn piecewise(bytes: Bytes, share: OwnedSemaphorePermit) -> Body {
    let pieces = stream::unfold((bytes, share), async |(mut rest, share)| {
        let piece = rest.split_to(rest.len().min(CHUNK_SIZE));
        (!piece.is_empty()).then_some((Ok::<_, Infallible>(piece), (rest, share)))
    });
    Body::from_stream(pieces)
}

/// A request that makes sense.
struct LookQuery {
    subject: Subject,
    request: MaterialsRequest,
    before: u64,
    limit: usize,
}

fn query(request: MaterialsRequest) -> Result<LookQuery, Problem> {
    let subject = Subject::try_from(&request.subject)
        .map_err(|_| Problem::invalid("`subject` has no number of its type"))?;
    for (field, text, length_max) in [
        ("basis", Some(&request.basis), TEXT_LENGTH_MAX),
        ("client", Some(&request.client), NAME_LENGTH_MAX),
        ("operator", request.operator.as_ref(), NAME_LENGTH_MAX),
        ("purpose", request.purpose.as_ref(), REMARK_LENGTH_MAX),
        ("case", request.case.as_ref(), TEXT_LENGTH_MAX),
        ("kind", request.kind.as_ref(), TEXT_LENGTH_MAX),
        ("item", request.item.as_ref(), TEXT_LENGTH_MAX),
    ] {
        bounded(field, text.map(String::as_str), length_max)?;
    }
    let said = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.trim().is_empty());
    let is_stated = STATED.contains(&request.basis.as_str());
    if request.basis != CARD && !is_stated {
        return Err(Problem::invalid("a dossier opens only on a `basis`, which is one of six words"));
    }
    if is_stated && !(said(&request.purpose) && said(&request.case)) {
        return Err(Problem::invalid("another basis than the card needs `purpose` and `case`"));
    }
    let before = match &request.cursor {
        None => u64::MAX,
        Some(text) => text.parse().map_err(|_| Problem::invalid("`cursor` is none of ours"))?,
    };
    let limit = request.limit.unwrap_or(MATERIALS_DEFAULT);
    if !(1..=MATERIALS_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("`limit` is not between 1 and {MATERIALS_MAX}")));
    }
    Ok(LookQuery { subject, request, before, limit })
}

impl Repository {
    fn show(&self, agent: &Agent, query: LookQuery) -> Result<MaterialsAnswer, Problem> {
        // Whoever is forgotten in the meantime is forgotten after this look, and this agent is told.
        let _reading = self.forgetting.read().unwrap_or_else(PoisonError::into_inner);
        let (materials, next_cursor) = self.matching(&query)?;
        let subject = self.secrets.subject_tag(&query.subject);
        self.state.put_opened(agent.record.number, subject, self.now())?;
        let MaterialsRequest { basis, purpose, case, client, operator, .. } = query.request;
        self.archive.record(Look {
            verb: if basis == CARD { LookVerb::Looked } else { LookVerb::Opened },
            who: vec![query.subject],
            materials: materials.iter().map(|m| m.id).collect(),
            basis,
            purpose,
            case,
            by: Actor { client: agent.client(&client), operator },
            idempotency: None,
        })?;
        Ok(MaterialsAnswer {
            grant: self.grants.give(agent.record.number, &materials),
            grant_expires_at: self.now().plus_millis(GRANT_LIFETIME_S as i64 * 1000),
            materials: materials.iter().map(WireMaterial::from).collect(),
            next_cursor,
        })
    }

    /// The newest materials that match, and the cursor to go on from where there may be more.
    fn matching(&self, query: &LookQuery) -> Result<(Vec<Material>, Option<String>), Problem> {
        let wanted = |filter: &Option<String>, value: Option<&str>| {
            filter.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        let (mut found, mut before, mut scanned) = (Vec::new(), query.before, 0);
        loop {
            let page =
                self.archive.history(&query.subject, HistoryPage { before, limit: HISTORY_PAGE_MAX })?;
            let is_last = page.len() < HISTORY_PAGE_MAX;
            for (at, stored) in page.iter().enumerate() {
                if wanted(&query.request.kind, Some(stored.material.kind.as_str()))
                    && wanted(&query.request.item, stored.material.item.as_deref())
                    && !self.is_withdrawn(stored.material.id)?
                {
                    found.push(stored.as_given());
                }
                before = stored.sequence;
                scanned += 1;
                let is_full = found.len() == query.limit || scanned == SCANNED_MAX;
                if is_full && !(is_last && at + 1 == page.len()) {
                    return Ok((found, Some(before.to_string())));
                }
            }
            if is_last {
                return Ok((found, None));
            }
        }
    }

    /// A picture of a material that this agent's window committed, under whichever number and whoever uploaded it, while it is on file
    /// for the people it was committed for or anyone it was put right to since. Entered as a look at their dossiers before it goes out.
    fn own_blob(&self, agent: &Agent, digest: &Digest) -> Result<Vec<u8>, Problem> {
        let _reading = self.forgetting.read().unwrap_or_else(PoisonError::into_inner);
        let tag = self.secrets.digest_tag(digest);
        let (material, stored) = self.committed_with(agent, tag)?.ok_or(Code::BlobUnknown)?;
        let bytes = self.archive.blob(material, digest).map_err(|error| match error {
            ArchiveError::MaterialErased | ArchiveError::OriginalDisposed => Code::BlobUnknown.into(),
            error => Problem::from(error),
        })?;
        self.archive.record(Look {
            verb: LookVerb::Looked,
            who: stored.material.holders,
            materials: vec![material],
            basis: REPAIR.to_owned(),
            purpose: None,
            case: None,
            by: Actor { client: agent.record.name.clone(), operator: None },
            idempotency: None,
        })?;
        Ok(bytes)
    }

    /// A material on file that this window committed and that has this picture.
    fn committed_with(&self, agent: &Agent, tag: Tag) -> Result<Option<(MaterialId, Stored)>, Problem> {
        let own = agent.record.number;
        for other in self.state.agents()? {
            let upload = self.state.uploads(other.number, &[tag])?.into_iter().flatten().next();
            let Some(material) = upload.and_then(|upload| upload.material) else { continue };
            if (other.number == own || self.is_of_window(own, material)?)
                && !self.is_withdrawn(material)?
                && let Some(stored) = self.archive.material(material)?
            {
                return Ok(Some((material, stored)));
            }
        }
        Ok(None)
    }

    /// A picture from the first of the materials that still counts.
    fn granted_blob(&self, found: &[Granted], digest: &Digest) -> Result<Vec<u8>, Problem> {
        for granted in found {
            if self.is_withdrawn(granted.material)? {
                continue;
            }
            match self.archive.blob(granted.material, digest) {
                Ok(bytes) => return Ok(bytes),
                // Erased since; another of the materials may still have the picture.
                Err(
                    ArchiveError::MaterialUnknown
                    | ArchiveError::MaterialErased
                    | ArchiveError::OriginalDisposed
                    | ArchiveError::BlobUnknown { .. },
                ) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Code::BlobUnknown.into())
    }
}
