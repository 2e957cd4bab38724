//! The wall clock, read in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use yidang_model::{Date, Timestamp};

/// Now, by this machine's clock.
pub fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// What an HTTP answer can say of the time ends here, with the year 9999.
const HTTP_ENDS: Duration = Duration::from_secs(253_402_300_800);

/// Whether an answer can be dated: hyper panics on a date from before 1970 or after 9999, even where it is told to send
/// none, so under such a clock no request would be answered.
pub fn can_date_answers() -> bool {
    SystemTime::now().duration_since(UNIX_EPOCH).is_ok_and(|since| since < HTTP_ENDS)
}

/// China has one time zone, eight hours before UTC.
const COUNTER_OFFSET_MS: i64 = 8 * 60 * 60 * 1000;

/// The date at the counter, which decides whether a document has expired.
pub fn today() -> Option<Date> {
    date_at_counter(now())
}

/// The date at the counter, of an instant.
pub fn date_at_counter(at: Timestamp) -> Option<Date> {
    at.plus_millis(COUNTER_OFFSET_MS).to_string().get(..10)?.parse().ok()
}

/// The instant with which a date begins at the counter.
pub fn midnight_at_counter(date: Date) -> Option<Timestamp> {
    let midnight: Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    Some(midnight.plus_millis(-COUNTER_OFFSET_MS))
}

/// An instant as written, or the one with which a date as written begins at the counter.
pub fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| text.parse().ok().and_then(midnight_at_counter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_with_the_counters_midnight() {
        let at = |text: &str| date_at_counter(text.parse().unwrap()).unwrap().to_string();
        assert_eq!(at("2026-03-01T15:59:59Z"), "2026-03-01");
        assert_eq!(at("2026-03-01T16:00:00Z"), "2026-03-02");
        let midnight = midnight_at_counter("2026-03-02".parse().unwrap()).unwrap();
        assert_eq!(midnight.to_string(), "2026-03-01T16:00:00Z");
        assert_eq!(instant("2026-03-02"), Some(midnight));
        assert_eq!(instant("2026-03-02T00:00:00+08:00"), Some(midnight));
        assert_eq!(instant("yesterday"), None);
    }
}
