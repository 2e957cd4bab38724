//! Bytes that follow a request's line.

use serde::{Deserialize, Serialize};

/// Some strings of bytes, with their lengths on the line.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    sizes: Vec<usize>,
    #[serde(skip)]
    parts: Vec<Vec<u8>>,
}

impl Body {
    pub(crate) fn new(parts: Vec<Vec<u8>>) -> Self {
        Self { sizes: parts.iter().map(Vec::len).collect(), parts }
    }

    /// As they were put in.
    pub(crate) fn parts(&self) -> &[Vec<u8>] {
        &self.parts
    }

    /// How many bytes follow; `None`: there are more parts than that, or longer ones.
    #[cfg(unix)]
    pub(super) fn bytes(&self, parts_max: usize, part_bytes_max: usize) -> Option<usize> {
        let is_bounded =
            self.sizes.len() <= parts_max && self.sizes.iter().all(|size| *size <= part_bytes_max);
        is_bounded.then(|| self.sizes.iter().sum())
    }

    /// Takes the bytes that followed.
    #[cfg(unix)]
    pub(super) fn fill(&mut self, mut bytes: Vec<u8>) {
        let mut parts = Vec::with_capacity(self.sizes.len());
        for size in self.sizes.iter().rev() {
            parts.push(bytes.split_off(bytes.len().saturating_sub(*size)));
        }
        parts.reverse();
        self.parts = parts;
    }
}
