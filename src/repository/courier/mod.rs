//! Parcels of windows without a network: taken in the way commits are, answered with a receipt.

mod carry;
mod receipt;
mod take;

use std::io;

use serde::{Deserialize, Serialize};
use yidang_sync::parcel::ParcelError;

use crate::Language;
use crate::problem::{Code, Problem};
use crate::state::StateError;

pub(crate) use carry::{Carried, FailedLine, carry, courier_key};
pub(crate) use take::take;

/// Entries that are told one by one; more are only counted.
const REFUSED_TOLD_MAX: usize = 1000;

/// What came of a parcel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// Whose it is.
    pub(crate) agent: String,
    /// Which of the files that were packed together, from 1.
    pub(crate) part: u32,
    /// Commits in it.
    pub(crate) commits: u64,
    /// Of these, carried out now.
    pub(crate) carried_out: u64,
    /// Of these, carried out before.
    pub(crate) known: u64,
    /// Of these, left out: the window has sent what is in them in another way, or given them up.
    pub(crate) overtaken: u64,
    /// Of these, left out because something that comes before them is missing.
    pub(crate) held_back: u64,
    /// Pictures in it.
    pub(crate) pictures: u64,
    /// Entries of the commits carried out now that are on file.
    pub(crate) accepted: u64,
    /// Entries of these that are not.
    pub(crate) refused_count: u64,
    /// The first of them.
    pub(crate) refused: Vec<RefusedEntry>,
    /// Whether the window knows of more than this repository has: what had been confirmed to it was lost since.
    #[serde(default)]
    pub(crate) lacks_known: bool,
    /// Whether a hold may be among that, so that nothing is forgotten.
    #[serde(default)]
    pub(crate) holds_unproven: bool,
    /// What is missing, where something is held back: `parcel_missing` or `sequence_conflict`.
    pub(crate) missing: Option<String>,
}

/// An entry that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusedEntry {
    /// The material or erasure.
    pub(crate) id: String,
    /// Why: the result code of its commit.
    pub(crate) code: String,
}

/// Why a parcel was not taken. Crosses the control socket as it is; free of personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CourierError {
    /// The stable word.
    pub(crate) code: String,
    /// What this case adds.
    pub(crate) detail: Option<String>,
}

/// Codes of parcels: the word, then what is wrong and what to do, Chinese and English each.
const WORDS: [(&str, [&str; 2], [&str; 2]); 11] = [
    (
        "parcel_unknown",
        ["这不是一档的包裹文件。", "this is no parcel"],
        ["请选择窗口用 yidang courier pack 写出的文件。", "choose a file that `yidang courier pack` wrote"],
    ),
    (
        "parcel_newer",
        ["包裹由更新的版本写成。", "a newer version made this parcel"],
        ["请先升级中心库。", "install the newer version here first"],
    ),
    (
        "parcel_foreign",
        ["包裹是寄给另一个中心库的。", "this parcel is meant for another repository"],
        [
            "请核对窗口的 [repository] courier_key，与 yidang-repository courier key 的输出应一致。",
            "compare `[repository] courier_key` at the window with `yidang-repository courier key`, and pack again",
        ],
    ),
    (
        "parcel_damaged",
        [
            "包裹已损坏或被截断，其中的内容一概没有收下。",
            "this parcel is damaged or was cut off; nothing of it was taken",
        ],
        ["窗口的材料没有丢失：请在窗口重新打包。", "the window still has its papers: pack again there"],
    ),
    (
        "parcel_unreadable",
        ["文件无法读取。", "the file cannot be read"],
        ["请检查文件、权限和介质。", "check the file, its rights and the stick"],
    ),
    (
        "parcel_outdated",
        [
            "包裹出自本中心库不认识的登记，或窗口此后已重新登记。",
            "this parcel was made under an enrolment that is not known here, or not any more",
        ],
        ["请登记该窗口，然后重新打包。", "enrol that window, and pack again there"],
    ),
    (
        "parcel_missing",
        [
            "之前的包裹还没有收到，其后的内容暂缓。",
            "what comes before this has not come yet, so it was held back",
        ],
        [
            "请连同其余包裹一起再收一次；若已遗失，请在窗口重新打包。",
            "unpack it again together with the other files of its set; if one is lost, pack again at the window",
        ],
    ),
    (
        "sequence_conflict",
        [
            "同一序号下已有不同内容：窗口的数据可能来自复制或旧备份。",
            "other content came under these numbers: the window's data is a copy or an old backup",
        ],
        ["请重新登记该窗口，然后重新打包。", "enrol that window again, and pack again there"],
    ),
    (
        "confirmed_lost",
        [
            "中心库缺少曾向该窗口确认过的内容，如同从备份恢复而来。",
            "this repository lacks what it had confirmed to that window, as one that was put back from a backup",
        ],
        [
            "请把回执带回窗口收取，再在窗口重新打包：全部材料会重新送来，不会重复。",
            "bring the receipt to the window and pack again there: it offers everything again, and nothing is filed twice",
        ],
    ),
    (
        "holds_unproven",
        [
            "丢失的内容里可能有保全，因此在核对之前什么都不删除。",
            "a hold may be among what was lost, so nothing is forgotten until the holds are confirmed",
        ],
        [
            "请对照本单位案卷核对保全，补设缺少的，然后运行 yidang-repository hold confirm --operator 姓名。",
            "compare the holds with the office's files, place what is missing, then run `yidang-repository hold confirm \
             --operator NAME`",
        ],
    ),
    (
        "receipt_unwritable",
        ["回执无法写出；包裹已经收下。", "the receipt cannot be written; the parcels are taken"],
        [
            "请检查 --receipt 的文件夹，再收一次：不会重复。",
            "check the folder of --receipt and unpack again: nothing is taken twice",
        ],
    ),
];

impl CourierError {
    pub(crate) fn new(code: &str) -> Self {
        Self { code: code.to_owned(), detail: None }
    }

    pub(crate) fn with(code: &str, detail: impl ToString) -> Self {
        Self { code: code.to_owned(), detail: Some(detail.to_string()) }
    }

    /// What is wrong.
    pub(crate) fn title(&self, language: Language) -> String {
        let problem = || Code::ALL.iter().find(|code| code.as_str() == self.code);
        let title = match WORDS.iter().find(|(code, ..)| *code == self.code) {
            Some((_, [zh, en], _)) => language.pick(zh, en),
            None => problem().map_or("", |code| code.title(language)),
        };
        match &self.detail {
            Some(detail) => format!("{title} ({detail})"),
            None => title.to_owned(),
        }
    }

    /// What to do about it.
    pub(crate) fn remedy(&self, language: Language) -> &'static str {
        match WORDS.iter().find(|(code, ..)| *code == self.code) {
            Some((.., [zh, en])) => language.pick(zh, en),
            None => {
                let code =
                    Code::ALL.iter().find(|code| code.as_str() == self.code).unwrap_or(&Code::StorageFailed);
                code.remedy(language)
            }
        }
    }
}

impl From<ParcelError> for CourierError {
    fn from(error: ParcelError) -> Self {
        match error {
            ParcelError::Unknown => Self::new("parcel_unknown"),
            ParcelError::Newer => Self::new("parcel_newer"),
            ParcelError::Foreign => Self::new("parcel_foreign"),
            ParcelError::Damaged => Self::new("parcel_damaged"),
            ParcelError::Io(error) => error.into(),
        }
    }
}

impl From<io::Error> for CourierError {
    fn from(error: io::Error) -> Self {
        Self::with("parcel_unreadable", error)
    }
}

impl From<Problem> for CourierError {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code.as_str().to_owned(), detail: problem.detail }
    }
}

impl From<StateError> for CourierError {
    fn from(error: StateError) -> Self {
        Problem::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_speaks_both_languages() {
        for (code, [zh, en], [zh_remedy, en_remedy]) in WORDS {
            assert!(
                !zh.is_ascii() && en.is_ascii() && !zh_remedy.is_ascii() && en_remedy.is_ascii(),
                "{code}"
            );
        }
        let error = CourierError::from(Problem::from(Code::DiskFull));
        assert_eq!(error.remedy(Language::English), Code::DiskFull.remedy(Language::English));
    }
}
