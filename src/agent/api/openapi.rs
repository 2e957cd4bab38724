//! `GET /v1/openapi.json`: made from the handlers themselves, and from one list of what each call needs and how
//! it can fail ([`calls`]).

mod calls;
mod examples;
mod refusals;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::server::Server;
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{Components, Info, License, OpenApi, OpenApiBuilder, RefOr, SecurityRequirement};

use crate::app::Shared;

/// What stands above the calls.
const ABOUT: &str = "\
One localhost API for every window program: cards, captures, dossiers.

Every call but `checkHealth`, `readOpenapi`, `watchCamera`, `requestPairing` and `collectPairing` needs \
`Authorization: Bearer TOKEN`; an administrator makes tokens with `yidang token create`, or says yes to a page that asks \
for one (`requestPairing`). Bodies are JSON with snake_case names; an unknown field is refused. Instants are \
RFC 3339 in UTC, dates `YYYY-MM-DD`, binary is base64. An answer always has every field: what is not there is \
null. ID and case numbers travel in bodies only, never in addresses. Whole numbers are written without a fraction. \
A text is one line, a note several; white space around it is cut, and other control characters are refused.

Whatever goes wrong is an RFC 9457 problem document (`application/problem+json`) with a stable `code`; `title` and \
`remedy` are written for the clerk, in Chinese unless `Accept-Language` asks for English. Codes may be added.

Lists come in pages: send `next_cursor` back as `cursor` until it is null. Cursors mean nothing to a client.";

/// The groups of calls.
const TAGS: [(&str, &str); 10] = [
    ("service", "How the service, its devices and its sync stand, and what happens."),
    ("pairing", "How a page or a program gets a token of its own."),
    ("operator", "Which clerk sits at the window: signing in and out, and locking."),
    ("card", "Reading ID cards, which opens dossiers."),
    ("holders", "Opening dossiers without the card, and closing them. An open dossier is called a holder."),
    ("cameras", "What cameras there are, adjusting them, and their previews."),
    ("captures", "Papers that are captured and not yet filed."),
    ("materials", "Filing papers, and looking at what is filed."),
    ("erasures", "Forgetting a material or a person."),
    ("simulated", "Hands for the simulated desk. These calls exist only with simulated devices."),
];

/// What stands above and around the calls.
pub(super) fn header() -> OpenApi {
    let mut info = Info::new("Yidang local API", env!("CARGO_PKG_VERSION"));
    info.description = Some(format!("{ABOUT}\n\n{}\n\n{}", calls::about_limits(), calls::about_general()));
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".into());
    info.license = Some(license);
    let mut server = Server::new("http://127.0.0.1:18680");
    server.description = Some("The default; `[http] listen` in the configuration decides.".into());
    let mut components = Components::new();
    shared::add(&mut components);
    refusals::add(&mut components);
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([server]))
        .components(Some(components))
        .security(Some([SecurityRequirement::new(shared::TOKEN, Vec::<String>::new())]))
        .build()
}

/// The whole document, as pretty JSON; with or without the simulated desk's calls.
pub fn document(simulated: bool) -> String {
    complete(simulated).to_pretty_json().unwrap_or_default()
}

fn complete(simulated: bool) -> OpenApi {
    let (_, mut api) = super::calls(simulated).split_for_parts();
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        calls::complete(operation);
    }
    let used: BTreeSet<String> =
        api.paths.paths.values_mut().flat_map(operations).flat_map(|o| o.tags.clone()).flatten().collect();
    let tags = TAGS.iter().filter(|(name, _)| used.contains(*name));
    api.tags = Some(tags.map(|(name, about)| tag(name, about)).collect());
    let answers = answers(&mut api);
    if let Some(components) = &mut api.components {
        say_that_answers_are_whole(components, answers);
        lift_descriptions(components);
        examples::add(components);
    }
    api
}

fn tag(name: &str, about: &str) -> Tag {
    TagBuilder::new().name(name).description(Some(about)).build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// The schemas that successful answers name.
fn answers(api: &mut OpenApi) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        for (status, response) in &operation.responses.responses {
            if status.starts_with('2') {
                references(&serde_json::to_value(response).unwrap_or_default(), &mut named);
            }
        }
    }
    named
}

/// Every `$ref` in a part of the document.
fn references(part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(to) if name == "$ref" => drop(found.insert(to.clone())),
            _ => references(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// An answer leaves no field out, also where the type alone would allow it.
fn say_that_answers_are_whole(components: &mut Components, answers: BTreeSet<String>) {
    let mut waiting: Vec<String> = answers.iter().cloned().collect();
    let mut seen = answers;
    while let Some(reference) = waiting.pop() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) else { continue };
        object.required = object.properties.keys().cloned().collect();
        let mut inner = BTreeSet::new();
        references(&serde_json::to_value(&object.properties).unwrap_or_default(), &mut inner);
        waiting.extend(inner.into_iter().filter(|i| seen.insert(i.clone())));
    }
}

/// What a nullable word means is said of the property, not of the choice inside it.
fn lift_descriptions(components: &mut Components) {
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        for property in object.properties.values_mut() {
            let RefOr::T(Schema::OneOf(choice)) = property else { continue };
            for item in &mut choice.items {
                if let RefOr::Ref(reference) = item {
                    choice.description = Some(std::mem::take(&mut reference.description));
                }
            }
        }
    }
}

/// This document.
///
/// Needs no token and answers at once. The simulated desk's calls are in it only where the devices are simulated.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "service", operation_id = "readOpenapi",
    responses((status = 200, description = "An OpenAPI 3.1 document.", content_type = "application/json",
        body = Object)))]
pub(crate) async fn openapi(State(app): State<Shared>) -> Response {
    // Made once: whoever asks for it over and over, which takes no token, costs nobody much.
    static WHOLE: LazyLock<Bytes> = LazyLock::new(|| document(true).into());
    static USUAL: LazyLock<Bytes> = LazyLock::new(|| document(false).into());
    let text = if app.simulation.is_some() { &WHOLE } else { &USUAL };
    let mut response = Response::new(Body::from(Bytes::clone(text)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
