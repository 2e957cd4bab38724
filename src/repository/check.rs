//! Is everything there, and is it what it was?

use std::fmt;

use serde::{Deserialize, Serialize};
use yidang_archive::storage::{Part, StorageFault};
use yidang_archive::{Archive, ArchiveError, ArchiveOptions, Damage, DamagedThing};

use crate::config::Config;
use crate::control::ask_check;
use crate::error::StartError;
use crate::sqlite_state::{STATE_FILE, SqliteState};
use crate::state::State;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether nothing is damaged.
    pub clean: bool,
    /// Ledger entries read.
    pub entries: u64,
    /// Entries whose keys are gone, as they should be.
    pub forgotten: u64,
    /// Blobs opened and hashed.
    pub blobs: u64,
    /// Their length as stored, in bytes.
    pub blob_bytes: u64,
    /// Blobs nothing needs, waiting to be swept. No damage.
    pub orphans: u64,
    /// How many damages there are in all.
    pub damage_count: u64,
    /// The first of them.
    pub damages: Vec<DamageLine>,
}

/// One damage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageLine {
    /// Which part of the store: `blobs`, `ledger`, `keyring`, `index`, `key_keeper`, `folder`, `state`.
    pub part: String,
    /// What in it: a blob's name, an entry's sequence, an identifier.
    pub what: String,
    /// How: the word for a fault.
    pub fault: String,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for DamageLine { part, what, fault } in &self.damages {
            writeln!(f, "{part}: {what}: {fault}")?;
        }
        let verdict = if self.clean { "clean" } else { "damaged" };
        write!(
            f,
            "{verdict}: {} entries ({} forgotten), {} blobs ({} bytes), {} waiting to be swept, {} damages",
            self.entries, self.forgotten, self.blobs, self.blob_bytes, self.orphans, self.damage_count
        )
    }
}

/// Checks the repository of this configuration: itself, or through the one that runs on the folder. Blocks for
/// as long as it takes to read everything. `progress` hears steps done and steps in all, where it checks itself.
pub fn check(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> Result<CheckReport, StartError> {
    let none = || StartError::System(format!("{}: no repository ever ran here", config.data_dir.display()));
    // Opening makes what is not there: a check of the wrong folder would find an empty archive to be clean.
    if !config.data_dir.join(STATE_FILE).is_file() {
        return Err(none());
    }
    let state = SqliteState::open(&config.data_dir)?;
    if state.is_keyless()? {
        return Err(none());
    }
    let options = ArchiveOptions { data_dir: config.data_dir.clone(), keys_dir: config.keys_dir.clone() };
    match Archive::open(&options) {
        Ok(archive) => check_open(&archive, &state, progress),
        Err(ArchiveError::Storage(error)) if error.fault == StorageFault::InUse => {
            let asked = ask_check(&config.data_dir).map_err(|e| StartError::Control(e.to_string()))?;
            asked.map_err(StartError::Control)
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn check_open(
    archive: &Archive,
    state: &dyn State,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<CheckReport, StartError> {
    let found = archive.verify(progress)?;
    let faults = state.verify()?;
    let damage_count = found.damage_count + faults.len() as u64;
    let in_state = |what| DamageLine { part: "state".to_owned(), what, fault: "damaged".to_owned() };
    let damages = found.damages.iter().map(line).chain(faults.into_iter().map(in_state)).collect();
    Ok(CheckReport {
        clean: damage_count == 0,
        entries: found.entries,
        forgotten: found.forgotten,
        blobs: found.blobs,
        blob_bytes: found.blob_bytes,
        orphans: found.orphans,
        damage_count,
        damages,
    })
}

fn line(damage: &Damage) -> DamageLine {
    let part = match damage.part {
        Part::Folder => "folder",
        Part::Blobs => "blobs",
        Part::Ledger => "ledger",
        Part::Keyring => "keyring",
        Part::Index => "index",
        Part::KeyKeeper => "key_keeper",
    };
    let fault = match damage.fault {
        StorageFault::DiskFull => "disk_full",
        StorageFault::ReadOnly => "read_only",
        StorageFault::AccessDenied => "access_denied",
        StorageFault::Missing => "missing",
        StorageFault::Damaged => "damaged",
        StorageFault::NewerVersion => "newer_version",
        StorageFault::InUse => "in_use",
        StorageFault::Io => "failed",
    };
    let what = match &damage.what {
        DamagedThing::Blob(name) => format!("blob {}", name.to_hex()),
        DamagedThing::Entry(sequence) => format!("entry {sequence}"),
        DamagedThing::Material(id) => format!("material {id}"),
        DamagedThing::Staged(id) => format!("staged set {id}"),
        DamagedThing::Row(row) => format!("row {row}"),
        DamagedThing::Epoch(epoch) => format!("epoch {epoch}"),
    };
    DamageLine { part: part.to_owned(), what, fault: fault.to_owned() }
}
