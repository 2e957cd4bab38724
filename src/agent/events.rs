//! What happened at this window, told to every program that listens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::clock;

/// Events kept for listeners that come back.
const KEPT: usize = 1024;

/// One event. Its data names devices and materials by their opaque identifiers, never a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Rises with every event, also across restarts.
    pub(crate) id: u64,
    /// `card.inserted`, `card.removed`, `device.lost`, `device.found`, `page.outline`, `page.settled`,
    /// `material.filed`, `material.refiled`, `material.erased`, `capture.expiring`, `sync.progress`, `sync.rejected`,
    /// `pairing.requested`, `pairing.decided`, `operator.signed_in`, `operator.signed_out`, `operator.locked`. More may
    /// come. `device.lost` and `device.found` are
    /// about the card reader in use, one following the other where a better one takes its place, and about every
    /// camera. While somebody watches a camera's preview, `page.outline` tells where the page lies in it as that
    /// changes, and `page.settled`, once for every paper, that it has come to rest. Of outlines only the newest is
    /// kept for listeners that come back.
    #[schema(rename = "type")]
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// When it happened.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// What it is about: `device` and its `type`, `material`, or nothing; of a clerk's session `client`, the token's
    /// name, and `resumed` or `reason` (`asked`, `switched`, `idle`, `expired`); for a page `camera`, `corners` (null: no
    /// whole page), `cut` (of an outline: a page runs out of the picture), `confidence`, and `width` and `height` of the preview's frame that the corners are counted in.
    #[schema(value_type = Object)]
    pub(crate) data: Map<String, Value>,
}

struct Kept {
    events: VecDeque<Event>,
    last: u64,
}

/// The last events, and a bell for those who wait for the next.
pub(crate) struct Events {
    kept: Mutex<Kept>,
    bell: watch::Sender<u64>,
    over: AtomicBool,
}

impl Events {
    /// Starts counting where no earlier run can have counted: at the wall clock's milliseconds, which rise
    /// faster than events come.
    pub(crate) fn new() -> Self {
        let first = u64::try_from(clock::now().as_millis()).unwrap_or_default();
        Self {
            kept: Mutex::new(Kept { events: VecDeque::with_capacity(KEPT), last: first }),
            bell: watch::Sender::new(first),
            over: AtomicBool::new(false),
        }
    }

    /// Tells everyone. `data` must be free of personal data.
    pub(crate) fn publish(&self, kind: &'static str, data: Value) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.add(&mut kept, kind, data);
    }

    /// The same for what is soon out of date: the one before about the same thing, as this field names it, is
    /// not kept, so that many of them do not drive out what others wait for.
    pub(crate) fn publish_latest(&self, kind: &'static str, about: &str, data: Value) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.events.retain(|e| e.kind != kind || e.data.get(about) != data.get(about));
        self.add(&mut kept, kind, data);
    }

    fn add(&self, kept: &mut Kept, kind: &'static str, data: Value) {
        kept.last += 1;
        let id = kept.last;
        let data = match data {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back(Event { id, kind, at: clock::now().to_string(), data });
        // Rung while the lock is held, so that the bell never runs ahead of or behind the list.
        self.bell.send_replace(id);
    }

    /// The events after this one that are still kept, and the last event's id.
    pub(crate) fn after(&self, id: u64) -> (Vec<Event>, u64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.events.iter().filter(|e| e.id > id).cloned().collect(), kept.last)
    }

    /// The last event's id.
    pub(crate) fn last(&self) -> u64 {
        *self.bell.borrow()
    }

    /// The daemon stops: whoever listens is not to wait for more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        // Rung without an event, so that everyone looks.
        self.bell.send_modify(|_| {});
    }

    /// Whether there is nothing left to wait for.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Rings with each event's id, and at the end.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_catch_up_from_where_they_were() {
        let events = Events::new();
        let start = events.last();
        events.publish("card.inserted", serde_json::json!({"device": "r"}));
        events.publish("card.removed", Value::Null);
        let (all, last) = events.after(start);
        assert_eq!(all.iter().map(|e| e.kind).collect::<Vec<_>>(), ["card.inserted", "card.removed"]);
        assert_eq!(last, start + 2);
        assert_eq!(events.after(start + 1).0.len(), 1);
        assert!(events.after(last).0.is_empty());
    }

    #[test]
    fn what_is_out_of_date_drives_nothing_out() {
        let events = Events::new();
        let start = events.last();
        events.publish("material.filed", Value::Null);
        for n in 0..KEPT + 10 {
            let camera = if n % 2 == 0 { "a" } else { "b" };
            events.publish_latest("page.outline", "camera", serde_json::json!({"camera": camera, "n": n}));
        }
        let (kept, last) = events.after(start);
        assert_eq!(
            kept.iter().map(|e| e.kind).collect::<Vec<_>>(),
            ["material.filed", "page.outline", "page.outline"]
        );
        assert_eq!((kept[1].id, kept[2].id), (last - 1, last));
    }

    #[test]
    fn the_end_rings_for_everyone() {
        let events = Events::new();
        let mut bell = events.listen();
        bell.borrow_and_update();
        events.end();
        assert!(bell.has_changed().unwrap() && events.is_over());
        assert!(events.after(events.last()).0.is_empty(), "it is no event");
    }

    #[test]
    fn only_the_last_events_are_kept() {
        let events = Events::new();
        let start = events.last();
        for _ in 0..KEPT + 10 {
            events.publish("sync.progress", Value::Null);
        }
        assert_eq!(events.after(start).0.len(), KEPT);
    }
}
