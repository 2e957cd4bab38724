//! What this window wants to know of its clerks.

use std::time::Duration;

/// How long a session may go unused before it locks, unless the configuration says.
pub(crate) const IDLE_LOCK_DEFAULT: Duration = Duration::from_secs(10 * 60);

/// How long a clerk must have been away before another may take over what they left, unless the configuration says.
pub(crate) const TAKE_OVER_DEFAULT: Duration = Duration::from_secs(15 * 60);

/// How much of the clerk a call must tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OperatorNeed {
    /// Nothing.
    #[default]
    None,
    /// A name, which nobody checks.
    Named,
    /// A session that a clerk has signed in to, for every call that reads or writes personal data.
    Session,
}

impl OperatorNeed {
    /// The word in the configuration and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Named => "named",
            Self::Session => "session",
        }
    }

    /// Reads the word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Named, Self::Session].into_iter().find(|need| need.as_str() == word)
    }
}

/// What holds for clerks at this window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorRules {
    /// How much a call must tell.
    pub need: OperatorNeed,
    /// How long a session may go unused before it locks.
    pub idle_lock: Duration,
    /// How long a clerk must have been away before any other may take over the captures they left.
    pub take_over: Duration,
}
