//! `GET /v1/materials/{id}/document.pdf`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::one::{admit, fetch};
use crate::api::extract::Address;
use crate::api::image::{in_turn, place};
use crate::api::vocabulary::Document;
use crate::app::Shared;
use crate::caller::Caller;
use crate::document::{self, DocumentPage};
use crate::problem::{Code, Problem};

/// Largest document that is put together, by its pictures: it is in memory as a whole.
const DOCUMENT_BYTES_MAX: u64 = 128 << 20;

/// All pages of a material as one PDF.
///
/// Asks for the same open dossier as `readMaterial`. The pages' pictures stand in it as they are stored, each page as
/// large as the paper whose proportions it has. The look is in the ledger before this answers. What only the repository
/// holds is fetched from there. A material of more than 128 MiB is `invalid`: fetch its pages one by one.
#[utoipa::path(get, path = "/v1/materials/{id}/document.pdf", tag = "materials", operation_id = "readDocument",
    params(("id" = String, Path, description = "The material, 32 hexadecimal digits.")),
    responses((status = 200, description = "The document.", content((Document = "application/pdf")))))]
pub(crate) async fn document(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
) -> Result<Response, Problem> {
    let (shown, look) = admit(&app, &caller, &id).await?;
    let turn = place(&app)?;
    let pages = &shown.material().pages;
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
        let bytes = document::write(&pages).map_err(|e| Problem::new(Code::BlobDamaged, e.to_string()))?;
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
