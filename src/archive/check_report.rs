//! A fixity check's report as it is printed and sent: stable words, nothing personal. One form for the window's
//! archive and for the repository's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::{Check, Property, Remedy};
use crate::{BlobUse, DAMAGES_MAX, Damage, Speaker, Tally, VerifyReport};

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
    /// Places of the ledger whose entries are lost for good, as a rebuild entered. No damage.
    #[serde(default)]
    pub known_lost: u64,
    /// Holds that are known to be lost, until the holds that stand are confirmed: to be placed again.
    #[serde(default)]
    pub holds_lost: Vec<String>,
    /// How many damages there are in all.
    pub damage_count: u64,
    /// The first of them.
    pub damages: Vec<DamageLine>,
    /// What was examined for each of the four properties, in their order.
    pub properties: Vec<PropertyLine>,
    /// What helps against the damages named, each once.
    pub remedies: Vec<RemedyLine>,
    /// What was repaired before this was found, if that was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<RepairLine>,
}

/// What came of a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairLine {
    /// Blobs that are whole again.
    pub repaired: u64,
    /// Blobs that are not.
    pub left: u64,
    /// Why the last of those could not be had: `no_repository`, `repository_unreachable`, `gone` …
    pub code: Option<String>,
}

/// One of the four properties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyLine {
    /// `authenticity`, `integrity`, `usability` or `security`.
    pub property: String,
    /// Whether none of its examinations found a damage.
    pub clean: bool,
    /// Its examinations.
    pub checks: Vec<CheckLine>,
}

/// One examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckLine {
    /// The word for it.
    pub check: String,
    /// Things looked at.
    pub examined: u64,
    /// Those that are damaged.
    pub failed: u64,
    /// Of how many they are a sample, if they are one.
    pub of: Option<u64>,
    /// Why nothing was looked at: `no_decoder`, `not_asked`, `no_repository` …
    pub passed_over: Option<String>,
}

/// What helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemedyLine {
    /// The stable word.
    pub remedy: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// One damage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageLine {
    /// Which part of the store: `blobs`, `ledger`, `keyring`, `index`, `key_keeper`, `folder`; whoever keeps
    /// more beside the archive adds its own.
    pub part: String,
    /// What in it: a blob's name, an entry's sequence, an identifier.
    pub what: String,
    /// The same in Chinese; empty where it is told in no other words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what_zh: String,
    /// How: the word for a fault.
    pub fault: String,
    /// The examination that found it.
    pub check: String,
    /// What helps: one of the report's remedies.
    pub remedy: String,
    /// Of a blob, what needs it: `material … page …` or `capture …`, the first few of them. Not whose they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed_by: Vec<String>,
    /// The same in Chinese.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed_by_zh: Vec<String>,
}

impl DamageLine {
    /// Says what needs it.
    pub fn is_needed_by(&mut self, uses: impl IntoIterator<Item = BlobUse>) {
        (self.needed_by_zh, self.needed_by) = uses.into_iter().map(BlobUse::told).unzip();
    }
}

impl CheckReport {
    /// What was found, as this program tells it.
    pub fn new(found: &VerifyReport, speaker: Speaker) -> Self {
        let mut remedies: Vec<Remedy> =
            found.damages.iter().map(|d| found.remedy_of(d).at(speaker)).collect();
        remedies.sort_unstable();
        remedies.dedup();
        Self {
            clean: found.is_clean(),
            entries: found.entries,
            forgotten: found.forgotten,
            blobs: found.blobs,
            blob_bytes: found.blob_bytes,
            orphans: found.orphans,
            known_lost: found.known_lost,
            holds_lost: found.holds_lost.iter().map(ToString::to_string).collect(),
            damage_count: found.damage_count,
            damages: found.damages.iter().map(|damage| damage_line(found, damage, speaker)).collect(),
            properties: Property::ALL.iter().map(|property| property_line(*property, found)).collect(),
            remedies: remedies.into_iter().map(|remedy| RemedyLine::new(remedy, speaker)).collect(),
            repair: None,
        }
    }

    /// For a window that has no repository to fetch anything from: another remedy than fetching it there.
    pub fn without_repository(mut self) -> Self {
        let (fetch, restore) = (Remedy::RepairBlob.as_str(), Remedy::RestoreBlob);
        for line in self.damages.iter_mut().filter(|line| line.remedy == fetch) {
            restore.as_str().clone_into(&mut line.remedy);
        }
        for line in self.remedies.iter_mut().filter(|line| line.remedy == fetch) {
            *line = RemedyLine::new(restore, Speaker::Window);
        }
        self
    }

    /// Adds what the repository's records beside the archive are found to be: so many looked at, and what is damaged in them.
    pub fn add_state(&mut self, examined: u64, damaged: impl IntoIterator<Item = String>) {
        let (check, remedy) = (Check::State.as_str().to_owned(), Remedy::RestoreState);
        let before = self.damage_count;
        for what in damaged {
            self.damage_count += 1;
            if self.damages.len() < DAMAGES_MAX {
                let (part, fault) = ("state".to_owned(), "damaged".to_owned());
                let remedy = remedy.as_str().to_owned();
                self.damages.push(DamageLine {
                    part,
                    what,
                    what_zh: String::new(),
                    fault,
                    check: check.clone(),
                    remedy,
                    needed_by: Vec::new(),
                    needed_by_zh: Vec::new(),
                });
            }
        }
        let failed = self.damage_count - before;
        let integrity = Property::Integrity.as_str();
        if let Some(line) = self.properties.iter_mut().find(|line| line.property == integrity) {
            line.checks.push(CheckLine { check, examined, failed, of: None, passed_over: None });
            line.clean &= failed == 0;
        }
        if failed > 0 {
            self.clean = false;
            self.remedies.push(RemedyLine::new(remedy, Speaker::Repository));
        }
    }
}

fn property_line(property: Property, found: &VerifyReport) -> PropertyLine {
    let own = found.tallies.iter().filter(|(check, _)| check.property() == property);
    let checks: Vec<CheckLine> = own.map(|(check, tally)| check_line(*check, tally)).collect();
    let clean = checks.iter().all(|check| check.failed == 0);
    PropertyLine { property: property.as_str().to_owned(), clean, checks }
}

fn check_line(check: Check, tally: &Tally) -> CheckLine {
    CheckLine {
        check: check.as_str().to_owned(),
        examined: tally.examined,
        failed: tally.failed,
        of: (tally.of > tally.examined).then_some(tally.of),
        passed_over: tally.passed_over.map(str::to_owned),
    }
}

impl RemedyLine {
    fn new(remedy: Remedy, speaker: Speaker) -> Self {
        let (zh, en) = remedy.said_by(speaker);
        Self { remedy: remedy.as_str().to_owned(), zh: zh.to_owned(), en: en.to_owned() }
    }
}

fn damage_line(found: &VerifyReport, damage: &Damage, speaker: Speaker) -> DamageLine {
    let (what_zh, what) = damage.what.told();
    DamageLine {
        part: damage.part.as_str().to_owned(),
        what,
        what_zh,
        fault: damage.fault.as_str().to_owned(),
        check: damage.check.as_str().to_owned(),
        remedy: found.remedy_of(damage).at(speaker).as_str().to_owned(),
        needed_by: Vec::new(),
        needed_by_zh: Vec::new(),
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for DamageLine { part, what, fault, .. } in &self.damages {
            writeln!(f, "{part}: {what}: {fault}")?;
        }
        let verdict = if self.clean { "clean" } else { "damaged" };
        write!(
            f,
            "{verdict}: {} entries ({} whose keys are gone as they should be), {} blobs ({} bytes), {} waiting to be swept, {} damages",
            self.entries, self.forgotten, self.blobs, self.blob_bytes, self.orphans, self.damage_count
        )?;
        if self.known_lost > 0 {
            write!(f, "; {} entries are lost for good, as a rebuild entered", self.known_lost)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use yidang_model::{ErasureId, MaterialId};

    use super::*;
    use crate::storage::{Part, StorageFault};
    use crate::{DamagedRow, DamagedThing, FINDINGS, REPORT_BEGINNINGS, Wording};

    #[test]
    fn damages_are_told_in_stable_words() {
        let mut found = VerifyReport { entries: 3, ..VerifyReport::default() };
        found.examined(Check::Chain, 3);
        found.add(Check::Chain, Part::Ledger, DamagedThing::Entry(2), StorageFault::Damaged);
        found.add(Check::Chain, Part::Ledger, DamagedThing::Entry(2), StorageFault::Damaged);
        found.add(Check::Keys, Part::KeyKeeper, DamagedThing::Epoch(1), StorageFault::Missing);
        let mut report = CheckReport::new(&found, Speaker::Window);
        assert!(!report.clean);
        let text = report.to_string();
        assert!(
            text.starts_with("ledger: entry 2: damaged\nkey_keeper: epoch 1: missing\ndamaged: 3 entries")
        );
        let sent = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<CheckReport>(&sent).unwrap(), report);
        report.add_state(1, ["row 1".to_owned()]);
        assert_eq!((report.damage_count, report.damages.len(), report.remedies.len()), (3, 3, 3));
        let passed: Vec<bool> = report.properties.iter().map(|p| p.clean).collect();
        assert_eq!(passed, [false, false, false, true]);
    }

    #[test]
    fn the_readable_report_says_the_same_in_either_language() {
        let mut found = VerifyReport::default();
        found.examined(Check::Chain, 7);
        found.pass_over(Check::Pictures, "no_decoder");
        let erasure = DamagedThing::Row(DamagedRow::Erasure(ErasureId::from_bytes([1; 16])));
        found.add(Check::Index, Part::Index, erasure, StorageFault::Missing);
        for (speaker, command) in [
            (Speaker::Window, "yidang archive rebuild-index"),
            (Speaker::Repository, "yidang-repository rebuild-index"),
        ] {
            let report = CheckReport::new(&found, speaker);
            let (zh, en) =
                (report.readable(speaker, Wording::Chinese), report.readable(speaker, Wording::English));
            let id = "01".repeat(16);
            assert!(en.contains(&format!("    index: row erasure {id}: missing\n")), "{en}");
            assert!(zh.contains(&format!("    索引：删除 {id}：缺失\n")), "{zh}");
            for text in [&zh, &en] {
                assert!(text.contains(command) && text.contains(" 7"), "{text}");
                assert!(REPORT_BEGINNINGS.iter().any(|begins| text.starts_with(begins)));
            }
            assert!(zh.contains("未检测（此程序不解码图片）"), "{zh}");
            assert!(en.contains("not examined (this program decodes no pictures)"), "{en}");
            assert_eq!(zh.lines().count(), en.lines().count());
            for (property, passed) in
                [("真实性", "合格"), ("完整性", "不合格"), ("可用性", "合格"), ("安全性", "合格")]
            {
                assert!(zh.contains(&format!("{property}：{passed}\n")), "{zh}");
            }
            assert!(en.contains("authenticity: passed\n") && en.contains("integrity: failed\n"), "{en}");
        }
    }

    /// Every damage there can be is told in Chinese where the reader reads Chinese, identifiers and commands apart.
    #[test]
    fn a_chinese_report_has_no_english_words() {
        for (check, part, fault) in FINDINGS {
            let mut found = VerifyReport::default();
            found.add(*check, *part, DamagedThing::Entry(2), *fault);
            let mut report = CheckReport::new(&found, Speaker::Window);
            report.remedies.clear();
            report.damages[0].is_needed_by([BlobUse::Page(MaterialId::from_bytes([1; 16]), 1)]);
            let text = report.readable(Speaker::Window, Wording::Chinese);
            let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3);
            assert_eq!(words.collect::<Vec<_>>(), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn a_repository_fetches_nothing_from_itself() {
        let mut found = VerifyReport::default();
        found.add(Check::Blobs, Part::Blobs, DamagedThing::Entry(1), StorageFault::Damaged);
        let report = CheckReport::new(&found, Speaker::Repository);
        assert_eq!(report.damages[0].remedy, "restore_blob");
        assert_eq!(report.remedies.len(), 1);
        assert!(!report.readable(Speaker::Repository, Wording::English).contains("--repair"));
    }
}
