//! Pictures in answers.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};
use yidang_model::MediaType;

use super::extract::blocking;
use super::faults;
use super::partial::Conditions;
use crate::app::Shared;
use crate::clients::{Client, Place, PlaceKind};
use crate::problem::{Code, Problem};

/// Longest side of a thumbnail, in pixels.
const THUMBNAIL_PX: u32 = 320;

/// Which form of a picture.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rendition {
    /// The untouched frame.
    Original,
    /// The straightened page.
    #[default]
    Page,
    /// A small JPEG of the page.
    Thumbnail,
}

/// Which form of a picture.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichRendition {
    /// Which form of the picture: `original` is the untouched frame, `page` (unless said) the straightened
    /// page, `thumbnail` a small JPEG of the page.
    #[serde(default)]
    #[param(inline)]
    pub(crate) rendition: Rendition,
}

/// The stored bytes as an answer, whole or in part; a thumbnail is made from them.
pub(crate) async fn answer(
    app: &Shared,
    client: Client,
    rendition: Rendition,
    conditions: &Conditions,
    media_type: MediaType,
    bytes: Vec<u8>,
) -> Result<Response, Problem> {
    let (media_type, bytes) = if rendition == Rendition::Thumbnail {
        (MediaType::Jpeg, thumbnail(app, client, bytes).await?)
    } else {
        (media_type, bytes)
    };
    let mut response = conditions.answer(bytes.into())?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.as_str()));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    Ok(response)
}

async fn thumbnail(app: &Shared, client: Client, bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let place = place(app, client)?;
    in_turn(app, place, move || {
        let picture = yidang_imaging::decode_small(&bytes, THUMBNAIL_PX).map_err(faults::picture)?;
        yidang_imaging::thumbnail(&picture, THUMBNAIL_PX).map_err(faults::picture)
    })
    .await
}

/// A place in the bounded queue for picture work: the client's own, and one of those that all share.
pub(crate) struct Turn {
    _own: Place,
    _shared: OwnedSemaphorePermit,
}

/// Takes one, before a picture comes into memory.
pub(crate) fn place(app: &Shared, client: Client) -> Result<Turn, Problem> {
    let own = app.clients.take(client, PlaceKind::Picture)?;
    let shared = app.picture_queue.clone().try_acquire_owned().map_err(|_| Code::TooMany)?;
    Ok(Turn { _own: own, _shared: shared })
}

/// Picture work in its turn, few at once. The turn ends with the work, also where nobody waits for it any more.
pub(crate) async fn in_turn<T, F>(app: &Shared, place: Turn, work: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Problem> + Send + 'static,
{
    let turn = app.pictures.clone().acquire_owned().await.map_err(|_| Code::Busy)?;
    blocking(move || {
        let done = work();
        drop((turn, place));
        done
    })
    .await
}
