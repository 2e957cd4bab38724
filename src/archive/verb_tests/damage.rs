//! The fixity check names what is damaged.

use yidang_model::Digest;

use super::papers::*;
use super::world::{World, file_paper};
use crate::entry::{Plain, SlotKey, seal_entry};
use crate::material_record::MaterialRecord;
use crate::record::{FiledPersonal, Office, Refs, Text};
use crate::storage::{BlobName, BlobStore, Part, StorageFault, Tag, Verb};
use crate::{Archive, Check, Damage, DamagedThing, HistoryPage, Refiling, VerifyReport};

fn two_papers() -> (World, Archive) {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    archive.stage(stage_of(3, &[3])).unwrap();
    (world, archive)
}

fn verify(archive: &Archive) -> VerifyReport {
    let mut last = (0, 0);
    let report = archive.verify(&mut |done, total| {
        assert!(done >= last.0 && done <= total, "{done} of {total} after {last:?}");
        last = (done, total);
    });
    assert_eq!(last.0, last.1);
    report.unwrap()
}

fn name_of(archive: &Archive, number: u8) -> BlobName {
    archive.shared.stores.keys.blob_name(&Digest::of(&picture(number)))
}

fn only(part: Part, what: DamagedThing, fault: StorageFault) -> Vec<Damage> {
    let check = match part {
        Part::Blobs => Check::Blobs,
        Part::Ledger => Check::Chain,
        Part::Index => Check::Index,
        _ => Check::Keys,
    };
    vec![Damage { check, part, what, fault }]
}

#[test]
fn a_whole_archive_is_clean() {
    let (_world, archive) = two_papers();
    let report = verify(&archive);
    assert!(report.is_clean(), "{:?}", report.damages);
    assert_eq!((report.entries, report.blobs, report.orphans), (5, 3, 0));
    assert_eq!(report.forgotten, 2, "the sets that were filed");
    assert!(report.blob_bytes > 3 * 70_000);
}

#[test]
fn a_changed_cut_or_missing_blob_is_named() {
    let (_world, archive) = two_papers();
    let blobs: &dyn BlobStore = archive.shared.stores.blobs.as_ref();
    let name = name_of(&archive, 1);
    let whole = blobs.get(name).unwrap().unwrap();
    for at in [0, 8, 30, 40, 65_600, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        blobs.put_many(&[(name, flipped)]).unwrap();
        let expected = only(Part::Blobs, DamagedThing::Blob(name), StorageFault::Damaged);
        assert_eq!(verify(&archive).damages, expected, "byte {at}");
    }
    for length in [0, 36, 37, 37 + 65_552, whole.len() - 1] {
        blobs.put_many(&[(name, whole[..length].to_vec())]).unwrap();
        let expected = only(Part::Blobs, DamagedThing::Blob(name), StorageFault::Damaged);
        assert_eq!(verify(&archive).damages, expected, "cut to {length}");
    }
    blobs.delete_many(&[name]).unwrap();
    let expected = only(Part::Blobs, DamagedThing::Blob(name), StorageFault::Missing);
    assert_eq!(verify(&archive).damages, expected);
    blobs.put_many(&[(name, whole)]).unwrap();
    assert!(verify(&archive).is_clean());
}

#[test]
fn exchanged_blobs_are_named() {
    let (_world, archive) = two_papers();
    let blobs = &archive.shared.stores.blobs;
    let (one, two) = (name_of(&archive, 1), name_of(&archive, 2));
    let (first, second) = (blobs.get(one).unwrap().unwrap(), blobs.get(two).unwrap().unwrap());
    blobs.put_many(&[(one, second), (two, first)]).unwrap();
    let report = verify(&archive);
    assert_eq!(report.damage_count, 2);
    for name in [one, two] {
        let damage = only(Part::Blobs, DamagedThing::Blob(name), StorageFault::Damaged).remove(0);
        assert!(report.damages.contains(&damage));
    }
    let digest = Digest::of(&picture(1));
    assert_eq!(archive.blob(material_id(1), &digest), Err(crate::ArchiveError::BlobDamaged { name: one }));
}

#[test]
fn a_changed_ledger_entry_is_named_and_the_rest_stays_readable() {
    let (world, archive) = two_papers();
    let mut more = shared_paper(4, &[resident(1)]);
    more.case = None;
    archive.stage(stage_of(4, &[4])).unwrap();
    let kept = archive.file(filing_of(more, &[4])).unwrap();
    let filed = archive.material(material_id(1)).unwrap().unwrap().sequence;
    drop(archive);
    let database = rusqlite::Connection::open(world.data_dir().join("ledger.db")).unwrap();
    let table: String = database
        .query_row(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE c.name = 'body'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    // The triggers that keep entries as they are would keep this from being changed too.
    let triggers: Vec<(String, String)> = database
        .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (name, _) in &triggers {
        database.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    let mut body: Vec<u8> = database
        .query_row(&format!("SELECT body FROM {table} WHERE sequence = ?1"), [filed as i64], |row| row.get(0))
        .unwrap();
    let text = String::from_utf8(body.clone()).unwrap();
    let personal = text.find("\"personal\":\"").unwrap() + 40;
    body[personal] = if body[personal] == b'A' { b'B' } else { b'A' };
    let changed = database
        .execute(
            &format!("UPDATE {table} SET body = ?1 WHERE sequence = ?2"),
            rusqlite::params![body, filed as i64],
        )
        .unwrap();
    assert_eq!(changed, 1);
    for (_, sql) in &triggers {
        database.execute_batch(sql).unwrap();
    }
    drop(database);

    let archive = world.open();
    let report = verify(&archive);
    let entry = only(Part::Ledger, DamagedThing::Entry(filed), StorageFault::Damaged).remove(0);
    assert!(report.damages.contains(&entry), "{:?}", report.damages);
    assert!(archive.material(material_id(1)).is_err());
    let page = HistoryPage { before: u64::MAX, limit: 10 };
    assert_eq!(archive.history(&resident(1), page).unwrap(), std::slice::from_ref(&kept.stored));
    // A rebuild loses what that entry said, and nothing else.
    archive.rebuild_index().unwrap();
    assert_eq!(archive.history(&resident(1), page).unwrap(), [kept.stored]);
    assert_eq!(archive.history(&resident(2), page).unwrap().len(), 1);
}

/// No damage to a disk makes such an entry: what it says is sealed as one.
#[test]
fn a_page_without_its_picture_is_named() {
    let (_world, archive) = two_papers();
    let stores = &archive.shared.stores;
    let material = shared_paper(9, &[resident(1)]);
    let key = stores.keys.holder(stores.keys.subject_tag(&resident(1))).unwrap().unwrap();
    let plain = Plain {
        verb: Verb::Filed,
        refs: Refs { material: Some(Text(material.id)), ..Refs::default() },
        office: Office::of(&clerk()),
        personal: FiledPersonal {
            material: MaterialRecord::of(&material),
            filing: Tag([9; 32]),
            blobs: Vec::new(),
            page_sets: Vec::new(),
            purpose: None,
            originals_disposed: false,
            reason: None,
        },
        slots: &[SlotKey { key, subject: Some(&resident(1)) }],
        idempotency: None,
    };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain).unwrap();
    stores.ledger.append_many(&[entry]).unwrap();
    archive.rebuild_index().unwrap();
    let what = DamagedThing::Material(material.id);
    let expected = Damage { check: Check::Pages, part: Part::Ledger, what, fault: StorageFault::Missing };
    assert_eq!(verify(&archive).damages, [expected]);
}

#[test]
fn a_lost_index_row_is_named_and_rebuilt() {
    let (world, archive) = two_papers();
    drop(archive);
    let database = rusqlite::Connection::open(world.data_dir().join("index.db")).unwrap();
    let sql = "DELETE FROM materials WHERE id = ?1";
    assert_eq!(database.execute(sql, [material_id(1).as_bytes()]).unwrap(), 1);
    drop(database);
    let archive = world.open();
    let report = verify(&archive);
    let row = only(Part::Index, DamagedThing::Material(material_id(1)), StorageFault::Missing).remove(0);
    assert!(report.damages.contains(&row), "{:?}", report.damages);
    archive.rebuild_index().unwrap();
    assert!(verify(&archive).is_clean());
}

#[test]
fn rows_without_a_reason_are_reported() {
    let (world, archive) = two_papers();
    drop(archive);
    let database = rusqlite::Connection::open(world.data_dir().join("index.db")).unwrap();
    let sql = "INSERT INTO materials (sequence, id, filing) VALUES (99, ?1, ?2)";
    database.execute(sql, rusqlite::params![[7_u8; 16], [7_u8; 32]]).unwrap();
    drop(database);
    let report = verify(&world.open());
    assert!(report.damages.iter().any(|d| matches!(d.what, DamagedThing::Row(_))), "{:?}", report.damages);
}

#[test]
fn a_lost_holder_key_is_named() {
    let (_world, archive) = two_papers();
    let keys = &archive.shared.stores.keys;
    let holder = keys.holder(keys.subject_tag(&resident(1))).unwrap().unwrap();
    keys.forget(&[holder.id]).unwrap();
    let damages = verify(&archive).damages;
    let lost = only(Part::Keyring, DamagedThing::Material(material_id(1)), StorageFault::Missing).remove(0);
    assert!(damages.contains(&lost), "{damages:?}");
}

#[test]
fn a_lost_epoch_key_is_named_while_it_can_still_be_saved() {
    let (world, archive) = two_papers();
    for entry in std::fs::read_dir(world.keys_dir()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let expected = only(Part::KeyKeeper, DamagedThing::Epoch(1), StorageFault::Missing);
    assert_eq!(verify(&archive).damages, expected);
    assert!(archive.material(material_id(1)).unwrap().is_some(), "it is still in memory");
}

#[test]
fn a_check_beside_filing_raises_no_false_alarm() {
    let (_world, archive) = two_papers();
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            for number in 10..40 {
                file_paper(&archive, number, &[resident(3)]).unwrap();
                if number % 10 == 0 {
                    archive.erase_now(erasure_of_material(number, number)).unwrap();
                }
            }
        });
        while !busy.is_finished() {
            let report = archive.verify(&mut |_, _| {}).unwrap();
            assert!(report.is_clean(), "{:?}", report.damages);
        }
    });
    let erased = archive.changes(0, 1000).unwrap();
    assert!(erased.len() > 60);
    assert_eq!(Verb::Erased.as_str(), "erased");
}

/// Makes an entry not open, and, asked to, as it was.
pub(super) fn spoiling(world: &World, sequence: u64) -> impl Fn(&World, bool) + use<> {
    let ledger = rusqlite::Connection::open(world.data_dir().join("ledger.db")).unwrap();
    let sound: String = ledger
        .query_row("SELECT hex(body) FROM entries WHERE sequence = ?1", [sequence], |row| row.get(0))
        .unwrap();
    move |world, is_sound| {
        let body = if is_sound { sound.as_str() } else { "7b7d" };
        tamper(world, &format!("UPDATE entries SET body = x'{body}' WHERE sequence = {sequence}"));
    }
}

/// Makes a page of the ledger that this entry is on not be read, and, asked to, as it was.
pub(super) fn spoiling_page(world: &World, sequence: u64) -> impl Fn(&World, bool) + use<> {
    let ledger = rusqlite::Connection::open(world.data_dir().join("ledger.db")).unwrap();
    let sound: String = ledger
        .query_row("SELECT hex(hash) FROM entries WHERE sequence = ?1", [sequence], |row| row.get(0))
        .unwrap();
    move |world, is_sound| {
        let hash = if is_sound { sound.as_str() } else { "00" };
        tamper(
            world,
            &format!(
                "PRAGMA ignore_check_constraints = ON; UPDATE entries SET hash = x'{hash}' WHERE sequence = {sequence}"
            ),
        );
    }
}

/// Does this to the ledger's file, past the triggers that keep entries as they are.
pub(super) fn tamper(world: &World, sql: &str) {
    let database = rusqlite::Connection::open(world.data_dir().join("ledger.db")).unwrap();
    let triggers: Vec<(String, String)> = database
        .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    triggers.iter().for_each(|(name, _)| database.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
    database.execute_batch(sql).unwrap();
    triggers.iter().for_each(|(_, sql)| database.execute_batch(sql).unwrap());
}

#[test]
fn a_damaged_refiling_is_named() {
    let (world, archive) = two_papers();
    archive.refile(Refiling { case: Some("case-2".to_owned()), ..refiling_of(1) }).unwrap();
    let sequence = archive.head().unwrap();
    drop(archive);
    tamper(&world, &format!("UPDATE entries SET body = x'7b7d' WHERE sequence = {sequence};"));
    let report = verify(&world.open());
    let damage = only(Part::Ledger, DamagedThing::Entry(sequence), StorageFault::Damaged).remove(0);
    assert!(report.damages.contains(&damage), "{:?}", report.damages);
}

#[test]
fn missing_and_reordered_entries_are_named() {
    let exchange = "UPDATE entries SET sequence = -sequence WHERE sequence IN (6, 7);
        UPDATE entries SET sequence = sequence + 13 WHERE sequence IN (-6, -7);";
    // A backdated look, with the hash of the entry made to fit: the next one tells.
    let backdate = "UPDATE entries SET at_millis = at_millis - 86400000 WHERE sequence = 6;";
    let cases: [(&str, &[u64], StorageFault); 3] = [
        ("DELETE FROM entries WHERE sequence = 6;", &[6], StorageFault::Missing),
        (exchange, &[6, 7], StorageFault::Damaged),
        (backdate, &[6], StorageFault::Damaged),
    ];
    for (sql, named, fault) in cases {
        let (world, archive) = two_papers();
        for _ in 0..4 {
            archive.record(look_at(&resident(1), &[1])).unwrap();
        }
        assert_eq!(archive.head().unwrap(), 9);
        drop(archive);
        // The table's own check says that no sequence is negative.
        tamper(&world, &format!("PRAGMA ignore_check_constraints = ON; {sql}"));
        let archive = world.open();
        let report = verify(&archive);
        for sequence in named {
            let damage = only(Part::Ledger, DamagedThing::Entry(*sequence), fault).remove(0);
            assert!(report.damages.contains(&damage), "{sql}: {:?}", report.damages);
        }
        let whole = |d: &Damage| matches!(d.what, DamagedThing::Entry(n) if !(6..=8).contains(&n));
        assert!(!report.damages.iter().any(whole), "{sql}: {:?}", report.damages);
    }
}

/// What locks this process has on the files of a folder, by name and kind, each once: a look at a database has a second one of
/// its kind for a moment.
#[cfg(target_os = "linux")]
fn locks_in(folder: &std::path::Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt as _;
    let own = std::process::id().to_string();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let locks: Vec<Vec<&str>> = locks.lines().map(|line| line.split_whitespace().collect()).collect();
    let mut held = Vec::new();
    for file in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let inode = format!(":{}", file.metadata().unwrap().ino());
        let is_its =
            |lock: &&Vec<&str>| lock[1] == "POSIX" && lock[4] == own && lock[5].ends_with(inode.as_str());
        held.extend(locks.iter().filter(is_its).map(|lock| format!("{:?} {}", file.file_name(), lock[3])));
    }
    held.sort();
    held.dedup();
    held
}

/// Without them another command would take the journals away beneath the running one.
#[cfg(target_os = "linux")]
#[test]
fn a_check_leaves_the_locks_on_the_databases() {
    let (world, archive) = two_papers();
    let held = locks_in(&world.data_dir());
    assert!(held.iter().any(|lock| lock.starts_with("\"ledger.db\"")), "{held:?}");
    assert!(verify(&archive).is_clean());
    assert_eq!(locks_in(&world.data_dir()), held);
}

/// Overwrites what the only holder's key is wrapped as, in the file of a closed archive; what it was.
fn spoil_holder_key(world: &World) -> Vec<u8> {
    let keyring = rusqlite::Connection::open(world.data_dir().join("keyring.db")).unwrap();
    let sql = "SELECT wrapped FROM keys WHERE purpose = 'holder'";
    let wrapped = keyring.query_row(sql, [], |row| row.get(0)).unwrap();
    let spoilt = "UPDATE keys SET wrapped = zeroblob(length(wrapped)) WHERE purpose = 'holder'";
    assert_eq!(keyring.execute(spoilt, []).unwrap(), 1);
    wrapped
}

fn mend_holder_key(world: &World, wrapped: &[u8]) {
    let keyring = rusqlite::Connection::open(world.data_dir().join("keyring.db")).unwrap();
    assert_eq!(
        keyring.execute("UPDATE keys SET wrapped = ?1 WHERE purpose = 'holder'", [wrapped]).unwrap(),
        1
    );
}

/// The same picture is taken in all the same, and what was there is not lost: the key may be found again.
#[test]
fn what_a_damaged_ledger_or_keyring_no_longer_names_is_not_swept_and_is_kept_when_it_is_replaced() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let name = name_of(&archive, 1);
    let blob = archive.shared.stores.blobs.get(name).unwrap();
    drop(archive);
    let wrapped = spoil_holder_key(&world);
    let archive = world.open();
    // An index that is made anew lacks the paper.
    archive.rebuild_index().unwrap();
    assert!(archive.shared.stores.index.blob_users(name).unwrap().is_empty());
    world.clock.advance(crate::ORPHAN_GRACE_MS * 100_000);
    assert_eq!(archive.sweep().unwrap().orphans, 0);
    assert_eq!(archive.shared.stores.blobs.get(name).unwrap(), blob);
    let staged = archive.stage(stage_of(2, &[1])).unwrap();
    assert_ne!(archive.shared.stores.blobs.get(name).unwrap(), blob);
    assert_eq!(archive.staged_blob(staged.id, &Digest::of(&picture(1))).unwrap(), picture(1));
    assert!(archive.quarantined().is_empty(), "it is no damage");
    drop(archive);

    mend_holder_key(&world, &wrapped);
    let archive = world.open();
    archive.rebuild_index().unwrap();
    let is_well = |when: &str| {
        let report = verify(&archive);
        let blobs = report.damages.iter().filter(|damage| matches!(damage.what, DamagedThing::Blob(_)));
        assert_eq!(blobs.count(), 0, "{when}: {:?}", report.damages);
        assert!(archive.blob(material_id(1), &Digest::of(&picture(1))) == Ok(picture(1)), "{when}");
    };
    is_well("with the key of what took its place");
    archive.discard(staged.id, &clerk()).unwrap();
    archive.sweep().unwrap();
    is_well("with its own, where it was kept");
    archive.erase_now(erasure_of_material(1, 1)).unwrap();
    let left = std::fs::read_dir(world.data_dir().join("quarantine")).unwrap().count();
    assert_eq!(left, 0, "what was kept is forgotten with it");
}
