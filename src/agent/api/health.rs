//! `GET /v1/health`.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::vocabulary::ServiceState;

/// That the service answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`: a service that is not well does not answer.
    #[schema(value_type = ServiceState)]
    status: &'static str,
    /// The program's version.
    version: &'static str,
}

/// Whether the service answers.
///
/// Needs no token and tells nothing about anyone. Touches neither devices nor archive, and answers at once.
#[utoipa::path(get, path = "/v1/health", tag = "service", operation_id = "checkHealth",
    responses((status = 200, description = "The service answers.", body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
