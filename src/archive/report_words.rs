//! What a report's stable words are called in Chinese.

use crate::check::Words;
use crate::storage::{Part, StorageFault};
use crate::{BlobUse, DamagedRow, DamagedThing, Wording};

/// How a part of the store is called: one of its own, or one that whoever keeps more beside the archive added.
pub(crate) fn part_words(word: &str) -> &str {
    let own = [Part::Folder, Part::Blobs, Part::Ledger, Part::Keyring, Part::Index, Part::KeyKeeper];
    match own.into_iter().find(|part| part.as_str() == word) {
        Some(Part::Folder) => "数据文件夹",
        Some(Part::Blobs) => "图片数据",
        Some(Part::Ledger) => "账本",
        Some(Part::Keyring) => "密钥环",
        Some(Part::Index) => "索引",
        Some(Part::KeyKeeper) => "密钥文件夹",
        None if word == "state" => "中心库状态数据",
        None => word,
    }
}

/// That a hold is lost.
pub(crate) fn lost_hold_words(id: &str, wording: Wording) -> String {
    match wording {
        Wording::Chinese => format!("依法保全 {id} 的记录已丢失，请重新设置。"),
        Wording::English => format!("hold {id} is lost: have it placed again."),
    }
}

/// How a fault is called.
pub(crate) fn fault_words(word: &str) -> &str {
    use StorageFault as Fault;
    let own = [Fault::Missing, Fault::Damaged, Fault::NewerVersion, Fault::Exposed, Fault::Leftover];
    match own.into_iter().find(|fault| fault.as_str() == word) {
        Some(Fault::Missing) => "缺失",
        Some(Fault::Damaged) => "损坏",
        Some(Fault::NewerVersion) => "由更新的版本写成",
        Some(Fault::Exposed) => "其他账户可以访问",
        Some(Fault::Leftover) => "应清除而仍在",
        // What goes wrong with storage itself ends a check, and is no finding of it.
        _ => word,
    }
}

/// Why something was not looked at, or what somebody else remembers, in both languages; `None` for a word that is not
/// known here.
pub(crate) fn reason_words(word: &str) -> Option<Words> {
    Some(match word {
        "not_asked" => ("没有可核对的记录", "nobody was asked"),
        "no_decoder" => ("此程序不解码图片", "this program decodes no pictures"),
        "no_repository" => ("没有接入中心库", "there is no repository"),
        "not_enrolled" => ("没有登记到中心库", "not enrolled"),
        "repository_unreachable" => ("中心库连接不上", "the repository is not reached"),
        "never_anchored" => ("中心库还没有记下末条", "the repository was told of no entry yet"),
        "ledger_older" => ("账本较旧，先重建账本", "the ledger is an older one: it is rebuilt first"),
        "no_copy" => ("还没有副本", "there is no second copy yet"),
        "stored_elsewhere" => ("数据不在本机文件中", "it is not stored in files of this machine"),
        "not_on_this_system" => ("本操作系统没有这种权限", "this system has no such modes"),
        "anchored" => ("与中心库所记一致", "it has the entry that the repository remembers"),
        "behind" => ("缺少中心库记得的条目", "it lacks an entry that the repository remembers"),
        "differs" => ("与中心库所记不符", "it differs from what the repository remembers"),
        "gone" => ("中心库已没有这份数据", "the repository has it no more"),
        _ => return None,
    })
}

impl DamagedThing {
    /// What it is, in Chinese and in the stable English of a report.
    pub fn told(&self) -> (String, String) {
        match self {
            Self::Blob(name) => (name.to_hex(), format!("blob {}", name.to_hex())),
            Self::Entry(sequence) => (format!("第 {sequence} 条"), format!("entry {sequence}")),
            Self::Material(id) => (format!("材料 {id}"), format!("material {id}")),
            Self::Staged(id) => (format!("未归档的一组图片 {id}"), format!("staged set {id}")),
            Self::Row(row) => {
                let (zh, en) = row.told();
                (zh, format!("row {en}"))
            }
            Self::Epoch(epoch) => (format!("第 {epoch} 纪元的密钥"), format!("epoch {epoch}")),
            Self::Path(path) => (path.clone(), format!("path {path}")),
        }
    }
}

impl DamagedRow {
    fn told(&self) -> (String, String) {
        match self {
            Self::Erasure(id) => (format!("删除 {id}"), format!("erasure {id}")),
            Self::DeferredErasure(id) => (format!("暂缓的删除 {id}"), format!("deferred erasure {id}")),
            Self::AwaitedOriginals(id) => {
                (format!("材料 {id} 待处置的原始照片"), format!("awaited originals of {id}"))
            }
            Self::Hold(id) => (format!("依法保全 {id}"), format!("hold {id}")),
            Self::Holds => ("依法保全".to_owned(), "holds".to_owned()),
            Self::Surplus => (
                "账本中没有的材料或未归档的图片".to_owned(),
                "materials or staged sets that the ledger knows nothing of".to_owned(),
            ),
        }
    }
}

impl BlobUse {
    /// What it is, in Chinese and in the stable English of a report.
    pub fn told(self) -> (String, String) {
        match self {
            Self::Page(material, page) => {
                (format!("材料 {material} 第 {page} 页"), format!("material {material} page {page}"))
            }
            Self::Capture(capture) => (format!("未归档的拍摄 {capture}"), format!("capture {capture}")),
        }
    }
}
