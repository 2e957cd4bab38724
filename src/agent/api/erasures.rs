//! `POST /v1/erasures` and `GET /v1/erasures/{id}`.

use std::time::{Duration, Instant};

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use yidang_archive::storage::ErasureState;
use yidang_archive::{ArchiveError, Erasure, ErasureRequest, ErasureTarget};
use yidang_model::{ErasureId, MaterialId};
use yidang_sync::wire;

use super::extract::{Address, Json, blocking};
use super::holders::durable_key;
use super::vocabulary;
use super::words::line;
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::holders::Holder;
use crate::owner::Owner;
use crate::problem::{Code, Problem};
use crate::random;
use crate::replay::fingerprint;
use crate::scope::Scope;

/// How long the answer waits for the repository's decision, which usually comes within this time.
const DECISION_WAIT: Duration = Duration::from_millis(1500);

/// What to forget.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = RequestErasure)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forget {
    /// An open holder: the person, with all that is theirs alone. Exactly one of `holder` and `material`.
    holder: Option<String>,
    /// One material, by its identifier.
    material: Option<String>,
    /// Why, for the ledger; 1 to 500 characters and no personal data.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// An erasure and how far it has come.
#[derive(Serialize, ToSchema)]
#[schema(as = Erasure)]
pub(crate) struct ErasureBody {
    /// The erasure's identifier.
    id: String,
    /// How far it has come.
    #[schema(value_type = vocabulary::ErasureState)]
    state: &'static str,
    /// When it was carried out here; null before.
    #[schema(format = DateTime)]
    erased_at: Option<String>,
    /// The materials that went.
    materials: Vec<String>,
    /// Digests of pictures that stay because they are someone else's paper too, or a capture that is not filed yet.
    shared_kept: Vec<String>,
    /// Pictures that another paper may need whose ledger entry could not be read then; nearly always 0. Of a person they went
    /// all the same; of a material they stay sealed on this PC, and go once a rebuild has found what was lost.
    pictures_unproven: u64,
    /// What the repository said; `none` too where it was carried out here while there was none.
    #[schema(value_type = vocabulary::ErasureRepository)]
    repository: &'static str,
    /// Why the repository refused it; null where it did not, or did not say.
    #[schema(value_type = Option<vocabulary::ErasureRefusal>)]
    refusal: Option<&'static str>,
}

/// Codes of a refusal that are shown as they come; any other becomes `repository_refused`.
const REFUSALS: [&str; 4] = [wire::LEGAL_HOLD, wire::HOLDS_UNPROVEN, wire::ERASURE_DENIED, wire::INVALID];
/// A refusal whose code is not known here.
const REFUSED: &str = "repository_refused";

/// Why the repository refused it.
fn refusal(app: &App, erasure: &Erasure) -> Option<&'static str> {
    if erasure.state != ErasureState::Refused {
        return None;
    }
    let code = app.sync.as_ref()?.erasure_refusal(erasure.id)?;
    Some(REFUSALS.into_iter().find(|known| *known == code).unwrap_or(REFUSED))
}

/// Asks that a material or a person be forgotten.
///
/// The request is in the ledger when this answers, and is carried out even if the PC stops. Alone, this PC does
/// it at once and answers `done`: keys and pictures are gone for good. With a repository its rule decides; the
/// call waits up to 1.5 seconds for that and may answer `requested`: ask `readErasure` later. A material that only
/// the repository holds can be named once it was seen in a dossier that is open. What is under a legal hold is
/// refused (`legal_hold`), and so is everything while something in the ledger that may be a hold cannot be read
/// (`holds_unproven`); where only the repository knows of the hold, the answer's state is `refused`, and `refusal` says why.
#[utoipa::path(post, path = "/v1/erasures", tag = "erasures", operation_id = "requestErasure",
    request_body(content = Forget, description = "Exactly one of `holder` and `material`, and why."),
    responses((status = 201, description = "The erasure is entered.", body = ErasureBody)))]
pub(crate) async fn request(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Forget>,
) -> Result<Response, Problem> {
    caller.require(Scope::ArchiveErase)?;
    let request = fingerprint(&[b"erasures", &serde_json::to_vec(&body).unwrap_or_default()]);
    let key = caller.idempotency_key.clone();
    let owner = caller.owner;
    let call = async {
        let reason =
            line("reason", Some(body.reason), 500)?.ok_or_else(|| Problem::invalid("say the `reason`"))?;
        let (target, seen_by) = target(&app, owner, body.holder.as_deref(), body.material.as_deref())?;
        let seen_by = seen_by.filter(|holder| app.sync.is_some() && holder.basis.may_read());
        if let (ErasureTarget::Holder(_), Some(holder)) = (&target, &seen_by) {
            open_at_repository(&app, &caller, holder).await;
        }
        let wish = ErasureRequest {
            id: random::erasure_id(),
            target,
            reason,
            by: caller.actor(),
            idempotency: durable_key(&caller, &request),
            elsewhere_of: seen_by.into_iter().map(|holder| holder.subject).collect(),
        };
        let erasure = carry_out(&app, wish).await?;
        Ok((StatusCode::CREATED, Answer(erasure_body(&app, &erasure))).into_response())
    };
    app.replays.once(owner, key.as_deref(), request, call).await
}

/// How far an erasure has come.
///
/// Answers at once and writes nothing.
#[utoipa::path(get, path = "/v1/erasures/{id}", tag = "erasures", operation_id = "readErasure",
    params(("id" = String, Path, description = "The erasure, 32 hexadecimal digits.")),
    responses((status = 200, description = "The erasure.", body = ErasureBody)))]
pub(crate) async fn one(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
) -> Result<Answer<ErasureBody>, Problem> {
    caller.require(Scope::ArchiveErase)?;
    let id: ErasureId = id.parse().map_err(|_| Code::ErasureUnknown)?;
    let archive = app.archive.clone();
    let erasure = blocking(move || Ok(archive.erasure(id)?)).await?.ok_or(Code::ErasureUnknown)?;
    Ok(Answer(erasure_body(&app, &erasure)))
}

/// What is to be forgotten, and the open dossier it belongs to: the person's own, or the one in which a material
/// that only the repository holds was seen.
fn target(
    app: &App,
    owner: Owner,
    holder: Option<&str>,
    material: Option<&str>,
) -> Result<(ErasureTarget, Option<Holder>), Problem> {
    match (holder, material) {
        (Some(holder), None) => {
            let holder = app.holders.get(owner, holder)?;
            Ok((ErasureTarget::Holder(holder.subject.clone()), Some(holder)))
        }
        (None, Some(id)) => {
            let id: MaterialId = id.parse().map_err(|_| Code::MaterialUnknown)?;
            let seen = app.holders.remote(owner, id).map(|(holder, _)| holder);
            Ok((ErasureTarget::Material(id), seen))
        }
        _ => Err(Problem::invalid("give exactly one of `holder` and `material`")),
    }
}

/// Opens the dossier at the repository as it is open here: on that ground it decides. Nothing of it is shown to
/// anyone. Without a connection the request goes up later, and is decided by what the repository knows then.
async fn open_at_repository(app: &Shared, caller: &Caller, holder: &Holder) {
    let query = caller.query(holder, 1);
    let app = app.clone();
    let asked = tokio::task::spawn_blocking(move || match &app.sync {
        Some(sync) if sync.status().repository == "connected" => sync.query(&query).map(drop),
        _ => Ok(()),
    });
    if let Ok(Err(error)) = asked.await {
        tracing::warn!(%error, "a dossier could not be opened at the repository for an erasure");
    }
}

async fn carry_out(app: &Shared, wish: ErasureRequest) -> Result<Erasure, Problem> {
    let alone = app.sync.is_none();
    let worker = app.clone();
    let id = wish.id;
    let erasure = blocking(move || {
        let archive = &worker.archive;
        let requested = archive.request_erasure(wish)?;
        if !alone {
            return Ok(requested);
        }
        let erased = archive.erase(requested.id);
        // Placed in this very moment. Nobody waits for it to be lifted.
        if matches!(erased, Err(ArchiveError::LegalHold | ArchiveError::HoldsUnproven)) {
            archive.refuse_erasure(requested.id)?;
        }
        erased.map_err(|error| match archive.is_erasing(requested.id) {
            Ok(true) => Problem::new(Code::ErasureUnfinished, error.to_string()),
            _ => error.into(),
        })
    })
    .await?;
    let erasure = if alone { erasure } else { decided(app, erasure).await? };
    if erasure.state == ErasureState::Done {
        tell(app, &erasure.materials);
    }
    tracing::info!(erasure = %id, state = ?erasure.state, "erasure requested");
    Ok(erasure)
}

/// Waits a moment for the repository's decision.
async fn decided(app: &Shared, erasure: Erasure) -> Result<Erasure, Problem> {
    let started = Instant::now();
    let mut erasure = erasure;
    while matches!(erasure.state, ErasureState::Requested | ErasureState::Erasing)
        && started.elapsed() < DECISION_WAIT
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let (archive, id) = (app.archive.clone(), erasure.id);
        erasure = blocking(move || Ok(archive.erasure(id)?)).await?.ok_or(Code::ErasureUnknown)?;
    }
    Ok(erasure)
}

/// Tells listeners, and open dossiers, what went.
pub(crate) fn tell(app: &Shared, materials: &[MaterialId]) {
    for material in materials {
        app.holders.forget(*material);
        app.events.publish("material.erased", json!({"material": material.to_string()}));
    }
}

fn erasure_body(app: &Shared, erasure: &Erasure) -> ErasureBody {
    ErasureBody {
        id: erasure.id.to_string(),
        state: match erasure.state {
            ErasureState::Requested => "requested",
            ErasureState::Refused => "refused",
            ErasureState::Erasing => "approved",
            ErasureState::Done => "done",
        },
        erased_at: erasure.erased_at.map(|t| t.to_string()),
        materials: erasure.materials.iter().map(ToString::to_string).collect(),
        shared_kept: erasure.shared_kept.iter().map(ToString::to_string).collect(),
        pictures_unproven: erasure.unproven,
        refusal: refusal(app, erasure),
        // The repository confirms by its decision: an erasure that got one has been carried out there first.
        repository: match (&app.sync, erasure.state) {
            (None, _) => "none",
            (Some(_), ErasureState::Requested) => "pending",
            (Some(_), ErasureState::Refused) => "confirmed",
            (Some(sync), _) if sync.erasure_confirmed(erasure.id) => "confirmed",
            // It was carried out while this PC worked alone.
            (Some(_), _) => "none",
        },
    }
}
