//! In whose name a report speaks: its words name that program's commands, and what can be done there.

use crate::check::{Check, Remedy, Words};

/// The program whose user reads a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// `yidang`, at a window.
    Window,
    /// `yidang-repository`.
    Repository,
}

impl Check {
    /// What a reader of this program's report is told.
    pub const fn said_by(self, speaker: Speaker) -> Words {
        match (speaker, self) {
            (Speaker::Repository, Self::Anchor) => {
                ("账本与他处所记的末条一致", "the ledger has the entry that somebody else remembers")
            }
            _ => self.words(),
        }
    }
}

impl Remedy {
    /// What helps where this program runs: at the repository there is nobody to fetch anything from.
    pub(crate) const fn at(self, speaker: Speaker) -> Self {
        match (speaker, self) {
            (Speaker::Repository, Self::RepairBlob) => Self::RestoreBlob,
            _ => self,
        }
    }

    /// What a reader of this program's report is told.
    pub const fn said_by(self, speaker: Speaker) -> Words {
        match speaker {
            Speaker::Window => self.words(),
            Speaker::Repository => self.said_by_repository(),
        }
    }

    const fn said_by_repository(self) -> Words {
        match self {
            Self::RestoreLedger => (
                "请先把数据文件夹整体复制留存，再停止中心库并运行 yidang-repository rebuild，从副本与残余中恢复账本；各窗口归档的材料，窗口上仍有一份。",
                "Copy the data folder away as it is, stop the repository and run `yidang-repository rebuild`, which joins the ledger's second copy with what is left; what a window filed lies there still.",
            ),
            Self::ConfirmHolds => (
                "账本有缺失，其中可能有依法保全。本报告若还要求运行 yidang-repository rebuild，请先重建（重建前的确认不算数）；然后用 yidang-repository hold list 与有关文书核对，缺的重新设置，再运行 yidang-repository hold confirm --operator 姓名 确认；在此之前不予删除和处置。",
                "The ledger has lost something that may have been a legal hold. Where `yidang-repository rebuild` is named here too, run it first: it asks for this again. Then compare `yidang-repository hold list` with the orders that were made, place what is missing, and say so with `yidang-repository hold confirm --operator NAME`; nothing is forgotten before.",
            ),
            Self::RepairBlob | Self::RestoreBlob => (
                "请从备份恢复数据文件夹；没有备份时，请当事人再次出示所列材料的原件，在窗口重新拍摄归档。",
                "Restore the data folder from a backup; else have the papers that are named shown again at a window and filed anew.",
            ),
            Self::RebuildIndex => (
                "请停止中心库并运行 yidang-repository rebuild-index。",
                "Stop the repository and run `yidang-repository rebuild-index`.",
            ),
            Self::RestoreEpochKey => (
                "请立即把当前纪元密钥放回密钥文件夹；中心库运行期间密钥仍在内存中，请勿停止。",
                "Put the current epoch's key back into the keys' folder at once; a repository that runs still has it in memory, so do not stop it.",
            ),
            Self::RestoreKeyring => (
                "请停止中心库并运行一次 yidang-repository rebuild，从副本与残余中恢复密钥环；仍缺的密钥已丢失，对应的材料无法再打开，请在窗口再次出示原件归档。",
                "Stop the repository and run `yidang-repository rebuild` once, which joins the keyring's second copy with what is left; where a key is still missing, the paper cannot be opened here any more and is to be shown again at a window and filed anew.",
            ),
            Self::RestoreOrCapture => (
                "请停止中心库并运行一次 yidang-repository rebuild；仍缺此密钥时，这份窗口上传的图片无法再打开。账本如有缺失，它可能已经归档，只是归档的条目丢失了，窗口会再次上传；它到期后自动清除，此处不再列出。",
                "Stop the repository and run `yidang-repository rebuild` once; where the key is still missing, this upload cannot be opened any more. Where the ledger has lost entries, it may have been filed by one of them, and its window sends that again. It is named here until it expires, when it goes by itself.",
            ),
            Self::CaptureAgain => (
                "数据未变但图片打不开。请当事人在窗口再次出示原件并重新拍摄归档。",
                "The bytes are as they were taken in and are no picture. Have the paper shown again at a window and filed anew.",
            ),
            Self::MoveKeys => (
                "请停止中心库，把密钥移出数据文件夹并设置 [repository] keys_dir。",
                "Stop the repository, move the keys out of the data folder, and set `[repository] keys_dir`.",
            ),
            Self::KeepEvidence => (
                "账本被截断或替换。请停止中心库，把整个数据文件夹复制留存作为证据并报告审计人员，再运行 yidang-repository rebuild，把缺失记入账本。",
                "The ledger was cut off or replaced. Stop the repository, copy the whole data folder away as evidence and tell the auditor; then run `yidang-repository rebuild`, which enters what is lost.",
            ),
            Self::Update
            | Self::KnownChange
            | Self::RestoreState
            | Self::CloseToOthers
            | Self::RemoveLeftover
            | Self::FinishErasure => self.words(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its paper may be on file elsewhere, and nothing else takes the mark away.
    #[test]
    fn whoever_has_a_capture_without_its_key_is_told_what_it_may_be_and_how_it_goes() {
        for speaker in [Speaker::Window, Speaker::Repository] {
            let (zh, en) = Remedy::RestoreOrCapture.said_by(speaker);
            assert!(zh.contains("可能已经归档") && zh.contains("到期后自动清除，此处不再列出"), "{zh}");
            assert!(en.contains("may have been filed") && en.contains("it goes by itself"), "{en}");
        }
    }

    /// A confirmation does not outlast the rebuild that is still to come.
    #[test]
    fn a_rebuild_is_named_before_the_holds_are_confirmed() {
        for speaker in [Speaker::Window, Speaker::Repository] {
            let (zh, en) = Remedy::ConfirmHolds.said_by(speaker);
            assert!(
                en.find("rebuild` is named here too, run it first").unwrap()
                    < en.find("hold confirm").unwrap()
            );
            assert!(zh.find("请先重建").unwrap() < zh.find("hold confirm").unwrap());
        }
    }

    #[test]
    fn each_program_is_told_its_own_commands() {
        for remedy in Remedy::ALL {
            for (speaker, foreign) in
                [(Speaker::Window, "yidang-repository"), (Speaker::Repository, "yidang archive")]
            {
                let (zh, en) = remedy.said_by(speaker);
                assert!(!zh.contains(foreign) && !en.contains(foreign), "{remedy:?}");
                assert!(!zh.is_ascii() && en.is_ascii() && en.ends_with('.'), "{remedy:?}");
            }
            let (zh, en) = remedy.said_by(Speaker::Repository);
            assert!(
                !zh.contains("本窗口") && !en.contains("This window") && !en.contains("[agent]"),
                "{remedy:?}"
            );
        }
    }
}
