//! `POST /v1/materials/{id}/refile`.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use yidang_archive::{Idempotency, Refiling, Stored};
use yidang_model::{Kind, MaterialId, Subject};

use super::record::MaterialBody;
use crate::api::extract::{Address, Json, blocking};
use crate::api::holders::durable_key;
use crate::api::words::line;
use crate::app::Shared;
use crate::caller::Caller;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;

/// What is to be put right; at least one of `holders`, `kind` and `case`.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefileMaterial {
    /// Open dossiers of those whose paper it is, 1 to 16; as it is unless said.
    #[schema(min_items = 1, max_items = 16)]
    holders: Option<Vec<String>>,
    /// What it is; as it is unless said.
    #[schema(min_length = 1, max_length = 64)]
    kind: Option<String>,
    /// Case number; as it is unless said.
    #[schema(max_length = 100)]
    case: Option<String>,
    /// Why, for the ledger; 1 to 500 characters and no personal data.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Puts a paper right that was filed to the wrong person, kind or case.
///
/// This token must have a dossier of one of its holders open with the right `read`, and the scope `archive:read`,
/// or have filed it within its session, if nobody else put it right since; and it must have every dossier open that the paper comes to. The entry is
/// durable when this answers, and from then on the wrong dossier shows the paper no more: not its record, nor its
/// pictures, nor its document. What was filed stays in the ledger. The sync worker then has the repository and the
/// other windows put it right. What changes nothing writes nothing.
#[utoipa::path(post, path = "/v1/materials/{id}/refile", tag = "materials", operation_id = "refileMaterial",
    params(("id" = String, Path, description = "The material, 32 hexadecimal digits.")),
    request_body(content = RefileMaterial, description = "What is to be put right, and why."),
    responses((status = 200, description = "It is as it is shown now.", body = MaterialBody)))]
pub(crate) async fn refile(
    State(app): State<Shared>,
    caller: Caller,
    Address(id): Address<String>,
    Json(body): Json<RefileMaterial>,
) -> Result<Answer<MaterialBody>, Problem> {
    caller.require(Scope::ArchiveWrite)?;
    let id: MaterialId = id.parse().map_err(|_| Code::MaterialUnknown)?;
    let idempotency = durable_key(&caller, &request_tag(id, &body));
    if let Some(stored) = refiled_before(&app, idempotency.clone()).await? {
        same_people(&app, &caller, &body, &stored)?;
        return Ok(Answer(MaterialBody::here(&app, &stored, false)));
    }
    admit(&app, &caller, id).await?;
    let wish = read(&app, &caller, id, body)?;
    let archive = app.archive.clone();
    let (before, stored) = blocking(move || {
        let before = archive.head()?;
        Ok((before, archive.refile(Refiling { idempotency, ..wish })?))
    })
    .await?;
    if stored.sequence > before {
        app.holders.drop_remote(id);
        app.recent.keep_for(caller.owner, id);
        app.events.publish("material.refiled", json!({"material": id.to_string()}));
    }
    Ok(Answer(MaterialBody::here(&app, &stored, false)))
}

/// Tells a refiling from another one under the same key; holders are named by what a session calls them, and whose
/// it is is compared with what was entered.
fn request_tag(id: MaterialId, body: &RefileMaterial) -> [u8; 32] {
    let mut written = serde_json::to_value(body).unwrap_or_default();
    written["holders"] = body.holders.is_some().into();
    fingerprint(&[b"refile", id.as_bytes(), written.to_string().as_bytes()])
}

/// What an earlier call under the key came to; the ledger remembers it across restarts.
async fn refiled_before(app: &Shared, idempotency: Option<Idempotency>) -> Result<Option<Stored>, Problem> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let archive = app.archive.clone();
    blocking(move || Ok(archive.find_refiled(&idempotency)?)).await
}

/// A repeated call may name holders that ended with an earlier run of the daemon, but nobody else's.
fn same_people(app: &Shared, caller: &Caller, body: &RefileMaterial, stored: &Stored) -> Result<(), Problem> {
    for id in body.holders.iter().flatten() {
        match app.holders.get(caller.owner, id) {
            Ok(holder) if !stored.material.holders.contains(&holder.subject) => {
                return Err(Code::IdempotencyConflict.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the caller may say whose paper it is: as for looking at it.
async fn admit(app: &Shared, caller: &Caller, id: MaterialId) -> Result<(), Problem> {
    let archive = app.archive.clone();
    let stored = blocking(move || Ok(archive.material(id)?)).await?;
    let owner = caller.owner;
    let Some(stored) = stored else {
        let seen = caller.may(Scope::ArchiveRead) && app.holders.remote(owner, id).is_some();
        return Err(if seen { Code::MaterialElsewhere } else { Code::MaterialUnknown }.into());
    };
    if app.recent.contains(owner, id) {
        return Ok(());
    }
    if !caller.may(Scope::ArchiveRead) || app.holders.reading(owner, &stored.material.holders).is_none() {
        return Err(Code::HolderRequired.into());
    }
    Ok(())
}

fn read(app: &Shared, caller: &Caller, id: MaterialId, body: RefileMaterial) -> Result<Refiling, Problem> {
    let reason =
        line("reason", Some(body.reason), 500)?.ok_or_else(|| Problem::invalid("say the `reason`"))?;
    let case = line("case", body.case, 100)?;
    let kind = body.kind.map(|kind| Kind::new(&kind)).transpose();
    let kind = kind.map_err(|e| Problem::invalid(format!("kind: {e}")))?;
    let holders = body.holders.map(|holders| open_people(app, caller, &holders)).transpose()?;
    if holders.is_none() && kind.is_none() && case.is_none() {
        return Err(Problem::invalid("give at least one of `holders`, `kind` and `case`"));
    }
    let (by, idempotency) = (caller.actor(), None);
    Ok(Refiling { id, holders, kind, case, reason, by, idempotency, decided_elsewhere: false, only_at: None })
}

/// Those whose dossiers these are, each once; all of them open at this token.
fn open_people(app: &Shared, caller: &Caller, holders: &[String]) -> Result<Vec<Subject>, Problem> {
    if holders.is_empty() || holders.len() > yidang_archive::HOLDERS_MAX {
        return Err(Problem::invalid(format!("holders: 1 to {}", yidang_archive::HOLDERS_MAX)));
    }
    let mut people: Vec<Subject> = Vec::new();
    for id in holders {
        let subject = app.holders.get(caller.owner, id)?.subject;
        if !people.contains(&subject) {
            people.push(subject);
        }
    }
    Ok(people)
}
