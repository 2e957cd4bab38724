//! `POST /v1/holders` and `DELETE /v1/holders/{holder}`.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use yidang_archive::storage::StagedState;
use yidang_archive::{Idempotency, Look, LookVerb};
use yidang_model::CaptureId;

use super::extract::{Address, Json, blocking};
use super::vocabulary::{self, NumberWarning, Right};
use super::words::{SubjectBody, line};
use crate::app::Shared;
use crate::caller::Caller;
use crate::holders::Basis;
use crate::problem::{Code, Problem};
use crate::replay::fingerprint;
use crate::scope::Scope;
use crate::tray::TrayView;

/// Most captures given as evidence.
const EVIDENCE_MAX: usize = 20;

/// Whom to open, and on what ground.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenHolder {
    /// Whom.
    subject: SubjectBody,
    /// On what ground.
    #[schema(value_type = vocabulary::Basis)]
    basis: String,
    /// What for; required unless `basis` is `none`.
    #[schema(max_length = 200)]
    purpose: Option<String>,
    /// Case number; required unless `basis` is `none`.
    #[schema(max_length = 100)]
    case: Option<String>,
    /// Identifiers of captures that prove the ground, for the reviewer.
    #[serde(default)]
    #[schema(max_items = 20)]
    evidence: Vec<String>,
}

/// An open dossier.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedHolder {
    /// Names the open dossier in later calls of this token; says nothing about the person.
    holder: String,
    /// What it allows.
    #[schema(value_type = Vec<Right>)]
    rights: Vec<&'static str>,
    /// When it closes by itself, unless it is used before.
    #[schema(format = DateTime)]
    expires_at: String,
    /// What is odd about the number; empty as a rule.
    #[schema(value_type = Vec<NumberWarning>)]
    warnings: Vec<&'static str>,
}

/// Opens a dossier without the card.
///
/// With `basis` `none` papers may be filed and nothing is shown; that needs the scope `archive:write` and writes
/// nothing. Any other basis also opens history; that needs `archive:assist`, `purpose` and `case`, and is in the
/// ledger, to be reviewed, before this answers. The dossier itself is open in memory, for this token, until 15
/// minutes after its last use. Answers within the time of one durable write.
#[utoipa::path(post, path = "/v1/holders", tag = "holders", operation_id = "openHolder",
    request_body(content = OpenHolder, description = "Whom to open, and on what ground."),
    responses((status = 201, description = "The dossier is open.", body = OpenedHolder)))]
pub(crate) async fn open(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<OpenHolder>,
) -> Result<Response, Problem> {
    let basis = read_basis(&body.basis)?;
    caller.require(if basis == Basis::None { Scope::ArchiveWrite } else { Scope::ArchiveAssist })?;
    let subject = body.subject.read()?;
    let purpose = line("purpose", body.purpose, 200)?;
    let case = line("case", body.case, 100)?;
    if basis != Basis::None && (purpose.is_none() || case.is_none()) {
        return Err(Problem::invalid("this basis needs `purpose` and `case`"));
    }
    let evidence = check_evidence(&app, caller.tray_view(), body.evidence).await?;
    let key = caller.idempotency_key.clone();
    let texts = [purpose.as_deref().unwrap_or_default(), case.as_deref().unwrap_or_default(), &evidence];
    let request = fingerprint(&[
        b"holders",
        body.basis.as_bytes(),
        subject.subject_type().as_str().as_bytes(),
        subject.value().as_bytes(),
        texts[0].as_bytes(),
        texts[1].as_bytes(),
        texts[2].as_bytes(),
    ]);
    let warnings =
        if subject.check_digit_matches() == Some(false) { vec!["check_digit_wrong"] } else { Vec::new() };
    let owner = caller.owner;
    let call = async {
        if let Basis::Stated(word) = basis {
            let look = Look {
                verb: LookVerb::Opened,
                who: vec![subject.clone()],
                materials: Vec::new(),
                basis: if evidence.is_empty() {
                    word.to_owned()
                } else {
                    format!("{word} evidence {evidence}")
                },
                purpose: purpose.clone(),
                case: case.clone(),
                by: caller.actor(),
                idempotency: durable_key(&caller, &request),
            };
            let archive = app.archive.clone();
            blocking(move || Ok(archive.record(look)?)).await?;
        }
        let holder = app.holders.open(owner, subject, basis, purpose, case);
        let opened = OpenedHolder {
            rights: if basis.may_read() { vec!["file", "read"] } else { vec!["file"] },
            expires_at: holder.expires_at.to_string(),
            holder: holder.id,
            warnings,
        };
        Ok((StatusCode::CREATED, Answer(opened)).into_response())
    };
    app.replays.once(owner, key.as_deref(), request, call).await
}

/// Closes an open dossier now.
///
/// Writes nothing and answers at once. What was filed into it stays filed.
#[utoipa::path(delete, path = "/v1/holders/{holder}", tag = "holders", operation_id = "closeHolder",
    params(("holder" = String, Path, description = "The open dossier, as `readCard` or `openHolder` named it.")),
    responses((status = 204, description = "It is closed.")))]
pub(crate) async fn close(
    State(app): State<Shared>,
    caller: Caller,
    Address(holder): Address<String>,
) -> Result<Response, Problem> {
    let request = fingerprint(&[b"holders/close", holder.as_bytes()]);
    let call = async {
        app.holders.close(caller.owner, &holder)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    app.replays.once(caller.owner, caller.idempotency_key.as_deref(), request, call).await
}

fn read_basis(word: &str) -> Result<Basis, Problem> {
    const STATED: [&str; 5] = ["guardian", "authorised_agent", "lost_card", "no_card", "official_duty"];
    if word == "none" {
        return Ok(Basis::None);
    }
    let known = STATED.into_iter().find(|known| *known == word);
    known.map(Basis::Stated).ok_or_else(|| Problem::invalid("basis is not one of the six"))
}

/// Evidence must be there to be reviewed: captures of this window, filed or not.
async fn check_evidence(app: &Shared, view: TrayView, evidence: Vec<String>) -> Result<String, Problem> {
    if evidence.len() > EVIDENCE_MAX {
        return Err(Problem::invalid(format!("at most {EVIDENCE_MAX} captures as evidence")));
    }
    let ids = evidence
        .iter()
        .map(|e| e.parse().map_err(|_| Problem::from(Code::CaptureUnknown)))
        .collect::<Result<Vec<CaptureId>, _>>()?;
    let archive = app.archive.clone();
    blocking(move || {
        for id in ids {
            let staged = archive.staged(id)?.filter(|staged| view.shows(&staged.by));
            let staged = staged.ok_or(Code::CaptureUnknown)?;
            if staged.state == StagedState::Discarded {
                return Err(Code::CaptureUnknown.into());
            }
        }
        Ok(())
    })
    .await?;
    Ok(evidence.join(" "))
}

/// The caller's idempotency key as the archive remembers it, across restarts. One clerk's is not another's, though both use
/// one token.
pub(crate) fn durable_key(caller: &Caller, request: &[u8; 32]) -> Option<Idempotency> {
    let key = caller.idempotency_key.as_ref()?;
    let token = caller.token.id;
    let key = match caller.signed_in() {
        Some(clerk) => format!("{token}\0{clerk}\0{key}"),
        None => format!("{token}\0{key}"),
    };
    Some(Idempotency { key: key.into_bytes(), request: request.to_vec() })
}
