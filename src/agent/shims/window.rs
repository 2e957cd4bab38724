//! What a shim may do at this window.

use std::time::{Duration, Instant};

use axum::response::Response;
use yidang_archive::Actor;
use yidang_device::{Access, PreviewWish, RawCard, ReadWish};
use yidang_idcard::IdCard;

use super::portrait::{PortraitForm, portrait};
use crate::api::captures::keep_from_camera;
use crate::api::card::{Portrait, interpret};
use crate::api::faults;
use crate::api::previews;
use crate::app::Shared;
use crate::clients::{Client, PlaceKind};
use crate::page_wish::PageWish;
use crate::problem::{Code, Problem};
use crate::stations::{Description, Known};

/// Longest wait for a card, whatever a page asks for: it asks again.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// What these pages show in an `<img>`.
const PREVIEW: PreviewWish = PreviewWish { width_max: 1920, height_max: 1080, rate: 15 };

/// The window, in the shim's name. Cheap to clone.
#[derive(Clone)]
pub(super) struct Window {
    app: Shared,
    /// As the ledger names the caller.
    client: &'static str,
}

/// A card that was read.
pub(super) struct Reading {
    pub(super) card: IdCard,
    raw: RawCard,
}

/// A page that was captured and waits to be filed.
pub(super) struct Captured {
    /// The capture's identifier in the local API.
    pub(super) id: String,
    /// The page's file.
    pub(super) page: Vec<u8>,
}

impl Reading {
    /// The card's text block, which tells it from others.
    pub(super) fn text(&self) -> &[u8] {
        &self.raw.text
    }
}

impl Window {
    pub(super) fn new(app: Shared, client: &'static str) -> Self {
        Self { app, client }
    }

    /// Reads the card, waiting so long for one to come, two minutes at most. Never its fingerprint; opens nobody's dossier.
    pub(super) async fn read_card(&self, wait: Duration) -> Result<Reading, Problem> {
        self.spend()?;
        let _place = self.app.clients.take(self.counted(), PlaceKind::CardReading)?;
        let user = self.app.card_users.enter(self.client);
        let read = self.app.card.read(ReadWish { fingerprint: false }, wait.min(WAIT_MAX)).await;
        let raw = read.map_err(|error| user.explain(faults::card(&error)))?;
        Ok(Reading { card: interpret(&raw)?, raw })
    }

    /// The portrait in base64; empty where there is none or nobody can decode it.
    pub(super) async fn portrait(&self, reading: &Reading, form: PortraitForm) -> String {
        match Portrait::of(&self.app, &reading.raw).await.picture {
            Some(picture) => portrait(picture, form).await,
            None => String::new(),
        }
    }

    /// As what is counted of it.
    const fn counted(&self) -> Client {
        Client::Shim(self.client)
    }

    fn spend(&self) -> Result<(), Problem> {
        self.app.clients.spend(self.counted(), self.client, Instant::now())
    }

    /// Whether a reader is there.
    pub(super) fn has_reader(&self) -> bool {
        self.app.card.state().device.is_some()
    }

    /// The cameras that can be used, the preferred one first.
    pub(super) async fn cameras(&self) -> Vec<Known> {
        let all = self.app.camera.all().await;
        all.into_iter().filter(|known| known.device.access == Access::Granted).collect()
    }

    /// The camera of this number, from 0.
    async fn camera(&self, number: usize) -> Result<Known, Problem> {
        self.cameras().await.into_iter().nth(number).ok_or_else(|| Code::CameraAbsent.into())
    }

    /// What the camera of this number can do.
    pub(super) async fn describe(&self, number: usize) -> Result<Description, Problem> {
        let known = self.camera(number).await?;
        let described = self.app.camera.describe(&known.device.id, Vec::new()).await;
        described.map_err(|error| faults::camera(&error))
    }

    /// Takes a picture with the camera of this number, and keeps it as a capture.
    pub(super) async fn capture(&self, number: usize, wish: PageWish) -> Result<Captured, Problem> {
        self.spend()?;
        let known = self.camera(number).await?;
        let by = Actor { client: self.client.to_owned(), operator: None };
        let (id, page) = keep_from_camera(&self.app, self.counted(), &known.device.id, wish, by).await?;
        Ok(Captured { id: id.to_string(), page })
    }

    /// The preview of the camera of this number, until its reader goes or `may_go_on` says no.
    pub(super) async fn preview(
        &self,
        number: usize,
        may_go_on: impl Fn() -> bool + Send + 'static,
    ) -> Result<Response, Problem> {
        self.spend()?;
        let place = self.app.clients.take(self.counted(), PlaceKind::Preview)?;
        let known = self.camera(number).await?;
        let watched = self.app.camera.preview(Some(&known.device.id), PREVIEW).await;
        let preview = watched.map_err(|error| faults::camera(&error))?.ok_or(Code::TooMany)?;
        previews::show(self.app.clone(), preview, place, move |_| may_go_on()).await
    }
}
