//! What a fixity check examines, sorted by the four properties that archives are examined for (真实性, 完整性,
//! 可用性, 安全性; GB/T 18894 and DA/T 70, as far as they are public), and what helps against each damage.

use crate::DamagedThing;
use crate::storage::StorageFault;

/// A word in Chinese and in English.
pub type Words = (&'static str, &'static str);

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal, $zh:literal, $en:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of the report.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable word in reports.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The one with this stable word.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }

            /// What a reader is told.
            pub const fn words(self) -> Words {
                match self {
                    $(Self::$variant => ($zh, $en),)+
                }
            }
        }
    };
}

words! {
    /// One of the four properties.
    Property {
        /// It is what was kept, from whom it says.
        Authenticity = "authenticity", "真实性", "authenticity";
        /// Nothing is missing or changed.
        Integrity = "integrity", "完整性", "integrity";
        /// It can be read.
        Usability = "usability", "可用性", "usability";
        /// Nobody else can.
        Security = "security", "安全性", "security";
    }
}

words! {
    /// One examination.
    Check {
        /// Every entry follows from the one before.
        Chain = "chain", "账本哈希链逐条衔接", "the ledger's hash chain, entry by entry";
        /// Every entry opens with its keys and makes sense.
        Entries = "entries", "账本条目可解封且内容成立", "ledger entries open and make sense";
        /// The ledger has what somebody else remembers of it.
        Anchor = "anchor", "账本与中心库所记的末条一致", "the ledger has the entry that the repository remembers";
        /// The ledger has what its second copy has.
        Copies = "copies", "账本与其副本一致", "the ledger has the entry that its second copy ends with";
        /// Every blob is there and is what its name says.
        Blobs = "blobs", "图片数据齐全且未改动", "blobs are there and unchanged";
        /// The index says what the ledger says.
        Index = "index", "索引与账本一致", "the index says what the ledger says";
        /// Every page of a material has its picture and its original.
        Pages = "pages", "材料的每一页及原图齐全", "every page of a material has its picture and its original";
        /// What the repository knows beside the archive.
        State = "state", "中心库状态数据一致", "the repository's own records hold together";
        /// The keys are there and right.
        Keys = "keys", "密钥齐全且可用", "keys are there and right";
        /// Pictures can be decoded to their end.
        Pictures = "pictures", "图片可完整解码", "pictures decode to their end";
        /// Folders and files are this account's alone.
        Modes = "modes", "文件夹与文件仅本账户可访问", "folders and files are this account's alone";
        /// A copy of the data folder does not bring the keys along.
        KeysApart = "keys_apart", "密钥不在数据文件夹内", "the keys lie outside the data folder";
        /// Nothing lies about that should be sealed or gone.
        Leftovers = "leftovers", "无明文图片、残留临时文件和未清除完的删除", "no plain pictures, no leftover files, and no erasure that stopped half-way";
    }
}

impl Check {
    /// The property it belongs to.
    pub const fn property(self) -> Property {
        match self {
            Self::Chain | Self::Entries | Self::Anchor | Self::Copies => Property::Authenticity,
            Self::Blobs | Self::Index | Self::Pages | Self::State => Property::Integrity,
            Self::Keys | Self::Pictures => Property::Usability,
            Self::Modes | Self::KeysApart | Self::Leftovers => Property::Security,
        }
    }

    /// What helps against a damage that it found.
    pub(crate) const fn remedy(self, what: &DamagedThing, fault: StorageFault) -> Remedy {
        match (self, what, fault) {
            (_, _, StorageFault::NewerVersion) => Remedy::Update,
            (Self::Entries, DamagedThing::Row(_), _) => Remedy::ConfirmHolds,
            (Self::Chain | Self::Entries | Self::Copies, ..) => Remedy::RestoreLedger,
            (Self::Anchor, ..) => Remedy::KeepEvidence,
            (Self::Blobs | Self::Pages, ..) => Remedy::RepairBlob,
            (Self::Index, ..) => Remedy::RebuildIndex,
            (Self::State, ..) => Remedy::RestoreState,
            (Self::Keys, DamagedThing::Epoch(_), _) => Remedy::RestoreEpochKey,
            (Self::Keys, DamagedThing::Staged(_), _) => Remedy::RestoreOrCapture,
            (Self::Keys, ..) => Remedy::RestoreKeyring,
            (Self::Pictures, ..) => Remedy::CaptureAgain,
            (Self::Modes, ..) => Remedy::CloseToOthers,
            (Self::KeysApart, ..) => Remedy::MoveKeys,
            (Self::Leftovers, DamagedThing::Row(_), _) => Remedy::FinishErasure,
            (Self::Leftovers, ..) => Remedy::RemoveLeftover,
        }
    }
}

words! {
    /// What helps against a damage.
    Remedy {
        /// A newer program wrote it.
        Update = "update", "请安装写入该数据的较新版本。", "Install the newer version that wrote it.";
        /// From a backup.
        RestoreLedger = "restore_ledger",
            "请先把数据文件夹整体复制留存，再停止程序并运行 yidang archive rebuild，从副本与残余中恢复账本；中心库已收到的材料不受影响。",
            "Copy the data folder away as it is, stop the program and run `yidang archive rebuild`, which joins the ledger's second copy with what is left; what the repository has is not lost.";
        /// Nothing more; it is evidence.
        KnownChange = "known_change",
            "此条曾被改动，重建时已记入账本，原样保留。请告知审计人员，并留存重建前复制的数据文件夹；无需再次重建。",
            "This entry was changed; a rebuild entered that, and it stays as it is. Tell the auditor, and keep the copy of the data folder that was made before; rebuilding again changes nothing.";
        /// Somebody cut the ledger or put another in its place.
        KeepEvidence = "keep_evidence",
            "账本被截断或替换。请停止程序，把整个数据文件夹复制留存作为证据并报告审计人员，再运行 yidang archive rebuild，把缺失记入账本。",
            "The ledger was cut off or replaced. Stop the program, copy the whole data folder away as evidence and tell the auditor; then run `yidang archive rebuild`, which enters what is lost.";
        /// Something is missing that may have been a hold.
        ConfirmHolds = "confirm_holds",
            "账本有缺失，其中可能有依法保全。本报告若还要求运行 yidang archive rebuild，请先重建（重建前的确认不算数）；然后用 yidang archive hold list 与有关文书核对，缺的重新设置，再运行 yidang archive hold confirm --operator 姓名 确认；在此之前不予删除和处置。",
            "The ledger has lost something that may have been a legal hold. Where `yidang archive rebuild` is named here too, run it first: it asks for this again. Then compare `yidang archive hold list` with the orders that were made, place what is missing, and say so with `yidang archive hold confirm --operator NAME`; nothing is forgotten before.";
        /// From whoever has the same bytes.
        RepairBlob = "repair_blob",
            "请运行 yidang archive verify --repair 从中心库取回；取不回时请当事人再次出示原件并重新拍摄或导入。",
            "Run `yidang archive verify --repair` to fetch it from the repository; else restore it from a backup.";
        /// From a backup, where there is nobody else to ask.
        RestoreBlob = "restore_blob",
            "本窗口没有登记到中心库，无法取回。请从备份恢复数据文件夹；没有备份时，请当事人再次出示所列材料的原件，重新拍摄或导入。",
            "This window is enrolled nowhere, so nobody else has it. Restore the data folder from a backup; else have the papers that are named shown again and file them anew.";
        /// It is a view.
        RebuildIndex = "rebuild_index", "请运行 yidang archive rebuild-index。", "Run `yidang archive rebuild-index`.";
        /// From a backup.
        RestoreState = "restore_state", "请从备份恢复 repository.db。", "Restore `repository.db` from a backup.";
        /// From where it is kept twice.
        RestoreEpochKey = "restore_epoch_key",
            "请立即把当前纪元密钥放回密钥文件夹；程序运行期间密钥仍在内存中，请勿停止。",
            "Put the current epoch's key back into the keys' folder at once; a daemon that runs still has it in memory, so do not stop it.";
        /// From a backup.
        RestoreKeyring = "restore_keyring",
            "请停止程序并运行一次 yidang archive rebuild，从副本与残余中恢复密钥环；仍缺的密钥已丢失，对应的材料在本机无法再打开：中心库有的，打开当事人档案时仍可从中心库查阅；没有的，请再次出示原件归档。",
            "Stop the program and run `yidang archive rebuild` once, which joins the keyring's second copy with what is left. Where a key is still missing, the paper cannot be opened here any more: what the repository has is shown with its person's dossier all the same, and what it has not is to be shown again and filed anew.";
        /// From what is left of the keyring; its second copy has no keys of captures.
        RestoreOrCapture = "restore_or_capture",
            "请停止程序并运行一次 yidang archive rebuild；仍缺此密钥时，这份拍摄无法再打开。账本如有缺失，它可能已经归档，只是归档的条目丢失了：请先查阅当事人档案，已传到中心库的材料仍可查阅；查不到的再重新拍摄。拍摄到期后自动清除，此处不再列出；也可用 DELETE /v1/captures/编号 提前删除。",
            "Stop the program and run `yidang archive rebuild` once; where the key is still missing, this capture cannot be opened any more. Where the ledger has lost entries, it may have been filed by one of them: look at the person's dossier first, which shows what the repository was sent, and capture again what is not in it. The capture is named here until it expires, when it goes by itself, or until it is deleted with `DELETE /v1/captures/ID`.";
        /// What was kept is what was given, and it was bad.
        CaptureAgain = "capture_again",
            "数据未变但图片打不开。请当事人再次出示原件并重新拍摄归档。",
            "The bytes are as they were taken in and are no picture. Have the paper shown again and file it anew.";
        /// By the folder's mode.
        CloseToOthers = "close_to_others",
            "请收回其他账户的权限：文件夹 0700，文件 0600。",
            "Take it from other accounts: mode 0700 for folders, 0600 for files.";
        /// Apart from the data.
        MoveKeys = "move_keys",
            "请停止程序，把密钥移出数据文件夹并设置 [agent] keys_dir。",
            "Stop the program, move the keys out of the data folder, and set `[agent] keys_dir`.";
        /// It has no business there.
        RemoveLeftover = "remove_leftover",
            "请查明来源后安全删除该文件。",
            "Find out where the file came from, then delete it for good.";
        /// It waits for something that can be written.
        FinishErasure = "finish_erasure",
            "所删内容已不可查阅，但痕迹未能全部清除：请看日志中的原因，使数据文件夹及其中的 backup 可写并有空间；程序会自行完成。",
            "What was erased is shown to nobody, but not every trace could be removed: see why in the log, and make the data folder and `backup` in it writable, with room; the program then finishes by itself.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_stable_different_and_told_in_both_languages() {
        let mut words: Vec<&str> = Check::ALL.iter().map(|c| c.as_str()).collect();
        words.extend(Remedy::ALL.iter().map(|r| r.as_str()));
        words.extend(Property::ALL.iter().map(|p| p.as_str()));
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
        assert!(Property::ALL.iter().all(|p| Check::ALL.iter().any(|c| c.property() == *p)));
        for check in Check::ALL {
            assert_eq!(Check::from_word(check.as_str()), Some(*check));
            let (zh, en) = check.words();
            assert!(!zh.is_ascii() && en.is_ascii(), "{check:?}");
        }
        for remedy in Remedy::ALL {
            let (zh, en) = remedy.words();
            assert!(!zh.is_ascii() && en.is_ascii() && en.ends_with('.'), "{remedy:?}");
        }
    }
}
