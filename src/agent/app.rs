//! Everything a call may need, in one place.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;
use yidang_archive::Archive;
use yidang_model::Material;

use crate::clients::Clients;
use crate::clock::date_at_counter;
use crate::config::Config;
use crate::events::Events;
use crate::guard::is_own_origin;
use crate::holders::Holders;
use crate::operators::{Operators, Sessions};
use crate::pairings::Pairings;
use crate::photo::PhotoDecoder;
use crate::recent::RecentFilings;
use crate::replay::Replays;
use crate::simulation::Simulation;
use crate::stations::{CameraStation, CardStation};
use crate::sync::Upstream;
use crate::tickets::Tickets;
use crate::tokens::Tokens;
use crate::tray::Tray;
use crate::users::Users;

/// Pictures that are worked on at once: more would only fight for the cores.
pub(crate) const PICTURES_AT_ONCE: usize = 2;
/// Captures that may wait for their turn, each with a body of up to 32 MiB in memory.
pub(crate) const PICTURES_WAITING: usize = 10;

/// The running agent. Shared by every call.
pub(crate) struct App {
    pub(crate) config: Config,
    /// Where it really listens: the configured port may be 0.
    pub(crate) address: SocketAddr,
    /// Where it serves https; `None`: nowhere.
    pub(crate) tls_address: Option<SocketAddr>,
    pub(crate) archive: Archive,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) operators: Arc<Operators>,
    pub(crate) sessions: Sessions,
    /// How much each client asks for.
    pub(crate) clients: Arc<Clients>,
    /// How much waits to be filed.
    pub(crate) tray: Tray,
    pub(crate) holders: Arc<Holders>,
    pub(crate) recent: RecentFilings,
    pub(crate) replays: Replays,
    pub(crate) events: Arc<Events>,
    pub(crate) card: Arc<CardStation>,
    /// Who uses the card reader.
    pub(crate) card_users: Users,
    pub(crate) camera: CameraStation,
    /// Tickets for previews.
    pub(crate) tickets: Tickets,
    /// Requests for tokens.
    pub(crate) pairings: Pairings,
    /// Answers to those who have no token yet: they push out nobody else's.
    pub(crate) pairing_replays: Replays,
    /// `None`: no decoder is configured.
    pub(crate) photos: Option<PhotoDecoder>,
    pub(crate) simulation: Option<Arc<dyn Simulation>>,
    /// `None`: the agent works alone.
    pub(crate) sync: Option<Arc<dyn Upstream>>,
    /// Turns for picture work.
    pub(crate) pictures: Arc<Semaphore>,
    /// Places in the queue for those turns.
    pub(crate) picture_queue: Arc<Semaphore>,
}

pub(crate) type Shared = Arc<App>;

impl App {
    /// Whether the origin is that of this daemon's own pages, plain or by https.
    pub(crate) fn is_own_page(&self, origin: &str) -> bool {
        is_own_origin(origin, "http", self.address)
            || self.tls_address.is_some_and(|address| is_own_origin(origin, "https", address))
    }

    /// Whether a paper's term is over: it is shown to nobody, and waits to be disposed of.
    pub(crate) fn is_restricted(&self, material: &Material) -> bool {
        let retention = &self.config.retention;
        !retention.0.is_empty() && retention.is_over(material, date_at_counter(self.archive.now()))
    }
}
