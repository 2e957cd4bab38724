//! The thread that enrols this window with a code from its configuration, once the repository is there.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use yidang_sync::backoff::Backoff;
use yidang_sync::machine::Healing;
use yidang_sync::wire::EnrolAnswer;

use super::SyncError;
use super::errand::{Bell, Errands, Stop};
use super::error::{CallError, STATE_FAILED};
use super::shared::{Shared, Side};
use crate::random;

pub(super) struct Enroller {
    shared: Arc<Shared>,
    errands: Errands<Result<EnrolAnswer, CallError>>,
    stop: Stop,
    /// Wake the threads that wait for an enrolment.
    others: Vec<Arc<dyn Bell>>,
    code: String,
    counter: String,
}

impl Enroller {
    pub(super) fn new(
        shared: Arc<Shared>,
        errands: Errands<Result<EnrolAnswer, CallError>>,
        stop: Stop,
        others: Vec<Arc<dyn Bell>>,
        code: String,
        counter: String,
    ) -> Self {
        Self { shared, errands, stop, others, code, counter }
    }

    /// Tries until the window is enrolled, by whomever, until the code is refused, or until told to stop. Says
    /// when the first try is over.
    pub(super) fn run(self, tell: &SyncSender<()>) {
        let mut backoff = Backoff::default();
        while !self.stop.is_set() && self.shared.enrolment().is_err() {
            let Some(tried) = self.enrol() else { return };
            let waits = match tried {
                Ok(()) => {
                    self.others.iter().for_each(|bell| bell.ring());
                    None
                }
                Err((code, Some(healing))) => {
                    self.shared.report(Side::Enrol, Some(code));
                    let jitter = u32::from_ne_bytes(random::bytes());
                    Some(match healing {
                        Healing::Soon => backoff.failed(jitter),
                        Healing::Slow => backoff.refused(jitter),
                    })
                }
                Err((code, None)) => {
                    tracing::error!(code, "this window is not enrolled: its configured code does not serve");
                    self.shared.report(Side::Enrol, Some(code));
                    None
                }
            };
            // Nobody may be waiting any more.
            let _ = tell.try_send(());
            let Some(delay) = waits else { return };
            if !self.errands.wait(Some(Duration::from_millis(delay))) {
                return;
            }
        }
    }

    /// One try; `None` when it is time to go. On an error its stable code, and what may mend it: nothing, where
    /// another try with this code cannot help.
    fn enrol(&self) -> Option<Result<(), (&'static str, Option<Healing>)>> {
        let (client, code, counter) = (self.shared.client.clone(), self.code.clone(), self.counter.clone());
        let answer = self.errands.run(move || client.enrol(&code, &counter))?;
        Some(match answer {
            Ok(answer) => self.take_up(answer),
            Err(error) => {
                let is_final = matches!(&error, CallError::Refused(p) if !matches!(p.status, 408 | 429));
                let (code, healing) = error.judge();
                Err((code, (!is_final).then_some(healing)))
            }
        })
    }

    fn take_up(&self, answer: EnrolAnswer) -> Result<(), (&'static str, Option<Healing>)> {
        let _turn = self.shared.enrolling();
        if self.shared.enrolment().is_ok() {
            // Someone has enrolled it meanwhile, with a code of their own.
            return Ok(());
        }
        self.shared.take_up(answer).map_err(|error| {
            tracing::error!(%error, "an enrolment cannot be kept");
            match error {
                SyncError::Protocol => (yidang_sync::machine::REPOSITORY_PROTOCOL, None),
                _ => (STATE_FAILED, None),
            }
        })
    }
}
