//! How the faults of the layers below look to a caller. One place, so that a fault has one code everywhere.

use yidang_archive::ArchiveError;
use yidang_archive::storage::StorageFault;
use yidang_device::{DeviceCondition, DeviceError};
use yidang_imaging::{ImageError, PdfError};

use crate::problem::{Advice, Code, Problem};

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        let code = match &error {
            ArchiveError::Storage(e) if e.fault == StorageFault::DiskFull => Code::DiskFull,
            ArchiveError::BlobMissing { .. } | ArchiveError::BlobDamaged { .. } => Code::BlobDamaged,
            ArchiveError::StagedUnknown => return Code::CaptureUnknown.into(),
            ArchiveError::StagedFiled { .. } => return Code::CaptureFiled.into(),
            ArchiveError::MaterialUnknown | ArchiveError::MaterialErased => {
                return Code::MaterialUnknown.into();
            }
            ArchiveError::HolderUnknown => {
                return Self::new(Code::MaterialUnknown, "nothing of this person is on file here");
            }
            ArchiveError::ErasureUnknown => return Code::ErasureUnknown.into(),
            ArchiveError::MaterialSuperseded => return Code::MaterialSuperseded.into(),
            ArchiveError::OriginalDisposed => return Code::OriginalDisposed.into(),
            ArchiveError::LegalHold => return Code::LegalHold.into(),
            ArchiveError::HoldsUnproven => return Code::HoldsUnproven.into(),
            ArchiveError::IdempotencyConflict => return Code::IdempotencyConflict.into(),
            ArchiveError::Invalid(_) => Code::Invalid,
            // The digest inside is personal: only the fact goes out.
            ArchiveError::BlobUnknown { .. } => return Code::BlobDamaged.into(),
            _ => Code::StorageFailed,
        };
        let problem = Self::new(code, error.to_string());
        match &error {
            ArchiveError::Storage(e) if e.fault == StorageFault::ReadOnly => problem.with_advice(READ_ONLY),
            _ => problem,
        }
    }
}

/// Checking the disk is not enough: what has turned read-only stays so until somebody mounts it anew.
const READ_ONLY: Advice = Advice {
    what: [
        "存放档案的磁盘现在只能读，不能写。",
        "The disk that the archive lies on can be read and not be written.",
    ],
    remedy: [
        "磁盘出错后系统会把它转为只读：请检查磁盘，重新挂载为可写，再重启 yidang；已归档的材料不受影响。",
        "A file system that met an error turns read-only: check the disk, mount it for writing and restart yidang; \
         what is filed is safe.",
    ],
};

/// A card reader's fault. The code says who must do something: `card_unreadable` is the clerk's, with the card;
/// `reader_absent` is for another reader or an administrator, and laying the card again would not help.
pub(crate) fn card(error: &DeviceError) -> Problem {
    let code = match error.condition {
        DeviceCondition::NotFound
        | DeviceCondition::AccessDenied
        | DeviceCondition::Lost
        | DeviceCondition::NoSecurityModule
        | DeviceCondition::SecurityModuleFailed => Code::ReaderAbsent,
        DeviceCondition::NoCard => Code::CardAbsent,
        DeviceCondition::Busy | DeviceCondition::Cancelled => Code::Busy,
        DeviceCondition::CardRemoved
        | DeviceCondition::CardNotSupported
        | DeviceCondition::CardUnreadable
        | DeviceCondition::CardNotAuthentic
        | DeviceCondition::Timeout
        | DeviceCondition::Refused
        | DeviceCondition::Protocol => Code::CardUnreadable,
    };
    let problem = Problem::new(code, error.to_string());
    match advice(error.condition) {
        Some(advice) => problem.with_advice(advice),
        None => problem,
    }
}

/// What the code alone would have the clerk do wrong.
const fn advice(condition: DeviceCondition) -> Option<Advice> {
    Some(match condition {
        DeviceCondition::NoSecurityModule => NO_MODULE,
        DeviceCondition::SecurityModuleFailed => MODULE_FAILED,
        DeviceCondition::CardNotAuthentic => NOT_AUTHENTIC,
        DeviceCondition::CardNotSupported => NOT_SUPPORTED,
        DeviceCondition::CardRemoved => REMOVED,
        DeviceCondition::AccessDenied => DENIED,
        _ => return None,
    })
}

const NO_MODULE: Advice = Advice {
    what: [
        "这台读卡器没有安全模块，读不出身份证的内容，重放证件没有用。",
        "This reader has no security module and can never read what an ID card says.",
    ],
    remedy: [
        "请换接带安全模块的身份证读卡器。",
        "Connect an ID card reader with a security module; laying the card again does not help.",
    ],
};
const MODULE_FAILED: Advice = Advice {
    what: [
        "读卡器的安全模块自检不通过或未经授权，问题不在证件。",
        "The reader's security module fails its self-test or is not authorised; the card is not at fault.",
    ],
    remedy: [
        "请拔下读卡器，过几秒再插上；仍然如此请换一台读卡器并送修。",
        "Unplug the reader, wait a few seconds and plug it in again; if it goes on, use another reader and have \
         this one repaired.",
    ],
};
const NOT_AUTHENTIC: Advice = Advice {
    what: [
        "证件没有通过安全模块的验证，可能是芯片损坏，也可能不是真证。",
        "The security module did not accept the card as genuine: its chip may be damaged, or it is no genuine card.",
    ],
    remedy: [
        "请用另一台读卡器核对一次；仍不通过，请按可疑证件的规定处理，不要反复重放。",
        "Check it once on another reader; if that refuses it too, go by the rules for doubtful documents.",
    ],
};
const NOT_SUPPORTED: Advice = Advice {
    what: [
        "放上的不是这台读卡器能读的证件，或者叠放了几张卡。",
        "What lies there is no card that this reader reads, or several cards lie on each other.",
    ],
    remedy: [
        "请单独放居民身份证、外国人永久居留身份证或港澳台居民居住证；银行卡、社保卡和手机读不了。",
        "Lay one resident ID card, foreigner's permanent residence card or residence permit for Hong Kong, Macao \
         and Taiwan residents; bank cards, social security cards and phones cannot be read.",
    ],
};
const REMOVED: Advice = Advice {
    what: ["证件在读取时被拿走了。", "The card was taken away while it was being read."],
    remedy: ["请重新放上证件，读完再拿开。", "Lay it down again and leave it until it has been read."],
};
const DENIED: Advice = Advice {
    what: [
        "读卡器已接上，但系统不让本程序打开它。",
        "The reader is connected, but the system keeps this program from opening it.",
    ],
    remedy: [
        "请管理员按 detail 里的说明设置设备权限。",
        "Have an administrator set the device's rights as `detail` says.",
    ],
};

/// A camera's fault.
pub(crate) fn camera(error: &DeviceError) -> Problem {
    let code = match error.condition {
        DeviceCondition::NotFound | DeviceCondition::AccessDenied => Code::CameraAbsent,
        DeviceCondition::Busy | DeviceCondition::Cancelled => Code::Busy,
        _ => Code::CameraFailed,
    };
    Problem::new(code, error.to_string())
}

/// A picture's fault.
pub(crate) fn picture(error: ImageError) -> Problem {
    let code = match error {
        ImageError::NotAnImage | ImageError::Unsupported => Code::NotAnImage,
        ImageError::TooLarge { .. } => Code::ImageTooLarge,
        ImageError::BadCorners => Code::Invalid,
        ImageError::Damaged | ImageError::Encode => Code::ImageDamaged,
    };
    Problem::new(code, error.to_string())
}

/// The fault of a document that was handed in.
pub(crate) fn document(error: PdfError) -> Problem {
    let code = match error {
        PdfError::TooManyPages | PdfError::TooLarge => return too_long(error.to_string()),
        PdfError::NoPages | PdfError::Damaged => Code::ImageDamaged,
        PdfError::Picture(error) => return picture(error),
        PdfError::NotAPdf
        | PdfError::Encrypted
        | PdfError::Active
        | PdfError::NotScanned
        | PdfError::UnsupportedPicture => Code::NotAnImage,
    };
    Problem::new(code, error.to_string())
}

/// A document with more in it than is taken at once.
pub(crate) fn too_long(detail: String) -> Problem {
    Problem::new(Code::ImageTooLarge, detail).with_advice(TOO_LONG)
}

const TOO_LONG: Advice = Advice {
    what: ["文件的页数或内容超出一次能接收的限度。", "The document holds more than is taken at once."],
    remedy: [
        "请拆成几个页数较少的文件，分次提交。",
        "Split it into several documents of fewer pages and send them one after another.",
    ],
};

impl From<crate::sync::SyncError> for Problem {
    fn from(error: crate::sync::SyncError) -> Self {
        let code = match error {
            crate::sync::SyncError::Unreachable => Code::RepositoryUnreachable,
            _ => Code::RepositoryFailed,
        };
        Self::new(code, error.code())
    }
}

#[cfg(test)]
mod tests {
    use yidang_archive::storage::{Part, StorageError};

    use super::*;
    use crate::Language;

    #[test]
    fn what_laying_the_card_again_cannot_cure_is_not_told_so() {
        for (condition, code, names) in [
            (DeviceCondition::NoSecurityModule, Code::ReaderAbsent, "安全模块"),
            (DeviceCondition::SecurityModuleFailed, Code::ReaderAbsent, "送修"),
            (DeviceCondition::AccessDenied, Code::ReaderAbsent, "权限"),
            (DeviceCondition::CardNotAuthentic, Code::CardUnreadable, "可疑证件"),
            (DeviceCondition::CardNotSupported, Code::CardUnreadable, "居民身份证"),
        ] {
            let problem = card(&DeviceError::new(condition, "SAM status 66"));
            assert_eq!(problem.code, code, "{condition}");
            let (chinese, english) =
                (problem.document(Language::Chinese), problem.document(Language::English));
            assert!(chinese.remedy.contains(names), "{}", chinese.remedy);
            assert!(english.remedy.is_ascii() && !english.remedy.contains("Lift"), "{}", english.remedy);
            assert_ne!(chinese.remedy, code.remedy(Language::Chinese));
            let [chinese, english] = [chinese, english].map(|d| d.detail.expect("a detail"));
            assert!(!chinese.is_ascii() && chinese.contains("SAM status 66"), "{chinese}");
            assert!(english.is_ascii() && english.contains("SAM status 66"), "{english}");
        }
    }

    #[test]
    fn a_long_document_is_to_be_split_and_not_scanned_coarser() {
        for problem in [document(PdfError::TooManyPages), document(PdfError::TooLarge)] {
            assert_eq!(problem.code, Code::ImageTooLarge);
            assert!(problem.document(Language::Chinese).remedy.contains("拆成"));
            assert!(problem.document(Language::English).remedy.starts_with("Split it"));
        }
    }

    #[test]
    fn a_card_that_was_not_held_still_is_to_be_laid_again() {
        let problem = card(&DeviceError::new(DeviceCondition::CardUnreadable, "SAM status 41"));
        assert_eq!(problem.remedy(Language::English), Code::CardUnreadable.remedy(Language::English));
        assert_eq!(problem.detail(Language::Chinese).unwrap(), problem.detail.unwrap());
    }

    #[test]
    fn a_disk_that_turned_read_only_says_so_and_what_to_do() {
        let error = StorageError::new(Part::Ledger, StorageFault::ReadOnly, "os error 30");
        let problem = Problem::from(ArchiveError::Storage(error));
        assert_eq!(problem.code, Code::StorageFailed);
        for (language, word) in [(Language::Chinese, "只读"), (Language::English, "read-only")] {
            let document = problem.document(language);
            assert!(document.remedy.contains(word), "{}", document.remedy);
            assert!(document.detail.is_some_and(|detail| detail.contains("os error 30")));
        }
    }
}
