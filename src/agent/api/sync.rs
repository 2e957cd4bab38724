//! `GET /v1/sync`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::vocabulary::RepositoryState;
use crate::app::Shared;
use crate::caller::Caller;

/// How far the repository is behind this window.
#[derive(Serialize, ToSchema)]
#[schema(as = Sync)]
pub(crate) struct SyncBody {
    /// How this window stands with the repository.
    #[schema(value_type = RepositoryState)]
    repository: &'static str,
    /// Materials that are on file here and not committed centrally, those the repository refused among them.
    backlog_materials: u64,
    /// The size of their pictures.
    backlog_bytes: u64,
    /// When the repository last answered; null: not since the start.
    #[schema(format = DateTime)]
    last_contact_at: Option<String>,
    /// The stable code of what went wrong last; with nothing else wrong, why the repository refused a material, and
    /// before the enrolment, what keeps it from coming about. Null when nothing did.
    last_error: Option<String>,
}

impl SyncBody {
    pub(crate) fn of(app: &Shared) -> Self {
        let Some(sync) = &app.sync else {
            return Self {
                repository: "none",
                backlog_materials: 0,
                backlog_bytes: 0,
                last_contact_at: None,
                last_error: None,
            };
        };
        let status = sync.status();
        Self {
            repository: status.repository,
            backlog_materials: status.backlog_materials,
            backlog_bytes: status.backlog_bytes,
            last_contact_at: status.last_contact_at.map(|t| t.to_string()),
            last_error: status.last_error,
        }
    }
}

/// Whether everything is committed centrally.
///
/// A backlog of 0 means yes. A refused material stays in it and is offered again at each start and enrolment. Answers at once from what the sync worker knows; the repository is not asked.
#[utoipa::path(get, path = "/v1/sync", tag = "service", operation_id = "readSync",
    responses((status = 200, description = "How far the repository is behind.", body = SyncBody)))]
pub(crate) async fn sync(State(app): State<Shared>, _caller: Caller) -> Json<SyncBody> {
    Json(SyncBody::of(&app))
}
