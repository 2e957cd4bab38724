//! Reading requests: who calls, and a body within bounds.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::limits::{BODIES_KIB_MAX, BODY_PAUSE_MAX, BODY_WAIT, REFUSED_BODY_READ_MAX, WORK_WAIT};
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository};
use crate::secrets::fingerprint;

/// The agent that calls, by its bearer key. Comes before the body: nobody unknown gets to send much.
pub(crate) struct Caller(pub(crate) Arc<Agent>);

impl FromRequestParts<Arc<Repository>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, repository: &Arc<Repository>) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).ok_or(Code::TokenMissing)?;
        let text = header.to_str().map_err(|_| Code::TokenInvalid)?;
        let (scheme, key) = text.split_once(' ').ok_or(Code::TokenInvalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Code::TokenMissing.into());
        }
        // Keys are found by their hash: the time it takes tells nothing about a key.
        repository.agent(&fingerprint(key.trim().as_bytes())).map(Self).ok_or(Code::TokenInvalid.into())
    }
}

/// A whole body and its share of the memory for bodies.
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) share: OwnedSemaphorePermit,
}

/// Reads a body of at most `length_max` bytes.
pub(crate) async fn receive(
    repository: &Arc<Repository>,
    request: Request,
    length_max: usize,
) -> Result<Received, Problem> {
    let declared = request.headers().get(CONTENT_LENGTH);
    let declared = declared.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    let body = request.into_body();
    if declared.is_some_and(|length| length > length_max) {
        drain(body).await;
        return Err(Code::BodyTooLarge.into());
    }
    let share = share_of_memory(repository, declared.unwrap_or(length_max)).await?;
    let read = timeout(BODY_WAIT, read(body, declared.unwrap_or(0), length_max));
    let bytes = read.await.map_err(|_| Code::RequestTimeout)??;
    Ok(Received { bytes, share })
}

/// Waits for a share of the memory for bodies.
pub(crate) async fn share_of_memory(
    repository: &Arc<Repository>,
    length: usize,
) -> Result<OwnedSemaphorePermit, Problem> {
    let kib = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, BODIES_KIB_MAX);
    match timeout(WORK_WAIT, repository.bodies.clone().acquire_many_owned(kib)).await {
        Ok(Ok(share)) => Ok(share),
        _ => Err(Code::Busy.into()),
    }
}

async fn read(body: Body, expected: usize, length_max: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::with_capacity(expected);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = timeout(BODY_PAUSE_MAX, chunks.next()).await.map_err(|_| Code::RequestTimeout)? {
        let chunk = chunk.map_err(|_| Problem::invalid("the body broke off"))?;
        if bytes.len() + chunk.len() > length_max {
            drain(Body::from_stream(chunks)).await;
            return Err(Code::BodyTooLarge.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// Reads the rest of a refused body, within reason: a sender that is cut off while it sends does not get to
/// read why.
async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    let mut length = 0;
    while let Ok(Some(Ok(chunk))) = timeout(BODY_PAUSE_MAX, chunks.next()).await {
        length += chunk.len();
        if length > REFUSED_BODY_READ_MAX {
            return;
        }
    }
}

/// Reads JSON. The message names the place and never quotes the content, which may be personal.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|e| {
        let what =
            if e.is_data() { "a field is missing or of the wrong form" } else { "the body is no JSON" };
        Problem::invalid(format!("{what}, at line {}, column {}", e.line(), e.column()))
    })
}

/// Refuses a text that is too long; names the field.
pub(crate) fn bounded(field: &str, text: Option<&str>, length_max: usize) -> Result<(), Problem> {
    match text {
        Some(text) if text.chars().count() > length_max => {
            Err(Problem::invalid(format!("`{field}` is longer than {length_max} characters")))
        }
        _ => Ok(()),
    }
}
