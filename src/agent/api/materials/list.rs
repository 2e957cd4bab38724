//! `GET /v1/holders/{holder}/materials`.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use yidang_archive::{HistoryPage, Look, LookVerb, Stored};
use yidang_model::{Material, MaterialId};

use super::record::{MaterialBody, Safe};
use crate::api::extract::{Address, Parameters, blocking};
use crate::api::vocabulary::{MaterialScope, RepositoryAnswer};
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::holders::Holder;
use crate::problem::{Code, Problem};
use crate::scope::Scope;
use crate::sync::{HolderAnswer, HolderQuery, SyncError};

/// Most materials in one answer.
const LIST_MAX: usize = 200;

/// Which materials.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichMaterials {
    /// Only this kind.
    kind: Option<String>,
    /// Only those filed for this item.
    item: Option<String>,
    /// Where to look; `local` unless said.
    #[param(value_type = Option<MaterialScope>, inline)]
    scope: Option<String>,
    /// `next_cursor` of the answer before, as it was given out.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many; 50 unless said, and never more than 200.
    limit: Option<usize>,
}

/// A part of a dossier, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Materials {
    /// The materials. The first page of `scope=all` begins with those the repository does not have yet.
    materials: Vec<MaterialBody>,
    /// What to send as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
    /// What the repository said.
    #[schema(value_type = RepositoryAnswer)]
    repository: &'static str,
}

/// Where a list goes on: in this PC's archive, or at the repository.
enum Cursor {
    Local(u64),
    Repository(Option<String>),
}

/// The materials of an open dossier, newest first.
///
/// The dossier must be open with the right `read`. Every material shown is in the ledger, with client, operator
/// and purpose, before this answers. With `scope=all` the repository is asked first, which takes as long as the
/// network does; if it does not answer, for whatever reason, the first page lists what this PC has and says
/// `unreachable`.
#[utoipa::path(get, path = "/v1/holders/{holder}/materials", tag = "materials", operation_id = "listMaterials",
    params(("holder" = String, Path, description = "The open dossier, as `readCard` or `openHolder` named it."),
        WhichMaterials),
    responses((status = 200, description = "A part of the dossier.", body = Materials)))]
pub(crate) async fn of_holder(
    State(app): State<Shared>,
    caller: Caller,
    Address(holder): Address<String>,
    Parameters(which): Parameters<WhichMaterials>,
) -> Result<Answer<Materials>, Problem> {
    caller.require(Scope::ArchiveRead)?;
    let holder = app.holders.get(caller.owner, &holder)?;
    if !holder.basis.may_read() {
        return Err(Code::RightMissing.into());
    }
    let everywhere = match which.scope.as_deref() {
        None | Some("local") => false,
        Some("all") => true,
        Some(_) => return Err(Problem::invalid("scope is `local` or `all`")),
    };
    let limit = which.limit.unwrap_or(50).clamp(1, LIST_MAX);
    if !everywhere || app.sync.is_none() {
        let before = local_cursor(which.cursor.as_deref())?;
        let (materials, next_cursor) = local(&app, &caller, holder, &which, before, limit).await?;
        return Ok(Answer(Materials { materials, next_cursor, repository: "none" }));
    }
    let cursor = read_cursor(which.cursor.as_deref())?;
    list_everywhere(&app, &caller, holder, &which, cursor, limit).await
}

fn local_cursor(text: Option<&str>) -> Result<u64, Problem> {
    match read_cursor(text)? {
        Cursor::Local(before) => Ok(before),
        Cursor::Repository(None) => Ok(u64::MAX),
        Cursor::Repository(Some(_)) => Err(Problem::invalid("this cursor belongs to `scope=all`")),
    }
}

fn read_cursor(text: Option<&str>) -> Result<Cursor, Problem> {
    let wrong = || Problem::invalid("cursor is not one that was given out here");
    match text {
        None => Ok(Cursor::Repository(None)),
        Some(text) => match text.split_once('.') {
            Some(("l", before)) => before.parse().map(Cursor::Local).map_err(|_| wrong()),
            Some(("r", rest)) => Ok(Cursor::Repository(Some(rest.to_owned()))),
            _ => Err(wrong()),
        },
    }
}

/// Whether a paper is listed: its term is not over, and it is one of those asked for.
fn fits(app: &App, material: &Material, which: &WhichMaterials) -> bool {
    !app.is_restricted(material)
        && which.kind.as_deref().is_none_or(|k| material.kind.as_str() == k)
        && which.item.as_deref().is_none_or(|i| material.item.as_deref() == Some(i))
}

/// A page of this PC's own history, and where it goes on.
async fn local(
    app: &Shared,
    caller: &Caller,
    holder: Holder,
    which: &WhichMaterials,
    before: u64,
    limit: usize,
) -> Result<(Vec<MaterialBody>, Option<String>), Problem> {
    let archive = app.archive.clone();
    let (found, next) = {
        let (app, archive) = (app.clone(), archive.clone());
        let (subject, which) = (holder.subject.clone(), which.clone());
        blocking(move || {
            let mut found: Vec<Stored> = Vec::new();
            let mut before = before;
            loop {
                let page = archive.history(&subject, HistoryPage { before, limit: LIST_MAX })?;
                let whole = page.len() < LIST_MAX;
                for stored in page {
                    before = stored.sequence;
                    if fits(&app, &stored.material, &which) {
                        found.push(stored);
                    }
                    if found.len() == limit {
                        return Ok((found, Some(format!("l.{before}"))));
                    }
                }
                if whole {
                    return Ok((found, None));
                }
            }
        })
        .await?
    };
    let look = look_at(caller, &holder, found.iter().map(|s| s.material.id));
    blocking(move || Ok(archive.record(look)?)).await?;
    Ok((found.iter().map(|stored| MaterialBody::here(app, stored, false)).collect(), next))
}

async fn list_everywhere(
    app: &Shared,
    caller: &Caller,
    holder: Holder,
    which: &WhichMaterials,
    cursor: Cursor,
    limit: usize,
) -> Result<Answer<Materials>, Problem> {
    let rest = match cursor {
        Cursor::Repository(rest) => rest,
        // The list began while the repository was unreachable, and ends as it began.
        Cursor::Local(before) => {
            let (materials, next_cursor) = local(app, caller, holder, which, before, limit).await?;
            return Ok(Answer(Materials { materials, next_cursor, repository: "unreachable" }));
        }
    };
    let first = rest.is_none();
    // Looked for before the repository is asked: what arrives there in between would be in neither list.
    let waiting = if first { unsent(app, &holder, which).await? } else { Vec::new() };
    let answer = match ask(app, caller, &holder, which, rest, limit).await {
        Ok(answer) => answer,
        // Whatever keeps the repository from answering, what lies here is not withheld.
        Err(error) if first => {
            tracing::warn!(code = error.code(), "the repository shows no dossier: this PC's own is listed");
            let (materials, next_cursor) = local(app, caller, holder, which, u64::MAX, limit).await?;
            return Ok(Answer(Materials { materials, next_cursor, repository: "unreachable" }));
        }
        Err(error) => return Err(error.into()),
    };
    caller.is_still_there()?;
    app.holders.remember(&holder.id, &answer.materials, &answer.grant);
    let mut here = not_listed(app, &waiting, &answer.materials);
    let shown = put_right_here(app, &holder, which, answer.materials).await?;
    let archive = app.archive.clone();
    let look = look_at(caller, &holder, shown.iter().map(|(m, _)| m.id));
    blocking(move || Ok(archive.record(look)?)).await?;
    here.extend(shown.iter().map(|(m, safe)| MaterialBody::new(m, *safe, false)));
    let next_cursor = answer.next_cursor.map(|c| format!("r.{c}"));
    Ok(Answer(Materials { materials: here, next_cursor, repository: "answered" }))
}

/// What the repository lists, apart from what was put right here and it has not heard of: that is as it is here, or
/// someone else's by now.
async fn put_right_here(
    app: &Shared,
    holder: &Holder,
    which: &WhichMaterials,
    listed: Vec<Material>,
) -> Result<Vec<(Material, Safe)>, Problem> {
    let (worker, who, which) = (app.clone(), holder.subject.clone(), which.clone());
    blocking(move || {
        let mut shown = Vec::with_capacity(listed.len());
        for material in listed {
            let here = worker.archive.material(material.id)?;
            match here.map(|here| (Safe::of(&worker, here.sequence, &here.material), here.material)) {
                Some((Safe::ThisPc, here))
                    if !here.holders.contains(&who) || !fits(&worker, &here, &which) => {}
                Some((Safe::ThisPc, here)) => shown.push((here, Safe::ThisPc)),
                _ if worker.is_restricted(&material) => {}
                _ => shown.push((material, Safe::Repository)),
            }
        }
        Ok(shown)
    })
    .await
}

async fn ask(
    app: &Shared,
    caller: &Caller,
    holder: &Holder,
    which: &WhichMaterials,
    cursor: Option<String>,
    limit: usize,
) -> Result<HolderAnswer, SyncError> {
    let (kind, item) = (which.kind.clone(), which.item.clone());
    let query = HolderQuery { kind, item, cursor, ..caller.query(holder, limit) };
    let app = app.clone();
    let asked = tokio::task::spawn_blocking(move || match &app.sync {
        Some(sync) => sync.query(&query),
        None => Err(SyncError::Unreachable),
    });
    asked.await.unwrap_or(Err(SyncError::Protocol))
}

/// What this PC has filed and the repository does not have yet.
async fn unsent(app: &Shared, holder: &Holder, which: &WhichMaterials) -> Result<Vec<Stored>, Problem> {
    let (app, subject, which) = (app.clone(), holder.subject.clone(), which.clone());
    blocking(move || {
        let mut newest = app.archive.history(&subject, HistoryPage { before: u64::MAX, limit: LIST_MAX })?;
        let waits = |s: &Stored| matches!(Safe::of(&app, s.sequence, &s.material), Safe::ThisPc);
        newest.retain(|s| fits(&app, &s.material, &which) && waits(s));
        Ok(newest)
    })
    .await
}

/// Those of the waiting that the repository does not list: under their own identifier, nor under the one they became
/// one with on arriving.
fn not_listed(app: &Shared, waiting: &[Stored], listed: &[Material]) -> Vec<MaterialBody> {
    let name = |id: MaterialId| app.sync.as_ref().and_then(|sync| sync.filed_as(id)).unwrap_or(id);
    let is_listed = |id: MaterialId| listed.iter().any(|m| m.id == id || m.id == name(id));
    let missing = waiting.iter().filter(|s| !is_listed(s.material.id));
    missing.map(|s| MaterialBody::here(app, s, false)).collect()
}

/// A look at these materials of an open dossier, for the ledger.
pub(crate) fn look_at(caller: &Caller, holder: &Holder, materials: impl Iterator<Item = MaterialId>) -> Look {
    Look {
        verb: LookVerb::Looked,
        who: vec![holder.subject.clone()],
        materials: materials.collect(),
        basis: holder.basis.as_str().to_owned(),
        purpose: holder.purpose.clone(),
        case: holder.case.clone(),
        by: caller.actor(),
        idempotency: None,
    }
}
