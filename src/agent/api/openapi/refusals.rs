//! How refusals look in the document: one response a status, one example a code.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Components, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::shared;
use crate::Language;
use crate::problem::{Code, Problem, ProblemDocument};

/// Adds the problem's schema and an example of every code, as it comes when no language is asked for.
pub(super) fn add(components: &mut Components) {
    components.schemas.insert(ProblemDocument::name().into_owned(), ProblemDocument::schema());
    let mut inner = Vec::new();
    ProblemDocument::schemas(&mut inner);
    components.schemas.extend(inner);
    for code in Code::ALL {
        let document = Problem::from(*code).document(Language::Chinese);
        let example = ExampleBuilder::new()
            .summary(code.title(Language::English))
            .description(code.remedy(Language::English))
            .value(serde_json::to_value(document).ok());
        components.examples.insert(code.as_str().into(), RefOr::T(example.build()));
    }
}

/// The responses that bring these codes.
pub(super) fn responses(codes: &[Code]) -> BTreeMap<u16, Response> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.status()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status, response(status, &codes))).collect()
}

fn response(status: u16, codes: &[Code]) -> Response {
    let lines: Vec<_> =
        codes.iter().map(|c| format!("- `{}`: {}", c.as_str(), c.title(Language::English))).collect();
    let examples = codes.iter().map(|c| {
        let reference = Ref::new(format!("#/components/examples/{}", c.as_str()));
        (c.as_str(), RefOr::Ref(reference))
    });
    let problem = Ref::from_schema_name(ProblemDocument::name());
    let content = ContentBuilder::new().schema(Some(problem)).examples_from_iter(examples).build();
    let mut response = ResponseBuilder::new()
        .description(lines.join("\n"))
        .content("application/problem+json", content)
        .header_ref("Content-Language", shared::header(shared::CONTENT_LANGUAGE));
    if status == 401 {
        response = response.header_ref("WWW-Authenticate", shared::header(shared::WWW_AUTHENTICATE));
    }
    if matches!(status, 429 | 503) {
        response = response.header_ref("Retry-After", shared::header(shared::RETRY_AFTER));
    }
    response.build()
}
