//! Stopping, crashing, starting again, and what lies on the disk.

use std::fs;
use std::path::Path;
use std::time::Instant;

use yidang_archive::{Actor, ErasureRequest, ErasureTarget};

use super::*;
use crate::check::check;
use crate::commits::Progress;
use crate::repository::Repository;
use crate::state::PlannedErasure;

/// What an interrupted commit of one material leaves behind: everything in the archive, nothing in the state.
fn file_and_crash(house: &House, window: &Window, material: &Material) {
    let repository = Repository::open(&house.config).unwrap();
    let key = crate::secrets::fingerprint(window.key.as_ref().unwrap().as_bytes());
    let agent = repository.agent(&key).unwrap();
    let mut progress = Progress::default();
    repository.file_run(&agent, vec![(0, material)], &mut progress).unwrap();
    assert_eq!(progress.results[&0], None);
}

#[test]
fn everything_holds_after_a_restart() {
    let mut house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    let id = window.file(&[specimen()], &bytes);
    let person = somebody(1);
    window.file(std::slice::from_ref(&person), &paper());
    window.commit(vec![forget_person(&person)]);
    let none: Vec<Entry> = Vec::new();
    let first = window.commit_as(50, none.clone());
    let grant = window.materials(&specimen()).grant;

    house.stop();
    house.start();
    window.address = house.address();

    assert_eq!(window.materials(&specimen()).materials[0].id, id);
    assert_eq!(window.missing(&[&bytes]), []);
    assert_eq!(window.feed(0, 0).items.len(), 1);
    assert_eq!(window.commit_as(50, none).body, first.body);
    assert_eq!(window.commit_as(50, vec![forget_person(&person)]).code(), "sequence_conflict");
    assert_eq!(window.blob(&grant, &bytes).code(), "grant_invalid");
}

#[test]
fn a_second_repository_on_the_same_folder_is_refused() {
    let house = House::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(Server::bind(&house.config)).err().unwrap();
    assert_eq!(error.code(), "in_use");
    // And it has not disturbed the first.
    house.window("one");
    assert!(check(&house.config, &mut |_, _| {}).unwrap().clean);
}

#[test]
fn a_repository_without_its_key_does_not_start() {
    let mut house = House::new();
    house.window("one");
    house.stop();
    let file = house.config.keys_dir.join("repository.key");
    fs::remove_file(&file).unwrap();
    assert_eq!(Repository::open(&house.config).err().unwrap().code(), "key_missing");
    fs::write(&file, [7; 32]).unwrap();
    assert_eq!(Repository::open(&house.config).err().unwrap().code(), "keys_wrong");
}

#[test]
fn a_commit_whose_answer_was_lost_gets_the_same_answer() {
    let mut house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    window.put(&bytes);
    let material = material(&[specimen()], &bytes);
    house.stop();
    file_and_crash(&house, &window, &material);
    house.start();
    window.address = house.address();
    // The state still believes the upload unused; another filing finds out that it is not.
    let other = super::material(&[somebody(1)], &bytes);
    assert_eq!(window.commit(vec![filed(&material), filed(&other)]), ["accepted"; 2]);
    assert_eq!(window.materials(&specimen()).materials.len(), 1);
    window.commit(vec![forget_person(&specimen())]);
    assert_eq!(window.feed(0, 0).items.len(), 1);
}

#[test]
fn a_paper_put_right_between_a_crash_and_the_next_try_is_still_its_windows_own() {
    for by_another in [true, false] {
        let mut house = House::new();
        let (mut files, mut looks) = (house.window("files"), house.window("looks"));
        let bytes = paper();
        files.put(&bytes);
        let mut material = material(&[specimen()], &bytes);
        house.stop();
        file_and_crash(&house, &files, &material);
        house.start();
        (files.address, looks.address) = (house.address(), house.address());
        if by_another {
            looks.materials(&specimen());
            assert_eq!(looks.commit(vec![refiled(material.id, &somebody(2))]), ["accepted"]);
        } else {
            // Put right at the window: it reports the paper as it stands now.
            material.holders = vec![somebody(2)];
        }
        assert_eq!(files.commit(vec![filed(&material)]), ["accepted"], "{by_another}");
        assert_eq!(files.commit(vec![refiled(material.id, &somebody(2))]), ["accepted"], "{by_another}");
        assert_eq!(files.materials(&somebody(2)).materials.len(), 1);
        assert!(files.materials(&specimen()).materials.is_empty());
    }
}

#[test]
fn a_paper_of_that_name_that_another_window_filed_is_not_its_own() {
    let mut house = House::new();
    let (mut files, mut other) = (house.window("files"), house.window("other"));
    let bytes = paper();
    files.put(&bytes);
    other.put(&bytes);
    let mut material = material(&[specimen()], &bytes);
    house.stop();
    file_and_crash(&house, &files, &material);
    house.start();
    (files.address, other.address) = (house.address(), house.address());
    material.holders = vec![somebody(2)];
    assert_eq!(other.commit(vec![filed(&material)]), ["material_conflict"]);
}

#[test]
fn an_interrupted_erasure_is_finished_at_the_next_start() {
    for in_archive in [false, true] {
        let mut house = House::new();
        let (mut files, mut looks) = (house.window("files"), house.window("looks"));
        let id = files.file(&[specimen()], &paper());
        looks.materials(&specimen());
        house.stop();
        let Entry::ErasureRequested(entry) = forget_person(&specimen()) else { panic!() };
        {
            let repository = Repository::open(&house.config).unwrap();
            let request = serde_json::to_vec(&entry).unwrap();
            let request = repository.secrets.seal(crate::erasures::REQUEST_CONTEXT, &request);
            let planned = PlannedErasure { id: entry.id, agent: 1, request };
            repository.state.plan_erasure(&planned).unwrap();
            if in_archive {
                let request = ErasureRequest {
                    id: entry.id,
                    target: ErasureTarget::Holder(specimen()),
                    reason: entry.reason.clone(),
                    by: Actor { client: "desk".into(), operator: None },
                    idempotency: None,
                    elsewhere_of: Vec::new(),
                };
                repository.archive.erase_now(request).unwrap();
            }
        }
        house.start();
        for window in [&mut files, &mut looks] {
            window.address = house.address();
            let news = window.feed(0, 0);
            assert_eq!(news.items.len(), 1);
            let yidang_sync::wire::News::Erased { erasure, materials, holder, .. } = &news.items[0].news
            else {
                panic!()
            };
            assert_eq!((erasure, &materials[..]), (&entry.id, &[id][..]));
            assert!(holder.is_some());
        }
        // The agent that asked sends it again, not having heard the answer.
        assert_eq!(files.commit(vec![Entry::ErasureRequested(entry)]), ["accepted"]);
        assert_eq!(files.feed(0, 0).items.len(), 1);
    }
}

#[test]
fn stopping_ends_idle_polls_and_waits_for_work() {
    let mut house = House::new();
    let window = house.window("one");
    let poll = std::thread::spawn(move || window.feed_answer(0, 25).status);
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    house.stop();
    assert_eq!(poll.join().unwrap(), 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(!house.config.data_dir.join("control.sock").exists());
}

#[test]
fn a_check_finds_damage_with_and_without_the_repository_running() {
    let mut house = House::new();
    let mut window = house.window("one");
    window.file(&[specimen()], &paper());
    let segments = files_under(&house.config.data_dir.join("blobs/segments"));
    let [segment] = &segments[..] else { panic!("{} segments", segments.len()) };
    let mut bytes = fs::read(segment).unwrap();
    // In the blob, behind its header; what fills the block is nobody's.
    bytes[200] ^= 1;
    fs::write(segment, bytes).unwrap();
    let running = check(&house.config, &mut |_, _| {}).unwrap();
    house.stop();
    let stopped = check(&house.config, &mut |_, _| {}).unwrap();
    for report in [running, stopped] {
        assert!(!report.clean && report.damages.iter().any(|d| d.part == "blobs"), "{report}");
    }
}

#[test]
fn a_check_of_the_wrong_folder_is_no_clean_check() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new(&folder.path().join("data")).unwrap();
    assert!(check(&config, &mut |_, _| {}).is_err());
    make_enrol_code(&config.data_dir, None).unwrap();
    assert!(check(&config, &mut |_, _| {}).is_err());
    assert_eq!(files_under(&config.data_dir), [config.data_dir.join("repository.db")]);
}

#[test]
fn nothing_on_the_disk_names_a_person_or_a_paper() {
    let mut house = House::new();
    let mut window = house.window("one");
    let bytes = paper();
    window.file(&[specimen()], &bytes);
    window.materials(&specimen());
    let forgotten = somebody(77_777);
    window.file(std::slice::from_ref(&forgotten), &paper());
    window.commit(vec![forget_person(&forgotten)]);
    let digest = Digest::of(&bytes);
    let key = window.key.clone().unwrap();
    house.stop();
    let hex = digest.to_string();
    let needles: [&[u8]; 6] = [
        SPECIMEN.as_bytes(),
        forgotten.value().as_bytes(),
        hex.as_bytes(),
        digest.as_bytes(),
        key.as_bytes(),
        b"2026-000001",
    ];
    let files = files_under(&house.config.data_dir);
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let content = fs::read(&file).unwrap();
        for needle in needles {
            let found = content.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{} holds {:?}", file.display(), String::from_utf8_lossy(needle));
        }
    }
}

fn files_under(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
    }
    found
}
