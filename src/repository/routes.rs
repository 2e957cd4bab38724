//! Which address answers what.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use yidang_sync::wire::Health;

use crate::Language;
use crate::problem::{Code, Problem};
use crate::repository::Repository;
use crate::{anchors, commits, enrolment, feed, heads, reading, uploads};

/// The whole HTTP interface.
pub(crate) fn routes(repository: Arc<Repository>) -> Router {
    Router::new()
        .route("/v1/health", get(health))
        .route("/v1/agents/enrol", post(enrolment::enrol))
        .route("/v1/blobs/missing", post(uploads::missing))
        .route("/v1/blobs/{digest}", put(uploads::upload).get(reading::blob))
        .route("/v1/commits", post(commits::commit))
        .route("/v1/uploads/{digest}", get(reading::own_blob))
        .route("/v1/anchor", put(anchors::put).get(anchors::get))
        .route("/v1/head", post(heads::head))
        .route("/v1/feed", get(feed::feed))
        .route("/v1/holders/materials", post(reading::materials))
        .fallback(async || Problem::from(Code::RouteUnknown))
        .method_not_allowed_fallback(async || Problem::from(Code::MethodNotAllowed))
        .layer(from_fn(finish))
        .with_state(repository)
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Writes problems out in the caller's language, and keeps every answer out of caches.
async fn finish(request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem.render(language),
        None => {
            let no_store = HeaderValue::from_static("no-store");
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
            response
        }
    }
}
