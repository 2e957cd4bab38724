//! The thread that waits for the repository's news.

use std::sync::Arc;
use std::time::Duration;

use yidang_sync::backoff::Backoff;
use yidang_sync::limits::FEED_WAIT_MAX_S;
use yidang_sync::machine::Healing;

use super::enrolment::Enrolment;
use super::errand::{Bell, Errands, Stop};
use super::error::STATE_FAILED;
use super::hearing::{Heard, Question};
use super::shared::{Shared, Side};
use crate::random;

/// How long news rests that has to wait for what is being sent.
const NEWS_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Poller {
    shared: Arc<Shared>,
    errands: Errands<Heard>,
    stop: Stop,
    /// Wakes the pushing thread when the repository is back.
    other: Arc<dyn Bell>,
}

impl Poller {
    pub(super) fn new(
        shared: Arc<Shared>,
        errands: Errands<Heard>,
        stop: Stop,
        other: Arc<dyn Bell>,
    ) -> Self {
        Self { shared, errands, stop, other }
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

    /// Asks once and carries out what comes; `None` when it is time to go.
    fn poll(&self, enrolment: &Arc<Enrolment>, wait: u64) -> Option<Result<(), (&'static str, Healing)>> {
        let question = match Question::new(&self.shared, wait) {
            Ok(question) => question,
            Err(error) => {
                tracing::error!(%error, "the feed's position cannot be read");
                return Some(Err((STATE_FAILED, Healing::Soon)));
            }
        };
        // The errand holds nothing that is open, since it may outlast this thread.
        let (client, who) = (self.shared.client.clone(), enrolment.clone());
        let heard = self.errands.run(move || question.ask(&client, &who))?;
        Some(match heard.compare(&self.shared) {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => {
                let done = self.shared.feed.carry_out(&self.shared, &enrolment.epoch, &answer);
                let rests = matches!(done, Ok(false)) && !answer.items.is_empty();
                if rests && !self.errands.wait(Some(NEWS_PAUSE)) {
                    return None;
                }
                done.map(drop).map_err(|code| (code, Healing::Soon))
            }
            // Refused under an enrolment that has been replaced meanwhile: no failure of the new one.
            Err(_) if self.shared.enrolment().is_ok_and(|now| !Arc::ptr_eq(&now, enrolment)) => Ok(()),
            failure => failure.map(drop),
        })
    }
}
