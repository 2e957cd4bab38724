//! `Idempotency-Key`: the same request again gets the same answer.
//!
//! What the archive did under a key is in the ledger and survives a crash; this table answers the retries of
//! a running daemon, those of calls that change only memory included. Filings are not in it: their records must
//! not outlive what the archive forgets.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::clock;
use crate::holders::LIFETIME_MS;
use crate::owner::Owner;
use crate::problem::{Code, Problem};

/// Answers remembered at once.
const REMEMBERED: usize = 4096;
/// Of those, one token's: a client that sends ever new keys pushes out its own.
const REMEMBERED_OF_ONE: usize = 1024;
/// How long an answer is remembered: as long as the holders last that it may speak of.
const REMEMBERED_MS: i64 = LIFETIME_MS;
/// Longest key, in bytes.
pub(crate) const KEY_LENGTH_MAX: usize = 255;
/// Largest answer that is remembered; all answers of mutating calls are far below it.
const ANSWER_BYTES_MAX: usize = 1 << 20;

#[derive(Clone)]
struct Answer {
    parts: axum::http::response::Parts,
    body: axum::body::Bytes,
}

struct Slot {
    request: [u8; 32],
    began_at: i64,
    answer: Arc<OnceCell<Answer>>,
}

/// The answers given under idempotency keys.
#[derive(Default)]
pub(crate) struct Replays {
    slots: Mutex<HashMap<(Owner, String), Slot>>,
}

/// A digest that tells two requests apart: the call and everything that it carried.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Whether a key is one, for calls whose answers may not be kept at all.
pub(crate) fn acceptable(key: &str) -> Result<(), Problem> {
    if key.is_empty() || key.len() > KEY_LENGTH_MAX {
        return Err(Problem::invalid("Idempotency-Key is 1 to 255 bytes"));
    }
    Ok(())
}

impl Replays {
    /// Runs the call once per key. A second request under the key waits for the first one's answer and gets
    /// it; one that differs is refused. Failures are not remembered: a retry tries again.
    pub(crate) async fn once<F>(
        &self,
        owner: Owner,
        key: Option<&str>,
        request: [u8; 32],
        call: F,
    ) -> Result<Response, Problem>
    where
        F: Future<Output = Result<Response, Problem>>,
    {
        let Some(key) = key else { return call.await };
        acceptable(key)?;
        let answer = self.slot(owner, key, request)?;
        let given = answer
            .get_or_try_init(|| async {
                let response = call.await?;
                let (parts, body) = response.into_parts();
                let body =
                    to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_| Problem::from(Code::StorageFailed))?;
                Ok::<_, Problem>(Answer { parts, body })
            })
            .await?;
        let Answer { parts, body } = given.clone();
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    fn slot(&self, owner: Owner, key: &str, request: [u8; 32]) -> Result<Arc<OnceCell<Answer>>, Problem> {
        let now = clock::now().as_millis();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer may hold what a card says: it does not stay longer than it is of use.
        slots.retain(|_, s| now - s.began_at < REMEMBERED_MS);
        let is_own = |(other, _): &(Owner, String)| other.token == owner.token;
        let own_full = slots.keys().filter(|k| is_own(k)).count() >= REMEMBERED_OF_ONE;
        if own_full || slots.len() >= REMEMBERED {
            let goes = slots.iter().filter(|(k, _)| !own_full || is_own(k));
            let oldest = goes.min_by_key(|(_, s)| s.began_at).map(|(k, _)| k.clone());
            oldest.map(|k| slots.remove(&k));
        }
        let slot = slots.entry((owner, key.to_owned())).or_insert_with(|| Slot {
            request,
            began_at: now,
            answer: Arc::default(),
        });
        // A key whose only request failed may be used for a corrected one.
        if slot.request != request && slot.answer.get().is_none() && Arc::strong_count(&slot.answer) == 1 {
            slot.request = request;
        }
        if slot.request != request {
            return Err(Code::IdempotencyConflict.into());
        }
        Ok(slot.answer.clone())
    }
}
