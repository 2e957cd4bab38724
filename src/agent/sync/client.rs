//! HTTP to the repository: bounded in time and size, redirects never followed.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::AsSendBody;
use ureq::http::{Method, Request, Response, header};
use yidang_model::{Digest, Timestamp};
use yidang_sync::limits::{BLOB_SIZE_MAX, BLOBS_ASKED_MAX, COMMIT_ENTRIES_MAX, FEED_WAIT_MAX_S};
use yidang_sync::wire::{
    AnchorAnswer, BlobSize, CommitAnswer, EnrolAnswer, EnrolRequest, FeedAnswer, GRANT_HEADER, HeadAnswer,
    HeadRequest, LedgerAnchor, MaterialsAnswer, MaterialsRequest, MissingAnswer, MissingRequest,
    RepositoryHead,
};

use super::error::{CallError, refusal, time_for};
use crate::clock;

/// How long a connection may take to come about, names and TLS included.
const CONNECT_WAIT: Duration = Duration::from_secs(3);
/// How long a window waits for an answer.
const ASK_WAIT: Duration = Duration::from_secs(10);
/// How long it waits for an answer to begin that a clerk is waiting for: a repository that works has begun long
/// before.
const CLERK_WAIT: Duration = Duration::from_secs(3);
/// Beyond its own wait, a feed answer may take so long.
const FEED_GRACE: Duration = Duration::from_secs(10);
/// Longest answer about a dossier or from the feed, in bytes: an erasure of a person names every material.
const LONG_ANSWER_MAX: u64 = 16 << 20;
/// Longest answer of any other sort, in bytes: a digest with quotes and comma is 67 bytes, a result about 120.
const ANSWER_MAX: u64 = 256 * (BLOBS_ASKED_MAX + COMMIT_ENTRIES_MAX) as u64;
/// Idle connections kept open: uploads, the feed, and a look.
const IDLE_MAX: usize = 8;
/// Connections idle longer than this are not used again, since the other side may be closing them.
const IDLE_AGE_MAX: Duration = Duration::from_secs(10);

/// The repository by its address. Cheap to share; every call blocks.
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
    last_contact: AtomicI64,
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    key: Option<&'a str>,
    grant: Option<&'a str>,
    body: Option<&'a [u8]>,
    within: Duration,
    /// For the first byte of the answer, once the request is out; `None`: as long as for the whole.
    begins_within: Option<Duration>,
    answer_max: u64,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a str, key: Option<&'a str>) -> Self {
        let body = None;
        let (grant, begins_within) = (None, None);
        Self { method, path, key, grant, body, within: ASK_WAIT, begins_within, answer_max: ANSWER_MAX }
    }
}

impl Client {
    /// A client of the repository at this address, `http` or `https`; `None` if it is no such address.
    pub(super) fn new(url: &str) -> Option<Self> {
        let uri: ureq::http::Uri = url.parse().ok()?;
        let named = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if !named || uri.query().is_some() {
            return None;
        }
        if uri.scheme_str() == Some("http") && !is_loopback(uri.host().unwrap_or_default()) {
            tracing::warn!("the repository's address is not https: papers and the key travel in the clear");
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A counter PC reaches its repository directly, or not at all.
            .proxy(None)
            .no_delay(true)
            .timeout_resolve(Some(CONNECT_WAIT))
            .timeout_connect(Some(CONNECT_WAIT))
            .max_idle_connections(IDLE_MAX)
            .max_idle_connections_per_host(IDLE_MAX)
            .max_idle_age(IDLE_AGE_MAX)
            .user_agent(concat!("yidang/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Some(Self { agent, base: url.trim_end_matches('/').to_owned(), last_contact: AtomicI64::new(0) })
    }

    /// When the repository last gave an answer that was one, in this run.
    pub(super) fn last_contact(&self) -> Option<Timestamp> {
        let millis = self.last_contact.load(Ordering::Relaxed);
        (millis != 0).then(|| Timestamp::from_millis(millis))
    }

    pub(super) fn enrol(&self, code: &str, counter: &str) -> Result<EnrolAnswer, CallError> {
        let request = EnrolRequest { code: code.to_owned(), counter: counter.to_owned() };
        self.post("/v1/agents/enrol", None, &request)
    }

    pub(super) fn missing(&self, key: &str, blobs: Vec<BlobSize>) -> Result<MissingAnswer, CallError> {
        self.post("/v1/blobs/missing", Some(key), &MissingRequest { blobs })
    }

    pub(super) fn upload(&self, key: &str, digest: &Digest, bytes: &[u8]) -> Result<(), CallError> {
        let path = format!("/v1/blobs/{digest}");
        let within = time_for(bytes.len());
        let call = Call { body: Some(bytes), within, ..Call::new(Method::PUT, &path, Some(key)) };
        let stored: BlobSize = self.json(&call)?;
        let same = stored == BlobSize { digest: *digest, size_bytes: bytes.len() as u64 };
        if same { Ok(()) } else { Err(CallError::Protocol) }
    }

    pub(super) fn commit(&self, key: &str, body: &[u8]) -> Result<CommitAnswer, CallError> {
        let within = time_for(body.len()) + ASK_WAIT;
        self.json(&Call { body: Some(body), within, ..Call::new(Method::POST, "/v1/commits", Some(key)) })
    }

    pub(super) fn feed(
        &self,
        key: &str,
        epoch: &str,
        after: u64,
        wait: u64,
    ) -> Result<FeedAnswer, CallError> {
        let wait = wait.min(FEED_WAIT_MAX_S);
        let epoch = in_query(epoch);
        let path = format!("/v1/feed?epoch={epoch}&after={after}&wait={wait}");
        let within = Duration::from_secs(wait) + FEED_GRACE;
        self.json(&Call { within, answer_max: LONG_ANSWER_MAX, ..Call::new(Method::GET, &path, Some(key)) })
    }

    pub(super) fn materials(
        &self,
        key: &str,
        request: &MaterialsRequest,
    ) -> Result<MaterialsAnswer, CallError> {
        let body = serde_json::to_vec(request).map_err(|_| CallError::Protocol)?;
        self.json(&Call {
            body: Some(&body),
            begins_within: Some(CLERK_WAIT),
            answer_max: LONG_ANSWER_MAX,
            ..Call::new(Method::POST, "/v1/holders/materials", Some(key))
        })
    }

    /// A blob's bytes, hashed again.
    pub(super) fn blob(&self, key: &str, grant: &str, digest: &Digest) -> Result<Vec<u8>, CallError> {
        let path = format!("/v1/blobs/{digest}");
        let call = Call {
            grant: Some(grant),
            within: time_for(4 << 20),
            begins_within: Some(CLERK_WAIT),
            answer_max: BLOB_SIZE_MAX as u64,
            ..Call::new(Method::GET, &path, Some(key))
        };
        let bytes = self.run(&call)?;
        if Digest::of(&bytes) != *digest {
            return Err(CallError::Protocol);
        }
        self.contacted();
        Ok(bytes)
    }

    /// The bytes of a picture that this window committed, hashed again.
    pub(super) fn own_blob(&self, key: &str, digest: &Digest) -> Result<Vec<u8>, CallError> {
        let path = format!("/v1/uploads/{digest}");
        let call = Call {
            within: time_for(4 << 20),
            answer_max: BLOB_SIZE_MAX as u64,
            ..Call::new(Method::GET, &path, Some(key))
        };
        let bytes = self.run(&call)?;
        if Digest::of(&bytes) != *digest {
            return Err(CallError::Protocol);
        }
        self.contacted();
        Ok(bytes)
    }

    /// Tells of the ledger's last entry.
    pub(super) fn put_anchor(&self, key: &str, anchor: &LedgerAnchor) -> Result<(), CallError> {
        let body = serde_json::to_vec(anchor).map_err(|_| CallError::Protocol)?;
        let call = Call { body: Some(&body), ..Call::new(Method::PUT, "/v1/anchor", Some(key)) };
        let kept: LedgerAnchor = self.json(&call)?;
        if kept == *anchor { Ok(()) } else { Err(CallError::Protocol) }
    }

    /// The latest entry of this ledger that was told of.
    pub(super) fn anchor(&self, key: &str, ledger: &str) -> Result<Option<LedgerAnchor>, CallError> {
        let path = format!("/v1/anchor?ledger={}", in_query(ledger));
        let answer: AnchorAnswer = self.json(&Call::new(Method::GET, &path, Some(key)))?;
        Ok(answer.anchor.filter(|anchor| anchor.ledger == ledger))
    }

    /// The end of the repository's ledger, and whether it has the one that is known.
    pub(super) fn head(&self, key: &str, known: Vec<RepositoryHead>) -> Result<HeadAnswer, CallError> {
        self.post("/v1/head", Some(key), &HeadRequest { known })
    }

    fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
        request: &Q,
    ) -> Result<A, CallError> {
        let body = serde_json::to_vec(request).map_err(|_| CallError::Protocol)?;
        self.json(&Call { body: Some(&body), ..Call::new(Method::POST, path, key) })
    }

    fn json<A: DeserializeOwned>(&self, call: &Call<'_>) -> Result<A, CallError> {
        let answer = serde_json::from_slice(&self.run(call)?).map_err(|_| CallError::Protocol)?;
        self.contacted();
        Ok(answer)
    }

    fn contacted(&self) {
        self.last_contact.store(clock::now().as_millis(), Ordering::Relaxed);
    }

    fn send<S: AsSendBody>(
        &self,
        request: Request<S>,
        call: &Call<'_>,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let request = self.agent.configure_request(request).timeout_global(Some(call.within));
        self.agent.run(request.timeout_recv_response(call.begins_within).build())
    }

    /// The body of a 2xx answer.
    fn run(&self, call: &Call<'_>) -> Result<Vec<u8>, CallError> {
        let mut request =
            Request::builder().method(call.method.clone()).uri(format!("{}{}", self.base, call.path));
        if let Some(key) = call.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(grant) = call.grant {
            request = request.header(GRANT_HEADER, grant);
        }
        let sent = match call.body {
            Some(body) => {
                let is_picture = call.method == Method::PUT && call.path.starts_with("/v1/blobs/");
                let media_type = if is_picture { "application/octet-stream" } else { "application/json" };
                let request = request.header(header::CONTENT_TYPE, media_type).body(body);
                self.send(request.map_err(|_| CallError::Protocol)?, call)
            }
            None => self.send(request.body(()).map_err(|_| CallError::Protocol)?, call),
        };
        let mut response = sent?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(call.answer_max).read_to_vec()?;
        match status {
            200..=299 => Ok(body),
            400..=499 => {
                let refused = refusal(status, &body);
                if let CallError::Refused(_) = &refused {
                    self.contacted();
                }
                Err(refused)
            }
            500..=599 => Err(CallError::Server),
            _ => Err(CallError::Protocol),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Percent-encodes what may not stand in a query; the repository chooses its epochs' text freely.
fn in_query(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_called_are_refused() {
        for url in ["", "repository", "ftp://a/", "https://", "/v1", "http://a/?x=1"] {
            assert!(Client::new(url).is_none(), "{url}");
        }
        assert_eq!(Client::new("http://127.0.0.1:1/").unwrap().base, "http://127.0.0.1:1");
        assert!(Client::new("https://one.example.gov.cn/archive").is_some());
    }

    #[test]
    fn an_epoch_of_any_text_keeps_to_its_place_in_the_query() {
        assert_eq!(in_query("a-1_~."), "a-1_~.");
        assert_eq!(in_query("a&after=9 中"), "a%26after%3D9%20%E4%B8%AD");
    }
}
