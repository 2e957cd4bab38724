//! The suite for keyrings.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::samples::{epoch, key, key_id, recovery, sorted, tag, wrapped};
use crate::storage::{KeyPurpose, KeyRecord, Keyring, Part, StorageError, StorageFault};

type Open<'a> = &'a dyn Fn(&str) -> Box<dyn Keyring>;

const PURPOSES: [KeyPurpose; 5] =
    [KeyPurpose::Holder, KeyPurpose::Staged, KeyPurpose::BlobNames, KeyPurpose::Tags, KeyPurpose::Office];

pub(super) fn run(open: Open<'_>) {
    a_store_keeps_its_own_name(open);
    a_new_keyring_is_empty(open);
    keys_come_back_after_a_restart(open);
    a_batch_is_added_whole_or_not_at_all(open);
    what_is_deleted_is_gone(open);
    a_rotation_rewraps_every_key_once(open);
    a_rotation_that_fails_changes_nothing(open);
    epochs_only_move_forward(open);
    only_the_current_epoch_is_sealed_for_recovery(open);
    readers_never_meet_a_mixture(open);
}

fn a_store_keeps_its_own_name(open: Open<'_>) {
    let first = open("name one").store_id().unwrap();
    assert!(first.len() == 32 && first.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{first}");
    assert_eq!(open("name one").store_id().unwrap(), first);
    assert_ne!(open("name two").store_id().unwrap(), first);
}

fn a_new_keyring_is_empty(open: Open<'_>) {
    let keyring = open("empty");
    assert_eq!(keyring.current_epoch().unwrap(), None);
    assert_eq!(keyring.get(key_id(1)).unwrap(), None);
    assert_eq!(keyring.find_holder(tag(1)).unwrap(), None);
    assert!(keyring.store_keys().unwrap().is_empty());
    assert_eq!(PURPOSES.map(|p| keyring.count(p).unwrap()), [0; 5]);
    keyring.put_many(&[]).unwrap();
    keyring.delete_many(&[]).unwrap();
    keyring.delete_many(&[key_id(1)]).unwrap();
    keyring.scrub().unwrap();
}

fn keys_come_back_after_a_restart(open: Open<'_>) {
    let keys: Vec<KeyRecord> = (0..).zip(PURPOSES).map(|(n, purpose)| key(n, purpose, 1)).collect();
    let keyring = begun(open, "restart");
    keyring.put_many(&keys).unwrap();
    drop(keyring);
    let keyring = open("restart");
    for key in &keys {
        assert_eq!(keyring.get(key.id).unwrap().as_ref(), Some(key));
        assert_eq!(keyring.count(key.purpose).unwrap(), 1);
    }
    assert_eq!(keyring.find_holder(tag(0)).unwrap().as_ref(), Some(&keys[0]));
    assert_eq!(keyring.find_holder(tag(1)).unwrap(), None);
    let own = keyring.store_keys().unwrap();
    assert_eq!(sorted(own.iter().map(|k| k.id)), sorted(keys[2..].iter().map(|k| k.id)));
    assert_eq!(keyring.current_epoch().unwrap(), Some(epoch(1)));
}

fn a_batch_is_added_whole_or_not_at_all(open: Open<'_>) {
    let keyring = begun(open, "whole");
    keyring.put_many(&[key(1, KeyPurpose::Holder, 1)]).unwrap();
    let same_id = key(1, KeyPurpose::Staged, 1);
    let same_tag = KeyRecord { tag: Some(tag(1)), ..key(3, KeyPurpose::Holder, 1) };
    for clash in [same_id, same_tag] {
        keyring.put_many(&[key(2, KeyPurpose::Staged, 1), clash]).unwrap_err();
        assert_eq!(keyring.get(key_id(2)).unwrap(), None, "half a batch was added");
    }
    assert_eq!(keyring.get(key_id(1)).unwrap(), Some(key(1, KeyPurpose::Holder, 1)));
    keyring.put_many(&[key(2, KeyPurpose::Staged, 1)]).unwrap();
}

fn what_is_deleted_is_gone(open: Open<'_>) {
    let keyring = begun(open, "deleted");
    keyring.put_many(&(0..10).map(|n| key(n, KeyPurpose::Holder, 1)).collect::<Vec<_>>()).unwrap();
    let gone = [key_id(3), key_id(77), key_id(4)];
    keyring.delete_many(&gone).unwrap();
    keyring.delete_many(&gone).unwrap();
    keyring.scrub().unwrap();
    drop(keyring);
    let keyring = open("deleted");
    for n in 0..10 {
        let there = n != 3 && n != 4;
        assert_eq!(keyring.get(key_id(n)).unwrap().is_some(), there, "key {n}");
        assert_eq!(keyring.find_holder(tag(n)).unwrap().is_some(), there, "holder {n}");
    }
    assert_eq!(keyring.count(KeyPurpose::Holder).unwrap(), 8);
    let again = KeyRecord { tag: Some(tag(3)), ..key(50, KeyPurpose::Holder, 1) };
    keyring.put_many(std::slice::from_ref(&again)).unwrap();
    assert_eq!(keyring.find_holder(tag(3)).unwrap(), Some(again), "a forgotten holder may come again");
}

fn a_rotation_rewraps_every_key_once(open: Open<'_>) {
    const KEYS: u64 = 2500;
    let keyring = begun(open, "rotation");
    let old: Vec<KeyRecord> = (0..KEYS).map(|n| key(n, purpose_of(n), 1)).collect();
    keyring.put_many(&old).unwrap();
    let mut seen = BTreeSet::new();
    let mut rewrap = |record: &KeyRecord| {
        let number = number_of(&old, record);
        assert_eq!(record, &old[number], "a key is rewrapped from what is stored");
        assert!(seen.insert(number), "key {number} was rewrapped twice");
        Ok(wrapped(number as u64, 2))
    };
    keyring.begin_epoch(&epoch(2), &mut rewrap).unwrap();
    assert_eq!(seen.len() as u64, KEYS);
    drop(keyring);
    let keyring = open("rotation");
    assert_eq!(keyring.current_epoch().unwrap(), Some(epoch(2)));
    for n in 0..KEYS {
        assert_eq!(keyring.get(key_id(n)).unwrap(), Some(key(n, purpose_of(n), 2)), "key {n}");
    }
    // Nothing can be wrapped by an epoch that is over, so the next rotation finds them all again.
    let mut count = 0;
    let mut rewrap = |record: &KeyRecord| {
        count += 1;
        Ok(record.wrapped.clone())
    };
    keyring.begin_epoch(&epoch(3), &mut rewrap).unwrap();
    assert_eq!(count, KEYS);
}

fn a_rotation_that_fails_changes_nothing(open: Open<'_>) {
    const KEYS: u64 = 2500;
    let keyring = begun(open, "failing");
    let old: Vec<KeyRecord> = (0..KEYS).map(|n| key(n, purpose_of(n), 1)).collect();
    keyring.put_many(&old).unwrap();
    for fail_at in [0, 1, KEYS / 2, KEYS - 1] {
        let failure = StorageError::new(Part::KeyKeeper, StorageFault::AccessDenied, "made up");
        let mut count = 0;
        let mut rewrap = |record: &KeyRecord| {
            count += 1;
            if count > fail_at {
                Err(failure.clone())
            } else {
                Ok(wrapped(number_of(&old, record) as u64, 2))
            }
        };
        let error = keyring.begin_epoch(&epoch(2), &mut rewrap).unwrap_err();
        assert_eq!(error, failure, "the error of `rewrap` is handed on");
        assert_eq!(count, fail_at + 1, "nothing more is rewrapped after an error");
        assert_eq!(keyring.current_epoch().unwrap(), Some(epoch(1)));
        for record in old.iter().step_by(100) {
            assert_eq!(keyring.get(record.id).unwrap().as_ref(), Some(record));
        }
    }
    drop(keyring);
    let keyring = open("failing");
    for record in &old {
        assert_eq!(keyring.get(record.id).unwrap().as_ref(), Some(record));
    }
}

fn epochs_only_move_forward(open: Open<'_>) {
    let keyring = begun(open, "forward");
    let mut keep = |record: &KeyRecord| Ok(record.wrapped.clone());
    keyring.begin_epoch(&epoch(5), &mut keep).unwrap();
    for late in [1, 4, 5] {
        keyring.begin_epoch(&epoch(late), &mut keep).unwrap_err();
        assert_eq!(keyring.current_epoch().unwrap(), Some(epoch(5)));
    }
    keyring.begin_epoch(&epoch(u32::MAX), &mut keep).unwrap();
    assert_eq!(keyring.current_epoch().unwrap(), Some(epoch(u32::MAX)));
}

fn only_the_current_epoch_is_sealed_for_recovery(open: Open<'_>) {
    let keyring = begun(open, "recovery");
    let sealed = |keyring: &dyn Keyring| keyring.current_epoch().unwrap().unwrap().recovery;
    assert_eq!(sealed(keyring.as_ref()), None);
    for number in [7, 8, 8] {
        keyring.set_recovery(1, &recovery(number)).unwrap();
        assert_eq!(sealed(keyring.as_ref()), Some(recovery(number)));
    }
    for other in [0, 2] {
        keyring.set_recovery(other, &recovery(9)).unwrap_err();
    }
    drop(keyring);
    let keyring = open("recovery");
    assert_eq!(sealed(keyring.as_ref()), Some(recovery(8)));
    let mut none = |_: &KeyRecord| panic!("there are no keys");
    keyring.begin_epoch(&epoch(3), &mut none).unwrap();
    assert_eq!(sealed(keyring.as_ref()), None, "a seal goes with its epoch");
    keyring.begin_epoch(&epoch(4), &mut none).unwrap();
    assert_eq!(sealed(keyring.as_ref()), Some(recovery(4)));
    keyring.set_recovery(3, &recovery(9)).unwrap_err();
    drop(keyring);
    assert_eq!(open("recovery").current_epoch().unwrap(), Some(epoch(4)));
}

fn readers_never_meet_a_mixture(open: Open<'_>) {
    let keyring = begun(open, "readers");
    let old: Vec<KeyRecord> = (0..600).map(|n| key(n, KeyPurpose::Holder, 1)).collect();
    keyring.put_many(&old).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..2 {
            let (keyring, done) = (&keyring, &done);
            scope.spawn(move || {
                let mut epoch = 1;
                for n in (0..600).skip(reader).cycle() {
                    let record = keyring.find_holder(tag(n)).unwrap().unwrap();
                    assert!(record.epoch >= epoch, "a reader went back in time");
                    epoch = record.epoch;
                    assert_eq!(record, key(n, KeyPurpose::Holder, epoch));
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for next in 2..8 {
            let mut rewrap = |record: &KeyRecord| Ok(wrapped(number_of(&old, record) as u64, next));
            keyring.begin_epoch(&epoch(next), &mut rewrap).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A keyring in its first epoch.
fn begun(open: Open<'_>, place: &str) -> Box<dyn Keyring> {
    let keyring = open(place);
    let mut none = |_: &KeyRecord| panic!("a new keyring has no keys");
    keyring.begin_epoch(&epoch(1), &mut none).unwrap();
    keyring
}

fn purpose_of(number: u64) -> KeyPurpose {
    match number {
        0 => KeyPurpose::BlobNames,
        1 => KeyPurpose::Tags,
        2 => KeyPurpose::Office,
        n if n % 5 == 0 => KeyPurpose::Staged,
        _ => KeyPurpose::Holder,
    }
}

fn number_of(keys: &[KeyRecord], record: &KeyRecord) -> usize {
    keys.iter().position(|k| k.id == record.id).unwrap()
}
