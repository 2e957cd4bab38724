//! `GET /v1/openapi.json`: made from the handlers themselves.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, OpenApiBuilder, SecurityRequirement};

use crate::app::Shared;
use crate::problem::ProblemDocument;

/// What stands above the calls.
pub(super) fn header() -> OpenApi {
    let mut info = Info::new("Yidang local API", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "One localhost API for every window program: cards, captures, dossiers. Errors are RFC 9457 problem \
         documents (`application/problem+json`) with a stable `code`, in Chinese unless `Accept-Language` asks \
         for English. `Idempotency-Key` is honoured on every call that changes something."
            .into(),
    );
    let mut components = Components::new();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    let (name, schema) =
        (<ProblemDocument as utoipa::ToSchema>::name(), <ProblemDocument as utoipa::PartialSchema>::schema());
    components.schemas.insert(name.into_owned(), schema);
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new("token", Vec::<String>::new())]))
        .build()
}

/// The whole document, as pretty JSON; with or without the simulated desk's calls.
pub fn document(simulated: bool) -> String {
    let (_, api) = super::calls(simulated).split_for_parts();
    api.to_pretty_json().unwrap_or_default()
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "service", security(()),
    responses((status = 200, content_type = "application/json", body = Object)))]
pub(crate) async fn openapi(State(app): State<Shared>) -> Response {
    let mut response = Response::new(Body::from(document(app.simulation.is_some())));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
