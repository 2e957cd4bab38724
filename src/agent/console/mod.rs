//! `GET /console/`: the page for the clerk, from files that are part of the program.
//!
//! Loading it needs no token: it holds nothing of anyone's. Every call it makes to `/v1` needs one. The guard stands
//! before it as before everything else.

#[cfg(test)]
mod tests;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Redirect, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

/// Where the page is.
const PATH: &str = "/console/";
/// What the page may do. It loads from this service alone, runs only the scripts that are its files, and is shown in
/// nobody's frame. `blob:` is for pictures: they come by calls with the token, which no `<img>` can send. Trusted types
/// keep even a mistake in the page from making markup of a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
/// What goes with every file, beside its type.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    // Kept, and asked for anew each time: after an update no file of the page before goes with one of the new.
    ("cache-control", "no-cache"),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the page.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal $media_type:ident,)+) => {
        /// The page's files; `index.html` is the page itself.
        const ASSETS: &[Asset] = &[$(Asset {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!(concat!("page/", $name)),
        },)+];
    };
}

assets! {
    "index.html" HTML,
    "console.css" CSS,
    "icon.svg" SVG,
    "calls.js" JS,
    "dialogs.js" JS,
    "elements.js" JS,
    "events.js" JS,
    "filing.js" JS,
    "history.js" JS,
    "keys.js" JS,
    "kinds.js" JS,
    "main.js" JS,
    "nocard.js" JS,
    "notices.js" JS,
    "pages.js" JS,
    "pairing.js" JS,
    "person.js" JS,
    "pictures.js" JS,
    "preview.js" JS,
    "quality.js" JS,
    "session.js" JS,
    "signin.js" JS,
    "simulated.js" JS,
    "status.js" JS,
    "tray.js" JS,
    "viewer.js" JS,
    "words.js" JS,
}

/// The page's addresses.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let to_page = || async { Redirect::permanent(PATH) };
    ASSETS.iter().fold(Router::new().route("/console", get(to_page)), |router, asset| {
        let name = if asset.name == "index.html" { "" } else { asset.name };
        router.route(&format!("{PATH}{name}"), get(async move |headers: HeaderMap| answer(asset, &headers)))
    })
}

/// The file, or that the browser's copy is still the right one.
fn answer(asset: &Asset, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(asset.bytes)[..16]));
    let known = asked.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_known = known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag);
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(asset.bytes) });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
