//! Answers and the words that several makers share.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use yidang_model::Date;

use crate::Language;
use crate::problem::Problem;

pub(super) const JSON: &str = "application/json; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JAVASCRIPT: &str = "application/javascript; charset=utf-8";

/// An answer in the maker's own form; what went wrong stands in it, never in the status.
pub(super) fn reply(media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// What is wrong, for a clerk to read in an old page. Those know Chinese only.
pub(super) fn words(problem: &Problem) -> &'static str {
    problem.code.title(Language::Chinese)
}

/// Eight digits; empty without a date.
pub(super) fn digits(date: Option<Date>) -> String {
    date.map(|date| date.to_string().replace('-', "")).unwrap_or_default()
}

/// The end of validity: eight digits, or the word on the card.
pub(super) fn valid_until(date: Option<Date>, long_term: bool) -> String {
    if long_term { "长期".to_owned() } else { digits(date) }
}
