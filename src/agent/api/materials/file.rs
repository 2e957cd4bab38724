//! `POST /v1/materials`.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use yidang_archive::storage::StagedState;
use yidang_archive::{Actor, Archive, Filed, Filing, Idempotency, Stored};
use yidang_model::{CaptureId, Kind, Material, MaterialId, Origin, Page, Status, Subject, Timestamp};

use super::record::MaterialBody;
use crate::api::extract::{Json, blocking};
use crate::api::holders::durable_key;
use crate::api::vocabulary::PresentedAs;
use crate::api::words::{date, line, paragraph};
use crate::app::Shared;
use crate::caller::Caller;
use crate::capture_note::CaptureNote;
use crate::holders::{Holder, LIFETIME_MS};
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::tray::TrayView;
use crate::{clock, random};

/// A paper to file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileMaterial {
    /// Open dossiers of those whose paper it is, 1 to 16.
    #[schema(min_items = 1, max_items = 16)]
    holders: Vec<String>,
    /// What it is, as a word the office chose.
    #[schema(min_length = 1, max_length = 64)]
    kind: String,
    /// Its pages in order, 1 to 200.
    #[serde(default)]
    #[schema(max_items = 200)]
    pages: Vec<FilePage>,
    /// Its pages in order, where nothing is said about them; instead of `pages`.
    #[serde(default)]
    #[schema(max_items = 200)]
    captures: Vec<String>,
    /// Case number; that of the dossier unless said.
    #[schema(max_length = 100)]
    case: Option<String>,
    /// Code of the item.
    #[schema(max_length = 100)]
    item: Option<String>,
    /// Which required paper of the item it is.
    #[schema(max_length = 100)]
    slot: Option<String>,
    /// The day it was issued.
    #[schema(format = Date)]
    issued_on: Option<String>,
    /// Its last day of validity.
    #[schema(format = Date)]
    valid_until: Option<String>,
    /// Who issued it.
    #[schema(max_length = 200)]
    issuer: Option<String>,
    /// Its own number.
    #[schema(max_length = 100)]
    document_number: Option<String>,
    /// What form of the paper the clerk was shown.
    #[schema(value_type = Option<PresentedAs>)]
    presented_as: Option<String>,
    /// Whether the clerk saw the original.
    original_seen: Option<bool>,
    /// What the clerk wants to say about it.
    #[schema(max_length = 1000)]
    note: Option<String>,
    /// The older material of the same kind and of one of these holders whose place it takes; that one stays
    /// readable as `superseded`.
    supersedes: Option<String>,
}

/// One page to file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilePage {
    /// An unfiled capture's identifier.
    capture: String,
    /// Which of the holders this page is about; all of them unless said.
    #[serde(default)]
    about: Vec<String>,
}

/// Files a paper into its holders' dossiers.
///
/// Pictures, record and ledger entry are durable when this answers, within the time of one durable write; the
/// sync worker then brings them to the repository (`safe_at`, event `sync.progress`). The captures are used up.
/// The same holders, case, slot and bytes again give the first one's record with 200 and `duplicate`; the same
/// bytes for another case or slot are filed, with `duplicate_of` set.
#[utoipa::path(post, path = "/v1/materials", tag = "materials", operation_id = "fileMaterial",
    request_body(content = FileMaterial, description = "The paper, with either `pages` or `captures`."),
    responses((status = 201, description = "It is filed.", body = MaterialBody), (status = 200, body = MaterialBody,
        description = "It was on file for this case and slot already: the first one's record.")))]
pub(crate) async fn file(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<FileMaterial>,
) -> Result<Response, Problem> {
    caller.require(Scope::ArchiveWrite)?;
    let idempotency = durable_key(&caller, &request_tag(&body));
    let before = filed_before(&app, idempotency.clone()).await?;
    // What this caller filed itself it may see again; what was on file before it, as far as it may look at all.
    if let Some(filed) = before.filter(|filed| !filed.duplicate || may_look(&app, &caller, &body)) {
        same_people(&app, &caller, &body, &filed)?;
        return Ok(answer(&app, &caller, &filed, filed.stored.material.clone()));
    }
    let plan = Plan::read(&app, &caller, body)?;
    check_superseded(&app, &caller, &plan).await?;
    let (worker, by, view) = (app.clone(), caller.actor(), caller.tray_view());
    let may_read = plan.may_read;
    let (filed, own) = blocking(move || {
        let filing = Filing { idempotency, ..plan.filing(&worker.archive, by, &view)? };
        let (own, from) = (filing.material.clone(), filing.from.clone());
        let filed = worker.archive.file(filing)?;
        worker.tray.leave(from);
        Ok((filed, own))
    })
    .await?;
    if !filed.duplicate && !filed.replayed {
        app.events.publish("material.filed", json!({"material": filed.stored.material.id.to_string()}));
    }
    if filed.duplicate && !may_read {
        // That it is on file is told; what someone else wrote of it is not, to one who may not look.
        let own = Material { id: filed.stored.material.id, ..own };
        return Ok(answer(&app, &caller, &filed, own));
    }
    Ok(answer(&app, &caller, &filed, filed.stored.material.clone()))
}

/// Tells a filing from another one under the same key. Holders are named by what a session calls them, and a
/// session ends with the daemon: whose paper it is, is compared with what was filed.
fn request_tag(body: &FileMaterial) -> [u8; 32] {
    let mut written = serde_json::to_value(body).unwrap_or_default();
    written["holders"].take();
    for page in written["pages"].as_array_mut().into_iter().flatten() {
        page["about"].take();
    }
    fingerprint(&[b"materials", written.to_string().as_bytes()])
}

/// What an earlier call under the key filed; the ledger remembers it across restarts.
async fn filed_before(app: &Shared, idempotency: Option<Idempotency>) -> Result<Option<Filed>, Problem> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let archive = app.archive.clone();
    blocking(move || Ok(archive.find_filed(&idempotency)?)).await
}

/// Whether a dossier it belongs to is open to be looked at.
fn may_look(app: &Shared, caller: &Caller, body: &FileMaterial) -> bool {
    let reads = |id: &String| app.holders.get(caller.owner, id).is_ok_and(|h| h.basis.may_read());
    caller.may(Scope::ArchiveRead) && body.holders.iter().any(reads)
}

/// A repeated call may name holders that ended with an earlier run of the daemon, but nobody else's.
fn same_people(app: &Shared, caller: &Caller, body: &FileMaterial, filed: &Filed) -> Result<(), Problem> {
    for id in &body.holders {
        match app.holders.get(caller.owner, id) {
            Ok(holder) if filed.stored.material.holders.contains(&holder.subject) => {}
            Ok(_) => return Err(Code::IdempotencyConflict.into()),
            Err(_) => {}
        }
    }
    Ok(())
}

fn answer(app: &Shared, caller: &Caller, filed: &Filed, shown: Material) -> Response {
    let material = &filed.stored.material;
    let in_session = clock::now() < material.filed_at.plus_millis(LIFETIME_MS);
    if !filed.duplicate && in_session {
        app.recent.add(caller.owner, material.id);
    }
    let status = if filed.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    let shown = Stored { material: shown, ..filed.stored };
    (status, Answer(MaterialBody::here(app, &shown, filed.duplicate))).into_response()
}

/// Whether the paper whose place it takes is one of the same people, seen here or at the repository, and of the
/// same kind. Who may not look at it is not told whose it is, and demotes nothing.
async fn check_superseded(app: &Shared, caller: &Caller, plan: &Plan) -> Result<(), Problem> {
    let newer = &plan.record;
    let Some(id) = newer.supersedes else { return Ok(()) };
    if !plan.may_read && !app.recent.contains(caller.owner, id) {
        return Err(Code::HolderRequired.into());
    }
    let archive = app.archive.clone();
    let (here, has_newer) =
        blocking(move || Ok((archive.material(id)?.map(|stored| stored.material), archive.has_newer(id)?)))
            .await?;
    let is_here = here.is_some();
    let older = here.or_else(|| app.holders.remote(caller.owner, id).map(|(_, remote)| remote.material));
    let older = older.filter(|older| older.holders.iter().any(|who| newer.holders.contains(who)));
    let older = older.ok_or(Code::MaterialUnknown)?;
    if older.kind != newer.kind {
        return Err(Problem::invalid("supersedes names a material of another kind"));
    }
    // Of what is here the archive knows better, and what is filed again is no second version.
    if older.status == Status::Superseded && !is_here && !has_newer {
        return Err(Code::MaterialSuperseded.into());
    }
    Ok(())
}

/// A checked request: what remains is to look the captures up.
struct Plan {
    holders: Vec<Subject>,
    purpose: Option<String>,
    pages: Vec<(CaptureId, Vec<Subject>)>,
    /// The record, its pages and what follows from them still to come.
    record: Material,
    /// Whether a dossier it belongs to is open to be looked at.
    may_read: bool,
}

impl Plan {
    fn read(app: &Shared, caller: &Caller, body: FileMaterial) -> Result<Self, Problem> {
        if body.holders.is_empty() || body.holders.len() > yidang_archive::HOLDERS_MAX {
            return Err(Problem::invalid(format!("holders: 1 to {}", yidang_archive::HOLDERS_MAX)));
        }
        let open = |id: &String| app.holders.get(caller.owner, id);
        let opened = body.holders.iter().map(open).collect::<Result<Vec<Holder>, _>>()?;
        let pages = read_pages(&body, &opened)?;
        let mut holders: Vec<Subject> = Vec::new();
        for holder in &opened {
            if !holders.contains(&holder.subject) {
                holders.push(holder.subject.clone());
            }
        }
        let purpose = opened.iter().find_map(|h| h.purpose.clone());
        let may_read = opened.iter().any(|h| h.basis.may_read()) && caller.may(Scope::ArchiveRead);
        let presented_as = body
            .presented_as
            .map(|p| p.parse().map_err(|()| Problem::invalid("presented_as is not one of the four")))
            .transpose()?;
        let record = Material {
            id: random::material_id(),
            holders: holders.clone(),
            kind: Kind::new(&body.kind).map_err(|e| Problem::invalid(format!("kind: {e}")))?,
            pages: Vec::new(),
            case: line("case", body.case, 100)?.or_else(|| opened.iter().find_map(|h| h.case.clone())),
            item: line("item", body.item, 100)?,
            slot: line("slot", body.slot, 100)?,
            issued_on: date("issued_on", body.issued_on.as_deref())?,
            valid_until: date("valid_until", body.valid_until.as_deref())?,
            issuer: line("issuer", body.issuer, 200)?,
            document_number: line("document_number", body.document_number, 100)?,
            presented_as,
            original_seen: body.original_seen,
            note: paragraph("note", body.note, 1000)?,
            captured_at: Timestamp::from_millis(0),
            filed_at: clock::now(),
            counter: app.config.counter.clone(),
            operator: caller.operator.clone(),
            status: Status::Current,
            origin: Origin::Device,
            duplicate_of: None,
            supersedes: body
                .supersedes
                .map(|id| id.parse().map_err(|_| Code::MaterialUnknown))
                .transpose()?,
        };
        Ok(Self { holders, purpose, pages, record, may_read })
    }

    fn filing(self, archive: &Archive, by: Actor, view: &TrayView) -> Result<Filing, Problem> {
        let (page_sets, about): (Vec<CaptureId>, Vec<_>) = self.pages.into_iter().unzip();
        let (pages, origin) = captured_pages(archive, &page_sets, &self.holders, view)?;
        let pages: Vec<Page> =
            pages.into_iter().zip(about).map(|(page, about)| Page { about, ..page }).collect();
        let mut from: Vec<CaptureId> = Vec::new();
        for id in &page_sets {
            if !from.contains(id) {
                from.push(*id);
            }
        }
        let captured_at = pages.iter().map(|p| p.captured_at).max().unwrap_or(self.record.filed_at);
        let material = Material { pages, origin, captured_at, ..self.record };
        let purpose = self.purpose;
        Ok(Filing { material, from, page_sets, may_fork: false, by, purpose, idempotency: None })
    }
}

fn read_pages(body: &FileMaterial, opened: &[Holder]) -> Result<Vec<(CaptureId, Vec<Subject>)>, Problem> {
    if body.pages.is_empty() == body.captures.is_empty() {
        return Err(Problem::invalid("give either `pages` or `captures`, with at least one"));
    }
    let count = body.pages.len().max(body.captures.len());
    if count > yidang_archive::PAGES_MAX {
        return Err(Problem::invalid(format!("at most {} pages", yidang_archive::PAGES_MAX)));
    }
    let id = |text: &str| text.parse().map_err(|_| Problem::from(Code::CaptureUnknown));
    if body.pages.is_empty() {
        return body.captures.iter().map(|c| Ok((id(c)?, Vec::new()))).collect();
    }
    let about = |holder: &String| {
        let at = body.holders.iter().position(|h| h == holder);
        at.map(|at| opened[at].subject.clone())
            .ok_or_else(|| Problem::invalid("pages.about names no holder of this material"))
    };
    body.pages
        .iter()
        .map(|p| Ok((id(&p.capture)?, p.about.iter().map(about).collect::<Result<_, Problem>>()?)))
        .collect()
}

/// The pages these captures become. Captures that were filed already, all of them and in this order, as one
/// paper of the same holders give that paper's pages: the archive then recognises the filing as a repetition, or
/// refuses it as a second one.
fn captured_pages(
    archive: &Archive,
    captures: &[CaptureId],
    holders: &[Subject],
    view: &TrayView,
) -> Result<(Vec<Page>, Origin), Problem> {
    let mut pages = Vec::with_capacity(captures.len());
    let mut origin = Origin::Device;
    for id in captures {
        let staged =
            archive.staged(*id)?.filter(|staged| view.shows(&staged.by)).ok_or(Code::CaptureUnknown)?;
        match staged.state {
            StagedState::Unfiled => {
                let note = CaptureNote::read(&staged.note).ok_or(Code::CaptureUnknown)?;
                origin = origin.max(note.origin.parse().map_err(|()| Code::StorageFailed)?);
                pages.push(note.into_page().ok_or(Code::StorageFailed)?);
            }
            StagedState::Filed(by) => return filed_pages(archive, by, captures, holders),
            StagedState::Discarded => return Err(Code::CaptureUnknown.into()),
        }
    }
    Ok((pages, origin))
}

/// The pages of a material, if it was made of exactly these captures, or recognised in them.
fn filed_pages(
    archive: &Archive,
    by: MaterialId,
    captures: &[CaptureId],
    holders: &[Subject],
) -> Result<(Vec<Page>, Origin), Problem> {
    let material = archive.material(by)?.ok_or(Code::CaptureFiled)?.material;
    let sets = archive.page_sets(by)?;
    // Where it was not kept which capture became which page, only a lone one is sure.
    let is_lone = sets.is_empty() && material.pages.len() == 1 && captures.len() == 1;
    let same_people = material.holders.iter().all(|h| holders.contains(h));
    let is_repetition = is_lone || sets == captures || are_recognised(archive, by, captures, &sets)?;
    if same_people && captures.len() == material.pages.len() && is_repetition {
        Ok((material.pages, material.origin))
    } else {
        Err(Code::CaptureFiled.into())
    }
}

/// Whether these captures were used up when their filing was recognised as this material, being none of those it
/// was made of.
fn are_recognised(
    archive: &Archive,
    by: MaterialId,
    captures: &[CaptureId],
    sets: &[CaptureId],
) -> Result<bool, Problem> {
    for id in captures {
        let state = archive.staged(*id)?.map(|staged| staged.state);
        if sets.contains(id) || state != Some(StagedState::Filed(by)) {
            return Ok(false);
        }
    }
    Ok(true)
}
