//! Looks for acknowledged papers that a power cut or a SIGKILL takes away: fills the real agent, and the real
//! repository, from several clerks at once, ends it at moments drawn from a seed, starts it again and compares
//! everything with what was acknowledged. A power cut is the end of a real ext4 on a loop device, by its own
//! shutdown call.
//!
//! One line per part, `ok` or `FAILED`; ends with 1 if anything failed. With `--mutation` it is the other way
//! round: it ends with 0 only if the lie about syncing was noticed. `make crash` builds what it needs.

mod check;
mod disk;
mod failing_disk;
mod load;
mod mutation;
mod papers;
mod random;
mod rig;
mod service;
mod site;
mod window;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, ValueEnum};
use tempfile::TempDir;

use crate::check::Findings;
use crate::disk::{Disk, text};
use crate::mutation::Mutation;
use crate::rig::{Plan, Rig, Tally};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Cycles with one store, at most: then it is looked through, and a new one is made.
const STORE_CYCLES_MAX: u64 = 50;
/// Findings that are printed of one part.
const FINDINGS_SHOWN: usize = 12;

/// Whose store is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum At {
    Agent,
    Repository,
}

/// What ends a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The file system's power is cut.
    Cut,
    /// SIGKILL.
    Kill,
}

#[derive(Parser)]
#[command(about = "Cuts the power under the real binaries, kills them, and looks for what they acknowledged")]
struct Arguments {
    /// Power cuts at each of the two
    #[arg(long, default_value_t = 200)]
    cycles: u64,
    /// SIGKILLs at both together
    #[arg(long, default_value_t = 700)]
    kills: u64,
    /// Draws all moments; printed, and drawn from the time where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// One of the two alone
    #[arg(long)]
    at: Option<At>,
    /// Lies about syncing, which has to be noticed
    #[arg(long)]
    mutation: Option<Mutation>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let drawn = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_nanos() as u64 >> 10);
    let seed = arguments.seed.unwrap_or_else(drawn);
    say(&format!("crash rig: seed {seed}"));
    let can_cut = match try_a_disk() {
        Ok(()) => true,
        Err(failure) => {
            skip(&failure);
            false
        }
    };
    let passed = match arguments.mutation {
        Some(mutation) => !can_cut || mutated(mutation, arguments.cycles, seed),
        None => unchanged(&arguments, seed, can_cut),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn unchanged(arguments: &Arguments, seed: u64, can_cut: bool) -> bool {
    let mut passed = true;
    if can_cut && arguments.at != Some(At::Repository) {
        failing_disk::check(|held, line| {
            passed &= held;
            say(&format!("{} {line}", if held { "ok    " } else { "FAILED" }));
        });
    }
    for at in [At::Agent, At::Repository] {
        if arguments.at.is_some_and(|only| only != at) {
            continue;
        }
        // Half of the kills for each, the odd one for the agent.
        let kills = match (arguments.at, at) {
            (Some(_), _) => arguments.kills,
            (None, At::Agent) => arguments.kills.div_ceil(2),
            (None, At::Repository) => arguments.kills / 2,
        };
        let cuts = if can_cut { arguments.cycles } else { 0 };
        for (end, cycles) in [(End::Cut, cuts), (End::Kill, kills)] {
            if cycles > 0 {
                passed &= part(Plan { at, end, mutation: None }, cycles, seed);
            }
        }
    }
    passed
}

/// Runs one part and tells how it went; whether nothing was found.
fn part(plan: Plan, cycles: u64, seed: u64) -> bool {
    let started = Instant::now();
    let mut sum = Tally::default();
    while sum.cycles < cycles && sum.findings.is_empty() {
        let count = (cycles - sum.cycles).min(STORE_CYCLES_MAX);
        let own_seed = seed ^ (sum.cycles << 8) ^ (plan.at as u64) ^ ((plan.end as u64) << 1);
        match one_store(plan, count, own_seed) {
            Ok(tally) => {
                sum.cycles += tally.cycles;
                sum.acknowledged += tally.acknowledged;
                sum.kept += tally.kept;
                sum.findings = tally.findings;
                if sum.cycles < cycles {
                    say(&format!(
                        "       {:?} at {:?}: {} of {cycles} cycles",
                        plan.end, plan.at, sum.cycles
                    ));
                }
            }
            Err(failure) => sum.findings.wrong.push(format!("the rig: {failure}")),
        }
    }
    tell_findings(&sum.findings);
    let word = if sum.findings.is_empty() { "ok    " } else { "FAILED" };
    say(&format!(
        "{word} {:?} at {:?}: {} cycles, {} acknowledged, {} papers whole in the end, {} lost, {} wrong, {} s",
        plan.end,
        plan.at,
        sum.cycles,
        sum.acknowledged,
        sum.kept,
        sum.findings.lost.len(),
        sum.findings.wrong.len(),
        started.elapsed().as_secs()
    ));
    sum.findings.is_empty()
}

/// Whether losses are found with that lie, and none where it is no lie.
fn mutated(mutation: Mutation, cycles: u64, seed: u64) -> bool {
    let started = Instant::now();
    let plan = Plan { at: At::Agent, end: End::Cut, mutation: Some(mutation) };
    let tally = match one_store(plan, cycles, seed) {
        Ok(tally) => tally,
        Err(failure) => {
            say(&format!("FAILED with {}: the rig: {failure}", mutation.word()));
            return false;
        }
    };
    tell_findings(&tally.findings);
    let noticed = !tally.findings.lost.is_empty();
    let passed = if mutation.loses() { noticed } else { tally.findings.is_empty() };
    let word = if passed { "ok    " } else { "FAILED" };
    let what = if noticed { "loss noticed" } else { "no loss noticed" };
    let (cycles, seconds) = (tally.cycles, started.elapsed().as_secs());
    say(&format!("{word} {what} with {}: {cycles} cycles, {seconds} s", mutation.word()));
    passed
}

fn one_store(plan: Plan, cycles: u64, seed: u64) -> Result<Tally, Failure> {
    one_place(plan.end == End::Cut, |folder| {
        let mut rig = Rig::set_up(plan, seed, folder)?;
        let ran = rig.run(cycles);
        // A lie is meant to be noticed: nobody looks for why.
        let is_odd = ran.is_err() || !rig.findings().is_empty();
        if is_odd && plan.mutation.is_none() {
            say(&format!("kept:  {}", rig.keep(folder)?.display()));
        }
        ran.map(|()| rig.end())
    })
}

/// Does it in a folder of its own, which is gone afterwards. A cut takes what is in memory and not on the disk: of
/// which kind what lies below that disk is makes no difference, and memory is fast.
fn one_place<T>(in_memory: bool, work: impl FnOnce(&Path) -> Result<T, Failure>) -> Result<T, Failure> {
    let folder = TempDir::new()?;
    let memory = if in_memory { Some(Memory::mount(folder.path())?) } else { None };
    let done = work(folder.path());
    drop(memory);
    done
}

/// A file system in memory. Unmounted when dropped.
struct Memory<'a>(&'a Path);

impl<'a> Memory<'a> {
    fn mount(folder: &'a Path) -> Result<Self, Failure> {
        disk::run("mount", &["-t", "tmpfs", "-o", "size=3g", "tmpfs", text(folder)])?;
        Ok(Self(folder))
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// Whether a power cut can be had here.
fn try_a_disk() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let disk = Disk::make(folder.path())?;
    disk.cut()?;
    disk.recover()
}

fn tell_findings(findings: &Findings) {
    for what in findings.lost.iter().take(FINDINGS_SHOWN) {
        say(&format!("lost:  {what}"));
    }
    for what in findings.wrong.iter().take(FINDINGS_SHOWN) {
        say(&format!("wrong: {what}"));
    }
}

fn skip(why: &Failure) {
    let _ = writeln!(std::io::stderr(), "SKIPPED crash rig: no power can be cut here: {why}");
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
