//! The thread that waits for the repository's news.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use yidang_sync::backoff::Backoff;
use yidang_sync::limits::FEED_WAIT_MAX_S;
use yidang_sync::machine::Healing;
use yidang_sync::wire::{FeedAnswer, LedgerAnchor};

use super::client::Client;
use super::enrolment::Enrolment;
use super::errand::{Bell, Errands, Stop};
use super::error::{CallError, STATE_FAILED};
use super::shared::{Shared, Side};
use crate::random;

/// How long news rests that has to wait for what is being sent.
const NEWS_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Poller {
    shared: Arc<Shared>,
    errands: Errands<Result<FeedAnswer, CallError>>,
    stop: Stop,
    /// Wakes the pushing thread when the repository is back.
    other: Arc<dyn Bell>,
    /// The last ledger entry that the repository was told of in this run.
    anchored: Arc<AtomicU64>,
}

impl Poller {
    pub(super) fn new(
        shared: Arc<Shared>,
        errands: Errands<Result<FeedAnswer, CallError>>,
        stop: Stop,
        other: Arc<dyn Bell>,
    ) -> Self {
        Self { shared, errands, stop, other, anchored: Arc::default() }
    }

    /// Works until told to stop.
    pub(super) fn run(self) {
        let mut backoff = Backoff::default();
        // The first answer after a failure is asked for without waiting: it shows at once that all is well.
        let mut wait = 0;
        while !self.stop.is_set() {
            let Ok(enrolment) = self.shared.enrolment() else {
                if !self.errands.wait(None) {
                    return;
                }
                continue;
            };
            let Some(outcome) = self.poll(&enrolment, wait) else { return };
            match outcome {
                Ok(()) => {
                    self.shared.report(Side::Feed, None);
                    if backoff.failures() > 0 {
                        self.shared.retry();
                        self.other.ring();
                    }
                    backoff.reset();
                    wait = FEED_WAIT_MAX_S;
                }
                Err((code, healing)) => {
                    // Before anyone can see it: what the repository decides from now on is heard before more is sent.
                    self.shared.miss_news();
                    self.shared.report(Side::Feed, Some(code));
                    let jitter = u32::from_ne_bytes(random::bytes());
                    let delay = match healing {
                        Healing::Soon => backoff.failed(jitter),
                        Healing::Slow => backoff.refused(jitter),
                    };
                    wait = 0;
                    if !self.errands.wait(Some(Duration::from_millis(delay))) {
                        return;
                    }
                }
            }
        }
    }

    /// The ledger's last entry, if it is another one than the repository was told of.
    fn unanchored(&self) -> Option<LedgerAnchor> {
        match self.shared.source.anchor() {
            Ok((_, 0, _)) => None,
            Ok((_, sequence, _)) if self.anchored.load(Ordering::Relaxed) == sequence => None,
            Ok((ledger, sequence, hash)) => Some(LedgerAnchor { ledger, sequence, hash: hex::encode(hash) }),
            Err(error) => {
                tracing::warn!(%error, "the ledger's last entry cannot be read");
                None
            }
        }
    }

    /// Asks once and carries out what comes; `None` when it is time to go.
    fn poll(&self, enrolment: &Arc<Enrolment>, wait: u64) -> Option<Result<(), (&'static str, Healing)>> {
        let after = match self.shared.store.feed_after() {
            Ok(after) => after,
            Err(error) => {
                tracing::error!(%error, "the feed's position cannot be read");
                return Some(Err((STATE_FAILED, Healing::Soon)));
            }
        };
        // Only once the repository has answered: one that is away is found out by the feed alone. The errand holds
        // nothing that is open, since it may outlast this thread.
        let head = if wait > 0 { self.unanchored() } else { None };
        let (client, who, anchored) = (self.shared.client.clone(), enrolment.clone(), self.anchored.clone());
        let answer = self.errands.run(move || {
            if let Some(head) = head {
                anchor(&client, &who, &head, &anchored);
            }
            client.feed(&who.key, &who.epoch, after, wait)
        })?;
        Some(match answer {
            Ok(answer) => {
                let done = self.shared.feed.carry_out(&self.shared, &enrolment.epoch, &answer);
                let rests = matches!(done, Ok(false)) && !answer.items.is_empty();
                if rests && !self.errands.wait(Some(NEWS_PAUSE)) {
                    return None;
                }
                done.map(drop).map_err(|code| (code, Healing::Soon))
            }
            // Refused under an enrolment that has been replaced meanwhile: no failure of the new one.
            Err(_) if self.shared.enrolment().is_ok_and(|now| !Arc::ptr_eq(&now, enrolment)) => Ok(()),
            Err(error) => Err(error.judge()),
        })
    }
}

/// Tells the repository of the ledger's last entry: nobody can cut the ledger off or replace it afterwards unnoticed.
/// What fails is tried again with the next poll.
fn anchor(client: &Client, enrolment: &Enrolment, head: &LedgerAnchor, anchored: &AtomicU64) {
    match client.put_anchor(&enrolment.key, head) {
        Ok(()) => anchored.store(head.sequence, Ordering::Relaxed),
        Err(CallError::Refused(problem)) if problem.status == 409 => {
            tracing::error!(
                "the repository remembers another ledger than this window has; run `yidang archive verify`"
            );
        }
        // Among others: a repository of an earlier version.
        Err(error) => tracing::debug!(code = error.judge().0, "the ledger was not anchored"),
    }
}
