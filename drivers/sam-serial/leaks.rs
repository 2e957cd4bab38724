//! Promise: readings and readers leave nothing behind. A process of its own, so that nothing else counts.

#![cfg(target_os = "linux")]

use std::fs;

use yidang_device::{Cancel, CardDriver, ReadWish};
use yidang_sam_serial::SerialDriver;

#[path = "wire.rs"]
#[allow(dead_code, unreachable_pub)]
mod wire;

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Resident memory, in KiB.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn five_hundred_readings_leave_nothing_behind() {
    let wire = wire::Wire::new();
    let driver = SerialDriver::new(Some(vec![wire.path.clone()]));
    let id = driver.list().unwrap().remove(0).id;
    let read = |times: usize| {
        let mut reader = driver.open(&id).unwrap();
        for _ in 0..times {
            reader.read(ReadWish::default(), &Cancel::new()).unwrap_or_else(|e| panic!("{e}"));
        }
    };
    // What is made once is made here.
    read(50);
    let before = [count("/proc/self/fd"), count("/proc/self/task"), memory()];
    for _ in 0..50 {
        read(10);
    }
    let after = [count("/proc/self/fd"), count("/proc/self/task"), memory()];
    assert_eq!(after[..2], before[..2], "descriptors, threads");
    assert!(after[2] <= before[2] + 1024, "{} KiB grew to {}", before[2], after[2]);
}
