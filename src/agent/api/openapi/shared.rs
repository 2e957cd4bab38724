//! What many calls share: the token, and the headers either way.

use serde_json::json;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Ref, RefOr, Required};

use crate::caller::{OPERATOR_LENGTH_MAX, SESSION_LENGTH_MAX};
use crate::replay::KEY_LENGTH_MAX;
use crate::scope::Scope;

/// The security scheme.
pub(super) const TOKEN: &str = "token";

// Names under `#/components/parameters`.
pub(super) const OPERATOR: &str = "Operator";
pub(super) const SESSION: &str = "Session";
pub(super) const IDEMPOTENCY_KEY: &str = "IdempotencyKey";
pub(super) const ACCEPT_LANGUAGE: &str = "AcceptLanguage";

/// No control characters, and something to be seen.
const VISIBLE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0][^\u0000-\u001f\u007f-\u009f]*$";

/// What a name of a clerk has none of: beside control characters those that nobody sees. The last two ranges stand as they
/// are: there is no way of writing them that every language reads.
macro_rules! hidden {
    () => {
        "\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\
         \u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}"
    };
}
/// None of them, and something to be seen.
const SEEN: &str = concat!(
    "^[^",
    hidden!(),
    "]*[^\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000",
    hidden!(),
    "][^",
    hidden!(),
    "]*$"
);

// Names under `#/components/headers`.
pub(super) const CONTENT_LANGUAGE: &str = "ContentLanguage";
pub(super) const RETRY_AFTER: &str = "RetryAfter";
pub(super) const WWW_AUTHENTICATE: &str = "WwwAuthenticate";

/// Adds them all.
pub(super) fn add(components: &mut Components) {
    let scopes: Vec<_> = Scope::ALL.iter().map(|s| format!("`{}`", s.as_str())).collect();
    let about = format!("A token and its scopes ({}); none implies another.", scopes.join(", "));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer));
    for (name, parameter) in parameters() {
        components.parameters.insert(name.into(), RefOr::T(parameter));
    }
    for (name, header) in headers() {
        components.headers.insert(name.into(), RefOr::T(header));
    }
}

/// A reference to one of the headers.
pub(super) fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

fn parameters() -> [(&'static str, Parameter); 4] {
    [
        (
            OPERATOR,
            request_header("Yidang-Operator", OPERATOR_LENGTH_MAX, SEEN)
                .description(Some(
                    "The clerk, for the ledger: UTF-8, percent-encoded where a browser cannot send it raw. Needed \
                     where the configuration says so; with a session it may be left out, and names nobody else.",
                ))
                .example(Some(json!("clerk-07")))
                .build(),
        ),
        (
            SESSION,
            request_header("Yidang-Session", SESSION_LENGTH_MAX, VISIBLE)
                .description(Some(
                    "The clerk's session, as `signIn` gave it. What is done with it is done by that clerk, and what it \
                     opens is open to it alone. Needed where the configuration says so.",
                ))
                .example(Some(json!("0f1e2d3c4b5a69788796a5b4c3d2e1f0")))
                .build(),
        ),
        (
            IDEMPOTENCY_KEY,
            request_header("Idempotency-Key", KEY_LENGTH_MAX, VISIBLE)
                .description(Some(
                    "Chosen by the client, new for each new request. The same request under the same key of the \
                     same token gets the first answer again, for a day, and is carried out once; what it wrote is \
                     remembered for good. Refusals are not remembered.",
                ))
                .example(Some(json!("3f0c8a9e-6f1b-4d0e-9a55-0d6f2f1f7c11")))
                .build(),
        ),
        (
            ACCEPT_LANGUAGE,
            ParameterBuilder::new()
                .name("Accept-Language")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .description(Some("The language of `title` and `remedy` in problems: `zh` (unless said) or `en`."))
                .example(Some(json!("en")))
                .build(),
        ),
    ]
}

fn request_header(name: &str, length_max: usize, pattern: &str) -> ParameterBuilder {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(length_max))
        .pattern(Some(pattern));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .schema(Some(text))
}

fn headers() -> [(&'static str, Header); 3] {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let seconds = ObjectBuilder::new().schema_type(Type::Integer);
    let header = |schema: ObjectBuilder, about: &str| {
        HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
    };
    [
        (CONTENT_LANGUAGE, header(text().enum_values(Some(["zh-CN", "en"])), "The problem's language.")),
        (
            RETRY_AFTER,
            header(seconds, "Seconds after which to try again; with `busy`, `too_many` and `pin_wait`."),
        ),
        (WWW_AUTHENTICATE, header(text(), "`Bearer`.")),
    ]
}
