//! What every state must do, tried on the built-in one.

use std::collections::BTreeSet;

use tempfile::TempDir;
use yidang_model::{CaptureId, ErasureId, MaterialId, Timestamp};

use crate::secrets::random;
use crate::sqlite_state::{STATE_FILE, SqliteState};
use crate::state::{
    AgentRecord, Answered, CommitRecord, Committed, Enrolment, ErasureOutcome, FeedWhat, NewAgent,
    PlannedErasure, PlannedOriginals, RefilingOutcome, State, StateFault, Upload,
};

const NOON: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn open() -> (TempDir, SqliteState) {
    let folder = tempfile::tempdir().unwrap();
    let state = SqliteState::open(folder.path()).unwrap();
    (folder, state)
}

fn new_agent() -> NewAgent {
    let name = hex::encode(random::<8>());
    NewAgent { name, epoch: hex::encode(random::<8>()), key: random(), counter: "one".into() }
}

fn enrolled(state: &dyn State) -> AgentRecord {
    let code = random();
    state.put_code(code, None, NOON.plus_millis(1)).unwrap();
    match state.enrol(code, &new_agent(), NOON).unwrap() {
        Enrolment::Done(record) => record,
        other => panic!("{other:?}"),
    }
}

fn material() -> MaterialId {
    MaterialId::from_bytes(random())
}

fn forget(
    state: &dyn State,
    asks: &AgentRecord,
    materials: &[MaterialId],
    holder: Option<[u8; 32]>,
) -> ErasureId {
    let id = ErasureId::from_bytes(random());
    let planned = PlannedErasure { id, agent: asks.number, request: Some(b"sealed".to_vec()) };
    assert_eq!(state.plan_erasure(&planned).unwrap(), planned);
    assert_eq!(state.unfinished_erasures().unwrap(), [planned]);
    let personal = b"sealed too".to_vec();
    let outcome =
        ErasureOutcome { id, requester: Some(asks.number), materials, holder, shown_for: &[], personal };
    state.finish_erasure(&outcome).unwrap();
    assert_eq!(state.unfinished_erasures().unwrap(), []);
    id
}

#[test]
fn a_code_is_spent_by_one_of_many_at_once() {
    let (folder, state) = open();
    let code = random();
    state.put_code(code, Some("one"), NOON.plus_millis(1)).unwrap();
    // Two connections are what two processes have.
    let beside = SqliteState::open(folder.path()).unwrap();
    let enrolments: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = [&state, &beside, &state, &beside]
            .map(|s| {
                scope.spawn(move || matches!(s.enrol(code, &new_agent(), NOON).unwrap(), Enrolment::Done(_)))
            })
            .into();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(enrolments.iter().filter(|done| **done).count(), 1);
    assert_eq!(state.agents().unwrap().len(), 1);
}

#[test]
fn a_code_ends_and_belongs_to_its_counter() {
    let (_folder, state) = open();
    let code = random();
    state.put_code(code, Some("two"), NOON).unwrap();
    let before = NOON.plus_millis(-1);
    assert!(matches!(state.enrol(code, &new_agent(), NOON).unwrap(), Enrolment::CodeSpent));
    assert!(matches!(state.enrol(code, &new_agent(), before).unwrap(), Enrolment::OtherCounter));
    let agent = NewAgent { counter: "two".into(), ..new_agent() };
    assert!(matches!(state.enrol(code, &agent, before).unwrap(), Enrolment::Done(_)));
}

#[test]
fn uploads_are_each_agents_own_and_expire_unless_used() {
    let (_folder, state) = open();
    let (one, two) = (enrolled(&state), enrolled(&state));
    let staged = CaptureId::from_bytes(random());
    let upload = Upload { staged, material: None, expires_at: NOON };
    for digest in [[1; 32], [2; 32]] {
        state.put_upload(one.number, digest, &upload).unwrap();
    }
    assert_eq!(state.uploads(two.number, &[[1; 32]]).unwrap(), [None]);
    let id = material();
    let used = CommitRecord {
        agent: &one,
        answered: None,
        committed: Vec::new(),
        contacts: BTreeSet::new(),
        used: vec![([2; 32], id)],
    };
    state.put_commit(&used).unwrap();
    state.expire(NOON).unwrap();
    let kept = Upload { material: Some(id), ..upload };
    assert_eq!(state.uploads(one.number, &[[1; 32], [2; 32]]).unwrap(), [None, Some(kept)]);
}

#[test]
fn the_newest_answers_are_kept_and_the_state_does_not_grow_with_them() {
    let (folder, state) = open();
    let agent = enrolled(&state);
    let answered = Answered { body: [5; 32], answer: b"{}".to_vec() };
    for sequence in [1, 2, 1001, 1002] {
        let commit = CommitRecord {
            agent: &agent,
            answered: Some((sequence, answered.clone())),
            committed: Vec::new(),
            contacts: BTreeSet::new(),
            used: Vec::new(),
        };
        state.put_commit(&commit).unwrap();
        assert!(state.put_commit(&commit).is_err());
    }
    drop(state);
    let state = SqliteState::open(folder.path()).unwrap();
    let known = |sequence| state.answered(&agent, sequence).unwrap();
    assert_eq!((known(1), known(2), known(3)), (None, None, None));
    assert_eq!((known(1001), known(1002)), (Some(answered.clone()), Some(answered)));
    let cloned = AgentRecord { epoch: "other".into(), ..agent.clone() };
    assert_eq!(state.answered(&cloned, 1002).unwrap(), None);
}

#[test]
fn an_erasure_is_told_to_everyone_concerned_and_to_nobody_else() {
    let (_folder, state) = open();
    let agents: Vec<AgentRecord> = (0..4).map(|_| enrolled(&state)).collect();
    let [asks, filed, looked, other] = &agents[..] else { panic!() };
    let (stored, alias, person) = (material(), material(), [9; 32]);
    let commit = CommitRecord {
        agent: filed,
        answered: None,
        committed: vec![Committed { material: alias, stored }],
        contacts: BTreeSet::new(),
        used: Vec::new(),
    };
    state.put_commit(&commit).unwrap();
    state.put_opened(looked.number, person, NOON).unwrap();
    assert_eq!(state.stored_for(alias).unwrap(), Some(stored));

    let id = forget(&state, asks, &[stored], Some(person));

    let told = |agent: &AgentRecord| state.feed(agent.number, 0, 10).unwrap();
    let mut under_both_names = vec![stored, alias];
    under_both_names.sort_unstable();
    for (agent, materials) in [asks, filed, looked].map(|agent| (agent, under_both_names.clone())) {
        let (rows, head) = told(agent);
        assert_eq!((rows.len(), head, rows[0].what), (1, 1, FeedWhat::Erased(id)));
        assert_eq!((rows[0].sequence, rows[0].previous, &rows[0].materials), (1, 0, &materials));
        assert_eq!(rows[0].personal.as_deref(), Some(&b"sealed too"[..]));
    }
    assert_eq!(told(other), (Vec::new(), 0));
    // The alias stays known, so that it is never filed again; whom it concerned does not.
    assert_eq!(state.stored_for(alias).unwrap(), Some(stored));
    forget(&state, asks, &[], Some(person));
    assert_eq!((told(looked).1, told(asks).1), (1, 2));

    state.acknowledge(asks.number, 1).unwrap();
    let (rows, _) = told(asks);
    assert_eq!((rows[0].personal.is_some(), rows[1].personal.is_some()), (false, true));
    assert_eq!(state.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_refiling_is_told_in_full_to_those_who_filed_it_alone() {
    let (_folder, state) = open();
    let agents: Vec<AgentRecord> = (0..4).map(|_| enrolled(&state)).collect();
    let [asks, filed, looked, other] = &agents[..] else { panic!() };
    let (stored, alias, [before, now]) = (material(), material(), [[9; 32], [8; 32]]);
    let commit = CommitRecord {
        agent: filed,
        answered: None,
        committed: vec![Committed { material: alias, stored }],
        contacts: BTreeSet::new(),
        used: Vec::new(),
    };
    state.put_commit(&commit).unwrap();
    state.put_opened(looked.number, before, NOON).unwrap();
    state.put_opened(asks.number, now, NOON).unwrap();
    let outcome = RefilingOutcome {
        stored,
        requester: asks.number,
        shown_for: &[before],
        holders: &[now],
        personal: b"sealed too".to_vec(),
    };
    assert_eq!(state.finish_refiling(&outcome).unwrap().len(), 3);
    let told = |agent: &AgentRecord| state.feed(agent.number, 0, 10).unwrap().0;
    for (agent, names, in_full) in [(asks, 1, false), (filed, 2, true), (looked, 1, false)] {
        let rows = told(agent);
        assert_eq!((rows.len(), rows[0].what, rows[0].materials.len()), (1, FeedWhat::Refiled, names));
        assert!(rows[0].materials.contains(&stored));
        assert_eq!(rows[0].personal.is_some(), in_full);
    }
    assert_eq!(told(other), []);
    // Whoever forgets that person has to tell those who have their paper.
    let contacts = state.contacts(now).unwrap();
    assert!(contacts.iter().any(|(agent, opened_at)| *agent == filed.number && opened_at.is_none()));
    state.acknowledge(filed.number, 1).unwrap();
    assert_eq!(told(filed)[0].personal, None);
    assert_eq!(state.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn sequences_have_no_gaps_and_never_become_visible_out_of_order() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 25;
    let (folder, state) = open();
    let agent = enrolled(&state);
    let beside = SqliteState::open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let state = if number % 2 == 0 { &state } else { &beside };
            let requester = Some(agent.number);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let (id, materials) = (ErasureId::from_bytes(random()), [material()]);
                    let personal = Vec::new();
                    let (holder, shown_for) = (None, &[][..]);
                    let outcome =
                        ErasureOutcome { id, requester, materials: &materials, holder, shown_for, personal };
                    state.finish_erasure(&outcome).unwrap();
                }
            });
        }
        let mut after = 0;
        while after < WRITERS * EACH {
            let (rows, head) = state.feed(agent.number, after, 7).unwrap();
            for row in rows {
                assert_eq!((row.sequence, row.previous), (after + 1, after));
                after = row.sequence;
            }
            assert!(head >= after);
        }
    });
    assert_eq!(state.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn it_is_known_who_filed_what_and_who_opened_a_dossier_when() {
    let (_folder, state) = open();
    let (files, opens) = (enrolled(&state), enrolled(&state));
    let (stored, alias, person) = (material(), material(), [9; 32]);
    let commit = CommitRecord {
        agent: &files,
        answered: None,
        committed: vec![Committed { material: alias, stored }],
        contacts: BTreeSet::from([person]),
        used: Vec::new(),
    };
    state.put_commit(&commit).unwrap();
    let opened = |at| state.put_opened(opens.number, person, at).unwrap();
    for at in [NOON, NOON.plus_millis(-60_000), NOON.plus_millis(59_000)] {
        opened(at);
        let mut contacts = state.contacts(person).unwrap();
        contacts.sort_unstable_by_key(|c| c.0);
        assert_eq!(contacts, [(files.number, None), (opens.number, Some(NOON))]);
    }
    opened(NOON.plus_millis(61_000));
    state.put_commit(&commit).unwrap();
    state.put_opened(files.number, person, NOON).unwrap();
    let mut contacts = state.contacts(person).unwrap();
    contacts.sort_unstable_by_key(|c| c.0);
    assert_eq!(contacts, [(files.number, Some(NOON)), (opens.number, Some(NOON.plus_millis(61_000)))]);
    for id in [stored, alias] {
        assert_eq!(state.committers(id).unwrap(), [files.number]);
    }
    assert_eq!(state.committers(material()).unwrap(), Vec::<i64>::new());
    let id = forget(&state, &opens, &[stored], Some(person));
    let done = PlannedErasure { id, agent: opens.number, request: None };
    assert_eq!(state.erasure(id).unwrap(), Some(done));
    assert_eq!(state.contacts(person).unwrap(), []);
}

#[test]
fn a_state_of_the_first_version_is_taken_over() {
    let (folder, state) = open();
    let agent = enrolled(&state);
    drop(state);
    let connection = rusqlite::Connection::open(folder.path().join(STATE_FILE)).unwrap();
    connection
        .execute_batch(
            "ALTER TABLE feed DROP COLUMN what; ALTER TABLE contacts DROP COLUMN opened_at;
        ALTER TABLE agents DROP COLUMN counter_named; ALTER TABLE agents DROP COLUMN feed_done;
        DROP TABLE anchors; DROP TABLE planned_originals; DROP TABLE decided_names; DROP TABLE decisions;
        PRAGMA user_version = 1",
        )
        .unwrap();
    connection
        .execute("INSERT INTO contacts (subject, agent) VALUES (?1, ?2)", ([9_u8; 32], agent.number))
        .unwrap();
    drop(connection);
    let state = SqliteState::open(folder.path()).unwrap();
    assert_eq!(state.contacts([9; 32]).unwrap(), [(agent.number, None)]);
    state.put_opened(agent.number, [9; 32], NOON).unwrap();
    assert_eq!(state.contacts([9; 32]).unwrap(), [(agent.number, Some(NOON))]);
}

#[test]
fn a_plan_of_version_5_has_no_kind_and_no_agent_of_it_is_known_to_have_been_named() {
    let (folder, state) = open();
    let (agent, paper) = (enrolled(&state), material());
    drop(state);
    let connection = rusqlite::Connection::open(folder.path().join(STATE_FILE)).unwrap();
    connection
        .execute_batch(
            "ALTER TABLE planned_originals DROP COLUMN kind; ALTER TABLE agents DROP COLUMN counter_named;
        ALTER TABLE agents DROP COLUMN feed_done; DROP TABLE decided_names; DROP TABLE decisions;
        PRAGMA user_version = 5",
        )
        .unwrap();
    let sql = "INSERT INTO planned_originals (material, agent, named) VALUES (?1, ?2, ?1)";
    connection.execute(sql, rusqlite::params![paper.as_bytes(), agent.number]).unwrap();
    drop(connection);
    let state = SqliteState::open(folder.path()).unwrap();
    let plan = PlannedOriginals { stored: paper, agent: agent.number, named: paper, kind: None };
    assert_eq!(state.unfinished_originals().unwrap(), [plan]);
    state.unplan_originals(&[(paper, agent.number + 1)]).unwrap();
    assert_eq!(state.unfinished_originals().unwrap().len(), 1, "another agent's plan is not this one's");
    state.unplan_originals(&[(paper, agent.number)]).unwrap();
    assert_eq!(state.unfinished_originals().unwrap(), []);
}

#[test]
fn a_feed_with_a_gap_and_a_damaged_file_are_found() {
    let (folder, state) = open();
    let agent = enrolled(&state);
    forget(&state, &agent, &[material()], None);
    forget(&state, &agent, &[material()], None);
    drop(state);
    let path = folder.path().join(STATE_FILE);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("DELETE FROM feed WHERE sequence = 1", []).unwrap();
    drop(connection);
    let faults = SqliteState::open(folder.path()).unwrap().verify().unwrap();
    assert_eq!(faults, [format!("feed of {}: has gaps", agent.name)]);

    std::fs::write(&path, b"this is no database, and long enough to be seen as none").unwrap();
    let error = SqliteState::open(folder.path()).err().unwrap();
    assert_eq!(error.fault, StateFault::Damaged);
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let (folder, state) = open();
    drop(state);
    let path = folder.path().join(STATE_FILE);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteState::open(folder.path()).err().unwrap();
    assert_eq!(error.fault, StateFault::NewerVersion);
}
