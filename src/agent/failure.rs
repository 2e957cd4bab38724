//! Why a command could not do what it was told: stable code, cause, remedy.

use std::fmt;

use serde::{Deserialize, Serialize};
use yidang_archive::ArchiveError;
use yidang_archive::recovery::RecoveryError;
use yidang_archive::storage::{KeyKeeperError, StorageError, StorageFault};

use crate::ConfigError;
use crate::Language;
use crate::daemon::StartError;
use crate::failure_zh;
use crate::operators::OperatorError;
use crate::private_database;
use crate::problem::Problem;
use crate::sync::{ReceiptFault, SyncError};
use crate::tls::AuthorityError;
use crate::tokens::TokenError;

/// Why a command failed. Free of personal data; crosses the control socket as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The stable word.
    pub(crate) code: String,
    /// What went wrong.
    pub(crate) cause: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

impl Failure {
    /// Code, cause, remedy.
    pub(crate) fn new(code: impl Into<String>, cause: impl ToString, remedy: impl Into<String>) -> Self {
        Self { code: code.into(), cause: cause.to_string(), remedy: remedy.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}: {}\n  remedy: {}", self.code, self.cause, self.remedy)?;
        failure_zh::remedy(&self.code).map_or(Ok(()), |remedy| write!(f, "\n  处理办法：{remedy}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new("config_invalid", error, "correct the configuration")
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let (code, remedy) = match &error {
            ArchiveError::Storage(StorageError { fault, .. }) => storage(*fault),
            ArchiveError::Keys(KeyKeeperError::CredentialMissing(_)) => (
                "credential_missing",
                "see `LoadCredential` of the service; a command without the daemon gets it through `systemd-run \
                 --property=LoadCredential=yidang-key:…`",
            ),
            ArchiveError::Keys(KeyKeeperError::CredentialWrong(_)) => {
                ("credential_wrong", "give the service the credential that it had when the keys were sealed")
            }
            ArchiveError::Keys(_) => (
                "keys_missing",
                "put the epoch key back into the keys' folder; the disk of another, dead PC is read with `yidang archive recover`",
            ),
            ArchiveError::Recovery(error) => recovery(error),
            ArchiveError::LedgerForeign => (
                "ledger_foreign",
                "the newer backup of the data folder tells which of the two is this store's: if it is DATA/backup, move \
                 ledger.db, ledger.db-wal and ledger.db-shm away, put this store's own there or run `yidang archive rebuild`, \
                 which makes it of the second copy; if it is ledger.db, move the folder DATA/backup away and start: the \
                 second copy is made anew",
            ),
            ArchiveError::KeysWrong => ("keys_wrong", "use the keys that belong to this data folder"),
            ArchiveError::LegalHold => {
                ("legal_hold", "see `yidang archive hold list`: whoever placed the hold lifts it")
            }
            ArchiveError::HoldsUnproven => (
                "holds_unproven",
                "where `yidang archive verify` names damage, run `yidang archive rebuild` first; have holds that are missing from \
                 `yidang archive hold list` placed again, and then say so with `yidang archive hold confirm --operator NAME`",
            ),
            ArchiveError::HoldUnknown => ("hold_unknown", "see `yidang archive hold list`"),
            ArchiveError::HoldElsewhere => {
                ("hold_elsewhere", "have it lifted there, with `yidang-repository hold lift`")
            }
            ArchiveError::MaterialUnknown => ("material_unknown", "see `yidang archive list`"),
            ArchiveError::MaterialErased => ("material_erased", "nothing is left of it to be kept"),
            ArchiveError::OriginalDisposed => ("original_disposed", "the page itself is still on file"),
            _ => ("archive_failed", "see what the message names"),
        };
        Self::new(code, error, remedy)
    }
}

impl From<RecoveryError> for Failure {
    fn from(error: RecoveryError) -> Self {
        ArchiveError::from(error).into()
    }
}

fn recovery(error: &RecoveryError) -> (&'static str, &'static str) {
    match error {
        RecoveryError::KeyMalformed => {
            ("recovery_key_malformed", "name the file that `yidang recovery-key` made")
        }
        RecoveryError::ShareMalformed => {
            ("share_malformed", "name files that `yidang recovery-key` made, or type the five lines again")
        }
        RecoveryError::ShareDamaged => {
            ("share_damaged", "compare it with the printed share letter by letter, or use another person's")
        }
        RecoveryError::NewerVersion => {
            ("share_newer", "use the version of yidang that wrote it, or a newer one")
        }
        RecoveryError::SharesMixed(..) => ("shares_mixed", "take shares that name one office"),
        RecoveryError::SharesTooFew { .. } => ("shares_too_few", "ask more of those who keep a share"),
        RecoveryError::SharesWrong(_) => {
            ("shares_wrong", "one of them was not made with the others; try with another person's")
        }
        RecoveryError::SplitOutOfBounds => {
            ("split_out_of_bounds", "make 2 to 64 shares, and ask for 2 at least")
        }
        RecoveryError::NotSealed => (
            "recovery_not_set_up",
            "only the dead PC's own epoch key opens this: look for its keys' folder, or a backup of that",
        ),
        RecoveryError::OtherOffice { .. } => {
            ("shares_of_another_office", "bring the shares of the key that the archive is sealed to")
        }
        RecoveryError::SealDamaged => (
            "recovery_seal_damaged",
            "take the keyring from a backup of the dead PC, next to the other files",
        ),
    }
}

fn storage(fault: StorageFault) -> (&'static str, &'static str) {
    match fault {
        StorageFault::InUse => ("data_dir_in_use", "another yidang runs on this folder; stop it first"),
        StorageFault::DiskFull => ("disk_full", "free some space"),
        StorageFault::ReadOnly | StorageFault::AccessDenied => {
            ("data_dir_not_writable", "give this account write access to the folder")
        }
        StorageFault::NewerVersion => ("store_newer", "install the newer version again"),
        StorageFault::Damaged | StorageFault::Missing => (
            "store_damaged",
            "copy the data folder away as it is, then run `yidang archive rebuild`, which makes ledger and keyring of their second \
             copies and what is left; of a damaged index.db alone that is not needed, it can be deleted",
        ),
        StorageFault::Exposed | StorageFault::Leftover | StorageFault::Io => {
            ("storage_failed", "see what the message names, and check the disk")
        }
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        let code = error.code();
        if code == "code_spent" {
            let cause =
                "the repository does not know this code: it was used, has expired, or is another window's";
            return Self::new(code, cause, "make a new one with `yidang-repository enrol-code`");
        }
        if code == "code_foreign" {
            let remedy = "compare `[agent] counter` here with the name that the code was made for, or have one made for it with \
                          `yidang-repository enrol-code --counter NAME`";
            return Self::new(code, "the code was made for a window of another name than this one's", remedy);
        }
        let remedy = match &error {
            SyncError::Unreachable => "check the network, and `[repository] url` in the configuration",
            SyncError::Untrusted => {
                "have its certificate signed by a publicly trusted authority for the host in `[repository] url`"
            }
            SyncError::Failed | SyncError::Refused(_) | SyncError::Gone => "see the repository's log",
            SyncError::Protocol => "check that `[repository] url` names a repository of this version",
            SyncError::BadUrl => "correct `[repository] url` in the configuration",
            SyncError::NotEnrolled | SyncError::EnrolAgain => {
                "enrol this window with `yidang enrol --code -`"
            }
            SyncError::NewerVersion => "install the newer version again",
            SyncError::State(_) => {
                "check the disk and the rights of the data and keys' folders; a damaged sync.db can be moved away: enrol then with a \
                 code for this counter (`yidang-repository enrol-code --counter NAME`), all is offered again and nothing filed twice"
            }
            SyncError::Stopped => "try again once the daemon runs",
            SyncError::CourierKeyMissing => {
                "set `[repository] courier_key` to what `yidang-repository courier key` prints, or enrol again"
            }
            SyncError::PackDisturbed => {
                "try again when nobody forgets or puts papers right; where the network works, it brings them"
            }
            SyncError::Receipt(fault) => receipt(*fault),
            SyncError::Archive(_) => "run `yidang archive verify`",
            SyncError::Output(_) => "see what takes the output",
        };
        Self::new(code, error, remedy)
    }
}

fn receipt(fault: ReceiptFault) -> &'static str {
    match fault {
        ReceiptFault::Unknown => "choose the file that `yidang-repository courier unpack` wrote",
        ReceiptFault::Newer => "install the newer version here first",
        ReceiptFault::Foreign => "take it to the window that its name says, or pack again here",
        ReceiptFault::Damaged => "unpack the parcels at the repository once more: that writes it anew",
        ReceiptFault::Old => "nothing has to be done; the newer receipt was taken",
        ReceiptFault::LedgerDiffers => {
            "run `yidang archive verify`, then `yidang archive rebuild`, and have the holds confirmed; enrol anew with the line of \
             `yidang-repository enrol-code --offline --counter NAME`, then pack again"
        }
        ReceiptFault::Gap => "pack again, and unpack that at the repository: its receipt answers everything",
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let (code, remedy) = match &error {
            TokenError::NameTaken => ("token_name_taken", "see `yidang token list`"),
            TokenError::NewerVersion => ("store_newer", "install the newer version again"),
            TokenError::BadName | TokenError::NoScope | TokenError::BadOrigin => {
                ("invalid", "correct what the message names")
            }
            TokenError::Database(error) if private_database::is_full(error) => {
                storage(StorageFault::DiskFull)
            }
            TokenError::Database(_) => ("tokens_failed", "check the disk and the rights of the data folder"),
        };
        Self::new(code, error, remedy)
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        let (code, remedy) = match &error {
            OperatorError::NameTaken => {
                ("operator_name_taken", "see `yidang operator list` and `yidang operator key list`")
            }
            OperatorError::NameUnknown => {
                ("operator_unknown", "see `yidang operator list` and `yidang operator key list`")
            }
            OperatorError::NewerVersion => ("store_newer", "install the newer version again"),
            OperatorError::KeyWrong => (
                "operators_key_wrong",
                "put operators.key back into the keys' folder; or remove operators.db, and add the operators anew",
            ),
            OperatorError::BadName => ("invalid", "correct the name"),
            OperatorError::BadPin => ("pin_refused", "write another PIN to standard input"),
            OperatorError::BadKey => (
                "public_key_malformed",
                "make one with `openssl genpkey -algorithm ed25519`, and give `openssl pkey -pubout` of it",
            ),
            OperatorError::Database(error) if private_database::is_full(error) => {
                storage(StorageFault::DiskFull)
            }
            OperatorError::KeyFile(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                storage(StorageFault::DiskFull)
            }
            OperatorError::KeyFile(_) | OperatorError::Database(_) => {
                ("operators_failed", "check the disk and the rights of the data and keys' folders")
            }
        };
        Self::new(code, error, remedy)
    }
}

impl From<AuthorityError> for Failure {
    fn from(error: AuthorityError) -> Self {
        Self::new("certificate_failed", error, "check the disk and the rights of the data folder")
    }
}

impl From<Problem> for Failure {
    /// What a call of the API would have said.
    fn from(problem: Problem) -> Self {
        let language = Language::English;
        let cause = problem.detail(language).unwrap_or_else(|| problem.code.title(language).to_owned());
        Self::new(problem.code.as_str(), cause, problem.remedy(language))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::ClockWrong => Self::new(
                "clock_wrong",
                error,
                "set the clock and start again; an empty battery on the mainboard does this too",
            ),
            StartError::Archive(error) => error.into(),
            StartError::Tokens(error) => error.into(),
            StartError::Operators(error) => error.into(),
            StartError::Certificate(error) => error.into(),
            StartError::Sync(error) => error.into(),
            StartError::Listen { .. } => {
                Self::new("listen_failed", error, "another program holds the port, or choose another one")
            }
            StartError::Thread(_) => Self::new("start_failed", error, "see what the message names"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_keeps_a_window_from_enrolling_has_its_own_code_and_remedy() {
        let told = [
            (SyncError::Unreachable, "repository_unreachable", "network"),
            (SyncError::Untrusted, "repository_untrusted", "certificate"),
            (SyncError::Failed, "repository_error", "log"),
            (SyncError::Refused("code_spent".into()), "code_spent", "enrol-code"),
            (SyncError::Refused("code_foreign".into()), "code_foreign", "[agent] counter"),
            (SyncError::Protocol, "repository_protocol", "version"),
            (SyncError::BadUrl, "repository_url", "url"),
            (SyncError::State("disk".into()), "sync_state_failed", "disk"),
            (SyncError::EnrolAgain, "enrol_again", "--code -"),
        ];
        for (error, code, remedy) in told {
            let failure = Failure::from(error);
            assert_eq!(failure.code, code);
            assert!(failure.remedy.contains(remedy) && !failure.cause.is_empty(), "{failure}");
            assert!(failure.to_string().starts_with(&format!("error {code}: ")), "{failure}");
        }
    }
}
