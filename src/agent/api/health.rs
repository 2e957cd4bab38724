//! `GET /v1/health`.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// That the service answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The program's version.
    version: &'static str,
}

/// Answers without a token and tells nothing about anyone.
#[utoipa::path(get, path = "/v1/health", tag = "service", security(()), responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
