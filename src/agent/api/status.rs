//! `GET /v1/status`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use yidang_device::{Access, DeviceListing};

use super::extract::blocking;
use super::sync::SyncBody;
use super::vocabulary::{DeviceState, DeviceType, LedgerState, PhotoDecoderState};
use crate::app::Shared;
use crate::caller::Caller;
use crate::control::{LedgerFigures, ScrubFigures};
use crate::photo::PhotoDecoder;
use crate::problem::Problem;
use crate::stations::StationState;

/// How this window stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// The program's version.
    version: &'static str,
    /// This window, as the configuration names it.
    counter: String,
    /// The card reader and the camera in use, or that there is none; after each the others that are there.
    devices: Vec<Device>,
    /// What turns compressed photos into portraits.
    photo_decoder: PhotoDecoderBody,
    /// The archive in figures.
    archive: ArchiveBody,
    /// How far the repository is behind.
    sync: SyncBody,
}

/// One device, or its absence.
#[derive(Serialize, ToSchema)]
struct Device {
    /// What it is.
    #[schema(value_type = DeviceType)]
    r#type: &'static str,
    /// Whether it can be used.
    #[schema(value_type = DeviceState)]
    state: &'static str,
    /// Stable identifier; null while there is no device.
    id: Option<String>,
    /// As its maker calls it.
    name: Option<String>,
    /// The driver in use.
    driver: Option<String>,
    /// Why this one is in use, or is not; why there is none; what would open it. And what the driver did that
    /// it must not.
    reason: Option<String>,
}

/// The operator's photo decoder.
#[derive(Serialize, ToSchema)]
#[schema(as = PhotoDecoder)]
struct PhotoDecoderBody {
    /// Whether it can be used.
    #[schema(value_type = PhotoDecoderState)]
    state: &'static str,
    /// Why it cannot be used, or what it is not kept from.
    reason: Option<String>,
}

impl PhotoDecoderBody {
    fn of(decoder: Option<&PhotoDecoder>) -> Self {
        let Some(decoder) = decoder else { return Self { state: "none", reason: None } };
        match decoder.absent() {
            Some(reason) => Self { state: "absent", reason: Some(reason) },
            None => Self { state: "ready", reason: decoder.exposed().map(str::to_owned) },
        }
    }
}

/// The archive in figures.
#[derive(Serialize, ToSchema)]
#[schema(as = Archive)]
struct ArchiveBody {
    /// Filed materials.
    materials: u64,
    /// Stored pictures.
    blobs: u64,
    /// People and organisations with a dossier here.
    holders: u64,
    /// Captures that wait to be filed.
    unfiled: u64,
    /// Number of the ledger's last entry.
    ledger_head: u64,
    /// Number of the key epoch; rises when people are forgotten.
    epoch: u32,
    /// When every picture had last been read back; null: not yet.
    #[schema(format = DateTime)]
    scrubbed_at: Option<String>,
    /// Pictures that were found damaged then.
    scrub_damaged: u64,
    /// Damaged pictures that are moved aside and not repaired yet.
    quarantined: u64,
    /// What is known of the ledger: it is read through once after each start, and what comes to harm later is noticed at the next.
    #[schema(value_type = LedgerState)]
    ledger: String,
    /// Places of the ledger, and captures that waited, that are missing or did not open; also those that were lost before the
    /// ledger was made anew of what was left of it. An audit counts the places alone: a capture says nothing of anybody.
    ledger_left_out: u64,
}

/// The device in use, or that there is none, and the others that are there.
fn devices(kind: &'static str, state: StationState) -> Vec<Device> {
    let with_trouble = |reason: Option<String>| match (reason, &state.trouble) {
        (Some(reason), Some(trouble)) => Some(format!("{reason}; {trouble}")),
        (reason, trouble) => reason.or_else(|| trouble.clone()),
    };
    let first = match state.device {
        Some(listing) => {
            let reason = with_trouble(state.why);
            Device { reason, ..listed(kind, listing, state.note, String::new()) }
        }
        None => Device {
            r#type: kind,
            state: "absent",
            id: None,
            name: None,
            driver: None,
            reason: with_trouble(Some(state.note)),
        },
    };
    let others = state.others.into_iter();
    let others = others.map(|other| listed(kind, other.device, other.driver.to_owned(), other.reason));
    std::iter::once(first).chain(others).collect()
}

fn listed(kind: &'static str, listing: DeviceListing, driver: String, reason: String) -> Device {
    let (state, reason) = match listing.access {
        Access::Granted => ("ready", reason),
        Access::Denied { remedy } => ("denied", remedy),
    };
    Device {
        r#type: kind,
        state,
        id: Some(listing.id),
        name: Some(listing.name),
        driver: Some(driver),
        reason: Some(reason),
    }
}

/// Devices with access rights, archive, sync.
///
/// Answers at once from what is known of the devices; no device is asked.
#[utoipa::path(get, path = "/v1/status", tag = "service", operation_id = "readStatus",
    responses((status = 200, description = "How this window stands.", body = Status)))]
pub(crate) async fn status(State(app): State<Shared>, _caller: Caller) -> Result<Json<Status>, Problem> {
    let archive = app.archive.clone();
    let figures = move || Ok((archive.stats()?, ScrubFigures::of(&archive), LedgerFigures::of(&archive)?));
    let (stats, scrub, ledger) = blocking(figures).await?;
    let mut found = devices("card_reader", app.card.state());
    found.extend(devices("camera", app.camera.state()));
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        counter: app.config.counter.clone(),
        devices: found,
        photo_decoder: PhotoDecoderBody::of(app.photos.as_ref()),
        archive: ArchiveBody {
            materials: stats.materials,
            blobs: stats.blobs,
            holders: stats.holders,
            unfiled: stats.unfiled,
            ledger_head: stats.ledger_head,
            epoch: stats.epoch,
            scrubbed_at: scrub.last_ended_at,
            scrub_damaged: scrub.last_damaged,
            quarantined: scrub.quarantined,
            ledger: ledger.state,
            ledger_left_out: ledger.left_out,
        },
        sync: SyncBody::of(&app),
    }))
}
