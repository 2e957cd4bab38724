//! A disk that fails and stays: what cannot be kept is refused by name and with a remedy, is never acknowledged, and
//! nothing acknowledged before, meanwhile or after goes.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::check::{self, Findings, Look};
use crate::disk::Disk;
use crate::load::{Load, Work};
use crate::mutation::Shim;
use crate::papers::Papers;
use crate::site::Site;
use crate::{Failure, one_place};

/// Papers filed before, and tried while the disk fails.
const PAPERS: usize = 3;

/// How it fails.
#[derive(Clone, Copy)]
enum Fault {
    /// Syncing what has this in its path answers EIO.
    NotSynced(&'static str),
    /// The file system takes no more writes, as after an error of its own.
    ReadOnly,
}

/// Every part of a store, and all of it.
const FAULTS: [(&str, Fault); 5] = [
    ("EIO from every sync", Fault::NotSynced("/agent/")),
    ("EIO from the ledger's", Fault::NotSynced("/ledger.db")),
    ("EIO from the keyring's", Fault::NotSynced("/keyring.db")),
    ("EIO from the index's", Fault::NotSynced("/index.db")),
    ("a disk that turns read-only", Fault::ReadOnly),
];

/// Tries all of them, each with a new store; one line each to `tell`, and whether it held.
pub(crate) fn check(mut tell: impl FnMut(bool, String)) {
    for (name, fault) in FAULTS {
        match one_place(true, |folder| row(folder, fault)) {
            Ok((findings, said)) if findings.is_empty() => tell(true, format!("{name}: {said}")),
            Ok((findings, said)) => {
                let found = [findings.lost, findings.wrong].concat().join("; ");
                tell(false, format!("{name}: {said}; {found}"));
            }
            Err(failure) => tell(false, format!("{name}: the rig: {failure}")),
        }
    }
}

fn row(folder: &Path, fault: Fault) -> Result<(Findings, String), Failure> {
    let (disk, shim) = (Disk::make(folder)?, Shim::build(folder)?);
    let environment = match fault {
        Fault::NotSynced(part) => shim.environment(&format!("eio:{part}")),
        Fault::ReadOnly => Vec::new(),
    };
    let mut site = Site::agent(folder, disk.folder(), environment)?;
    let (papers, mut findings) = (Mutex::default(), Findings::default());
    let open = open_dossier(&site, &papers)?;
    let before = file(&site, &papers, &open);
    findings.wrong.extend(before.into_iter().map(|what| format!("before the fault: {what}")));
    match fault {
        Fault::NotSynced(_) => shim.set(true)?,
        Fault::ReadOnly => disk.stop_writing()?,
    }
    let refused = file(&site, &papers, &open);
    findings.wrong.extend(refused.iter().filter(|what| !what.ends_with("with a remedy")).cloned());
    if site.window.get("/v1/health").is_none_or(|answer| answer.status != 200) {
        findings.wrong.push("it does not answer any more".to_owned());
    }
    if matches!(fault, Fault::ReadOnly) && !says_read_only(&site, &papers) {
        findings.wrong.push("it does not say that the disk has turned read-only".to_owned());
    }
    let mut said = format!("{} of {PAPERS} refused ({})", refused.len(), distinct(refused));
    if let Fault::NotSynced(_) = fault {
        shim.set(false)?;
        let after = file(&site, &papers, &open);
        said += if after.is_empty() { ", goes on by itself" } else { ", goes on after a restart" };
    }
    site.cut.freeze()?;
    disk.cut()?;
    site.cut.kill();
    disk.recover()?;
    site.start()?;
    let again = file(&site, &papers, &open_dossier(&site, &papers)?);
    findings.wrong.extend(again.into_iter().map(|what| format!("after the restart: {what}")));
    let mut papers = papers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let persons: Vec<u32> = (1..=papers.persons()).collect();
    let look = Look { scope: "local", is_final: true };
    check::papers(&site.window, &mut papers, &persons, look, &mut findings)?;
    check::captures(&site.window, &mut papers, &mut findings)?;
    findings.wrong.extend(site.verify()?);
    Ok((findings, format!("{said}, {} papers whole", papers.kept())))
}

/// Whether opening a dossier, which is entered, is refused with the remedy for this very fault.
fn says_read_only(site: &Site, papers: &Mutex<Papers>) -> bool {
    let person = papers.lock().unwrap_or_else(PoisonError::into_inner).next_person();
    site.window.open(person).is_some_and(|answer| answer.text("remedy").contains("只读"))
}

/// Somebody new, and their holder.
fn open_dossier(site: &Site, papers: &Mutex<Papers>) -> Result<[(u32, String); 1], Failure> {
    let person = papers.lock().unwrap_or_else(PoisonError::into_inner).next_person();
    let opened = site.window.open(person).filter(|answer| answer.status == 201);
    Ok([(person, opened.ok_or("no dossier is opened")?.text("holder"))])
}

/// Files some papers; what was refused, and how.
fn file(site: &Site, papers: &Mutex<Papers>, open: &[(u32, String)]) -> Vec<String> {
    let work = Work { clerks: 1, changes: false, counts_committed: false, is_large: false };
    (0..PAPERS).filter_map(|_| Load::new(&site.window, papers, open, work).file_one().err()).collect()
}

fn distinct(mut refused: Vec<String>) -> String {
    refused.sort();
    refused.dedup();
    refused.join(", ")
}
