//! The agents' feeds: what each has to be told, in order and without gaps.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};
use yidang_model::{Subject, Timestamp};
use yidang_sync::limits::{FEED_ITEMS_MAX, FEED_WAIT_MAX_S};
use yidang_sync::wire::{FeedAnswer, FeedItem, FeedQuery, News};

use crate::erasures::{NEWS_CONTEXT, PersonalNews};
use crate::holds::ORDER_CONTEXT;
use crate::originals::KIND_CONTEXT;
use crate::problem::{Code, Problem};
use crate::refilings::PLACE_CONTEXT;
use crate::repository::{Agent, Repository, work};
use crate::request::Caller;
use crate::state::{FeedRow, FeedWhat};

/// `GET /v1/feed`. A waiting poll holds a connection and nothing else: no thread, no turn to work.
pub(crate) async fn feed(
    Shared(repository): Shared<Arc<Repository>>,
    Caller(agent): Caller,
    query: Result<Query<FeedQuery>, QueryRejection>,
) -> Result<Json<FeedAnswer>, Problem> {
    let Query(query) =
        query.map_err(|_| Problem::invalid("`epoch`, `after` or `wait` is missing or no number"))?;
    if query.epoch != agent.record.epoch {
        return Err(Code::EpochWrong.into());
    }
    if i64::try_from(query.after).is_err() {
        return Err(Problem::invalid("`after` is out of range"));
    }
    let _poll = agent.polls.clone().try_acquire_owned().map_err(|_| Code::TooMany)?;
    let until = Instant::now() + Duration::from_secs(query.wait.min(FEED_WAIT_MAX_S));
    let mut stopping = repository.stopping();
    // Taken before the first look, so that news between look and wait are not slept through.
    let mut news = agent.news.subscribe();
    let asker = agent.clone();
    work(&repository, (), move |r| Ok(r.state.acknowledge(asker.record.number, query.after)?)).await?;
    loop {
        let asker = agent.clone();
        let given = work(&repository, (), move |r| r.feed_after(&asker, query.after)).await?;
        if !given.items.is_empty() || *stopping.borrow() {
            return Ok(Json(given));
        }
        let woken = async {
            tokio::select! {
                grown = news.changed() => grown.is_ok(),
                _ = stopping.changed() => false,
            }
        };
        if !timeout_at(until, woken).await.unwrap_or(false) {
            return Ok(Json(given));
        }
    }
}

impl Repository {
    pub(crate) fn feed_after(&self, agent: &Agent, after: u64) -> Result<FeedAnswer, Problem> {
        let (rows, head) = self.state.feed(agent.record.number, after, FEED_ITEMS_MAX)?;
        // An agent that is further than its feed has carried out what this state knows nothing of.
        if after > head {
            return Err(Code::EpochWrong.into());
        }
        let items: Vec<FeedItem> = rows.into_iter().map(|row| self.item(row)).collect::<Result<_, _>>()?;
        let ledger = Some(self.head()?);
        Ok(FeedAnswer { after: items.last().map_or(after, |item| item.sequence), items, head, ledger })
    }

    fn item(&self, row: FeedRow) -> Result<FeedItem, Problem> {
        let FeedRow { sequence, previous, what, materials, personal } = row;
        let news = match what {
            FeedWhat::Refiled => {
                let now = personal.map(|sealed| self.personal(PLACE_CONTEXT, &sealed)).transpose()?;
                News::Refiled { materials, now }
            }
            FeedWhat::OriginalsDisposed => {
                let kind = personal.map(|sealed| self.personal(KIND_CONTEXT, &sealed)).transpose()?;
                News::OriginalsDisposed { materials, kind: kind.flatten() }
            }
            FeedWhat::Held(hold) => {
                // A window that asks once more has lost what it carried out.
                let order = match personal {
                    Some(sealed) => Some(self.personal(ORDER_CONTEXT, &sealed)?),
                    None => self.order_of(hold)?,
                };
                News::Held { hold, materials, order }
            }
            FeedWhat::HoldLifted(hold) => News::HoldLifted { hold },
            FeedWhat::Erased(erasure) => {
                let personal = personal.map(|sealed| self.personal(NEWS_CONTEXT, &sealed)).transpose()?;
                let PersonalNews { holder, shared_kept, decided_at } = personal.unwrap_or_default();
                let shared_kept = shared_kept.iter().filter_map(|d| d.parse().ok()).collect();
                let decided_at = decided_at.map(Timestamp::from_millis);
                let about = holder.as_ref().and_then(|holder| Subject::try_from(holder).ok());
                let proof =
                    decided_at.map(|at| self.secrets.decision_proof(erasure, &materials, at, about.as_ref()));
                News::Erased { erasure, materials, holder, shared_kept, decided_at, proof }
            }
        };
        Ok(FeedItem { sequence, previous, news })
    }

    /// The personal part of an item.
    fn personal<T: DeserializeOwned>(&self, context: &[u8], sealed: &[u8]) -> Result<T, Problem> {
        let plain = self.secrets.open_sealed(context, sealed);
        plain.and_then(|plain| serde_json::from_slice(&plain).ok()).ok_or_else(|| {
            tracing::error!("a feed item does not open");
            Code::StorageFailed.into()
        })
    }
}
