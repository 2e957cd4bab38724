//! Why the repository does not start, or a command was not carried out.

use yidang_archive::storage::StorageFault;
use yidang_archive::{ArchiveError, told_unproven};
use yidang_model::SubjectError;

use crate::ConfigError;
use crate::secrets::SecretsError;
use crate::state::{StateError, StateFault};

/// Why the repository does not start, or a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The clock shows a time that no answer can be dated with.
    #[error(
        "this machine's clock shows a time before 1970 or after 9999, so that no request could be answered"
    )]
    ClockWrong,
    /// The configuration does not hold.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing of a repository lies in the data folder.
    #[error("{0}: no repository ever ran here")]
    Absent(String),
    /// Its ledger lies there, and its state does not.
    #[error("{0}: repository.db is not here, though a ledger is")]
    StateMissing(String),
    /// The archive cannot be opened or read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The state cannot be opened or read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The repository's key cannot be had.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The address cannot be listened on.
    #[error("{address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// The running repository could not be asked.
    #[error("the running repository: {0}")]
    Control(String),
    /// What was given to name somebody is not a kind of number and a number.
    #[error("standard input names nobody")]
    SubjectInvalid,
    /// It is, and no such kind is known, or it is no number of its kind. Never quotes the number.
    #[error("{0}")]
    SubjectRefused(SubjectError),
    /// What was asked is out of bounds; says which rule it breaks.
    #[error("{0}")]
    Invalid(String),
    /// Places in the ledger could not be read that may be about what was asked.
    #[error("{}", told_unproven(*unproven, *put_back))]
    AuditIncomplete {
        /// How many.
        unproven: u64,
        /// How many of these tell that the ledger is an older one than was known.
        put_back: u64,
    },
    /// The operating system refused something the program cannot do without.
    #[error("{0}")]
    System(String),
}

impl StartError {
    /// The stable word for what is wrong.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ClockWrong => "clock_wrong",
            Self::Config(_) => "config_invalid",
            Self::Absent(_) => "repository_absent",
            Self::StateMissing(_) => "state_missing",
            Self::Archive(error) => archive_code(error),
            Self::State(error) => match error.fault {
                StateFault::DiskFull => "disk_full",
                StateFault::Busy => "in_use",
                StateFault::AccessDenied => "access_denied",
                StateFault::Damaged => "state_damaged",
                StateFault::NewerVersion => "newer_version",
                StateFault::Io => "state_failed",
            },
            Self::Secrets(SecretsError::Missing) => "key_missing",
            Self::Secrets(SecretsError::Foreign) => "keys_wrong",
            Self::Secrets(SecretsError::Damaged) => "key_damaged",
            Self::Secrets(SecretsError::Unreadable(_)) => "access_denied",
            Self::Listen { .. } => "listen_failed",
            Self::Control(_) => "control_failed",
            Self::SubjectInvalid | Self::SubjectRefused(_) => "subject_invalid",
            Self::Invalid(_) => "invalid",
            Self::AuditIncomplete { .. } => "audit_incomplete",
            Self::System(_) => "system_failed",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.code() {
            "audit_incomplete" if self.is_of_an_older_ledger() => {
                "neither `yidang-repository check` nor a rebuild finds any of it again; what a window did is in its own ledger too: \
                 ask with `yidang archive audit` there"
            }
            "clock_wrong" => "set the clock and start again; an empty battery on the mainboard does this too",
            "config_invalid" => "correct the configuration file or the environment",
            "in_use" => {
                "another repository works on this data folder: stop it, or give this one its own folder"
            }
            "disk_full" => "make room on the disk and start again",
            "access_denied" => "give this account read and write access to the data and keys folders",
            "newer_version" => "install the version that wrote the data folder, or a newer one",
            "key_missing" => "put the keys folder back, from its backup; the data cannot be read without it",
            "key_damaged" => "restore the keys folder from its backup",
            "keys_wrong" => "point keys_dir at the keys that belong to this data folder",
            "repository_absent" => "name the repository's own folder as data_dir, or start it there once",
            "state_missing" => {
                "put data and keys of one backup back; without a backup start the repository: the papers stay, and every window has to \
                 enrol anew with a code for its counter"
            }
            "state_damaged" => {
                "copy the data folder away as it is and put data and keys of one backup back; without a backup move repository.db, \
                 repository.db-wal and repository.db-shm away and start: the papers stay, every window has to enrol anew with a code for \
                 its counter"
            }
            "archive_damaged" => {
                "copy the data folder away as it is, stop the repository and run `yidang-repository rebuild`, which makes \
                 ledger and keyring of their second copies and what is left"
            }
            "subject_invalid" => {
                "write the type (resident, hmt, foreigner, passport, birth_certificate, organisation, provisional), a space and the \
                 number to standard input, as in `resident 000000…`"
            }
            "invalid" => "correct what the message names and ask again",
            "hold_unknown" => "see `yidang-repository hold list`",
            "material_unknown" => "check the identifier",
            "material_erased" => "nothing is left of it to be kept",
            "ledger_foreign" => {
                "the newer backup of the data folder tells which of the two is this repository's: if it is DATA/backup, move \
                 ledger.db, ledger.db-wal and ledger.db-shm away, put its own there or run `yidang-repository rebuild`, \
                 which makes it of the second copy; if it is ledger.db, move the folder DATA/backup away and start: the \
                 second copy is made anew"
            }
            "holds_unproven" => {
                "where `yidang-repository check` names damage, stop the repository and run `yidang-repository rebuild` first, which \
                 says what is lost; have holds that are missing from `yidang-repository hold list` placed again, after a look at `yidang archive hold list` at the windows, \
                 which keep what was placed here until `yidang-repository hold confirm --operator NAME`"
            }
            "audit_incomplete" => {
                "what has come to harm is named by `yidang-repository check`; what is lost for good was named by the \
                 `yidang-repository rebuild` that entered it"
            }
            "listen_failed" => "choose a free address of this machine under [http] listen",
            "control_failed" => "ask again, or stop the repository first",
            _ => "see the message and the disk's state",
        }
    }
}

impl StartError {
    /// Whether all that an audit may lack was lost with a newer ledger, so that nothing is damaged that could be named.
    fn is_of_an_older_ledger(&self) -> bool {
        matches!(self, Self::AuditIncomplete { unproven, put_back } if unproven == put_back)
    }

    /// The same in Chinese.
    pub fn remedy_zh(&self) -> &'static str {
        match self.code() {
            "audit_incomplete" if self.is_of_an_older_ledger() => {
                "账本曾被截断或换成较早的一份，其后所记的已丢失，检测和重建都找不回来；窗口做过的，窗口自己的账本中还有，请在那里用 yidang archive audit 查询。"
            }
            "clock_wrong" => "时钟早于 1970 年或晚于 9999 年：请校准后再启动；主板电池没电也会这样。",
            "config_invalid" => "请改正配置文件或环境变量。",
            "in_use" => "另一个中心库正在使用此数据文件夹：请先停止它，或另选一个文件夹。",
            "disk_full" => "磁盘已满：请腾出空间后再启动。",
            "access_denied" => "请让此账户可以读写数据文件夹和密钥文件夹。",
            "newer_version" => "数据由更新的版本写成：请安装那个版本或更新的版本。",
            "key_missing" => "请从备份放回密钥文件夹；没有密钥，数据无法读取。",
            "key_damaged" => "请从备份恢复密钥文件夹。",
            "keys_wrong" => "请把 keys_dir 指向属于此数据文件夹的密钥。",
            "repository_absent" => "请把 data_dir 指向中心库自己的数据文件夹，或先在那里启动一次中心库。",
            "state_missing" => {
                "请用同一次备份恢复数据和密钥；没有备份时直接启动中心库：材料仍在，各窗口须用写明窗口名称的登记码重新登记。"
            }
            "state_damaged" => {
                "请先把数据文件夹整体复制留存，再用同一次备份恢复数据和密钥；没有备份时，把 repository.db、repository.db-wal、repository.db-shm 移走后启动：材料仍在，各窗口须用写明窗口名称的登记码重新登记。"
            }
            "archive_damaged" => {
                "请先把数据文件夹整体复制留存，再停止中心库并运行 yidang-repository rebuild，从副本与残余中重建账本和密钥环。"
            }
            "ledger_foreign" => {
                "请用较新的备份核对两者中哪一个是本库的：若 DATA/backup 是本库的，请把 ledger.db、ledger.db-wal、ledger.db-shm 移走，放回本库自己的账本，或运行 yidang-repository rebuild 用副本重建；若 ledger.db 是本库的，请把 DATA/backup 文件夹移走再启动，副本会重新生成。"
            }
            "holds_unproven" => {
                "请运行 yidang-repository check：它若指出损坏，先停止中心库并运行 yidang-repository rebuild，它会说明缺失了什么；再用 yidang-repository hold list 核对，缺的保全请重新设置（各窗口在 yidang-repository hold confirm --operator 姓名 确认之前仍留有中心库设置的保全，可先用 yidang archive hold list 查看）。"
            }
            "audit_incomplete" => {
                "受损的由 yidang-repository check 指出；已确认丢失的，当时的 yidang-repository rebuild 报告中有列明。"
            }
            "subject_invalid" => match self {
                Self::SubjectRefused(SubjectError::Malformed) => {
                    "号码不是该类别的写法：请核对号码，以及类别（resident、hmt、foreigner、passport、birth_certificate、organisation、provisional）。"
                }
                _ => {
                    "请向标准输入写入类别（resident、hmt、foreigner、passport、birth_certificate、organisation、provisional）、空格和号码。"
                }
            },
            "invalid" => "请按提示改正后重试。",
            "hold_unknown" => "请用 yidang-repository hold list 查看。",
            "material_unknown" => "请核对编号。",
            "material_erased" => "该材料已删除，没有可以保全的内容。",
            "listen_failed" => "请在 [http] listen 中选择本机空闲的地址和端口。",
            "control_failed" => "请重试，或先停止中心库。",
            _ => "请按提示检查磁盘。",
        }
    }
}

fn archive_code(error: &ArchiveError) -> &'static str {
    match error {
        ArchiveError::Storage(e) => match e.fault {
            StorageFault::InUse => "in_use",
            StorageFault::DiskFull => "disk_full",
            StorageFault::ReadOnly | StorageFault::AccessDenied => "access_denied",
            StorageFault::NewerVersion => "newer_version",
            StorageFault::Missing | StorageFault::Damaged => "archive_damaged",
            StorageFault::Exposed | StorageFault::Leftover | StorageFault::Io => "archive_failed",
        },
        ArchiveError::HoldUnknown => "hold_unknown",
        ArchiveError::MaterialUnknown => "material_unknown",
        ArchiveError::MaterialErased => "material_erased",
        ArchiveError::Keys(_) => "key_missing",
        ArchiveError::KeysWrong => "keys_wrong",
        ArchiveError::Invalid(_) => "invalid",
        ArchiveError::LedgerForeign => "ledger_foreign",
        ArchiveError::HoldsUnproven => "holds_unproven",
        _ => "archive_failed",
    }
}
