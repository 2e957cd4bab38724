//! What goes wrong between this window and the repository.

use std::time::Duration;

use yidang_sync::machine::{Healing, REPOSITORY_PROTOCOL, SEQUENCE_CONFLICT};
use yidang_sync::wire::Problem;

use yidang_archive::ArchiveError;

use super::batch::LoadError;

/// Longest code of a repository that is taken for one.
const CODE_LENGTH_MAX: usize = 64;

/// What went wrong between this window and the repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// No connection, none in time, or it was cut.
    #[error("the repository cannot be reached")]
    Unreachable,
    /// Whoever answers has no certificate that this window trusts.
    #[error("the repository's certificate is not trusted")]
    Untrusted,
    /// The repository had a fault of its own.
    #[error("the repository failed")]
    Failed,
    /// The repository does not show this any more: erased, or the grant ran out.
    #[error("the repository does not show this any more")]
    Gone,
    /// The repository refused, with its stable code.
    #[error("the repository refused: {0}")]
    Refused(String),
    /// The repository's answer breaks the protocol, or its bytes are not what their digest says.
    #[error("the repository's answer makes no sense")]
    Protocol,
    /// This window has not been enrolled.
    #[error("this window is not enrolled")]
    NotEnrolled,
    /// The enrolment was made on another machine, or for another repository.
    #[error("the enrolment belongs to another machine or repository")]
    EnrolAgain,
    /// The address is none that could be called.
    #[error("the repository's address is not usable")]
    BadUrl,
    /// The worker's own records cannot be read or written. Says what the layer below said.
    #[error("the records of what was sent cannot be used: {0}")]
    State(String),
    /// A newer version wrote them.
    #[error("the records of what was sent were written by a newer version")]
    NewerVersion,
    /// The worker has been stopped.
    #[error("the worker has been stopped")]
    Stopped,
    /// It is not known what parcels are sealed to.
    #[error("this window does not know the repository's courier key")]
    CourierKeyMissing,
    /// What waits changed again and again while it was packed.
    #[error("what waits changed while it was being packed")]
    PackDisturbed,
    /// A receipt is not taken.
    #[error("{0}")]
    Receipt(ReceiptFault),
    /// The archive did not serve. Says what it said.
    #[error("{0}")]
    Archive(String),
    /// What takes the parcel did not.
    #[error("{0}")]
    Output(String),
}

/// Why a receipt is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// It is something else.
    #[error("this is no receipt")]
    Unknown,
    /// A newer version made it.
    #[error("a newer version made this receipt")]
    Newer,
    /// It is another window's, or was made for an earlier enrolment of this one.
    #[error("this receipt is for another window, or for an earlier enrolment of this one")]
    Foreign,
    /// It was cut or changed.
    #[error("this receipt is damaged or was cut off; nothing of it was taken")]
    Damaged,
    /// What it says is known, and more.
    #[error("this receipt is older than what is known here")]
    Old,
    /// It answers what comes after something unanswered.
    #[error("this receipt answers parcels that this window does not know, or an earlier answer is missing")]
    Gap,
    /// It answers parcels that this ledger knows nothing of, and the repository remembers another one.
    #[error(
        "the repository remembers another ledger than this window has, as of a data folder that was put back to an earlier state: this \
         receipt answers parcels that it knows nothing of"
    )]
    LedgerDiffers,
}

impl ReceiptFault {
    /// The stable word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "receipt_unknown",
            Self::Newer => "receipt_newer",
            Self::Foreign => "receipt_foreign",
            Self::Damaged => "receipt_damaged",
            Self::Old => "receipt_old",
            Self::Gap => "receipt_incomplete",
            Self::LedgerDiffers => "ledger_differs",
        }
    }
}

impl SyncError {
    /// The stable word for `last_error`.
    pub fn code(&self) -> String {
        match self {
            Self::Unreachable => UNREACHABLE.into(),
            Self::Untrusted => UNTRUSTED.into(),
            Self::Failed => FAILED.into(),
            Self::Gone => "repository_gone".into(),
            Self::Refused(code) => code.clone(),
            Self::Protocol => REPOSITORY_PROTOCOL.into(),
            Self::NotEnrolled => "not_enrolled".into(),
            Self::EnrolAgain => ENROL_AGAIN.into(),
            Self::BadUrl => "repository_url".into(),
            Self::State(_) => STATE_FAILED.into(),
            Self::NewerVersion => "store_newer".into(),
            Self::Stopped => "stopped".into(),
            Self::CourierKeyMissing => "courier_key_missing".into(),
            Self::PackDisturbed => "pack_disturbed".into(),
            Self::Receipt(fault) => fault.code().into(),
            Self::Archive(_) => ARCHIVE_FAILED.into(),
            Self::Output(_) => "output_failed".into(),
        }
    }
}

/// Stable code: no connection.
pub(super) const UNREACHABLE: &str = "repository_unreachable";
/// Stable code: a certificate this window does not trust.
pub(super) const UNTRUSTED: &str = "repository_untrusted";
/// Stable code: a key the repository does not know.
pub(super) const TOKEN_INVALID: &str = "token_invalid";
/// Stable code: it saw no key.
pub(super) const TOKEN_MISSING: &str = "token_missing";
/// Stable code: a 5xx answer.
pub(super) const FAILED: &str = "repository_error";
/// Stable code: a refusal whose own code is not known here, or is none.
pub(super) const REFUSED: &str = "repository_refused";
/// Stable code: the enrolment is not this machine's.
pub(super) const ENROL_AGAIN: &str = "enrol_again";
/// Stable code: `sync.db` or the key file.
pub(super) const STATE_FAILED: &str = "sync_state_failed";
/// Stable code: the archive did not serve.
pub(super) const ARCHIVE_FAILED: &str = "archive_failed";

/// Codes of a repository that are shown as they come; any other becomes `repository_refused`.
const KNOWN: [&str; 16] = [
    TOKEN_MISSING,
    TOKEN_INVALID,
    "code_spent",
    "code_foreign",
    "epoch_wrong",
    SEQUENCE_CONFLICT,
    "blobs_missing",
    "digest_mismatch",
    "invalid",
    "body_too_large",
    "grant_invalid",
    "blob_unknown",
    "route_unknown",
    "method_not_allowed",
    "too_many",
    "request_timeout",
];

/// The stable word for a code that came over the wire.
pub(super) fn known(code: &str) -> &'static str {
    KNOWN.into_iter().find(|k| *k == code).unwrap_or(REFUSED)
}

/// Why a call has no answer that can be used.
#[derive(Debug)]
pub(super) enum CallError {
    /// No connection, none in time, or it was cut.
    Unreachable,
    /// The certificate.
    Untrusted,
    /// Not HTTP, not JSON, too long, a redirect, or a problem that is no problem document.
    Protocol,
    /// 5xx.
    Server,
    /// 4xx with its problem document.
    Refused(Box<Problem>),
}

impl CallError {
    /// Stable code, and what may mend it.
    pub(super) fn judge(&self) -> (&'static str, Healing) {
        match self {
            Self::Unreachable => (UNREACHABLE, Healing::Soon),
            Self::Untrusted => (UNTRUSTED, Healing::Slow),
            Self::Protocol => (REPOSITORY_PROTOCOL, Healing::Soon),
            Self::Server => (FAILED, Healing::Soon),
            Self::Refused(problem) => {
                let soon = matches!(problem.status, 408 | 422 | 429);
                (known(&problem.code), if soon { Healing::Soon } else { Healing::Slow })
            }
        }
    }
}

impl From<CallError> for SyncError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable => Self::Unreachable,
            CallError::Untrusted => Self::Untrusted,
            CallError::Protocol => Self::Protocol,
            CallError::Server => Self::Failed,
            CallError::Refused(problem) => Self::Refused(known(&problem.code).to_owned()),
        }
    }
}

impl From<ureq::Error> for CallError {
    fn from(error: ureq::Error) -> Self {
        use ureq::Error as E;
        match error {
            E::Io(error) if is_wrapped(E::Rustls, &error) => Self::Untrusted,
            E::Io(_) | E::Timeout(_) | E::HostNotFound | E::ConnectionFailed | E::BodyStalled => {
                Self::Unreachable
            }
            E::Rustls(_) | E::Tls(_) | E::Pem(_) => Self::Untrusted,
            _ => Self::Protocol,
        }
    }
}

impl From<ArchiveError> for SyncError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error.to_string())
    }
}

impl From<LoadError> for SyncError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::State(error) => error,
            error => Self::Archive(error.to_string()),
        }
    }
}

impl From<std::io::Error> for SyncError {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error.to_string())
    }
}

/// Whether an error of the operating system's kind holds what `E` is made of: a handshake that fails comes as
/// one, whatever failed in it.
fn is_wrapped<E: std::error::Error + 'static>(_: fn(E) -> ureq::Error, error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<E>())
}

/// Whether a text that came over the wire can be a stable code.
pub(super) fn is_code(text: &str) -> bool {
    (1..=CODE_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// Reads the body of a 4xx answer.
pub(super) fn refusal(status: u16, body: &[u8]) -> CallError {
    let sane = |p: &Problem| p.status == status && is_code(&p.code);
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if sane(&problem) => CallError::Refused(Box::new(problem)),
        _ => CallError::Protocol,
    }
}

/// Time limit of a call that carries so many bytes, over a line as slow as 64 KiB/s.
pub(super) fn time_for(size_bytes: usize) -> Duration {
    Duration::from_secs(15 + size_bytes as u64 / (64 << 10))
}
