//! Who watches a camera's preview, and the one frame that all of them are shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, watch};
use yidang_device::{DeviceError, Frame, PreviewWish};

use super::held;

/// Who has not asked for a frame for this long is gone, whatever its connection says.
const SILENT_MAX: Duration = Duration::from_secs(20);

/// A frame of the preview.
pub(crate) struct Shot {
    /// Rises with every frame.
    pub(crate) number: u64,
    /// The camera's own bytes.
    pub(crate) frame: Frame,
}

struct Client {
    wish: PreviewWish,
    asked_at: Instant,
    /// Held as long as it watches.
    _place: OwnedSemaphorePermit,
}

#[derive(Default)]
struct State {
    watching: BTreeMap<u64, Client>,
    /// Of the client that came last.
    number: u64,
    /// Why those who are not among the watching any more were sent away.
    ended: Option<DeviceError>,
    over: bool,
}

/// Those who watch one camera.
pub(super) struct Clients {
    state: Mutex<State>,
    /// Rings when somebody comes, and at the end.
    bell: Condvar,
    latest: watch::Sender<Option<Arc<Shot>>>,
}

impl Clients {
    /// Nobody yet.
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), bell: Condvar::new(), latest: watch::Sender::new(None) }
    }

    /// One more; its number.
    pub(super) fn come(&self, wish: PreviewWish, place: OwnedSemaphorePermit) -> u64 {
        let mut state = held(&self.state);
        state.number += 1;
        let number = state.number;
        state.watching.insert(number, Client { wish, asked_at: Instant::now(), _place: place });
        self.bell.notify_all();
        number
    }

    /// One fewer.
    pub(super) fn leave(&self, number: u64) {
        held(&self.state).watching.remove(&number);
    }

    /// Takes note that this one still asks. `Err`: it was sent away, for this reason where there is one.
    pub(super) fn ask(&self, number: u64) -> Result<(), Option<DeviceError>> {
        let mut state = held(&self.state);
        match state.watching.get_mut(&number) {
            Some(client) => {
                client.asked_at = Instant::now();
                Ok(())
            }
            None => Err(state.ended.clone()),
        }
    }

    /// Sends everybody away.
    pub(super) fn end(&self, why: Option<&DeviceError>) {
        let mut state = held(&self.state);
        state.watching.clear();
        state.ended = why.cloned();
        // Everybody looks whether it is still there.
        self.latest.send_replace(None);
    }

    /// What would do for everybody; `None`: nobody watches.
    pub(super) fn wish(&self) -> Option<PreviewWish> {
        let mut state = held(&self.state);
        state.watching.retain(|_, client| client.asked_at.elapsed() < SILENT_MAX);
        let wishes = state.watching.values().map(|client| client.wish);
        wishes.reduce(|a, b| PreviewWish {
            width_max: a.width_max.max(b.width_max),
            height_max: a.height_max.max(b.height_max),
            rate: a.rate.max(b.rate),
        })
    }

    /// Shows everybody this frame in the place of the one before: who is slow has missed that.
    pub(super) fn show(&self, frame: Frame) {
        self.latest.send_modify(|latest| {
            let number = latest.as_ref().map_or(0, |shot| shot.number) + 1;
            *latest = Some(Arc::new(Shot { number, frame }));
        });
    }

    /// Forgets the last frame: who comes next is not to see what lay there before.
    pub(super) fn forget(&self) {
        self.latest.send_if_modified(|latest| latest.take().is_some());
    }

    /// The last frame, and a bell that rings with each.
    pub(super) fn listen(&self) -> watch::Receiver<Option<Arc<Shot>>> {
        self.latest.subscribe()
    }

    /// Blocks until somebody watches; `false`: nobody ever will.
    pub(super) fn wait_for_one(&self) -> bool {
        let state = held(&self.state);
        let waited = self.bell.wait_while(state, |state| !state.over && state.watching.is_empty());
        !waited.unwrap_or_else(std::sync::PoisonError::into_inner).over
    }

    /// Nobody comes any more.
    pub(super) fn stop(&self) {
        held(&self.state).over = true;
        self.bell.notify_all();
        self.end(None);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;
    use yidang_model::Origin;

    use super::*;

    fn place(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        places.clone().try_acquire_owned().unwrap()
    }

    #[test]
    fn one_preview_does_for_everybody_and_ends_with_the_last() {
        let (clients, places) = (Clients::new(), Arc::new(Semaphore::new(2)));
        assert_eq!(clients.wish(), None);
        let small = PreviewWish { width_max: 640, height_max: 480, rate: 25 };
        let large = PreviewWish { width_max: 1920, height_max: 1080, rate: 5 };
        let (first, second) = (clients.come(small, place(&places)), clients.come(large, place(&places)));
        assert_eq!(clients.wish(), Some(PreviewWish { width_max: 1920, height_max: 1080, rate: 25 }));
        clients.leave(second);
        assert_eq!((clients.wish(), places.available_permits()), (Some(small), 1));
        clients.leave(first);
        assert_eq!((clients.wish(), places.available_permits()), (None, 2));
    }

    #[test]
    fn who_is_slow_sees_the_newest_frame_and_who_was_sent_away_learns_why() {
        let (clients, places) = (Clients::new(), Arc::new(Semaphore::new(1)));
        let wish = PreviewWish { width_max: 640, height_max: 480, rate: 5 };
        let client = clients.come(wish, place(&places));
        let latest = clients.listen();
        for byte in 1..=3 {
            clients.show(Frame { bytes: vec![byte], origin: Origin::Device });
        }
        assert_eq!(latest.borrow().as_ref().map(|s| (s.number, s.frame.bytes[0])), Some((3, 3)));
        assert_eq!(clients.ask(client), Ok(()));
        let lost = DeviceError::new(yidang_device::DeviceCondition::Lost, "unplugged");
        clients.end(Some(&lost));
        assert_eq!(clients.ask(client), Err(Some(lost)));
        assert!(latest.borrow().is_none() && places.available_permits() == 1);
    }
}
