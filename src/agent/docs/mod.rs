//! `GET /v1/docs`: the reference for who writes window programs, rendered from `/v1/openapi.json` by files that are
//! part of the program. Nothing in it is the page's own: what the document says of calls, schemas and codes it shows.

#[cfg(test)]
mod tests;

use axum::Router;

use crate::web_page::{WebPage, assets};

/// What the page may do: load from this service alone, and run only the scripts that are its files. Trusted types
/// keep even a mistake in the page from making markup of a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
const PAGE: WebPage = WebPage { path: "/v1/docs/", path_bare: "/v1/docs", policy: POLICY, assets: ASSETS };

assets! {
    "index.html" HTML,
    "docs.css" CSS,
    "icon.svg" SVG,
    "calls.js" JS,
    "codes.js" JS,
    "elements.js" JS,
    "main.js" JS,
    "prose.js" JS,
    "schemas.js" JS,
    "search.js" JS,
    "words.js" JS,
}

/// The page's addresses.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    PAGE.routes()
}
