//! Whose something in memory is.

/// A token, and the clerk's session on it if the call carried one. What one clerk opened is not the next one's, though
/// both use the same program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    /// The token.
    pub(crate) token: i64,
    /// The session's number: no two have the same while the daemon runs.
    pub(crate) session: Option<u64>,
}

impl Owner {
    /// A token without a session.
    pub(crate) const fn of_token(token: i64) -> Self {
        Self { token, session: None }
    }
}
