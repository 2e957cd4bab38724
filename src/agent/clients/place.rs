//! What only so many of one client's calls may have at once.

use std::sync::Arc;

use super::{Client, Clients};
use crate::problem::Advice;

/// What is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    /// A call, from its head to the last byte of its answer.
    Call,
    /// A stream of events, or a poll that waits for one.
    Listener,
    /// A preview, or a wait for a paper to come to rest.
    Preview,
    /// Work on a picture, or a place in the queue for it.
    Picture,
    /// A reading of the card, or a wait for one.
    CardReading,
}

impl PlaceKind {
    pub(super) const ALL: [Self; 5] =
        [Self::Call, Self::Listener, Self::Preview, Self::Picture, Self::CardReading];

    /// How many one client may have. Whatever all clients share (connections, previews, turns for pictures, readings) has
    /// twice as many or more, so that one alone cannot take them all. A browser opens six connections to an address: a page
    /// of thumbnails has that many pictures in work.
    pub(crate) const fn max(self) -> u16 {
        match self {
            Self::Call => 48,
            Self::Listener => 16,
            Self::Preview => 4,
            Self::Picture => 6,
            Self::CardReading => 8,
        }
    }

    /// After how many seconds to ask again. Nobody can know when one is given back: calls soon are, listeners stay.
    pub(super) const fn retry_after_s(self) -> u64 {
        match self {
            Self::Call | Self::Picture | Self::CardReading => 1,
            Self::Listener | Self::Preview => 30,
        }
    }

    /// For the problem's detail.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Call => "calls",
            Self::Listener => "event streams and waiting polls",
            Self::Preview => "previews and waits for a paper",
            Self::Picture => "pictures in work",
            Self::CardReading => "card readings",
        }
    }
}

pub(super) const FULL: Advice = Advice {
    what: ["该程序同时进行的同类操作已达上限。", "This program has as many of these under way as it may."],
    remedy: [
        "请等前面的操作结束，或关闭不用的页面、预览和事件连接；其他程序不受影响。",
        "Wait until some have ended, or close pages, previews and event streams that are not needed; other programs are served.",
    ],
};

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) clients: Arc<Clients>,
    pub(super) client: Client,
    pub(super) kind: PlaceKind,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clients.give_back(self.client, self.kind);
    }
}
