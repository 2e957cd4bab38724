//! `GET /v1/health`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use yidang_archive::{Archive, LedgerState};

use super::vocabulary::{ArchiveState, ServiceState};
use crate::app::Shared;

/// That the service answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`: a service that is not well does not answer.
    #[schema(value_type = ServiceState)]
    status: &'static str,
    /// The program's version.
    version: &'static str,
    /// What this service knows of its archive. `GET /v1/status` says more, `yidang archive verify` all.
    #[schema(value_type = ArchiveState)]
    archive: &'static str,
}

/// Whether the service answers.
///
/// Needs no token and tells nothing about anyone. Touches neither devices nor archive, and answers at once: of the archive
/// it says what is known already.
#[utoipa::path(get, path = "/v1/health", tag = "service", operation_id = "checkHealth",
    responses((status = 200, description = "The service answers.", body = Health)))]
pub(crate) async fn health(State(app): State<Shared>) -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), archive: known(&app.archive).as_str() })
}

/// From memory alone.
fn known(archive: &Archive) -> LedgerState {
    if archive.quarantined().is_empty() { archive.ledger_state() } else { LedgerState::Damaged }
}
