//! A ledger that comes to harm.

use std::path::Path;

/// Does this to the ledger in a data folder that nobody has open, past the triggers that keep entries as they are.
pub(crate) fn tamper(data: &Path, sql: &str) {
    let ledger = rusqlite::Connection::open(data.join("ledger.db")).expect("a ledger");
    let query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'";
    let guards: Vec<(String, String)> = ledger
        .prepare(query)
        .and_then(|mut found| found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .expect("its triggers");
    for (name, _) in &guards {
        ledger.execute_batch(&format!("DROP TRIGGER {name}")).expect("it is dropped");
    }
    ledger.execute_batch(sql).expect("it comes to harm");
    for (_, guard) in &guards {
        ledger.execute_batch(guard).expect("it is there again");
    }
}
