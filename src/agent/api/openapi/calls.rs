//! What each call needs and how it can fail: one row a call.

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Ref, RefOr, Required, SecurityRequirement};

use super::{refusals, shared};
use crate::Language;
use crate::clients::{BURST_S, CALLS_PER_SECOND_DEFAULT, COSTLY_BURST_S, COSTLY_SHARE, PlaceKind};
use crate::problem::Code::{self, *};
use crate::scope::Scope;
use crate::tray::{OF_ALL, OF_ONE};

/// Who may call.
enum Door {
    /// Anyone on this machine.
    Open,
    /// Any token.
    Token,
    /// A token with one of these scopes.
    Scopes(&'static [Scope]),
}

/// A call, by its `operationId`, with the codes that are its own. What follows from its door, its parameters
/// and its body is added by [`codes`].
pub(super) struct Call {
    pub(super) operation: &'static str,
    door: Door,
    fails: &'static [&'static [Code]],
}

const fn call(operation: &'static str, door: Door, fails: &'static [&'static [Code]]) -> Call {
    Call { operation, door, fails }
}

/// Answers a repeated `Idempotency-Key` with the first answer.
const KEYED: &[Code] = &[IdempotencyConflict];
/// Writes to the ledger before it answers, or needs what waits to be written to be so.
const WRITES: &[Code] = &[DiskFull];
/// Takes an open dossier.
const HOLDER: &[Code] = &[HolderUnknown, HolderExpired];
/// Works on pictures, in turn.
const PICTURES: &[Code] = &[Busy];
/// May ask the repository.
const REPOSITORY: &[Code] = &[RepositoryFailed, RepositoryUnreachable];

/// Enters a clerk's coming or going in the ledger.
const SEAT: &[&[Code]] = &[KEYED, WRITES, &[OperatorRequired]];

/// Asks a camera.
const CAMERA: &[Code] = &[CameraFailed, CameraAbsent, Busy];

const CARD: Door = Door::Scopes(&[Scope::Card]);
const CAPTURE: Door = Door::Scopes(&[Scope::Capture]);
const OPENING: Door = Door::Scopes(&[Scope::ArchiveWrite, Scope::ArchiveAssist]);
const WRITE: Door = Door::Scopes(&[Scope::ArchiveWrite]);
const READ: Door = Door::Scopes(&[Scope::ArchiveRead]);
const ERASE: Door = Door::Scopes(&[Scope::ArchiveErase]);
const ADMIN: Door = Door::Scopes(&[Scope::Admin]);

pub(super) const CALLS: &[Call] = &[
    call("checkHealth", Door::Open, &[]),
    call("readOpenapi", Door::Open, &[]),
    call("readStatus", Door::Token, &[]),
    call("readSync", Door::Token, &[]),
    call("watchEvents", Door::Token, &[]),
    call("requestPairing", Door::Open, &[KEYED, &[Invalid, PairingClosed, TooMany]]),
    call("collectPairing", Door::Open, &[KEYED, &[Invalid, PairingClosed, PairingUnknown]]),
    call("listPairings", ADMIN, &[]),
    call("decidePairing", ADMIN, &[KEYED, &[PairingUnknown]]),
    call(
        "signIn",
        Door::Token,
        &[KEYED, WRITES, &[OperatorUnknown, PinWrong, PinWait, PinLocked, AssertionInvalid]],
    ),
    call("readSession", Door::Token, &[]),
    call("lockSession", Door::Token, SEAT),
    call("signOut", Door::Token, SEAT),
    call("readCard", CARD, &[KEYED, &[CardAbsent, CardUnreadable, ReaderAbsent, Busy]]),
    call("openHolder", OPENING, &[KEYED, WRITES, &[CaptureUnknown]]),
    call("closeHolder", Door::Token, &[KEYED, &[HolderUnknown]]),
    call("listCameras", CAPTURE, &[]),
    call("adjustCamera", CAPTURE, &[KEYED, CAMERA]),
    call("requestPreview", CAPTURE, &[KEYED, CAMERA]),
    call("watchCamera", Door::Open, &[CAMERA, &[TicketInvalid, TooMany, Invalid]]),
    call(
        "capturePaper",
        CAPTURE,
        &[
            KEYED,
            WRITES,
            HOLDER,
            PICTURES,
            CAMERA,
            &[NotSettled, CaptureFiled, NotAnImage, ImageDamaged, ImageTooLarge],
        ],
    ),
    call("listCaptures", CAPTURE, &[WRITES]),
    call("listLeftCaptures", CAPTURE, &[WRITES]),
    call("takeOverCaptures", CAPTURE, &[KEYED, WRITES, &[RightMissing, BlobDamaged]]),
    call(
        "readCaptureImage",
        CAPTURE,
        &[WRITES, PICTURES, &[CaptureUnknown, CaptureFiled, BlobDamaged, RangeUnsatisfiable]],
    ),
    call("discardCapture", CAPTURE, &[KEYED, WRITES, &[CaptureUnknown, CaptureFiled]]),
    call(
        "fileMaterial",
        WRITE,
        &[
            KEYED,
            WRITES,
            HOLDER,
            &[CaptureUnknown, CaptureFiled, HolderRequired, MaterialUnknown, MaterialSuperseded, BlobDamaged],
        ],
    ),
    call("listMaterials", READ, &[WRITES, HOLDER, REPOSITORY, &[RightMissing]]),
    call("readMaterial", READ, &[WRITES, &[HolderRequired, MaterialUnknown, MaterialRestricted]]),
    call(
        "readPageImage",
        READ,
        &[
            WRITES,
            PICTURES,
            REPOSITORY,
            &[
                HolderRequired,
                MaterialUnknown,
                MaterialRestricted,
                OriginalDisposed,
                BlobDamaged,
                RangeUnsatisfiable,
            ],
        ],
    ),
    call(
        "readDocument",
        READ,
        &[
            WRITES,
            PICTURES,
            REPOSITORY,
            &[HolderRequired, MaterialUnknown, MaterialRestricted, NotACard, BlobDamaged],
        ],
    ),
    call(
        "refileMaterial",
        WRITE,
        &[KEYED, WRITES, HOLDER, &[HolderRequired, MaterialUnknown, MaterialElsewhere, BlobDamaged]],
    ),
    call(
        "requestErasure",
        ERASE,
        &[KEYED, WRITES, HOLDER, &[MaterialUnknown, LegalHold, HoldsUnproven, ErasureUnfinished]],
    ),
    call("readErasure", ERASE, &[WRITES, &[ErasureUnknown]]),
    call("simulateCard", ADMIN, &[KEYED, &[SimulatedUnknown]]),
    call("simulateDesk", ADMIN, &[KEYED, &[SimulatedUnknown]]),
    call("listSimulatedDesk", ADMIN, &[]),
    call("simulateFault", ADMIN, &[KEYED, &[SimulatedUnknown]]),
    call("listSimulatedFaults", ADMIN, &[]),
    call("playScenario", ADMIN, &[KEYED, &[SimulatedUnknown]]),
    call("resetSimulation", ADMIN, &[KEYED]),
];

/// Calls whose body may be left out.
const BODY_OPTIONAL: &[&str] = &["readCard", "requestPreview", "capturePaper"];

/// Codes that belong to no call: they say that there is none.
pub(super) const GENERAL: &[Code] = &[RouteUnknown, MethodNotAllowed];

/// What one client may ask for, in words.
pub(super) fn about_limits() -> String {
    let calls = CALLS_PER_SECOND_DEFAULT;
    let costly = calls / COSTLY_SHARE;
    let most = |kind: PlaceKind| kind.max();
    format!(
        "One token may make {calls} calls a second, {} of them at once; `[http] calls_per_second` of the configuration \
         says another number. Costly calls (reading a card, capturing or handing in a picture, asking for a preview, \
         writing a document) come a tenth as often: {costly} a second, {} at once. One token has at most {} calls in \
         flight, among them {} event streams and waiting polls, {} previews and waits for a paper, {} pictures in work \
         and {} card readings. At most {} captures of one token, {} GiB, wait to be filed, and {} of all, {} GiB. \
         Whatever is beyond that is `too_many`: nothing was done, `Retry-After` says after how many seconds to ask \
         again, and other tokens are served meanwhile.",
        calls * BURST_S,
        costly * COSTLY_BURST_S,
        most(PlaceKind::Call),
        most(PlaceKind::Listener),
        most(PlaceKind::Preview),
        most(PlaceKind::Picture),
        most(PlaceKind::CardReading),
        OF_ONE.captures_max,
        OF_ONE.bytes_max >> 30,
        OF_ALL.captures_max,
        OF_ALL.bytes_max >> 30,
    )
}

/// The general codes in words.
pub(super) fn about_general() -> String {
    let lines: Vec<_> = GENERAL
        .iter()
        .map(|c| format!("- {} `{}`: {}", c.status(), c.as_str(), c.title(Language::English)))
        .collect();
    format!("Beside the codes that stand at each call there are:\n\n{}", lines.join("\n"))
}

/// Adds to an operation what its row says: scope, headers, refusals.
pub(super) fn complete(operation: &mut Operation) {
    let Some(call) = CALLS.iter().find(|c| operation.operation_id.as_deref() == Some(c.operation)) else {
        return;
    };
    let codes = codes(call, operation);
    let keyed = codes.contains(&IdempotencyConflict);
    operation.security = Some(match call.door {
        Door::Open => Vec::new(),
        Door::Token => vec![SecurityRequirement::new(shared::TOKEN, Vec::<String>::new())],
        Door::Scopes(scopes) => {
            scopes.iter().map(|s| SecurityRequirement::new(shared::TOKEN, [s.as_str()])).collect()
        }
    });
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.required =
            if BODY_OPTIONAL.contains(&call.operation) { Required::False } else { Required::True }.into();
    }
    let about = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{}\n\n{}", about.trim(), scope_line(&call.door)));
    let parameters = operation.parameters.get_or_insert_default();
    if !matches!(call.door, Door::Open) {
        parameters.push(shared_parameter(shared::OPERATOR));
        parameters.push(shared_parameter(shared::SESSION));
    }
    if keyed {
        parameters.push(shared_parameter(shared::IDEMPOTENCY_KEY));
    }
    parameters.push(shared_parameter(shared::ACCEPT_LANGUAGE));
    for (status, response) in refusals::responses(&codes) {
        operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }
}

fn shared_parameter<T>(name: &str) -> RefOr<T> {
    RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")))
}

fn scope_line(door: &Door) -> String {
    match door {
        Door::Open => "Scope: none, and no token.".into(),
        Door::Token => "Scope: none; any token will do.".into(),
        Door::Scopes(scopes) => {
            let words: Vec<_> = scopes.iter().map(|s| format!("`{}`", s.as_str())).collect();
            format!("Scope: {}.", words.join(" or "))
        }
    }
}

/// Every code this call can answer with.
fn codes(call: &Call, operation: &Operation) -> Vec<Code> {
    // The guard looks a strange `Origin` up among the tokens, and so can meet a failing disk.
    // Whoever sends a token is counted, also where none is needed.
    let mut codes = vec![HostDenied, OriginDenied, StorageFailed, TooMany];
    if !matches!(call.door, Door::Open) {
        // `invalid` for a header that is too long or no text.
        codes.extend([TokenMissing, TokenInvalid, TokenExpired, Invalid]);
    }
    if matches!(call.door, Door::Scopes(_)) {
        codes.extend([ScopeMissing, OperatorRequired, OperatorLocked, OperatorMismatch]);
    }
    if operation.request_body.is_some() {
        codes.push(BodyTooLarge);
    }
    let in_path = |p: &RefOr<_>| matches!(p, RefOr::T(p) if is_in_path(p));
    if operation.parameters.iter().flatten().any(in_path) {
        // A part of the address that is no text, or no number where one must be.
        codes.push(RouteUnknown);
    }
    codes.extend(call.fails.iter().copied().flatten());
    codes
}

fn is_in_path(parameter: &utoipa::openapi::path::Parameter) -> bool {
    parameter.parameter_in == ParameterIn::Path
}
