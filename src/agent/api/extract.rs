//! Reading requests so that every refusal is a problem document, and handing blocking work over.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::UPLOAD_BYTES_MAX;
use crate::app::Shared;
use crate::problem::{Code, Problem};

/// A JSON body: an object, in the form the call expects.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::invalid("the body must come as Content-Type: application/json"));
        }
        read_json(&read_body(request, app).await?).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
        || media_type.starts_with("application/") && media_type.ends_with("+json")
}

/// A whole body, as long as it may be.
pub(crate) async fn read_body(request: Request, app: &Shared) -> Result<Bytes, Problem> {
    Bytes::from_request(request, app).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge.into(),
        _ => Problem::invalid("the body broke off"),
    })
}

/// How long the sender of a refused body is listened to: on loopback a whole upload takes less.
const PASS_OVER_WITHIN: Duration = Duration::from_secs(2);

/// Takes a refused body off the line and keeps nothing of it: its sender would not get to see the answer before
/// it has sent everything. Who dawdles is not waited for.
pub(crate) async fn pass_over(request: Request) {
    let all = async {
        let mut left = UPLOAD_BYTES_MAX;
        let mut body = request.into_body().into_data_stream();
        while let Some(Ok(piece)) = body.next().await {
            match left.checked_sub(piece.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = tokio::time::timeout(PASS_OVER_WITHIN, all).await;
}

/// A body's bytes as JSON. Errors name places and types, never a value: that may be an ID number.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Fields by position are serde's own idea; no caller means it.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::invalid("the body is not a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        match error.inner().classify() {
            serde_json::error::Category::Data => {
                Problem::invalid(without_values(&path, &error.inner().to_string()))
            }
            _ => Problem::invalid("the body is not JSON"),
        }
    })?;
    deserializer.end().map_err(|_| Problem::invalid("something follows the JSON object"))?;
    Ok(value)
}

/// What serde says of a value, without the value and without the caller's own words.
fn without_values(path: &str, message: &str) -> String {
    // What was sent may say `expected` too; what was wanted stands last.
    let expected = message.rfind(", expected ").map(|at| &message[at + ", expected ".len()..]);
    let expected =
        expected.map(|text| in_plain_words(text.rsplit_once(" at line ").map_or(text, |(t, _)| t)));
    if let Some(field) = message.strip_prefix("missing field `") {
        return format!("the field `{}` is missing", field.split('`').next().unwrap_or_default());
    }
    if let Some(field) = message.strip_prefix("duplicate field `") {
        return format!("the field `{}` stands twice", field.split('`').next().unwrap_or_default());
    }
    if message.starts_with("unknown field `") {
        let known = expected.unwrap_or_else(|| "no fields".to_owned());
        let place = path.rsplit_once('.').map_or(String::new(), |(place, _)| format!("{place}: "));
        return format!("{place}a field that is not known here; known: {known}");
    }
    match expected {
        Some(expected) => format!("{path}: expected {expected}"),
        None => format!("{path}: a value of the wrong form"),
    }
}

/// Names of the program's own types mean nothing to a caller.
fn in_plain_words(expected: &str) -> String {
    match expected.split(' ').next() {
        Some("struct" | "map" | "internally") => "an object".to_owned(),
        Some("u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64") => "a whole number".to_owned(),
        Some("f32" | "f64") => "a number".to_owned(),
        _ => expected.to_owned(),
    }
}

/// Parameters after the question mark.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        Query::<T>::from_request_parts(parts, app).await.map(|Query(value)| Self(value)).map_err(
            |_: QueryRejection| Problem::invalid("a query parameter is unknown or has the wrong form"),
        )
    }
}

/// Parts of the address. What cannot be read is no such address.
pub(crate) struct Address<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Address<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        Path::<T>::from_request_parts(parts, app)
            .await
            .map(|Path(value)| Self(value))
            .map_err(|_: PathRejection| Code::RouteUnknown.into())
    }
}

/// Runs blocking work off the network threads.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Problem> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(Problem::new(Code::StorageFailed, "a defect in the program stopped the call"))
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by the parser")]
    struct Outer {
        inner: Inner,
        count: Option<u16>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by the parser")]
    struct Inner {
        value: String,
    }

    fn detail(body: &str) -> String {
        read_json::<Outer>(body.as_bytes()).unwrap_err().detail.unwrap()
    }

    #[test]
    fn errors_name_places_and_never_values() {
        let number = "11010519491231002X";
        for (body, wanted) in [
            (r#"{"inner": "11010519491231002X"}"#, "inner: expected an object"),
            (r#"{"inner": "expected 11010519491231002X, expected"}"#, "inner: expected an object"),
            (r#"{"inner": {"value": "a"}, "count": "11010519491231002X"}"#, "count: expected a whole number"),
            (
                r#"{"inner": {"11010519491231002X": 1}}"#,
                "inner: a field that is not known here; known: `value`",
            ),
            (r#"{"inner": {}}"#, "the field `value` is missing"),
            (r#"{"inner": {"value": "a", "value": "b"}}"#, "the field `value` stands twice"),
            (r#"["11010519491231002X"]"#, "the body is not a JSON object"),
            (r#"{"inner": {"value": "a"}} 11010519491231002X"#, "something follows the JSON object"),
            (r#"{"inner": "#, "the body is not JSON"),
        ] {
            let said = detail(body);
            assert_eq!(said, wanted, "{body}");
            assert!(!said.contains(number));
        }
    }
}
