//! What is not brought home, and why: a stable code, cause and remedy in both languages.

use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId};

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftThing {
    /// A ledger entry of the dead PC, which may be anything.
    Entry(u64),
    Material(MaterialId),
    Capture(CaptureId),
    Erasure(ErasureId),
    Hold(HoldId),
    /// The dead PC's ledger as a whole.
    Ledger,
}

impl LeftThing {
    /// Word and name.
    pub(crate) fn told(self) -> (&'static str, String) {
        match self {
            Self::Entry(sequence) => ("entry", sequence.to_string()),
            Self::Material(id) => ("material", id.to_string()),
            Self::Capture(id) => ("capture", id.to_string()),
            Self::Erasure(id) => ("erasure", id.to_string()),
            Self::Hold(id) => ("hold", id.to_string()),
            Self::Ledger => ("part", "ledger".to_owned()),
        }
    }
}

/// Something that is not brought home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) what: LeftThing,
    pub(crate) reason: Reason,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $zh_cause:literal, $zh_remedy:literal, $cause:literal, $remedy:literal;)+) => {
        /// The closed list of reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Reason {
            $($(#[$doc])* $variant,)+
        }

        impl Reason {
            /// The stable word.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What is wrong: in Chinese, in English.
            pub(crate) const fn cause(self) -> [&'static str; 2] {
                match self { $(Self::$variant => [$zh_cause, $cause],)+ }
            }

            /// What to do about it: in Chinese, in English.
            pub(crate) const fn remedy(self) -> [&'static str; 2] {
                match self { $(Self::$variant => [$zh_remedy, $remedy],)+ }
            }
        }
    };
}

reasons! {
    EntryDamaged = "entry_damaged",
        "台账中的这一条已损坏，无法打开。", "如有旧电脑的备份，请用备份中的 ledger.db 和 keyring.db 再恢复一次。",
        "this entry of the ledger is damaged and does not open", "where there is a backup of the dead PC, recover once more from its ledger.db and keyring.db";
    BlobMissing = "blob_missing",
        "这份材料有图片不在磁盘上。", "请检查 blobs 文件夹是否复制完整，补齐后再恢复一次；已恢复的不会重复。",
        "a picture of it is not on the disk", "see that the folder blobs was copied whole, and recover once more: nothing comes twice";
    BlobDamaged = "blob_damaged",
        "这份材料有图片已损坏。", "请从磁盘重新复制后再恢复一次；仍然如此时，请当事人重新提交。",
        "a picture of it is damaged", "copy the disk anew and recover once more; where it stays so, the paper has to be brought again";
    Unfit = "unfit",
        "这份材料不符合本版本对材料的要求。", "请用与旧电脑相同的版本恢复。",
        "it keeps to no rule that this version has for papers", "recover with the version that the dead PC had";
    NotACapture = "not_a_capture",
        "这是一次未完成的导入留下的页面，不是采集件。", "请在本机重新运行 `yidang archive import`。",
        "it is a page of an unfinished import, not a capture", "run `yidang archive import` again, at this window";
    RefilingUnsent = "refiling_unsent",
        "这份材料在旧电脑上更正过，更正还没有送到中心库。", "请在中心库中找到这份材料，重新更正。",
        "it was put right at the dead PC, and the repository was not told", "find it at the repository and put it right there";
    OriginalsUnsent = "originals_unsent",
        "这份材料的原始照片已到期，处置请求还没有送到中心库。", "请在有同样期限规定的窗口运行 `yidang archive dispose`。",
        "the term of its originals is over, and the repository was not asked to dispose of them", "run `yidang archive dispose` at a window that has the paper and the same rule";
    ErasureUnsent = "erasure_unsent",
        "有一项删除请求还没有送到中心库。", "请向当事人核实后重新提出删除请求。",
        "something was asked to be erased, and the repository was not told", "ask whoever wanted it, and make the request again";
    HoldsUnproven = "holds_unproven",
        "旧电脑的账本中有读不出的条目，那里可能记有依法保全。", "请与有关文书核对，缺的保全请在处置、删除之前重新设置。",
        "something in the dead PC's ledger cannot be read that may be a legal hold", "compare the holds with the orders that were made, and place what is missing before anything is disposed of or erased";
    LedgerCut = "ledger_cut",
        "旧电脑的账本止于其索引所知之前：后面归档的材料和设置的保全不在其中。", "如有旧电脑较新的备份，或其 backup、damaged 文件夹，请先在旧电脑数据的副本上运行 `yidang archive rebuild`，再恢复一次；否则请据登记簿核对缺了什么。",
        "the dead PC's ledger ends before what its index knew: what was filed and held after that is not in it", "where there is a later backup, or its folders backup and damaged, run `yidang archive rebuild` on a copy of that disk and recover once more; else see from other records what is lacking";
    HoldLost = "hold_lost",
        "旧电脑的索引中有这项依法保全，账本中已没有它的记录。", "请与有关文书核对，并重新设置。",
        "this hold stood by the dead PC's index, and its entry is gone", "compare it with the orders that were made, and place it again";
    HeldThereAlone = "held_there_alone",
        "中心库已删除这份材料，只因旧电脑上的依法保全才留在这块磁盘上。", "请原样保存这块磁盘和办公室恢复密钥，并告知设置保全的单位；保全解除后再清除磁盘。",
        "the repository erased this paper, and only a hold of the dead PC keeps it, on this disk", "keep the disk as it is, with the office's recovery key, and tell whoever placed the hold; wipe it once the hold is lifted";
    HoldElsewhere = "hold_elsewhere",
        "这项依法保全所指的材料不在本窗口。", "请在中心库用 `yidang-repository hold place --material` 设置保全。",
        "the paper that this hold is on is not on file at this window", "place it at the repository, with `yidang-repository hold place --material`";
}
