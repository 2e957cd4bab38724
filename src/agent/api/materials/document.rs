//! `GET /v1/materials/{id}/document.pdf`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::one::{admit, fetch};
use crate::api::extract::{Address, Parameters};
use crate::api::image::{in_turn, place};
use crate::api::vocabulary::Document;
use crate::app::Shared;
use crate::caller::Caller;
use crate::document::{self, DocumentPage};
use crate::problem::{Code, Problem};

/// Largest document that is put together, by its pictures: it is in memory as a whole.
const DOCUMENT_BYTES_MAX: u64 = 128 << 20;

/// How the pages stand in the document.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layout {
    /// One after the other.
    #[default]
    Pages,
    /// Two sides of a card on one sheet.
    Card,
}

/// How the pages stand in the document.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichLayout {
    /// How the pages stand in the document: `pages` (unless said), one after the other; `card`, the front above the back of
    /// a card on one A4 sheet, each 85.6 by 54 mm.
    #[serde(default)]
    #[param(inline)]
    layout: Layout,
}

/// All pages of a material as one PDF.
///
/// Asks for the same open dossier as `readMaterial`. The pages' pictures stand in it as they are stored, each page as
/// large as the paper whose proportions it has. The look is in the ledger before this answers. What only the repository
/// holds is fetched from there. With `layout` `card` a material of two pages, the sides of a card, becomes one A4 sheet that
/// is printed at 1:1; any other is `not_a_card`. A material of more than 128 MiB is `invalid`: fetch its pages one by one.
#[utoipa::path(get, path = "/v1/materials/{id}/document.pdf", tag = "materials", operation_id = "readDocument",
    params(("id" = String, Path, description = "The material, 32 hexadecimal digits."), WhichLayout),
    responses((status = 200, description = "The document.", content((Document = "application/pdf")))))]
pub(crate) async fn document(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
    Parameters(WhichLayout { layout }): Parameters<WhichLayout>,
) -> Result<Response, Problem> {
    let (shown, look) = admit(&app, &caller, &id).await?;
    let pages = &shown.material().pages;
    let sides = match layout {
        Layout::Pages => None,
        Layout::Card => {
            let pixels: Vec<_> = pages.iter().map(|page| [page.image.width, page.image.height]).collect();
            Some(document::card_sides(&pixels).map_err(|e| Problem::new(Code::NotACard, e.to_string()))?)
        }
    };
    caller.spend()?;
    let turn = place(&app, caller.client())?;
    if pages.iter().map(|page| page.image.size_bytes).sum::<u64>() > DOCUMENT_BYTES_MAX {
        return Err(Problem::invalid(format!("the material has more than {DOCUMENT_BYTES_MAX} bytes")));
    }
    let worker = app.clone();
    let bytes = in_turn(&app, turn, move || {
        let mut pages = Vec::new();
        for page in &shown.material().pages {
            let (width, height) = (page.image.width, page.image.height);
            pages.push(DocumentPage { bytes: fetch(&worker, &shown, &page.image.digest)?, width, height });
        }
        let bytes = match sides {
            None => document::write(&pages),
            Some(sizes_mm) => document::write_card(&pages, sizes_mm),
        };
        let bytes = bytes.map_err(|e| Problem::new(Code::BlobDamaged, e.to_string()))?;
        worker.archive.record(look)?;
        Ok(bytes)
    })
    .await?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline; filename=\"document.pdf\""));
    Ok(response)
}
