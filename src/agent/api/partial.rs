//! Pictures that a caller has already, or wants a part of: `ETag`, `If-None-Match`, `Range` and `If-Range` (RFC 9110).

use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use crate::app::Shared;
use crate::problem::{Code, Problem};

/// What a caller says it has, and what it wants of the rest.
#[derive(Default)]
pub(crate) struct Conditions {
    known: String,
    range: Option<String>,
    if_range: Option<String>,
}

impl FromRequestParts<Shared> for Conditions {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

impl Conditions {
    fn of(headers: &HeaderMap) -> Self {
        let said = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
        Self {
            known: said(header::IF_NONE_MATCH).unwrap_or_default(),
            range: said(header::RANGE),
            if_range: said(header::IF_RANGE),
        }
    }

    /// The bytes, the part of them that is wanted, or that the caller has them. One range is given; several, and what is
    /// no range of bytes, are passed over as the standard allows. Fails with `range_unsatisfiable`.
    pub(crate) fn answer(&self, bytes: Bytes) -> Result<Response, Problem> {
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
        let length = bytes.len();
        let is_known = self.known.split(',').map(str::trim).any(|one| one == "*" || weakly(one) == tag);
        let is_part_of_this = self.if_range.as_ref().is_none_or(|wanted| *wanted == tag);
        let range = self.range.as_deref().filter(|_| is_part_of_this).and_then(|text| part(text, length));
        let (status, body, content_range) = match range {
            _ if is_known => (StatusCode::NOT_MODIFIED, Bytes::new(), None),
            None => (StatusCode::OK, bytes, None),
            Some(range) if range.is_empty() => {
                return Err(Problem::new(Code::RangeUnsatisfiable, format!("there are {length} bytes")));
            }
            Some(range) => {
                let told = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                (StatusCode::PARTIAL_CONTENT, bytes.slice(range), Some(told))
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        insert(headers, header::ETAG, &tag);
        if let Some(told) = content_range {
            insert(headers, header::CONTENT_RANGE, &told);
        }
        Ok(response)
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Hexadecimal digits and numbers always are one.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn weakly(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The one range of bytes that is asked for; empty where it lies outside. `None`: not one range of bytes.
fn part(text: &str, length: usize) -> Option<Range<usize>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = (from.trim(), to.trim());
    // More digits than any picture has bytes are beyond its end.
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(usize::MAX))
    };
    match (from.is_empty(), to.is_empty()) {
        (true, true) => None,
        (true, false) => Some(length.saturating_sub(number(to)?)..length),
        (false, true) => Some(number(from)?.min(length)..length),
        (false, false) => {
            let (from, to) = (number(from)?, number(to)?);
            (from <= to).then(|| from.min(length)..to.saturating_add(1).min(length))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &[u8] = b"0123456789";

    fn ask(headers: &[(&'static str, &str)]) -> Result<(u16, HeaderMap, Vec<u8>), Code> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let response = Conditions::of(&map).answer(Bytes::from_static(PICTURE)).map_err(|p| p.code)?;
        let (parts, body) = response.into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = runtime.block_on(axum::body::to_bytes(body, usize::MAX)).unwrap();
        Ok((parts.status.as_u16(), parts.headers, bytes.to_vec()))
    }

    #[test]
    fn a_picture_that_is_known_is_not_sent_again() {
        let (status, headers, bytes) = ask(&[]).unwrap();
        assert_eq!((status, bytes.as_slice()), (200, PICTURE));
        let tag = headers["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let (status, headers, bytes) = ask(&[("if-none-match", &known), ("range", "bytes=0-1")]).unwrap();
            assert_eq!(
                (status, bytes.len(), headers["etag"].to_str().unwrap()),
                (304, 0, tag.as_str()),
                "{known}"
            );
        }
        assert_eq!(ask(&[("if-none-match", "\"x\"")]).unwrap().0, 200);
    }

    #[test]
    fn one_range_is_given_and_what_lies_outside_is_refused() {
        for (range, wanted, content_range) in [
            ("bytes=0-3", "0123", "bytes 0-3/10"),
            ("bytes=7-", "789", "bytes 7-9/10"),
            ("bytes=-2", "89", "bytes 8-9/10"),
            ("bytes=-99", "0123456789", "bytes 0-9/10"),
            ("bytes=5-99999999999999999999999", "56789", "bytes 5-9/10"),
        ] {
            let (status, headers, bytes) = ask(&[("range", range)]).unwrap();
            assert_eq!((status, bytes.as_slice()), (206, wanted.as_bytes()), "{range}");
            assert_eq!(headers["content-range"], content_range);
        }
        for outside in ["bytes=10-", "bytes=99-100", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(ask(&[("range", outside)]).unwrap_err(), Code::RangeUnsatisfiable, "{outside}");
        }
        for none in ["bytes=", "bytes=-", "bytes=3-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "0-1"] {
            let (status, headers, bytes) = ask(&[("range", none)]).unwrap();
            assert_eq!((status, bytes.len()), (200, 10), "{none}");
            assert!(!headers.contains_key("content-range"));
        }
    }

    #[test]
    fn a_part_of_another_picture_is_not_given() {
        let tag = ask(&[]).unwrap().1["etag"].to_str().unwrap().to_owned();
        assert_eq!(ask(&[("range", "bytes=0-0"), ("if-range", &tag)]).unwrap().0, 206);
        assert_eq!(ask(&[("range", "bytes=0-0"), ("if-range", "\"x\"")]).unwrap().0, 200);
        assert_eq!(ask(&[("range", "bytes=99-"), ("if-range", "\"x\"")]).unwrap().0, 200);
    }
}
