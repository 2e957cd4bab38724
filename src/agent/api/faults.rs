//! How the faults of the layers below look to a caller. One place, so that a fault has one code everywhere.

use yidang_archive::ArchiveError;
use yidang_archive::storage::StorageFault;
use yidang_device::{DeviceCondition, DeviceError};
use yidang_imaging::ImageError;

use crate::problem::{Code, Problem};

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
            ArchiveError::IdempotencyConflict => return Code::IdempotencyConflict.into(),
            ArchiveError::Invalid(_) => Code::Invalid,
            // The digest inside is personal: only the fact goes out.
            ArchiveError::BlobUnknown { .. } => return Code::BlobDamaged.into(),
            _ => Code::StorageFailed,
        };
        Self::new(code, error.to_string())
    }
}

/// A card reader's fault.
pub(crate) fn card(error: &DeviceError) -> Problem {
    let code = match error.condition {
        DeviceCondition::NotFound | DeviceCondition::AccessDenied | DeviceCondition::Lost => {
            Code::ReaderAbsent
        }
        DeviceCondition::NoCard => Code::CardAbsent,
        DeviceCondition::Busy | DeviceCondition::Cancelled => Code::Busy,
        _ => Code::CardUnreadable,
    };
    Problem::new(code, error.to_string())
}

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

impl From<crate::sync::SyncError> for Problem {
    fn from(error: crate::sync::SyncError) -> Self {
        let code = match error {
            crate::sync::SyncError::Unreachable => Code::RepositoryUnreachable,
            _ => Code::RepositoryFailed,
        };
        Self::new(code, error.code())
    }
}
