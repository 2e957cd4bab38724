//! Who may call a shim.
//!
//! As at the local API nobody gets in by another host's name. But old pages carry no token, and load scripts and pictures
//! without saying their origin, so here a page must always be known: by `Origin`, or by `Referer` where a browser leaves
//! that out. Refused are: an origin that is not listed, `null`, a call with neither header, a page that hides its address
//! (`Referrer-Policy: no-referrer`), a link or a form (`Sec-Fetch-Mode: navigate`), and where no origin is said, whatever is
//! not loaded as the call is meant to be (`Sec-Fetch-Dest`). Programs of this PC can write any header: who has one that must
//! not read cards must not turn a shim on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::call::Call;
use super::window::Window;
use super::{Kind, LoadedAs, Shim};
use crate::Language;
use crate::api::pass_over;
use crate::app::Shared;
use crate::clients::{Client, held};
use crate::guard::{is_coded_oddly, is_own_host, single};
use crate::problem::{Advice, Code, Problem};

/// Methods and headers that a page may use after asking.
const ALLOWED_METHODS: &str = "GET, POST";
const ALLOWED_HEADERS: &str = "content-type, x-requested-with";

const NOT_LISTED: Advice = Advice {
    what: [
        "该网页来源不在这项兼容服务的名单里，或请求没有说明来自哪个网页。",
        "This page is not on the list of this compatibility service, or the request does not say which page it comes from.",
    ],
    remedy: [
        "请管理员把网页来源写入配置 [[shims]] 的 origins；网页不得隐藏来源（Referrer-Policy: no-referrer）。",
        "Have an administrator list the page's origin under `origins` of `[[shims]]`; the page must not hide its address \
         (`Referrer-Policy: no-referrer`).",
    ],
};

struct Door {
    app: Shared,
    kind: &'static Kind,
    shim: Arc<dyn Shim>,
    origins: Vec<String>,
    address: SocketAddr,
}

/// The whole of a shim: its door, and the shim behind.
pub(super) fn service(app: Shared, kind: &'static Kind, origins: Vec<String>, address: SocketAddr) -> Router {
    let door = Arc::new(Door { app, kind, shim: (kind.open)(), origins, address });
    // Paths of these services are none to routers: everything falls through to the shim.
    Router::new().fallback(move |request: Request| async move { door.clone().pass(request).await })
}

/// Which header made the page known.
#[derive(Clone, Debug, PartialEq, Eq)]
enum KnownBy {
    Origin(String),
    Referer,
}

impl Door {
    async fn pass(self: Arc<Self>, request: Request) -> Response {
        let headers = request.headers().clone();
        let language = Language::of(&headers);
        let known_by = match admit(&headers, request.uri().authority().is_some(), self.address, &self.origins)
        {
            Ok(known_by) => known_by,
            Err(problem) => return self.refuse(&problem, language),
        };
        let entered = self.app.clients.enter(Client::Shim(self.kind.name), self.kind.name, Instant::now());
        let answered = match entered {
            Ok(place) => self.answer(request, &headers, &known_by).await.map(|answer| held(answer, place)),
            Err(problem) => {
                pass_over(request).await;
                Err(problem)
            }
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(problem) if problem.code == Code::OriginDenied => return self.refuse(&problem, language),
            Err(problem) => problem.render(language),
        };
        dress(&mut response, Some(&known_by));
        response
    }

    async fn answer(
        &self,
        request: Request,
        headers: &HeaderMap,
        known_by: &KnownBy,
    ) -> Result<Response, Problem> {
        if request.method() == Method::OPTIONS {
            return Ok(preflight());
        }
        if request.method() != Method::GET && request.method() != Method::POST {
            return Err(Code::MethodNotAllowed.into());
        }
        let call = Call::read(request).await?;
        if *known_by == KnownBy::Referer && !is_loaded_as(headers, self.shim.loaded_as(&call)) {
            return Err(denied());
        }
        self.shim.answer(Window::new(self.app.clone(), self.kind.name), call).await
    }

    /// Such a page is told nothing, not even by the browser that it was refused.
    fn refuse(&self, problem: &Problem, language: Language) -> Response {
        tracing::warn!(
            shim = self.kind.name,
            code = problem.code.as_str(),
            "a request was refused at the door"
        );
        let mut response = problem.render(language);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        dress(&mut response, None);
        response
    }
}

fn denied() -> Problem {
    Problem::from(Code::OriginDenied).with_advice(NOT_LISTED)
}

fn admit(
    headers: &HeaderMap,
    is_proxied: bool,
    own: SocketAddr,
    origins: &[String],
) -> Result<KnownBy, Problem> {
    let host = single(headers, &header::HOST)?.ok_or(Code::HostDenied)?;
    if is_proxied || !is_own_host(host, "http", own) {
        return Err(Code::HostDenied.into());
    }
    if is_coded_oddly(headers) {
        return Err(Problem::invalid("the transfer coding is not `chunked` alone"));
    }
    if said(headers, "sec-fetch-mode") == Some("navigate") {
        return Err(denied());
    }
    let is_listed = |origin: &str| origins.iter().any(|listed| listed == origin);
    match single(headers, &header::ORIGIN).map_err(|_| denied())? {
        Some(origin) if is_listed(origin) => Ok(KnownBy::Origin(origin.to_owned())),
        Some(_) => Err(denied()),
        None => {
            let referer = single(headers, &header::REFERER).map_err(|_| denied())?.ok_or_else(denied)?;
            if is_listed(origin_of(referer)) { Ok(KnownBy::Referer) } else { Err(denied()) }
        }
    }
}

/// `https://host:port/path` → `https://host:port`. What is no address of a page is on no list.
fn origin_of(address: &str) -> &str {
    let Some((scheme, rest)) = address.split_once("://") else { return "" };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    &address[..scheme.len() + 3 + host]
}

fn is_loaded_as(headers: &HeaderMap, meant: LoadedAs) -> bool {
    match (said(headers, "sec-fetch-dest"), meant) {
        // Kernels that old do not say; what they load without an origin is a script or a picture, or a request of a page
        // that the user put among the trusted ones.
        (None, _) => true,
        (Some("script"), LoadedAs::Script) | (Some("image"), LoadedAs::Picture) => true,
        (Some(_), _) => false,
    }
}

fn said<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOWED_METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    let private = HeaderName::from_static("access-control-allow-private-network");
    headers.insert(private, HeaderValue::from_static("true"));
    response
}

/// What goes with every answer.
fn dress(response: &mut Response, known_by: Option<&KnownBy>) {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin, Referer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if known_by.is_some() {
        let whoever_asks = HeaderValue::from_static("cross-origin");
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), whoever_asks);
    }
    if let Some(KnownBy::Origin(origin)) = known_by
        && let Ok(origin) = HeaderValue::from_str(origin)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "http://window.example";

    fn known_by(lines: &[(&'static str, &str)]) -> Result<KnownBy, Code> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8989"));
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let own = "127.0.0.1:8989".parse().unwrap();
        admit(&headers, false, own, &[LISTED.to_owned()]).map_err(|problem| problem.code)
    }

    #[test]
    fn a_page_is_known_by_its_origin_or_by_its_address_alone() {
        assert_eq!(known_by(&[("origin", LISTED)]), Ok(KnownBy::Origin(LISTED.into())));
        // The origin decides where there is one.
        assert_eq!(
            known_by(&[("origin", LISTED), ("referer", "http://x/")]),
            Ok(KnownBy::Origin(LISTED.into()))
        );
        for referer in ["http://window.example", "http://window.example/", "http://window.example/a?b=c"] {
            assert_eq!(known_by(&[("referer", referer)]), Ok(KnownBy::Referer), "{referer}");
        }
        for lines in [
            &[][..],
            &[("sec-fetch-site", "none")],
            &[("origin", "null")],
            &[("origin", "null"), ("referer", "http://window.example/")],
            &[("origin", "http://evil.example"), ("referer", "http://window.example/")],
            &[("origin", LISTED), ("origin", LISTED)],
            &[("referer", "http://window.example/"), ("referer", "http://window.example/")],
            &[("referer", "http://window.example.evil.example/")],
            &[("referer", "http://window.example@evil.example/")],
            &[("referer", "http://window.example:80/")],
            &[("referer", "https://window.example/")],
            &[("referer", "http://evil.example/http://window.example/")],
            &[("referer", "http://window.example\\.evil.example/")],
            &[("referer", "about:client")],
            &[("origin", LISTED), ("sec-fetch-mode", "navigate")],
            &[("referer", "http://window.example/"), ("sec-fetch-mode", "navigate")],
        ] {
            assert_eq!(known_by(lines), Err(Code::OriginDenied), "{lines:?}");
        }
    }

    #[test]
    fn what_comes_without_an_origin_must_be_loaded_as_it_is_meant_to_be() {
        let loaded = |dest: Option<&'static str>, meant| {
            let mut headers = HeaderMap::new();
            if let Some(dest) = dest {
                headers.insert("sec-fetch-dest", HeaderValue::from_static(dest));
            }
            is_loaded_as(&headers, meant)
        };
        assert!(loaded(Some("script"), LoadedAs::Script) && loaded(Some("image"), LoadedAs::Picture));
        assert!(loaded(None, LoadedAs::Data));
        for (dest, meant) in [
            ("image", LoadedAs::Script),
            ("image", LoadedAs::Data),
            ("script", LoadedAs::Data),
            ("script", LoadedAs::Picture),
            ("empty", LoadedAs::Data),
            ("iframe", LoadedAs::Script),
            ("object", LoadedAs::Picture),
            ("", LoadedAs::Script),
        ] {
            assert!(!loaded(Some(dest), meant), "{dest}");
        }
    }
}
