//! A call as old pages make it.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::Method;
use serde_json::{Map, Value};

use crate::problem::{Code, Problem};

/// Largest body; only words and numbers are asked for in one.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Most parameters that are looked at.
const PARAMETERS_MAX: usize = 32;

/// A call, taken apart.
pub(super) struct Call {
    pub(super) method: Method,
    /// Lower case, without parameters: pages write it either way.
    pub(super) path: String,
    /// Names as they are written, decoded values.
    parameters: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    pub(super) async fn read(request: Request) -> Result<Self, Problem> {
        let method = request.method().clone();
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await.map_err(|_| Code::BodyTooLarge)?;
        let (path, parameters) = take_apart(&target);
        Ok(Self { method, path, parameters, body })
    }

    /// The parameter of this name.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the parameter of this name is `1`.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.parameter(name) == Some("1")
    }

    /// The body as an object, whatever its media type says: pages send JSON as text or as a form. No body is an empty one.
    pub(super) fn fields(&self) -> Result<Fields, Problem> {
        if self.body.trim_ascii().is_empty() {
            return Ok(Fields(Map::new()));
        }
        let object = serde_json::from_slice(&self.body).map_err(|_| not_an_object())?;
        match object {
            Value::Object(fields) => Ok(Fields(fields)),
            _ => Err(not_an_object()),
        }
    }
}

fn not_an_object() -> Problem {
    Problem::invalid("the body is not a JSON object")
}

/// The fields of a body. Makers write numbers as texts, and pages sometimes as numbers.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// A text or a number as a text; empty where there is neither.
    pub(super) fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// Whether the field says anything at all.
    pub(super) fn says(&self, name: &str) -> bool {
        match self.0.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
            Some(_) => true,
        }
    }
}

/// Path and parameters. Some makers begin parameters with `&` and no `?`, and pages add a `?` of their own behind.
fn take_apart(target: &str) -> (String, Vec<(String, String)>) {
    let mut parts = target.split(['?', '&']);
    let path = parts.next().unwrap_or_default().to_ascii_lowercase();
    let named = parts.take(PARAMETERS_MAX).filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        Some((name.to_owned(), percent_decoded(value)))
    });
    (path, named.collect())
}

/// Bytes that are no UTF-8 are replaced: old pages write paths in the system's own encoding.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        match (first, tail.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_begin_at_an_ampersand_or_a_question_mark() {
        let named = |target: &str| {
            let (path, parameters) = take_apart(target);
            (path, parameters.into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "))
        };
        let cases = [
            ("/readCard&t=0.123", "/readcard", "t=0.123"),
            ("/readcard&picpath=%22D:/1/123.bmp%22&t=1", "/readcard", "picpath=\"D:/1/123.bmp\" t=1"),
            ("/video=stream&camidx=0?1", "/video=stream", "camidx=0"),
            (
                "/api/ReadMsg?waitTime=3&callback=fn&_=%E4%B8%80+%zz%",
                "/api/readmsg",
                "waitTime=3 callback=fn _=一 %zz%",
            ),
            ("/", "/", ""),
        ];
        for (target, path, parameters) in cases {
            assert_eq!(named(target), (path.to_owned(), parameters.to_owned()), "{target}");
        }
        let many = format!("/x{}", "&a=b".repeat(1000));
        assert_eq!(take_apart(&many).1.len(), PARAMETERS_MAX);
    }
}
