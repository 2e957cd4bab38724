//! Promise: no attack of the table passes. Each row is bytes on a socket, as a hostile page, program or neighbour would
//! have them sent; after each the harness looks whether anything was told, written or allowed.

mod crowd;
mod flood_rows;
mod rows;
mod shim_rows;
mod victim;

use std::collections::BTreeSet;

use self::rows::{Attack, rows};
use self::victim::Victim;

/// Runs the rows; what is wrong with those that passed.
fn passing(victim: &Victim, rows: &[Attack]) -> Vec<String> {
    let mut passed = Vec::new();
    for attack in rows {
        let before = victim.state();
        let answer = victim.send(attack);
        let mut wrong = Vec::new();
        // Nonsense may be hung up on; whoever says what he wants is told no.
        if answer.statuses().next().is_none() && attack.kind != "smuggling" {
            wrong.push("it was not answered".to_owned());
        }
        if !answer.statuses().all(|status| attack.refused_with.contains(&status)) {
            wrong.push(format!("answered {:?}", answer.statuses().collect::<Vec<_>>()));
        }
        wrong.extend(victim.leaks(&answer, attack.is_foreign));
        if victim.state() != before {
            wrong.push("it changed something".to_owned());
        }
        if !wrong.is_empty() {
            passed.push(format!("{} / {}: {}", attack.kind, attack.name, wrong.join("; ")));
        }
    }
    passed
}

#[test]
fn no_attack_of_the_table_passes() {
    let victim = Victim::with_a_dossier();
    let rows = rows(&victim);
    let names: BTreeSet<_> = rows.iter().map(|row| (row.kind, row.name.as_str())).collect();
    assert_eq!(names.len(), rows.len(), "a row stands twice");
    let passed = passing(&victim, &rows);
    assert!(passed.is_empty(), "{} of {} pass:\n{}", passed.len(), rows.len(), passed.join("\n"));
    victim.is_well();
}

/// A table that finds nothing proves nothing: what a window program may do is an attack that passes.
#[test]
fn the_table_notices_an_attack_that_passes() {
    let victim = Victim::with_a_dossier();
    for (name, bytes, at) in victim.allowed() {
        let row = Attack {
            kind: "control",
            name: name.to_owned(),
            bytes,
            refused_with: vec![400, 401, 403, 404, 421, 422],
            is_foreign: true,
            at,
        };
        assert_eq!(passing(&victim, &[row]).len(), 1, "{name} goes unnoticed");
    }
}

/// Nobody writes lines of his own into the log, and nothing personal that he sends stands in it.
#[test]
fn the_log_has_no_line_that_an_attacker_wrote() {
    let victim = Victim::with_a_dossier();
    for attack in rows(&victim) {
        victim.send(&attack);
    }
    let log = victim.stop_and_read_log();
    assert!(log.contains("refused at the door"), "refusals are logged");
    for line in log.lines() {
        let begins_as_ours = line.starts_with("20") && line.contains('Z');
        assert!(begins_as_ours || line.starts_with("listening "), "{line:?}");
        assert!(!line.contains("FORGED") && !line.contains(victim::ID_NUMBER), "{line:?}");
    }
}

/// Connections that begin a request and go no further, many more than are served at once.
#[test]
fn ten_thousand_connections_keep_nobody_out_and_take_no_memory() {
    const CONNECTIONS: usize = 10_000;
    /// More than are served at once, fewer than the operating system lets wait: it would keep this test waiting.
    const OPEN_MAX: usize = 600;
    const GROWTH_MAX_KB: u64 = 64 << 10;
    let victim = Victim::with_a_dossier();
    let before = victim.resident_kb();
    let mut open = std::collections::VecDeque::new();
    for _ in 0..CONNECTIONS {
        if open.len() == OPEN_MAX {
            open.pop_front();
        }
        open.push_back(victim.begin(b"POST /v1/card/read HTTP/1.1\r\nHost: "));
    }
    victim.is_there();
    drop(open);
    victim.is_well();
    let grown = victim.resident_kb().saturating_sub(before);
    assert!(grown < GROWTH_MAX_KB, "{grown} KB more after {CONNECTIONS} connections");
}
