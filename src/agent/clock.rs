//! The wall clock, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use yidang_model::Timestamp;

/// Now, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
