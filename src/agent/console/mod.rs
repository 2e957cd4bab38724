//! `GET /console/`: the page for the clerk, from files that are part of the program.
//!
//! Loading it needs no token: it holds nothing of anyone's. Every call it makes to `/v1` needs one. The guard stands
//! before it as before everything else.

#[cfg(test)]
mod tests;

use axum::Router;

use crate::web_page::{WebPage, assets};

/// What the page may do. It loads from this service alone, runs only the scripts that are its files, and is shown in
/// nobody's frame. `blob:` is for pictures: they come by calls with the token, which no `<img>` can send. Trusted types
/// keep even a mistake in the page from making markup of a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
const PAGE: WebPage = WebPage { path: "/console/", path_bare: "/console", policy: POLICY, assets: ASSETS };

assets! {
    "index.html" HTML,
    "console.css" CSS,
    "icon.svg" SVG,
    "calls.js" JS,
    "dialogs.js" JS,
    "elements.js" JS,
    "events.js" JS,
    "filing.js" JS,
    "hand.js" JS,
    "history.js" JS,
    "keys.js" JS,
    "kinds.js" JS,
    "left.js" JS,
    "main.js" JS,
    "nocard.js" JS,
    "notices.js" JS,
    "pages.js" JS,
    "pairing.js" JS,
    "person.js" JS,
    "pictures.js" JS,
    "preview.js" JS,
    "quality.js" JS,
    "refile.js" JS,
    "seat.js" JS,
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
    PAGE.routes()
}
