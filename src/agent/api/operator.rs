//! `/v1/operator/session`: who sits at the window.

use std::time::{Duration, Instant};

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use yidang_archive::{Actor, Attendance, AttendanceVerb};

use super::extract::{Json, blocking};
use super::vocabulary::{OperatorNeed, SessionState, SignInWay};
use crate::Language;
use crate::app::Shared;
use crate::caller::Caller;
use crate::clock;
use crate::operators::{ASSERTION_LENGTH_MAX, Ended, EndedBecause, PIN_LENGTH_MAX, Seat, SignInRefusal, Way};
use crate::problem::{Advice, Code, Problem};
use crate::replay::fingerprint;

/// How often unused sessions are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// Longest name of a clerk, in characters.
const NAME_LENGTH_MAX: usize = 64;

/// Who signs in, and the proof: either `operator` and `pin`, or `assertion`.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignIn)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The clerk, as `yidang operator add` named them.
    #[schema(min_length = 1, max_length = 64)]
    operator: Option<String>,
    /// Their PIN.
    #[schema(min_length = 6, max_length = 12, pattern = "^[0-9]{6,12}$")]
    pin: Option<String>,
    /// What the window system says: a JWT signed with Ed25519 (`alg` `EdDSA`) by a key that an administrator registered.
    /// `iss` is the key's name, `sub` the clerk, `aud` this counter, `exp` at most 300 seconds after `iat`, and `jti`
    /// new each time.
    #[schema(min_length = 1, max_length = 4096, pattern = "^[A-Za-z0-9_.-]+$")]
    assertion: Option<String>,
}

/// A clerk's session.
#[derive(Serialize, ToSchema)]
#[schema(as = OperatorSession)]
pub(crate) struct SessionBody {
    /// Goes into the header `Yidang-Session` of every call. Good with this token only.
    session: String,
    /// The clerk, as the ledger names them.
    operator: String,
    /// How they proved it.
    #[schema(value_type = SignInWay)]
    by: &'static str,
    /// `open`, or `locked` until the same clerk signs in again.
    #[schema(value_type = SessionState)]
    state: &'static str,
    /// When it began.
    #[schema(format = DateTime)]
    signed_in_at: String,
    /// When it ends in any case.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it locks, unless a call carries it before; past, if it is locked.
    #[schema(format = DateTime)]
    locks_at: String,
}

/// What this window wants of clerks, and the session that the call carried.
#[derive(Serialize, ToSchema)]
#[schema(as = OperatorState)]
pub(crate) struct StateBody {
    /// What calls must tell of their clerk.
    #[schema(value_type = OperatorNeed)]
    required: &'static str,
    /// Whether any clerk can sign in by PIN here.
    pins: bool,
    /// After how long without use a session locks, in milliseconds.
    #[schema(minimum = 0)]
    idle_lock_ms: u64,
    /// Null: the call carried none, or it is over.
    session: Option<SessionBody>,
}

enum Proof {
    Pin { operator: String, pin: String },
    Assertion(String),
}

impl SignIn {
    fn read(self) -> Result<Proof, Problem> {
        match (self.operator, self.pin, self.assertion) {
            (Some(operator), Some(pin), None) => {
                if operator.is_empty() || operator.chars().count() > NAME_LENGTH_MAX {
                    return Err(Problem::invalid("operator: 1 to 64 characters"));
                }
                if pin.is_empty() || pin.len() > PIN_LENGTH_MAX || !pin.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(Problem::invalid("pin: 6 to 12 digits"));
                }
                Ok(Proof::Pin { operator: operator.trim().to_owned(), pin })
            }
            (None, None, Some(assertion)) if assertion.len() <= ASSERTION_LENGTH_MAX => {
                Ok(Proof::Assertion(assertion))
            }
            (None, None, Some(_)) => Err(Problem::invalid("assertion: at most 4096 bytes")),
            _ => Err(Problem::invalid("give either `operator` and `pin`, or `assertion`")),
        }
    }
}

impl Proof {
    fn fingerprint(&self) -> [u8; 32] {
        match self {
            Self::Pin { operator, pin } => {
                fingerprint(&[b"operator/session", b"pin", operator.as_bytes(), pin.as_bytes()])
            }
            Self::Assertion(text) => fingerprint(&[b"operator/session", b"assertion", text.as_bytes()]),
        }
    }
}

/// Signs a clerk in.
///
/// By a PIN, or by what the window system asserts. The session belongs to this token and lasts twelve hours at most. One
/// clerk sits at a token at a time: another clerk who signs in ends the former's session and closes every dossier that
/// was opened with the token; the same clerk unlocks, or prolongs, the session that is there. A wrong PIN is counted for
/// good before it is looked at: after two in a row one has to wait (`pin_wait`), and the eighth locks it. In the ledger
/// before this answers. Takes the time of a durable write, and for a PIN up to a tenth of a second more.
#[utoipa::path(post, path = "/v1/operator/session", tag = "operator", operation_id = "signIn",
    request_body(content = SignIn, description = "Who, and the proof."),
    responses((status = 201, description = "The clerk sits there now.", body = SessionBody)))]
pub(crate) async fn sign_in(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<SignIn>,
) -> Result<Response, Problem> {
    let proof = body.read()?;
    let request = proof.fingerprint();
    // A PIN is looked at, and counted, each time: what a key was answered before tells nobody whether it is right. The
    // session comes out the same.
    let key = match proof {
        Proof::Pin { .. } => None,
        Proof::Assertion(_) => caller.idempotency_key.as_deref(),
    };
    let call = async {
        let (operator, way) = prove(&app, &caller, proof).await?;
        let seat = take_seat(&app, &caller, &operator, way).await?;
        Ok((StatusCode::CREATED, Answer(SessionBody::of(&seat))).into_response())
    };
    app.replays.once(caller.owner, key, request, call).await
}

/// Who it is. A PIN that is wrong is entered in the ledger, as long as it is looked at.
async fn prove(app: &Shared, caller: &Caller, proof: Proof) -> Result<(String, Way), Problem> {
    let (operators, archive) = (app.operators.clone(), app.archive.clone());
    let (counter, client) = (app.config.counter.clone(), caller.token.name.clone());
    blocking(move || match proof {
        Proof::Assertion(text) => {
            let operator = operators.prove_by_assertion(&text, &counter, clock::now())?;
            Ok((operator, Way::Assertion))
        }
        Proof::Pin { operator, pin } => match operators.prove_by_pin(&operator, &pin, clock::now()) {
            Ok(()) => Ok((operator, Way::Pin)),
            Err(refusal) => {
                if let Some(count) = refusal.tries() {
                    let by = Actor { client, operator: Some(operator) };
                    let (verb, basis) = (AttendanceVerb::Refused, Way::Pin.as_str().to_owned());
                    archive.attend(Attendance { verb, by, basis, count: count.into() })?;
                }
                Err(refusal.into())
            }
        },
    })
    .await
}

/// Sits the clerk down; whoever sat there is out, and what they had open is closed. The session is told to nobody
/// before the ledger has it.
async fn take_seat(app: &Shared, caller: &Caller, operator: &str, way: Way) -> Result<Seat, Problem> {
    let token = caller.token.id;
    let begun = app.sessions.begin(token, &caller.token.name, operator, way, Instant::now());
    let (seat, former) = (begun.seat, begun.former);
    if !begun.is_resumed {
        app.holders.close_token(token);
        app.recent.forget_token(token);
    }
    let mut entries: Vec<_> = former.iter().map(entry_of).collect();
    let basis = if begun.is_resumed { format!("{} again", way.as_str()) } else { way.as_str().to_owned() };
    entries.push(Attendance { verb: AttendanceVerb::SignedIn, by: actor_of(&seat), basis, count: 0 });
    if let Err(problem) = enter(app, entries).await {
        app.sessions.end(token, &seat.id, Instant::now());
        return Err(problem);
    }
    former.iter().for_each(|former| publish(app, former));
    let data = json!({"client": seat.client, "resumed": begun.is_resumed});
    app.events.publish("operator.signed_in", data);
    Ok(seat)
}

/// Who sits here, and what this window wants of clerks.
///
/// Says it of the session that the call carries in `Yidang-Session`, and does not count as use of it. Answers at once.
#[utoipa::path(get, path = "/v1/operator/session", tag = "operator", operation_id = "readSession",
    responses((status = 200, description = "How it stands.", body = StateBody)))]
pub(crate) async fn read(State(app): State<Shared>, caller: Caller) -> Result<Answer<StateBody>, Problem> {
    let operators = app.operators.clone();
    let pins = blocking(move || Ok(operators.has_any().map_err(SignInRefusal::Store)?)).await?;
    let find = |id: &String| app.sessions.seat_of(caller.token.id, id, Instant::now());
    Ok(Answer(StateBody {
        required: app.config.operators.need.as_str(),
        pins,
        idle_lock_ms: u64::try_from(app.config.operators.idle_lock.as_millis()).unwrap_or(u64::MAX),
        session: caller.session.as_ref().and_then(find).as_ref().map(SessionBody::of),
    }))
}

/// Locks the session.
///
/// Nothing can be done with it, and nothing that it has open be seen, until the same clerk signs in again. Locking it
/// once more changes nothing. In the ledger when this answers.
#[utoipa::path(post, path = "/v1/operator/session/lock", tag = "operator", operation_id = "lockSession",
    responses((status = 204, description = "It is locked.")))]
pub(crate) async fn lock(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let call = async {
        let lock = |id: &String| app.sessions.lock(caller.token.id, id, Instant::now());
        let (seat, is_new) = caller.session.as_ref().and_then(lock).ok_or_else(none_carried)?;
        if is_new {
            let by = actor_of(&seat);
            let basis = EndedBecause::Asked.as_str().to_owned();
            let data = json!({"client": seat.client, "reason": basis});
            app.events.publish("operator.locked", data);
            let entry = Attendance { verb: AttendanceVerb::Locked, by, basis, count: 0 };
            enter(&app, vec![entry]).await?;
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    let request = fingerprint(&[b"operator/session/lock"]);
    app.replays.once(caller.owner, caller.idempotency_key.as_deref(), request, call).await
}

/// Signs the clerk out.
///
/// Ends the session, locked or not, and closes every dossier that was opened with the token. In the ledger when this
/// answers.
#[utoipa::path(delete, path = "/v1/operator/session", tag = "operator", operation_id = "signOut",
    responses((status = 204, description = "Nobody sits there now.")))]
pub(crate) async fn sign_out(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let call = async {
        let end = |id: &String| app.sessions.end(caller.token.id, id, Instant::now());
        let seat = caller.session.as_ref().and_then(end).ok_or_else(none_carried)?;
        let ended = Ended { seat, because: EndedBecause::Asked };
        close(&app, &ended);
        publish(&app, &ended);
        enter(&app, vec![entry_of(&ended)]).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    let request = fingerprint(&[b"operator/session/end"]);
    app.replays.once(caller.owner, caller.idempotency_key.as_deref(), request, call).await
}

/// Locks what nobody uses and ends what is over, until it is aborted.
pub(crate) async fn watch_sessions(app: Shared) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        let told = app.sessions.tidy(Instant::now());
        for ended in told.iter().filter(|ended| !ended.is_locked()) {
            close(&app, ended);
        }
        if told.is_empty() {
            continue;
        }
        told.iter().for_each(|ended| publish(&app, ended));
        if enter(&app, told.iter().map(entry_of).collect()).await.is_err() {
            tracing::error!("the end of a clerk's session could not be entered in the ledger");
        }
    }
}

/// What was open at the token closes with the session.
fn close(app: &Shared, ended: &Ended) {
    app.holders.close_token(ended.seat.owner.token);
    app.recent.forget_token(ended.seat.owner.token);
}

fn none_carried() -> Problem {
    Problem::new(Code::OperatorRequired, "Yidang-Session carries no session of this token")
}

fn actor_of(seat: &Seat) -> Actor {
    Actor { client: seat.client.clone(), operator: Some(seat.operator.clone()) }
}

fn entry_of(ended: &Ended) -> Attendance {
    let verb = if ended.is_locked() { AttendanceVerb::Locked } else { AttendanceVerb::SignedOut };
    let basis = ended.because.as_str().to_owned();
    Attendance { verb, by: actor_of(&ended.seat), basis, count: 0 }
}

/// The clerk is not named: any token may hear it.
fn publish(app: &Shared, ended: &Ended) {
    let kind = if ended.is_locked() { "operator.locked" } else { "operator.signed_out" };
    let data: Value = json!({"client": ended.seat.client, "reason": ended.because.as_str()});
    app.events.publish(kind, data);
}

/// Enters them, durably, in this order.
async fn enter(app: &Shared, entries: Vec<Attendance>) -> Result<(), Problem> {
    let archive = app.archive.clone();
    blocking(move || {
        for entry in entries {
            archive.attend(entry)?;
        }
        Ok(())
    })
    .await
}

impl SessionBody {
    fn of(seat: &Seat) -> Self {
        let after = |span: Duration| {
            let span_ms = i64::try_from(span.as_millis()).unwrap_or_default();
            clock::now().plus_millis(span_ms).to_string()
        };
        Self {
            session: seat.id.clone(),
            operator: seat.operator.clone(),
            by: seat.way.as_str(),
            state: if seat.is_locked { "locked" } else { "open" },
            signed_in_at: seat.signed_in_at.to_string(),
            expires_at: after(seat.remaining),
            locks_at: after(seat.locks_in),
        }
    }
}

impl From<SignInRefusal> for Problem {
    fn from(refusal: SignInRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            SignInRefusal::Unknown => Code::OperatorUnknown.into(),
            SignInRefusal::PinWrong { .. } => Self::new(Code::PinWrong, detail),
            SignInRefusal::PinLocked { .. } => Code::PinLocked.into(),
            SignInRefusal::PinWait { wait } => {
                let whole = wait.as_millis().div_ceil(1000);
                Self { retry_after_s: u64::try_from(whole).ok(), ..Code::PinWait.into() }
            }
            SignInRefusal::Assertion(what) => {
                let code = Code::AssertionInvalid;
                let remedy = [code.remedy(Language::Chinese), code.remedy(Language::English)];
                Self::from(code).with_advice(Advice { what, remedy })
            }
            SignInRefusal::Store(_) => Self::new(Code::StorageFailed, detail),
        }
    }
}
