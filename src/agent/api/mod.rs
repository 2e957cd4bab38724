//! The local API, `/v1`: one file per resource.

mod cameras;
pub(crate) mod captures;
pub(crate) mod card;
mod erasures;
mod events;
pub(crate) mod extract;
pub(crate) mod faults;
mod health;
mod holders;
mod image;
mod materials;
mod openapi;
mod operator;
mod pairings;
mod partial;
pub(crate) mod previews;
mod simulated;
mod status;
mod sync;
pub(crate) mod vocabulary;
mod words;

pub(crate) use captures::LIFETIME_MS as CAPTURE_LIFETIME_MS;
pub(crate) use extract::pass_over;
pub use openapi::document;
pub(crate) use operator::watch_sessions;
pub(crate) use words::{CodeBody, QualityBody, degrees};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::{console, docs, guard};

/// Largest JSON body.
const JSON_BYTES_MAX: usize = 256 << 10;
/// Largest upload: one picture of a 16-megapixel camera as PNG fits.
pub(crate) const UPLOAD_BYTES_MAX: usize = 32 << 20;

/// Every call there is. The OpenAPI document is made from this same list.
fn calls(simulated: bool) -> OpenApiRouter<Shared> {
    let router = OpenApiRouter::with_openapi(openapi::header())
        .routes(routes!(health::health))
        .routes(routes!(status::status))
        .routes(routes!(events::events))
        .routes(routes!(card::read))
        .routes(routes!(holders::open))
        .routes(routes!(holders::close))
        .routes(routes!(pairings::request, pairings::list))
        .routes(routes!(pairings::collect))
        .routes(routes!(pairings::decide))
        .routes(routes!(operator::sign_in, operator::read, operator::sign_out))
        .routes(routes!(operator::lock))
        .routes(routes!(cameras::list))
        .routes(routes!(cameras::adjust))
        .routes(routes!(previews::ticket))
        .routes(routes!(previews::preview))
        .routes(routes!(captures::unfiled))
        .routes(routes!(captures::left))
        .routes(routes!(captures::take_over))
        .routes(routes!(captures::image))
        .routes(routes!(captures::discard))
        .routes(routes!(materials::file))
        .routes(routes!(materials::of_holder))
        .routes(routes!(materials::one))
        .routes(routes!(materials::image))
        .routes(routes!(materials::document))
        .routes(routes!(materials::refile))
        .routes(routes!(erasures::request))
        .routes(routes!(erasures::one))
        .routes(routes!(sync::sync))
        .routes(routes!(openapi::openapi))
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX));
    let uploads = OpenApiRouter::new()
        .routes(routes!(captures::capture))
        .layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX));
    let router = router.merge(uploads);
    if !simulated {
        return router;
    }
    router
        .routes(routes!(simulated::card))
        .routes(routes!(simulated::desk, simulated::names))
        .routes(routes!(simulated::fault))
        .routes(routes!(simulated::faults))
        .routes(routes!(simulated::scenario))
        .routes(routes!(simulated::reset))
}

/// The whole service, our own pages and the guard included.
pub(crate) fn service(app: Shared) -> Router {
    let (router, _) = calls(app.simulation.is_some()).split_for_parts();
    let pages = router.merge(console::routes()).merge(docs::routes());
    guard::around(app.clone(), pages.with_state(app))
}
