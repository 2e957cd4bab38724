//! A fixity check's report as it is printed and sent: stable words, nothing personal. One form for the window's
//! archive and for the repository's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Damage, DamagedThing, VerifyReport};

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
    /// Which part of the store: `blobs`, `ledger`, `keyring`, `index`, `key_keeper`, `folder`; whoever keeps
    /// more beside the archive adds its own.
    pub part: String,
    /// What in it: a blob's name, an entry's sequence, an identifier.
    pub what: String,
    /// How: the word for a fault.
    pub fault: String,
}

impl CheckReport {
    /// Adds a damage of something beside the archive.
    pub fn add(&mut self, damage: DamageLine) {
        self.clean = false;
        self.damage_count += 1;
        self.damages.push(damage);
    }
}

impl From<&VerifyReport> for CheckReport {
    fn from(found: &VerifyReport) -> Self {
        Self {
            clean: found.is_clean(),
            entries: found.entries,
            forgotten: found.forgotten,
            blobs: found.blobs,
            blob_bytes: found.blob_bytes,
            orphans: found.orphans,
            damage_count: found.damage_count,
            damages: found.damages.iter().map(DamageLine::from).collect(),
        }
    }
}

impl From<&Damage> for DamageLine {
    fn from(damage: &Damage) -> Self {
        let what = match &damage.what {
            DamagedThing::Blob(name) => format!("blob {}", name.to_hex()),
            DamagedThing::Entry(sequence) => format!("entry {sequence}"),
            DamagedThing::Material(id) => format!("material {id}"),
            DamagedThing::Staged(id) => format!("staged set {id}"),
            DamagedThing::Row(row) => format!("row {row}"),
            DamagedThing::Epoch(epoch) => format!("epoch {epoch}"),
        };
        Self { part: damage.part.as_str().to_owned(), what, fault: damage.fault.as_str().to_owned() }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for DamageLine { part, what, fault } in &self.damages {
            writeln!(f, "{part}: {what}: {fault}")?;
        }
        let verdict = if self.clean { "clean" } else { "damaged" };
        write!(
            f,
            "{verdict}: {} entries ({} whose keys are gone as they should be), {} blobs ({} bytes), {} waiting to be swept, {} damages",
            self.entries, self.forgotten, self.blobs, self.blob_bytes, self.orphans, self.damage_count
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Part, StorageFault};

    #[test]
    fn damages_are_told_in_stable_words() {
        let damage = |part, what, fault| Damage { part, what, fault };
        let found = VerifyReport {
            entries: 3,
            damages: vec![
                damage(Part::Ledger, DamagedThing::Entry(2), StorageFault::Damaged),
                damage(Part::KeyKeeper, DamagedThing::Epoch(1), StorageFault::Missing),
            ],
            damage_count: 2,
            ..VerifyReport::default()
        };
        let mut report = CheckReport::from(&found);
        assert!(!report.clean);
        let text = report.to_string();
        assert!(
            text.starts_with("ledger: entry 2: damaged\nkey_keeper: epoch 1: missing\ndamaged: 3 entries")
        );
        let sent = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<CheckReport>(&sent).unwrap(), report);
        report.add(DamageLine { part: "state".into(), what: "row 1".into(), fault: "damaged".into() });
        assert_eq!((report.damage_count, report.damages.len()), (3, 3));
    }
}
