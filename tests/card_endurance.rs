//! Promise: nothing is left behind, however often a card is read and however often pcscd dies: no thread, no
//! descriptor, no memory.
//!
//! What is left behind is counted over a whole process, so each run has one of its own: this test's program,
//! started again for the one test alone. `YIDANG_CARD_RESTARTS` and `YIDANG_CARD_READINGS` make it longer.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use yidang_device::{Cancel, CardReader, DeviceCondition, Presence};

use crate::support::cards::{card, condition, open, pcscd, read, reading, texts, wait_for};

/// Set in the process that does the work.
const ALONE: &str = "YIDANG_TEST_ALONE";
/// Longest time from the service's restart to the first reading.
const READS_AGAIN_WITHIN: Duration = Duration::from_secs(2);
/// Most memory that may come to be resident.
const GROWTH_MAX_KIB: u64 = 1000;
/// Readings and restarts after which everything that is made once is made.
const WARM_UP: u32 = 10;

/// Runs the test of this name in a process of its own, or says that this is the one.
fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("this program has a path");
    let name = format!("card_endurance::{test}");
    let run = Command::new(program)
        .args(["--exact", &name, "--nocapture", "--test-threads", "1"])
        .env(ALONE, "1")
        .output()
        .expect("it runs again");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
    say(said.lines().filter(|line| line.starts_with("measured")).collect::<Vec<_>>().join("\n").as_str());
    false
}

#[expect(clippy::print_stderr, reason = "the figures are the point of a long run")]
fn say(line: &str) {
    if !line.is_empty() {
        eprintln!("{line}");
    }
}

fn times(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

/// What this process has of the machine.
#[derive(Clone, Copy, Debug)]
struct Possessions {
    threads: usize,
    descriptors: usize,
    resident_kib: u64,
}

impl Possessions {
    fn now() -> Self {
        let entries = |folder: &str| fs::read_dir(folder).expect("/proc is there").count();
        let status = fs::read_to_string("/proc/self/status").expect("/proc is there");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS is told");
        let resident_kib = resident.trim().trim_end_matches("kB").trim().parse().expect("a number");
        Self { threads: entries("/proc/self/task"), descriptors: entries("/proc/self/fd"), resident_kib }
    }

    /// Once what ends by itself has ended: as soon as nothing changes for a while.
    fn settled() -> Self {
        let mut last = Self::now();
        let mut unchanged = 0;
        while unchanged < 10 {
            std::thread::sleep(Duration::from_millis(20));
            let now = Self::now();
            let same = (now.threads, now.descriptors) == (last.threads, last.descriptors);
            unchanged = if same { unchanged + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// Checks that there is no more than before.
    fn no_more_than(before: Self) -> Self {
        let now = Self::settled();
        assert_eq!(
            (now.threads, now.descriptors),
            (before.threads, before.descriptors),
            "threads, descriptors"
        );
        let grown = now.resident_kib.saturating_sub(before.resident_kib);
        assert!(grown < GROWTH_MAX_KIB, "{grown} KiB more are resident");
        now
    }
}

#[test]
fn reading_again_and_again_leaves_nothing_behind() {
    if !is_alone("reading_again_and_again_leaves_nothing_behind") {
        return;
    }
    let Some(pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let mut reader = open(0);
    wait_for(reader.as_mut(), Presence::Present);
    let mut one = || {
        let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("it reads: {e}"));
        assert!(seen == reading(&text));
    };
    (0..WARM_UP).for_each(|_| one());
    let before = Possessions::settled();
    let count = times("YIDANG_CARD_READINGS", 200);
    let started = Instant::now();
    (0..count).for_each(|_| one());
    let took = started.elapsed();
    let after = Possessions::no_more_than(before);
    say(&format!("measured: {count} readings in {took:?}, before {before:?}, after {after:?}"));
}

#[test]
fn a_service_that_dies_again_and_again_leaves_nothing_behind() {
    if !is_alone("a_service_that_dies_again_and_again_leaves_nothing_behind") {
        return;
    }
    let Some(mut pcscd) = pcscd(1) else { return };
    let [text, ..] = texts();
    pcscd.readers[0].insert(card(&text));
    let count = times("YIDANG_CARD_RESTARTS", 20);
    let (mut before, mut slowest) = (None, Duration::ZERO);
    // The reader of the cycle before, which waits for its card to leave when the service dies.
    let mut held: Option<Box<dyn CardReader>> = None;
    for cycle in 0..count + WARM_UP {
        if cycle == WARM_UP {
            held = None;
            before = Some(Possessions::settled());
        }
        pcscd.kill();
        if let Some(mut dead) = held.take() {
            assert_eq!(condition(read(dead.as_mut())), DeviceCondition::Lost, "cycle {cycle}");
        }
        pcscd.start_again().unwrap_or_else(|e| panic!("it starts again: {e}"));
        let restarted = Instant::now();
        let mut reader = open(0);
        wait_for(reader.as_mut(), Presence::Present);
        let seen = read(reader.as_mut()).unwrap_or_else(|e| panic!("cycle {cycle}: {e}"));
        assert!(seen == reading(&text));
        let took = restarted.elapsed();
        assert!(took < READS_AGAIN_WITHIN, "cycle {cycle}: it reads after {took:?}");
        slowest = slowest.max(took);
        let stays = reader.wait(Presence::Present, Duration::ZERO, &Cancel::new());
        assert_eq!(stays, Ok(Presence::Present), "cycle {cycle}");
        held = Some(reader);
    }
    drop(held);
    let before = before.expect("it was warmed up");
    let after = Possessions::no_more_than(before);
    say(&format!(
        "measured: {count} restarts, slowest reading after {slowest:?}, before {before:?}, after {after:?}"
    ));
}
