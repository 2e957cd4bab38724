//! Who calls, and how a repeated call is recognised.

use crate::ArchiveError;

/// Longest client or operator name, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 128;
/// Longest free text (a remark, a reason, a purpose), in characters.
pub(crate) const TEXT_CHARS_MAX: usize = 4000;
/// Longest idempotency key, in bytes.
pub(crate) const IDEMPOTENCY_KEY_BYTES_MAX: usize = 1024;

/// Whether a text has more characters than that.
pub(crate) fn too_long(text: &str, chars_max: usize) -> bool {
    // Most texts are short enough by their bytes alone.
    text.len() > chars_max && text.chars().nth(chars_max).is_some()
}

/// On whose behalf something is done. Sealed where the office can still read it when a person is forgotten.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    /// Name of the client's token.
    pub client: String,
    /// The clerk, where the window software said.
    pub operator: Option<String>,
}

impl Actor {
    pub(crate) fn check(&self) -> Result<(), ArchiveError> {
        let names = [Some(&self.client), self.operator.as_ref()];
        if names.into_iter().flatten().any(|n| too_long(n, NAME_CHARS_MAX)) {
            return Err(ArchiveError::Invalid("the name of client or operator is too long"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Actor {
    /// Not the clerk's name: `Debug` ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actor").field("client", &self.client).finish_non_exhaustive()
    }
}

/// How a repeated request is recognised: the same key with the same request gets the first answer again, the
/// same key with another request is refused. Both are hashed with the store's key before anything is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Client and the key it sent; unique per client.
    pub key: Vec<u8>,
    /// The request, in any form that is equal for equal requests.
    pub request: Vec<u8>,
}

impl Idempotency {
    pub(crate) fn check(&self) -> Result<(), ArchiveError> {
        if self.key.is_empty() || self.key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            return Err(ArchiveError::Invalid("an idempotency key is 1 to 1024 bytes long"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Idempotency(…)")
    }
}
