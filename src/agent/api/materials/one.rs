//! `GET /v1/materials/{id}` and its pictures.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use yidang_archive::{Look, LookVerb, Stored};
use yidang_model::{Digest, Image, Material, MaterialId};

use super::list::look_at;
use super::record::{MaterialBody, Safe};
use crate::api::extract::{Address, Parameters, blocking};
use crate::api::image::{Rendition, WhichRendition, answer};
use crate::api::partial::Conditions;
use crate::api::vocabulary::Picture;
use crate::app::Shared;
use crate::caller::Caller;
use crate::holders::Remote;
use crate::problem::{Code, Problem};
use crate::scope::Scope;
use crate::sync::SyncError;

/// Where a material that may be shown lies.
pub(super) enum Shown {
    Here(Stored),
    AtRepository(Remote),
}

impl Shown {
    pub(super) fn material(&self) -> &Material {
        match self {
            Self::Here(stored) => &stored.material,
            Self::AtRepository(remote) => &remote.material,
        }
    }
}

/// A material of an open dossier.
///
/// This token must have a dossier of one of its holders open with the right `read`, or have filed it within its
/// session. The look is in the ledger before this answers, within the time of one durable write.
#[utoipa::path(get, path = "/v1/materials/{id}", tag = "materials", operation_id = "readMaterial",
    params(("id" = String, Path, description = "The material, 32 hexadecimal digits.")),
    responses((status = 200, description = "The material.", body = MaterialBody)))]
pub(crate) async fn one(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
) -> Result<Answer<MaterialBody>, Problem> {
    let (shown, look) = admit(&app, &caller, &id).await?;
    let archive = app.archive.clone();
    blocking(move || Ok(archive.record(look)?)).await?;
    Ok(Answer(match &shown {
        Shown::Here(stored) => MaterialBody::here(&app, stored, false),
        Shown::AtRepository(remote) => MaterialBody::new(&remote.material, Safe::Repository, false),
    }))
}

/// A picture of a material's page.
///
/// Asks for the same open dossier as `readMaterial`. The look is in the ledger before this answers. What only
/// the repository holds is fetched from there, which takes as long as the network does; a thumbnail is made in
/// its turn, within about a second. One `Range` is given; the `ETag` stays the same as long as the picture does, and a
/// look is entered also where the caller has it.
#[utoipa::path(get, path = "/v1/materials/{id}/pages/{n}/image", tag = "materials", operation_id = "readPageImage",
    params(("id" = String, Path, description = "The material, 32 hexadecimal digits."),
        ("n" = usize, Path, description = "The page, counted from 1.", minimum = 1), WhichRendition),
    responses((status = 200, description = "The picture; `Content-Type` says which of the two it is.",
        content((Picture = "image/jpeg"), (Picture = "image/png"))),
        (status = 206, description = "The part that `Range` asked for; `Content-Range` says which.",
            content((Picture = "image/jpeg"), (Picture = "image/png"))),
        (status = 304, description = "The caller has it: `If-None-Match` names its `ETag`.")))]
pub(crate) async fn image(
    State(app): State<Shared>,
    caller: Caller,
    Address((id, page)): Address<(String, usize)>,
    conditions: Conditions,
    Parameters(which): Parameters<WhichRendition>,
) -> Result<Response, Problem> {
    let (shown, look) = admit(&app, &caller, &id).await?;
    let page =
        page.checked_sub(1).and_then(|n| shown.material().pages.get(n)).ok_or(Code::MaterialUnknown)?;
    let wanted: Image =
        if which.rendition == Rendition::Original { page.original.clone() } else { page.image.clone() };
    let worker = app.clone();
    let bytes = blocking(move || {
        let bytes = fetch(&worker, &shown, &wanted.digest)?;
        worker.archive.record(look)?;
        Ok(bytes)
    })
    .await?;
    answer(&app, caller.client(), which.rendition, &conditions, wanted.media_type, bytes).await
}

/// A picture of a material. Blocks as long as the disk or the network does.
pub(super) fn fetch(app: &Shared, shown: &Shown, digest: &Digest) -> Result<Vec<u8>, Problem> {
    let remote = match shown {
        Shown::Here(stored) => return Ok(app.archive.blob(stored.material.id, digest)?),
        Shown::AtRepository(remote) => remote,
    };
    let sync = app.sync.as_ref().ok_or(Code::MaterialUnknown)?;
    sync.fetch_blob(digest, &remote.grant).map_err(|error| match error {
        SyncError::Gone => {
            // Erased or put right since it was listed, or the grant ran out, or the repository was started anew:
            // the next list tells. Taken for erased, it would be shown here no more even where it is on file.
            app.holders.drop_remote(remote.material.id);
            Code::MaterialUnknown.into()
        }
        error => error.into(),
    })
}

/// Whether the caller may see it: an open holder of that person with `read` on the same token, or the filing
/// token within its session.
pub(super) async fn admit(app: &Shared, caller: &Caller, id: &str) -> Result<(Shown, Look), Problem> {
    caller.require(Scope::ArchiveRead)?;
    let id: MaterialId = id.parse().map_err(|_| Code::MaterialUnknown)?;
    let archive = app.archive.clone();
    let stored = blocking(move || Ok(archive.material(id)?)).await?;
    let owner = caller.owner;
    let Some(stored) = stored else {
        let (holder, remote) = app.holders.remote(owner, id).ok_or(Code::MaterialUnknown)?;
        if app.is_restricted(&remote.material) {
            return Err(Code::MaterialRestricted.into());
        }
        let look = look_at(caller, &holder, std::iter::once(id));
        return Ok((Shown::AtRepository(remote), look));
    };
    let material = &stored.material;
    let look = match app.holders.reading(owner, &material.holders) {
        Some(holder) => look_at(caller, &holder, std::iter::once(id)),
        None if app.recent.contains(owner, id) => Look {
            verb: LookVerb::Looked,
            who: material.holders.clone(),
            materials: vec![id],
            basis: "own_filing".into(),
            purpose: None,
            case: material.case.clone(),
            by: caller.actor(),
            idempotency: None,
        },
        None => return Err(Code::HolderRequired.into()),
    };
    // Not before: who may not look at it is not told of its term either.
    if app.is_restricted(material) {
        return Err(Code::MaterialRestricted.into());
    }
    Ok((Shown::Here(stored), look))
}
