//! Keys from wherever any are left: what the epoch's key opens is real, and what the ledger says is forgotten stays so.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use yidang_model::Timestamp;

use super::pages::{Row, Value, visit_rows_by_state};
use super::{KeyringRebuild, Source};
use crate::ArchiveError;
use crate::keys::{EpochKey, STORE_PURPOSES};
use crate::recovery::OfficeId;
use crate::sqlite::SqliteKeyring;
use crate::storage::{
    EpochRecord, KeyId, KeyKeeper, KeyKeeperError, KeyPurpose, KeyRecord, Part, RecoverySeal, StorageError,
    Tag,
};

/// Everything in keyrings that looks like something.
#[derive(Default)]
pub(super) struct Keys {
    names: Vec<[u8; 16]>,
    epochs: Vec<EpochRecord>,
    /// The latest epoch that a commit has.
    committed: Option<u32>,
    /// By key, then by source; what is real is not known yet.
    records: BTreeMap<[u8; 16], Vec<Remains>>,
}

/// A row as it was found.
struct Remains {
    source: Source,
    /// Committed in the keyring's own file, as far as that tells.
    is_live: bool,
    key: KeyRecord,
}

/// What a new keyring is made of.
pub(super) struct Resolved {
    pub(super) store_id: String,
    pub(super) epoch: EpochRecord,
    pub(super) keys: Vec<KeyRecord>,
    pub(super) report: KeyringRebuild,
}

impl Keys {
    pub(super) fn gather(sources: &[(Source, PathBuf)]) -> Result<Self, ArchiveError> {
        let mut found = Self::default();
        for (source, path) in sources {
            visit_rows_by_state(path, &mut |is_committed, row| {
                if is_committed && let Some(epoch) = epoch_of(&row) {
                    found.committed = found.committed.max(Some(epoch.epoch));
                }
                found.take_in(*source, is_committed, row);
                Ok(())
            })
            .map_err(|e| StorageError::io(Part::Keyring, &e))?;
        }
        found.epochs.sort_by_key(|record| Reverse(record.epoch));
        Ok(found)
    }

    fn take_in(&mut self, source: Source, is_committed: bool, row: Row) {
        if let Some(key) = key_of(&row) {
            let same = self.records.entry(key.id.0).or_default();
            if !same.iter().any(|known| known.key == key) {
                same.push(Remains { source, is_live: is_committed && source == Source::Ledger, key });
            }
        } else if let Some(epoch) = epoch_of(&row) {
            self.epochs.push(epoch);
        } else if let (Some(1), [Value::Null, Value::Bytes(name)]) = (row.0, row.1.as_slice())
            && let Ok(name) = name.as_slice().try_into()
        {
            self.names.push(name);
        }
    }

    /// The keys that the epoch's key opens, apart from the forgotten ones; `None` where that key opens nothing.
    pub(super) fn resolve(
        self,
        keeper: &dyn KeyKeeper,
        forgotten: &HashSet<KeyId>,
        now: Timestamp,
    ) -> Result<Option<Resolved>, ArchiveError> {
        let Some((epoch, record, store_id, renamed)) = self.epoch(keeper, now)? else { return Ok(None) };
        let mut report = KeyringRebuild { renamed, ..KeyringRebuild::default() };
        let mut opened = Vec::new();
        for (_, candidates) in self.records {
            match candidates.into_iter().find(|found| epoch.opens(&found.key)) {
                Some(found) => opened.push(found),
                None => report.unopened += 1,
            }
        }
        // A person gets a second key only after the first is forgotten. So of two, theirs is the one that the keyring itself
        // has, else the later one, wherever it was found.
        opened.sort_by_key(|Remains { source, is_live, key }| {
            (Reverse((*is_live, key.created_at)), *source, key.id.0)
        });
        let (mut keys, mut tags) = (Vec::new(), HashSet::new());
        for Remains { source, key, .. } in opened {
            if forgotten.contains(&key.id) || key.tag.is_some_and(|tag| !tags.insert(tag)) {
                report.forgotten += 1;
                continue;
            }
            match source {
                Source::Ledger | Source::Damaged => report.from_keyring += 1,
                Source::Copy => report.from_copy += 1,
                Source::Aside => report.from_aside += 1,
            }
            keys.push(key);
        }
        let has = |purpose| keys.iter().any(|key: &KeyRecord| key.purpose == purpose);
        let missing = STORE_PURPOSES.into_iter().filter(|purpose| !has(*purpose));
        report.missing = missing.map(|purpose| purpose.as_str().to_owned()).collect();
        report.keys = keys.len() as u64;
        Ok(Some(Resolved { store_id, epoch: record, keys, report }))
    }

    /// The epoch whose key is kept, what the keyring says of it, and the store's name: both as they were found, or made
    /// anew where they are lost and the key opens what is there.
    fn epoch(
        &self,
        keeper: &dyn KeyKeeper,
        now: Timestamp,
    ) -> Result<Option<(EpochKey, EpochRecord, String, bool)>, ArchiveError> {
        let names: Vec<String> = self.names.iter().map(hex::encode).collect();
        let mut numbers: Vec<u32> = self.epochs.iter().map(|record| record.epoch).collect();
        numbers.extend(self.records.values().flatten().map(|found| found.key.epoch));
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
        // An epoch that was not committed has none of the keys that were made since it began; what a commit has comes first.
        let committed = self.committed;
        numbers.sort_by_key(|number| committed.is_none_or(|last| *number > last));
        let newest = numbers.first().copied();
        let mut is_kept = false;
        for number in numbers {
            let epoch = match keeper.load(number) {
                Ok(secret) => {
                    is_kept = true;
                    EpochKey::new(number, secret)
                }
                Err(KeyKeeperError::Missing(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            for record in self.epochs.iter().filter(|record| record.epoch == number) {
                if let Some(name) = names.iter().find(|name| epoch.is_checked_by(record, name)) {
                    return Ok(Some((epoch, record.clone(), name.clone(), false)));
                }
            }
            if self.records.values().flatten().any(|found| epoch.opens(&found.key)) {
                let renamed = names.is_empty();
                let name = match names.first() {
                    Some(name) => name.clone(),
                    None => hex::encode(crate::seal::random::<16>()?),
                };
                let record = epoch.record(&name, now)?;
                return Ok(Some((epoch, record, name, renamed)));
            }
        }
        match newest {
            Some(epoch) if !is_kept => Err(KeyKeeperError::Missing(epoch).into()),
            _ => Ok(None),
        }
    }
}

impl Resolved {
    /// Writes the keyring into that folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ArchiveError> {
        let put_all = &mut |put: crate::sqlite::PutKey<'_>| self.keys.iter().try_for_each(put);
        Ok(SqliteKeyring::write_anew(folder, &self.store_id, &self.epoch, put_all)?)
    }
}

fn key_of((_, columns): &Row) -> Option<KeyRecord> {
    use Value::{Bytes, Integer, Null};
    let [Bytes(id), Bytes(purpose), tag, Integer(epoch), Bytes(wrapped), Integer(created_at)] =
        columns.as_slice()
    else {
        return None;
    };
    let tag = match tag {
        Null => None,
        Bytes(tag) => Some(Tag(tag.as_slice().try_into().ok()?)),
        _ => return None,
    };
    Some(KeyRecord {
        id: KeyId(id.as_slice().try_into().ok()?),
        purpose: KeyPurpose::from_word(std::str::from_utf8(purpose).ok()?)?,
        tag,
        epoch: u32::try_from(*epoch).ok()?,
        wrapped: wrapped.clone(),
        created_at: Timestamp::from_millis(*created_at),
    })
}

fn epoch_of((number, columns): &Row) -> Option<EpochRecord> {
    use Value::{Bytes, Integer, Null};
    let ([Null, Bytes(check), Integer(began_at)], more) = columns.split_first_chunk()? else { return None };
    let recovery = match more {
        [] | [Null] | [Null, Null] => None,
        [Bytes(sealed), Bytes(office)] => Some(RecoverySeal {
            office: OfficeId(office.as_slice().try_into().ok()?),
            sealed: sealed.clone(),
        }),
        _ => return None,
    };
    Some(EpochRecord {
        epoch: u32::try_from((*number)?).ok()?,
        check: check.as_slice().try_into().ok()?,
        began_at: Timestamp::from_millis(*began_at),
        recovery,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::samples::tag;
    use crate::crypto::Suite;
    use crate::files::KeyFiles;
    use crate::seal::random_secret;

    const NAME: &str = "000102030405060708090a0b0c0d0e0f";

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// The holder's key that a keyring is given which is made of these: where each was found, whether it was live there,
    /// which epoch wraps it, and when it was made.
    fn winner(found: &[(Source, bool, u32, i64)], forgotten: &[usize]) -> (Vec<usize>, KeyringRebuild) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let keeper = KeyFiles::open(&folder.path().join("keys"), &folder.path().join("data")).unwrap();
        let secrets = [1, 2].map(|_| random_secret(Suite::default()).unwrap());
        keeper.keep(2, &secrets[1]).unwrap();
        let [first, second] = [1, 2].map(|epoch| EpochKey::new(epoch, secrets[epoch as usize - 1].clone()));
        let mut keys = Keys { names: vec![[0; 16]], ..Keys::default() };
        hex::decode_to_slice(NAME, &mut keys.names[0]).unwrap();
        keys.epochs.push(second.record(NAME, at(1)).unwrap());
        let mut ids = Vec::new();
        for (source, is_live, epoch, made_at) in found {
            let epoch = if *epoch == 1 { &first } else { &second };
            let key = epoch.make_holder(tag(1), at(*made_at)).unwrap();
            ids.push(key.id);
            let (source, is_live) = (*source, *is_live);
            keys.records.entry(key.id.0).or_default().push(Remains { source, is_live, key });
        }
        let forgotten = forgotten.iter().map(|number| ids[*number]).collect();
        let resolved = keys.resolve(&keeper, &forgotten, at(100)).unwrap().unwrap();
        let won = resolved.keys.iter().map(|key| ids.iter().position(|id| *id == key.id).unwrap());
        (won.collect(), resolved.report)
    }

    /// Key ids are random, so whatever their order decided would differ from one round to the next.
    #[test]
    fn of_two_keys_of_a_person_the_live_one_stays_else_the_later_one() {
        use Source::{Aside, Copy, Ledger};
        for _ in 0..12 {
            assert_eq!(winner(&[(Ledger, false, 2, 10), (Copy, false, 2, 20)], &[]).0, [1]);
            assert_eq!(winner(&[(Copy, false, 2, 20), (Ledger, true, 2, 10)], &[]).0, [1]);
            assert_eq!(winner(&[(Aside, false, 2, 20), (Copy, false, 2, 20)], &[]).0, [1]);
            // What an epoch of before wraps is forgotten, however late it was made.
            let (won, report) = winner(&[(Ledger, true, 1, 90), (Aside, false, 2, 10)], &[]);
            assert_eq!((won, report.unopened), (vec![1], 1));
            let (won, report) = winner(&[(Ledger, true, 2, 90), (Copy, false, 2, 10)], &[0]);
            assert_eq!((won, report.forgotten), (vec![1], 1));
            let (won, report) = winner(&[(Ledger, true, 2, 90), (Copy, false, 2, 10)], &[0, 1]);
            assert_eq!((won, report.forgotten), (vec![], 2));
        }
    }
}
