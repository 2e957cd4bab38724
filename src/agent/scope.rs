//! What a token may do.

use std::str::FromStr;

macro_rules! scopes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// What a token may do. None implies another.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scope {
            $($(#[$doc])* $variant,)+
        }

        impl Scope {
            /// Every scope there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word on the command line and in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

scopes! {
    /// Reading cards.
    Card = "card",
    /// The fingerprint of a card that is read, which takes `card` as well.
    CardFingerprint = "card:fingerprint",
    /// Capturing papers.
    Capture = "capture",
    /// Filing.
    ArchiveWrite = "archive:write",
    /// Seeing opened dossiers.
    ArchiveRead = "archive:read",
    /// Opening a dossier on another basis than the card.
    ArchiveAssist = "archive:assist",
    /// Operators' search tools.
    ArchiveSearch = "archive:search",
    /// Asking for erasures.
    ArchiveErase = "archive:erase",
    /// Administration, the simulation included.
    Admin = "admin",
}

/// The word names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no scope is called `{0}`; there are {all}", all = Scope::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", "))]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.iter().copied().find(|s| s.as_str() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}
