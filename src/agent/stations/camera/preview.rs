//! One client of a camera's preview.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use yidang_device::{DeviceCondition, DeviceError, PreviewWish};

use super::clients::Shot;
use super::keeper::Keeper;

/// How long to wait for a frame, or for a rest, before looking whether this client was sent away.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A frame that comes this much of the interval after the one before is in time: cameras do not count exactly.
const IN_TIME: f32 = 0.8;

/// Somebody who watches. Dropped, it no longer does; with the last one the camera rests.
pub(crate) struct Preview {
    keeper: Arc<Keeper>,
    number: u64,
    latest: watch::Receiver<Option<Arc<Shot>>>,
    rest: watch::Receiver<bool>,
    /// Least time between two frames, and when the last one was given.
    interval: Duration,
    given_at: Option<Instant>,
}

impl Preview {
    pub(super) fn new(keeper: Arc<Keeper>, number: u64, wish: &PreviewWish) -> Self {
        let (latest, rest) = (keeper.shared.clients.listen(), keeper.shared.rest.subscribe());
        let interval = Duration::from_secs(1).mul_f32(IN_TIME) / wish.rate.max(1);
        Self { keeper, number, latest, rest, interval, given_at: None }
    }

    /// The camera's id.
    pub(crate) fn camera(&self) -> &str {
        &self.keeper.shared.id
    }

    /// The next frame that is due, the newest there is by then; `None`: none came for a second. `Err`: there is
    /// no more.
    pub(crate) async fn next(&mut self) -> Result<Option<Arc<Shot>>, DeviceError> {
        if let Some(given_at) = self.given_at {
            tokio::time::sleep_until(given_at + self.interval).await;
        }
        self.ask()?;
        // One that was there already when the last was given is not new.
        let came = tokio::time::timeout(ASK_EVERY, self.latest.changed()).await;
        self.ask()?;
        let shot = match came {
            Ok(Ok(())) => self.latest.borrow_and_update().clone(),
            _ => None,
        };
        if shot.is_some() {
            self.given_at = Some(Instant::now());
        }
        Ok(shot)
    }

    /// Waits until a page lies at rest; at once where one does already. `Err`: the camera went away.
    pub(crate) async fn at_rest(&mut self) -> Result<(), DeviceError> {
        loop {
            self.ask()?;
            if *self.rest.borrow_and_update() {
                return Ok(());
            }
            // Rings, or it is time to ask again: both look anew.
            let _ = tokio::time::timeout(ASK_EVERY, self.rest.changed()).await;
        }
    }

    fn ask(&self) -> Result<(), DeviceError> {
        let gone = || DeviceError::new(DeviceCondition::NotFound, "the preview has ended");
        self.keeper.shared.clients.ask(self.number).map_err(|why| why.unwrap_or_else(gone))
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        self.keeper.shared.clients.leave(self.number);
    }
}
