//! Reading requests so that every refusal is a problem document, and handing blocking work over.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::Shared;
use crate::problem::{Code, Problem};

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, app).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::BytesRejection(error)) if error.status() == 413 => {
                Err(Code::BodyTooLarge.into())
            }
            // The parser quotes unknown field names and types, never values longer than a word; even so only
            // its place and kind are told, since a value may be an ID number.
            Err(JsonRejection::JsonDataError(error)) => {
                Err(Problem::invalid(without_values(&error.body_text())))
            }
            Err(JsonRejection::JsonSyntaxError(_)) => Err(Problem::invalid("the body is not JSON")),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(Problem::invalid("the body must come as Content-Type: application/json"))
            }
            Err(_) => Err(Problem::invalid("the body could not be read")),
        }
    }
}

/// Serde quotes offending values in backquotes or double quotes after `invalid value:`/`invalid type:`.
fn without_values(message: &str) -> String {
    match message.find("invalid value").or_else(|| message.find("invalid type")) {
        Some(at) => {
            let expected = message[at..].find("expected").map_or("", |e| &message[at + e..]);
            format!("{}a value of the wrong form, {expected}", &message[..at])
        }
        None => message.to_owned(),
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
    use super::*;

    #[test]
    fn messages_do_not_quote_values() {
        let message = "subject.value: invalid type: string \"11010519491231002X\", expected u64 at line 1";
        assert_eq!(
            without_values(message),
            "subject.value: a value of the wrong form, expected u64 at line 1"
        );
        assert_eq!(without_values("missing field `kind`"), "missing field `kind`");
    }
}
