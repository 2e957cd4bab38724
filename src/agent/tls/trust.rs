//! Where browsers and other programs keep what they trust, and whether this PC's authority is there.

use std::path::{Path, PathBuf};

use super::authority::Authority;
use super::{nss, system};
use crate::failure::Failure;

/// How a place stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrustState {
    /// The authority is trusted there.
    Trusted,
    /// It is not there, or another one of ours is.
    Missing,
    /// It cannot be looked at, and why.
    Unknown(String),
}

/// A place.
pub(crate) enum TrustPlace {
    /// The system's own list.
    System(system::SystemStore),
    /// A database of Chromium's or Firefox's kind.
    Nss(PathBuf),
}

/// The places there are, below a root.
pub(crate) fn places(root: &Path) -> Vec<TrustPlace> {
    let system = system::SystemStore::find(root).map(TrustPlace::System);
    system.into_iter().chain(nss::databases(root).into_iter().map(TrustPlace::Nss)).collect()
}

impl TrustPlace {
    /// `system` or `nss`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::System(_) => "system",
            Self::Nss(_) => "nss",
        }
    }

    pub(crate) fn path(&self) -> String {
        match self {
            Self::System(store) => store.path().display().to_string(),
            Self::Nss(folder) => folder.display().to_string(),
        }
    }

    /// Looks, and changes nothing.
    pub(crate) fn look(&self, authority: &Authority) -> TrustState {
        match self {
            Self::System(store) => store.look(authority),
            Self::Nss(folder) => nss::look(folder, authority),
        }
    }

    /// Has it trusted there, in place of any earlier one of ours.
    pub(crate) fn install(&self, authority: &Authority) -> Result<(), Failure> {
        match self {
            Self::System(store) => store.install(authority),
            Self::Nss(folder) => nss::install(folder, authority),
        }
    }

    /// Takes every one of ours away. Whether there was any.
    pub(crate) fn remove(&self) -> Result<bool, Failure> {
        match self {
            Self::System(store) => store.remove(),
            Self::Nss(folder) => nss::remove(folder),
        }
    }
}

/// The certificate's letters, without how they are broken into lines.
pub(super) fn same_certificate(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.split_ascii_whitespace().collect::<String>();
    letters(one) == letters(other)
}
