//! Pages of our own, from files that are part of the program: how they are answered, and what browsers let them do.
//!
//! Loading one needs no token: it holds nothing of anyone's. The guard stands before it as before everything else.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Redirect, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const JS: &str = "text/javascript; charset=utf-8";
pub(crate) const SVG: &str = "image/svg+xml";

/// What goes with every file, beside its type and the page's policy.
const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    // Kept, and asked for anew each time: after an update no file of the page before goes with one of the new.
    ("cache-control", "no-cache"),
];

/// A file of a page.
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: &'static [u8],
}

/// The list of a page's files, which lie in the folder `page` beside the source that lists them; `index.html` is the
/// page itself.
macro_rules! assets {
    ($($name:literal $media_type:ident,)+) => {
        const ASSETS: &[$crate::web_page::Asset] = &[$($crate::web_page::Asset {
            name: $name,
            media_type: $crate::web_page::$media_type,
            bytes: include_bytes!(concat!("page/", $name)),
        },)+];
    };
}
pub(crate) use assets;

/// A page.
pub(crate) struct WebPage {
    /// Where it is, with the last stroke.
    pub(crate) path: &'static str,
    /// The same without.
    pub(crate) path_bare: &'static str,
    /// What it may do, as a `Content-Security-Policy`.
    pub(crate) policy: &'static str,
    pub(crate) assets: &'static [Asset],
}

impl WebPage {
    /// The page's addresses.
    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(&'static self) -> Router<S> {
        let to_page = || async { Redirect::permanent(self.path) };
        self.assets.iter().fold(Router::new().route(self.path_bare, get(to_page)), |router, asset| {
            let name = if asset.name == "index.html" { "" } else { asset.name };
            let answer = async move |headers: HeaderMap| self.answer(asset, &headers);
            router.route(&format!("{}{name}", self.path), get(answer))
        })
    }

    /// The file, or that the browser's copy is still the right one.
    fn answer(&self, asset: &Asset, asked: &HeaderMap) -> Response {
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
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(self.policy));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}
