//! The thread that scrubs: so many bytes a second, and none while something is being filed.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::storage::BlobName;
use crate::{Archive, ArchiveError};

/// Bytes read between two looks whether anyone is filing; one blob may go beyond.
const STEP_BYTES: u64 = 1 << 20;
/// How long the scrub stands back while something is being filed.
const STAND_BACK: Duration = Duration::from_millis(200);
/// How long it rests when a round is through, or when a step failed.
const REST: Duration = Duration::from_secs(60);
/// However slow it may read, a pause is no longer.
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// Hears which blobs a step found damaged, on the scrub's thread.
pub type DamageListener = Box<dyn FnMut(&[BlobName]) + Send>;

/// A scrub that runs. Dropped, it stops after its step.
pub struct Scrubber {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Scrubber {
    /// Starts the thread, which reads so many bytes a second on average, at least 1.
    pub fn start(
        archive: Archive,
        bytes_per_second: u64,
        mut listener: DamageListener,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&stop);
        let work = move || {
            let mut pause = Duration::ZERO;
            while !waited(&told, pause) {
                pause = if archive.is_writing() {
                    STAND_BACK
                } else {
                    after_step(&archive, bytes_per_second, &mut listener)
                };
            }
            if let Err(error) = archive.save_scrub() {
                tracing::warn!(%error, "how far the scrub has come is not written down");
            }
        };
        let thread = std::thread::Builder::new().name("archive-scrub".to_owned()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Scrubber {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was its end already.
            let _ = thread.join();
        }
    }
}

/// Does a step; how long to wait after it.
fn after_step(archive: &Archive, bytes_per_second: u64, listener: &mut DamageListener) -> Duration {
    match archive.scrub_step(STEP_BYTES) {
        Ok(step) => {
            if !step.damaged.is_empty() {
                listener(&step.damaged);
            }
            if step.rests { REST } else { pause_for(step.blob_bytes, bytes_per_second) }
        }
        Err(ArchiveError::Closed) => PAUSE_MAX,
        Err(error) => {
            tracing::warn!(%error, "a step of the scrub failed");
            REST
        }
    }
}

/// How long bytes that were read must last.
fn pause_for(blob_bytes: u64, bytes_per_second: u64) -> Duration {
    let millis = u128::from(blob_bytes) * 1000 / u128::from(bytes_per_second.max(1));
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).min(PAUSE_MAX)
}

/// Waits so long; `true` once the scrub is to stop.
fn waited(stop: &(Mutex<bool>, Condvar), pause: Duration) -> bool {
    let stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = stop.1.wait_timeout_while(stopped, pause, |stopped| !*stopped);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_paid_for_in_time() {
        assert_eq!(pause_for(1 << 20, 1 << 20), Duration::from_secs(1));
        assert_eq!(pause_for(300_000, 1_000_000), Duration::from_millis(300));
        assert_eq!(pause_for(0, 1), Duration::ZERO);
        assert_eq!(pause_for(u64::MAX, 0), PAUSE_MAX);
    }
}
