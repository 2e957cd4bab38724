//! Random identifiers and secrets from the operating system.

use yidang_model::{CaptureId, ErasureId, MaterialId};

/// Fresh random bytes.
///
/// # Panics
/// Panics when the operating system has no randomness to give: nothing secret may be made without it.
#[expect(clippy::expect_used, reason = "no call can go on without randomness, and no caller could mend it")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

pub(crate) fn capture_id() -> CaptureId {
    CaptureId::from_bytes(bytes())
}

pub(crate) fn material_id() -> MaterialId {
    MaterialId::from_bytes(bytes())
}

pub(crate) fn erasure_id() -> ErasureId {
    ErasureId::from_bytes(bytes())
}
