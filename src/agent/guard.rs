//! The outermost layer: who may talk to this service at all, and how refusals are written.
//!
//! Runs before routing, so that a page that may not call learns nothing about what is here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Language;
use crate::api::pass_over;
use crate::app::Shared;
use crate::caller::bearer;
use crate::clients::{Client, Place, held};
use crate::problem::{Code, Problem};
use crate::tokens::is_origin;

/// Headers a page may send.
const ALLOWED_HEADERS: &str = "authorization, content-type, accept-language, idempotency-key, yidang-operator, yidang-session, last-event-id, if-none-match, range, if-range";
/// Methods a page may use.
const ALLOWED_METHODS: &str = "GET, POST, PUT, PATCH, DELETE";

/// Where a page that is not known may ask to be, and fetch what came of it.
const PAIRING: [&str; 2] = ["/v1/pairings", "/v1/pairings/collect"];

/// By which way a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Where it was listened for.
    pub(crate) address: SocketAddr,
    /// Whether by https.
    pub(crate) is_tls: bool,
}

impl Arrival {
    fn scheme(self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }
}

/// Checks `Host` and `Origin`, answers preflights, and writes problems out in the caller's language.
pub(crate) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let (mut response, admitted) = match admit(&app, &request) {
        _ if is_coded_oddly(request.headers()) => (unreadable(language), false),
        Err(problem) => {
            tracing::warn!(code = problem.code.as_str(), "a request was refused at the door");
            (problem.render(language), false)
        }
        Ok(()) if request.method() == Method::OPTIONS => (preflight(), true),
        Ok(()) => match enter(&app, &mut request) {
            Ok(place) => {
                let response = written_out(next.run(request).await, language);
                (place.into_iter().fold(response, held), true)
            }
            Err(problem) => {
                pass_over(request).await;
                (written_out(problem.into_response(), language), true)
            }
        },
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if admitted {
        let whoever_asks = HeaderValue::from_static("cross-origin");
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), whoever_asks);
    }
    if let (true, Some(origin)) = (admitted, origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "retry-after, content-disposition, content-language, etag, content-range, accept-ranges",
            ),
        );
    }
    response
}

/// Whether the body's end is told in a way on which readers of HTTP differ. What follows such a request on its connection
/// might be a part of it that somebody wants taken for another request.
pub(crate) fn is_coded_oddly(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::TRANSFER_ENCODING);
    codings.iter().count() > 1
        || codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// A refusal after which the connection is closed.
fn unreadable(language: Language) -> Response {
    let mut response = Problem::invalid("the transfer coding is not `chunked` alone").render(language);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn admit(app: &Shared, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let came = request.extensions().get::<Arrival>();
    let own = *came.ok_or(Code::HostDenied)?;
    let named = single(headers, &header::HOST)?.ok_or(Code::HostDenied)?;
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let is_own = |host: &str| is_own_host(host, own.scheme(), own.address);
    if !is_own(named) || authority.is_some_and(|a| !is_own(a)) {
        return Err(Code::HostDenied.into());
    }
    match single(headers, &header::ORIGIN).map_err(|_| Code::OriginDenied)? {
        Some(origin) if may_call(app, origin)? || may_pair(app, request, origin) => Ok(()),
        Some(_) => Err(Code::OriginDenied.into()),
        // Browsers leave `Origin` out of plain cross-site GETs (pictures, forms, links); they say so here.
        None if is_cross_site(headers) => Err(Code::OriginDenied.into()),
        None => Ok(()),
    }
}

/// Lets a client's call in that is known by its token, and hands the token on. Who has none is the calls' own matter.
fn enter(app: &Shared, request: &mut Request) -> Result<Option<Place>, Problem> {
    let Ok(secret) = bearer(request.headers()) else { return Ok(None) };
    let Ok(Some(token)) = app.tokens.find(secret) else { return Ok(None) };
    let place = app.clients.enter(Client::Token(token.id), &token.name, Instant::now())?;
    request.extensions_mut().insert(token);
    Ok(Some(place))
}

/// The header's only value; two of them are a trick.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Code::HostDenied.into());
    }
    first.map(|v| v.to_str().map_err(|_| Problem::from(Code::HostDenied))).transpose()
}

/// Whether these are this service's names: the loopback ones, and the address it listens on.
pub(crate) fn is_own_host(host: &str, scheme: &str, own: SocketAddr) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // Within the brackets of an IPv6 address there is no port.
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, if scheme == "https" { "443" } else { "80" }),
    };
    let listens_on = match own.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    port == own.port().to_string()
        && ["127.0.0.1", "localhost", "[::1]", &listens_on]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
}

fn may_call(app: &Shared, origin: &str) -> Result<bool, Problem> {
    if app.is_own_page(origin) || app.config.origins.iter().any(|o| o == origin) {
        return Ok(true);
    }
    app.tokens.has_origin(origin).map_err(|e| Problem::new(Code::StorageFailed, e.to_string()))
}

/// Whether a page that is not known yet may ask to be: at the two calls that give nothing but that, and only a page
/// whose origin is one.
fn may_pair(app: &Shared, request: &Request, origin: &str) -> bool {
    app.config.pairing && PAIRING.contains(&request.uri().path()) && is_origin(origin)
}

/// Whether the origin is that of pages that are served here.
pub(crate) fn is_own_origin(origin: &str, scheme: &str, own: SocketAddr) -> bool {
    let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    host.is_some_and(|host| is_own_host(host, scheme, own))
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    let value = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    matches!(value("sec-fetch-site"), "cross-site" | "same-site") && value("sec-fetch-mode") != "navigate"
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOWED_METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    // Obsolete since Local Network Access, harmless, and what browsers of the years between still ask for.
    headers.insert(
        HeaderName::from_static("access-control-allow-private-network"),
        HeaderValue::from_static("true"),
    );
    response
}

/// Problems carry no language inside; bare refusals of the framework become problems here.
fn written_out(mut response: Response, language: Language) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let status = response.status();
        if status.is_server_error() {
            let detail = problem.detail.as_deref().unwrap_or_default();
            tracing::error!(code = problem.code.as_str(), detail, "a call failed");
        }
        let mut rendered = problem.render(language);
        if problem.code == Code::TooMany {
            // Connections are few: whoever is told to wait does not keep one until then.
            rendered.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        return rendered;
    }
    let code = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::NOT_FOUND => Code::RouteUnknown,
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            Code::Invalid
        }
        _ => return response,
    };
    let allow = response.headers_mut().remove(header::ALLOW);
    let mut rendered = Problem::from(code).render(language);
    if let Some(allow) = allow {
        rendered.headers_mut().insert(header::ALLOW, allow);
    }
    rendered
}

/// The layer around everything, to be put around the router itself: it must see a request first.
pub(crate) fn around(app: Shared, router: axum::Router) -> axum::Router {
    let layer = axum::middleware::from_fn_with_state(Arc::clone(&app), guard);
    // A router that only has a fallback runs its layers before any routing of the inner one.
    axum::Router::new().fallback_service(router).layer(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "127.0.0.1:18680";

    fn own(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn only_the_loopback_names_with_the_right_port_are_ours() {
        for host in ["127.0.0.1:18680", "localhost:18680", "LocalHost:18680", "[::1]:18680"] {
            assert!(is_own_host(host, "http", own(OWN)), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.2:18680",
            "evil.example:18680",
            "127.0.0.1:18680.evil.example",
            "localhost:018680",
            "127.0.0.1.evil.example:18680",
            "",
            "127.0.0.1:",
            "0.0.0.0:18680",
            "LOCALHOST.:18680",
            "[::1]",
            "[::1]18680",
            "::1:18680",
        ] {
            assert!(!is_own_host(host, "http", own(OWN)), "{host}");
        }
        assert!(is_own_host("localhost", "http", own("127.0.0.1:80")));
        assert!(is_own_host("[::1]", "http", own("[::1]:80")));
        assert!(is_own_host("127.0.0.2:18680", "http", own("127.0.0.2:18680")));
    }

    #[test]
    fn own_origins_are_plain_http_on_the_same_port() {
        assert!(is_own_origin("http://127.0.0.1:18680", "http", own(OWN)));
        for origin in ["https://127.0.0.1:18680", "http://127.0.0.1:1", "null", "http://evil.example"] {
            assert!(!is_own_origin(origin, "http", own(OWN)), "{origin}");
        }
        assert!(is_own_origin("https://localhost:18680", "https", own(OWN)));
        assert!(is_own_origin("https://localhost", "https", own("127.0.0.1:443")));
        for origin in ["http://localhost:18680", "https://localhost", "https:///localhost:18680", "https"] {
            assert!(!is_own_origin(origin, "https", own(OWN)), "{origin}");
        }
    }
}
