//! The suite for key keepers.

use crate::crypto::Suite;
use crate::storage::{KeyKeeper, KeyKeeperError, Secret};

type Open<'a> = &'a dyn Fn(&str) -> Box<dyn KeyKeeper>;

pub(super) fn run(open: Open<'_>) {
    keys_are_kept_across_restarts(open);
    keys_of_every_suite_are_kept(open);
    a_destroyed_key_is_missing(open);
}

fn keys_are_kept_across_restarts(open: Open<'_>) {
    let epochs = [0, 1, 9, 10_000, u32::MAX];
    let keeper = open("kept");
    for (byte, epoch) in (1..).zip(epochs) {
        assert_eq!(keeper.load(epoch).unwrap_err(), KeyKeeperError::Missing(epoch));
        keeper.keep(epoch, &Secret::new([byte; 32])).unwrap();
    }
    drop(keeper);
    let keeper = open("kept");
    for (byte, epoch) in (1..).zip(epochs) {
        assert_eq!(keeper.load(epoch).unwrap().expose(), &[byte; 32]);
    }
    keeper.keep(9, &Secret::new([0xFF; 32])).unwrap();
    assert_eq!(keeper.load(9).unwrap().expose(), &[0xFF; 32], "an unused key is replaced");
    assert_eq!(keeper.load(1).unwrap().expose(), &[2; 32]);
}

fn keys_of_every_suite_are_kept(open: Open<'_>) {
    for (epoch, suite) in (1..).zip(Suite::ALL) {
        let key = Secret::from_slice(&vec![7; suite.key_bytes()]).unwrap();
        open("suites").keep(epoch, &key).unwrap();
        let kept = open("suites").load(epoch).unwrap();
        assert_eq!((kept.suite(), kept.expose()), (suite, key.expose()));
    }
}

fn a_destroyed_key_is_missing(open: Open<'_>) {
    let keeper = open("destroyed");
    keeper.destroy(1).unwrap();
    for epoch in 1..4 {
        keeper.keep(epoch, &Secret::new([7; 32])).unwrap();
    }
    keeper.destroy(2).unwrap();
    keeper.destroy(2).unwrap();
    drop(keeper);
    let keeper = open("destroyed");
    assert_eq!(keeper.load(2).unwrap_err(), KeyKeeperError::Missing(2));
    assert_eq!(keeper.load(1).unwrap().expose(), &[7; 32]);
    assert_eq!(keeper.load(3).unwrap().expose(), &[7; 32]);
}
