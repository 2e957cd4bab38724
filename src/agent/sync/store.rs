//! `DATA_DIR/sync.db`: how far this window has come with the repository. Durable and free of personal data.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use yidang_archive::storage::EntryHash;
use yidang_model::{ErasureId, MaterialId};
use yidang_sync::machine::{Acceptance, EntryId, Pending, Position, Rejection};
use yidang_sync::wire::{MATERIAL_ERASED, RepositoryHead};

use super::SyncError;
use super::heads::keep_head;
use super::plan::give_up_pending;
use super::schema::open;

/// Longest code kept with a rejected entry, in characters.
const CODE_LENGTH_MAX: usize = 64;

/// How an erasure was decided at the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It has been carried out there and is being carried out here.
    Erased,
    /// It was refused.
    Refused,
}

/// The store.
pub(super) struct SyncStore {
    connection: Mutex<Connection>,
}

impl SyncStore {
    /// Opens or makes it. The folder must exist.
    pub(super) fn open(path: &Path) -> Result<Self, SyncError> {
        let connection = open(path)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Makes sure that everything kept belongs to this enrolment. A new epoch starts with batch 1 and feed
    /// item 1; what another repository has is not what this one has, so another address starts from nothing.
    /// Materials that were refused are to be offered once more.
    pub(super) fn adopt(&self, url: &str, epoch: &str) -> Result<(), SyncError> {
        let mut connection = self.lock();
        let transaction = write(&mut connection)?;
        transaction.execute("UPDATE rejected SET again = 1 WHERE kind = 'material'", [])?;
        let kept: Option<(String, String, i64, Option<EntryHash>)> = transaction
            .query_row("SELECT url, epoch, confirmed, confirmed_hash FROM progress", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let (confirmed, hash) = match kept {
            Some((kept_url, kept_epoch, ..)) if kept_url == url && kept_epoch == epoch => {
                transaction.commit()?;
                return Ok(());
            }
            Some((kept_url, _, confirmed, hash)) if kept_url == url => (confirmed, hash),
            _ => {
                transaction.execute("DELETE FROM rejected", [])?;
                transaction.execute("DELETE FROM merged", [])?;
                transaction.execute("DELETE FROM repository_head", [])?;
                transaction.execute("DELETE FROM held", [])?;
                (0, None)
            }
        };
        transaction.execute("DELETE FROM progress", [])?;
        transaction.execute("DELETE FROM packed", [])?;
        transaction.execute(
            "INSERT INTO progress (one, url, epoch, confirmed, confirmed_hash, sequence, tainted, feed_after)
             VALUES (1, ?1, ?2, ?3, ?4, 1, 0, 0)",
            params![url, epoch, confirmed, hash],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// How far the batches have come; at the start where nothing was adopted yet.
    pub(super) fn position(&self) -> Result<Position, SyncError> {
        let connection = self.lock();
        let kept = connection
            .query_row(
                "SELECT confirmed, sequence, tainted, pending_from, pending_to, fingerprint FROM progress",
                [],
                |row| {
                    let range: (Option<i64>, Option<i64>, Option<[u8; 32]>) =
                        (row.get(3)?, row.get(4)?, row.get(5)?);
                    let pending = match range {
                        (Some(from), Some(to), Some(fingerprint)) => {
                            Some(Pending { from: number(from), to: number(to), fingerprint })
                        }
                        _ => None,
                    };
                    Ok(Position {
                        confirmed: number(row.get(0)?),
                        sequence: number(row.get(1)?),
                        tainted: row.get(2)?,
                        pending,
                    })
                },
            )
            .optional()?;
        Ok(kept.unwrap_or(Position::start(0)))
    }

    /// The ledger entry that everything is confirmed up to, with the hash it had then, where that is known.
    pub(super) fn confirmed_entry(&self) -> Result<(u64, Option<EntryHash>), SyncError> {
        let connection = self.lock();
        let kept = connection
            .query_row("SELECT confirmed, confirmed_hash FROM progress", [], |row| {
                Ok((number(row.get(0)?), row.get(1)?))
            })
            .optional()?;
        Ok(kept.unwrap_or_default())
    }

    /// The ledger is another one than what was sent out of, or the repository has lost what it had: everything in it is
    /// offered, under numbers that nothing had, and all news are heard once more. What the repository has it recognises, entry
    /// by entry, and what has been carried out changes nothing.
    pub(super) fn start_over(&self) -> Result<(), SyncError> {
        let mut connection = self.lock();
        let transaction = write(&mut connection)?;
        start_over(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    /// The same, with another end of the repository's ledger to be kept.
    pub(super) fn start_over_with(&self, head: &RepositoryHead) -> Result<(), SyncError> {
        let mut connection = self.lock();
        let transaction = write(&mut connection)?;
        start_over(&transaction)?;
        transaction.execute("DELETE FROM repository_head", [])?;
        keep_head(&transaction, head, true)?;
        transaction.commit()?;
        Ok(())
    }

    /// Keeps a position, what was passed over and what was taken, as one. `hash`: of the ledger entry that everything is
    /// confirmed up to. `false`: the epoch has changed since, and nothing was kept.
    pub(super) fn save(
        &self,
        epoch: &str,
        position: &Position,
        hash: Option<EntryHash>,
        rejected: &[Rejection],
        accepted: &[Acceptance],
    ) -> Result<bool, SyncError> {
        let mut connection = self.lock();
        let transaction = write(&mut connection)?;
        let pending = position.pending;
        let changed = transaction.execute(
            "UPDATE progress SET confirmed = ?2, sequence = ?3, tainted = ?4, pending_from = ?5,
             pending_to = ?6, fingerprint = ?7, confirmed_hash = ?8 WHERE epoch = ?1",
            params![
                epoch,
                stored(position.confirmed),
                stored(position.sequence),
                position.tainted,
                pending.map(|p| stored(p.from)),
                pending.map(|p| stored(p.to)),
                pending.map(|p| p.fingerprint),
                hash,
            ],
        )?;
        if changed == 0 {
            return Ok(false);
        }
        transaction
            .prepare_cached("DELETE FROM packed WHERE sequence < ?1")?
            .execute([stored(position.sequence)])?;
        for rejection in rejected {
            let (kind, id) = match &rejection.id {
                EntryId::Material(id) => ("material", id.as_bytes()),
                EntryId::Erasure(id) => ("erasure", id.as_bytes()),
                EntryId::Refiling(id) => ("refiling", id.as_bytes()),
                EntryId::Originals(id) => ("originals", id.as_bytes()),
                EntryId::Erased(id) => ("erased", id.as_bytes()),
                EntryId::Held(id) => ("held", id.as_bytes()),
            };
            let code: String = rejection.code.chars().take(CODE_LENGTH_MAX).collect();
            transaction.execute(
                "INSERT OR REPLACE INTO rejected (sequence, kind, id, code, again) VALUES (?1, ?2, ?3, ?4, 0)",
                params![stored(rejection.sequence), kind, id, code],
            )?;
        }
        for acceptance in accepted {
            forget_rejected(&transaction, acceptance.sequence)?;
            if let (EntryId::Material(id), Some(filed_as)) = (acceptance.id, acceptance.filed_as) {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO merged (material, filed_as) VALUES (?1, ?2)")?
                    .execute([id.as_bytes(), filed_as.as_bytes()])?;
            }
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Sequences between these, both included, that were passed over.
    pub(super) fn rejected_between(&self, from: u64, to: u64) -> Result<Vec<u64>, SyncError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT sequence FROM rejected WHERE sequence BETWEEN ?1 AND ?2")?;
        let rows = statement.query_map([stored(from), stored(to)], |row| row.get::<_, i64>(0))?;
        Ok(rows.map(|row| row.map(number)).collect::<Result<_, _>>()?)
    }

    /// Every material that was passed over: its place in the ledger and why, in the ledger's order.
    pub(super) fn refused(&self) -> Result<Vec<(u64, String)>, SyncError> {
        let connection = self.lock();
        let sql = "SELECT sequence, code FROM rejected WHERE kind = 'material' ORDER BY sequence";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((number(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Places of those that are still to be offered once more, in the ledger's order.
    pub(super) fn to_offer_again(&self) -> Result<Vec<u64>, SyncError> {
        let connection = self.lock();
        let sql = "SELECT sequence FROM rejected WHERE again = 1 ORDER BY sequence";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, i64>(0))?;
        Ok(rows.map(|row| row.map(number)).collect::<Result<_, _>>()?)
    }

    /// What was passed over at this place is not on file any more.
    pub(super) fn forget_rejected(&self, sequence: u64) -> Result<(), SyncError> {
        forget_rejected(&self.lock(), sequence)
    }

    /// The material this one has become one with at the repository; `None`: it is there under its own name, or
    /// not yet.
    pub(super) fn filed_as(&self, material: MaterialId) -> Result<Option<MaterialId>, SyncError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT filed_as FROM merged WHERE material = ?1")?;
        let filed_as = statement.query_row([material.as_bytes()], |row| row.get(0)).optional()?;
        Ok(filed_as.map(MaterialId::from_bytes))
    }

    /// Passes over a material that is not sent at all, for this reason.
    pub(super) fn pass_over(
        &self,
        sequence: u64,
        material: MaterialId,
        code: &'static str,
    ) -> Result<(), SyncError> {
        self.lock().execute(
            "INSERT OR REPLACE INTO rejected (sequence, kind, id, code, again) VALUES (?1, 'material', ?2, ?3, 0)",
            params![stored(sequence), material.as_bytes(), code],
        )?;
        Ok(())
    }

    /// Why the repository does not have a material that was reported to it; `None` if it has. What was put right here after it
    /// was erased there is on file here alone.
    pub(super) fn rejected(&self, material: MaterialId) -> Result<Option<String>, SyncError> {
        let connection = self.lock();
        let sql = "SELECT code FROM rejected
            WHERE id = ?1 AND (kind = 'material' OR kind = 'refiling' AND code = ?2)";
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![material.as_bytes(), MATERIAL_ERASED], |row| row.get(0)).optional()?)
    }

    /// Last feed item that has been carried out.
    pub(super) fn feed_after(&self) -> Result<u64, SyncError> {
        let connection = self.lock();
        let after =
            connection.query_row("SELECT feed_after FROM progress", [], |row| row.get(0)).optional()?;
        Ok(after.map_or(0, number))
    }

    /// This feed item has been carried out.
    pub(super) fn feed_done(&self, epoch: &str, sequence: u64) -> Result<(), SyncError> {
        let connection = self.lock();
        connection.execute(
            "UPDATE progress SET feed_after = ?2 WHERE epoch = ?1 AND feed_after < ?2",
            params![epoch, stored(sequence)],
        )?;
        Ok(())
    }

    /// The ledger here was made anew by this entry: where that is not known yet, all news are heard once more, as what it lost may
    /// have been one of them. What has been carried out changes nothing. Whether it was not known.
    pub(super) fn hear_anew(&self, rebuilt: u64) -> Result<bool, SyncError> {
        let sql = "UPDATE progress SET feed_after = 0, rebuilt = ?1 WHERE rebuilt <> ?1";
        Ok(self.lock().execute(sql, params![stored(rebuilt)])? > 0)
    }

    /// The repository has decided an erasure. Kept before anything is done about it, so that its entry in the
    /// ledger is known to be no news to the repository.
    pub(super) fn decide(&self, erasure: ErasureId, decision: Decision) -> Result<(), SyncError> {
        self.decide_for(erasure, decision, None)
    }

    /// The same of a refusal, with its stable code.
    pub(super) fn deny(&self, erasure: ErasureId, code: &str) -> Result<(), SyncError> {
        self.decide_for(erasure, Decision::Refused, Some(code))
    }

    fn decide_for(
        &self,
        erasure: ErasureId,
        decision: Decision,
        code: Option<&str>,
    ) -> Result<(), SyncError> {
        let connection = self.lock();
        let code = code.map(|code| code.chars().take(CODE_LENGTH_MAX).collect::<String>());
        connection.execute(
            "INSERT OR REPLACE INTO decided (id, erased, code) VALUES (?1, ?2, ?3)",
            params![erasure.as_bytes(), decision == Decision::Erased, code],
        )?;
        Ok(())
    }

    /// Why the repository refused an erasure; `None` if it did not, or did not say.
    pub(super) fn denial(&self, erasure: ErasureId) -> Result<Option<String>, SyncError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT code FROM decided WHERE id = ?1 AND erased = 0")?;
        let code = statement.query_row([erasure.as_bytes()], |row| row.get(0)).optional()?;
        Ok(code.flatten())
    }

    /// How the repository decided an erasure; `None` if it has not yet.
    pub(super) fn decision(&self, erasure: ErasureId) -> Result<Option<Decision>, SyncError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT erased FROM decided WHERE id = ?1")?;
        let erased = statement.query_row([erasure.as_bytes()], |row| row.get(0)).optional()?;
        Ok(erased.map(|erased| if erased { Decision::Erased } else { Decision::Refused }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start_over(transaction: &Transaction<'_>) -> Result<(), SyncError> {
    give_up_pending(transaction)?;
    let sql = "UPDATE progress SET confirmed = 0, confirmed_hash = NULL, feed_after = 0";
    transaction.execute(sql, [])?;
    transaction.execute("DELETE FROM rejected", [])?;
    Ok(())
}

fn forget_rejected(connection: &Connection, sequence: u64) -> Result<(), SyncError> {
    connection.prepare_cached("DELETE FROM rejected WHERE sequence = ?1")?.execute([stored(sequence)])?;
    Ok(())
}

pub(super) fn write(connection: &mut Connection) -> Result<Transaction<'_>, rusqlite::Error> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Ledger sequences stay far below the sign bit.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

impl From<rusqlite::Error> for SyncError {
    fn from(error: rusqlite::Error) -> Self {
        Self::State(format!("sync.db: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn material(n: u8) -> MaterialId {
        MaterialId::from_bytes([n; 16])
    }

    #[test]
    fn a_position_survives_and_a_stale_one_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sync.db");
        let store = SyncStore::open(&path).unwrap();
        assert_eq!(store.position().unwrap(), Position::start(0));
        store.adopt("http://r", "e1").unwrap();
        let pending = Some(Pending { from: 4, to: 9, fingerprint: [7; 32] });
        let position = Position { confirmed: 3, sequence: 5, tainted: true, pending };
        let rejected =
            [Rejection { sequence: 2, id: EntryId::Material(material(1)), code: "simulated_refused".into() }];
        assert!(store.save("e1", &position, None, &rejected, &[]).unwrap());
        assert!(!store.save("e0", &Position::start(100), None, &[], &[]).unwrap());
        store.feed_done("e1", 6).unwrap();
        store.feed_done("e0", 60).unwrap();
        drop(store);

        let store = SyncStore::open(&path).unwrap();
        store.adopt("http://r", "e1").unwrap();
        assert_eq!(store.position().unwrap(), position);
        assert_eq!(store.feed_after().unwrap(), 6);
        assert_eq!(store.rejected(material(1)).unwrap().as_deref(), Some("simulated_refused"));
        assert_eq!(store.rejected(material(2)).unwrap(), None);
        assert_eq!(store.rejected_between(1, 9).unwrap(), [2]);
    }

    #[test]
    fn a_new_epoch_keeps_what_is_confirmed_and_a_new_repository_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncStore::open(&folder.path().join("sync.db")).unwrap();
        store.adopt("http://r", "e1").unwrap();
        let position = Position { confirmed: 8, sequence: 3, tainted: false, pending: None };
        let rejected = [Rejection { sequence: 2, id: EntryId::Material(material(1)), code: "x".into() }];
        let id = EntryId::Material(material(2));
        let merged = [Acceptance { sequence: 3, id, filed_as: Some(material(3)) }];
        store.save("e1", &position, None, &rejected, &merged).unwrap();
        store.feed_done("e1", 4).unwrap();
        store.adopt("http://r", "e2").unwrap();
        assert_eq!(store.position().unwrap(), Position::start(8));
        assert_eq!(store.feed_after().unwrap(), 0);
        assert!(store.rejected(material(1)).unwrap().is_some());
        assert_eq!(store.filed_as(material(2)).unwrap(), Some(material(3)));
        store.adopt("http://other", "e3").unwrap();
        assert_eq!(store.filed_as(material(2)).unwrap(), None);
        assert_eq!(store.position().unwrap(), Position::start(0));
        assert_eq!(store.rejected(material(1)).unwrap(), None);
    }

    #[test]
    fn refused_materials_are_offered_once_after_each_start_until_they_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncStore::open(&folder.path().join("sync.db")).unwrap();
        store.adopt("http://r", "e1").unwrap();
        let refused = |sequence, id| Rejection { sequence, id, code: "x".into() };
        let [a, b] = [1, 2].map(|n| EntryId::Material(material(n)));
        let erasure = EntryId::Erasure(ErasureId::from_bytes([4; 16]));
        let rejected = [refused(2, a), refused(3, erasure), refused(5, b)];
        store.save("e1", &Position::start(5), None, &rejected, &[]).unwrap();
        assert!(store.to_offer_again().unwrap().is_empty());
        store.adopt("http://r", "e1").unwrap();
        assert_eq!(store.to_offer_again().unwrap(), [2, 5], "what must be forgotten was decided");
        let taken = [Acceptance { sequence: 5, id: b, filed_as: None }];
        store.save("e1", &Position::start(5), None, &[refused(2, a)], &taken).unwrap();
        assert!(store.to_offer_again().unwrap().is_empty());
        assert_eq!(store.refused().unwrap(), [(2, "x".to_owned())]);
        store.adopt("http://r", "e2").unwrap();
        assert_eq!(store.to_offer_again().unwrap(), [2]);
        store.forget_rejected(2).unwrap();
        assert_eq!(store.refused().unwrap(), []);
    }

    #[test]
    fn records_of_the_first_version_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sync.db");
        let store = SyncStore::open(&path).unwrap();
        store.adopt("http://r", "e1").unwrap();
        let refused = Rejection { sequence: 2, id: EntryId::Material(material(1)), code: "x".into() };
        store.save("e1", &Position::start(5), None, &[refused], &[]).unwrap();
        drop(store);
        let connection = Connection::open(&path).unwrap();
        let back = "ALTER TABLE rejected DROP COLUMN again; DROP TABLE merged; DROP TABLE packed;
            ALTER TABLE progress DROP COLUMN confirmed_hash; ALTER TABLE decided DROP COLUMN code;
            ALTER TABLE progress DROP COLUMN rebuilt; DROP TABLE repository_head; DROP TABLE erased; DROP TABLE held; DROP TABLE anchored; PRAGMA user_version = 1";
        connection.execute_batch(back).unwrap();
        drop(connection);
        let store = SyncStore::open(&path).unwrap();
        store.adopt("http://r", "e1").unwrap();
        assert_eq!(store.to_offer_again().unwrap(), [2]);
        assert_eq!(store.filed_as(material(1)).unwrap(), None);
    }

    #[test]
    fn a_newer_program_hears_once_more_what_an_older_one_did_not_know() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sync.db");
        let store = SyncStore::open(&path).unwrap();
        store.adopt("http://r", "e1").unwrap();
        store.save("e1", &Position::start(5), None, &[], &[]).unwrap();
        store.feed_done("e1", 6).unwrap();
        drop(store);
        let back = "ALTER TABLE progress DROP COLUMN confirmed_hash; ALTER TABLE decided DROP COLUMN code;
            ALTER TABLE progress DROP COLUMN rebuilt; DROP TABLE repository_head; DROP TABLE erased;
            DROP TABLE held; DROP TABLE anchored; PRAGMA user_version = 3";
        Connection::open(&path).unwrap().execute_batch(back).unwrap();
        let store = SyncStore::open(&path).unwrap();
        assert_eq!((store.feed_after().unwrap(), store.position().unwrap()), (0, Position::start(5)));
        store.feed_done("e1", 6).unwrap();
        drop(store);
        assert_eq!(SyncStore::open(&path).unwrap().feed_after().unwrap(), 6, "once");
    }

    #[test]
    fn decisions_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncStore::open(&folder.path().join("sync.db")).unwrap();
        let [a, b, c] = [1, 2, 3].map(|n| ErasureId::from_bytes([n; 16]));
        store.decide(a, Decision::Erased).unwrap();
        store.deny(b, "legal_hold").unwrap();
        assert_eq!(store.denial(a).unwrap(), None);
        assert_eq!(store.denial(b).unwrap().as_deref(), Some("legal_hold"));
        assert_eq!(store.decision(a).unwrap(), Some(Decision::Erased));
        assert_eq!(store.decision(b).unwrap(), Some(Decision::Refused));
        assert_eq!(store.decision(c).unwrap(), None);
    }

    #[test]
    fn what_is_no_store_is_an_error_and_only_this_account_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sync.db");
        std::fs::write(&path, b"no database at all, but long enough to be taken for one").unwrap();
        assert!(matches!(SyncStore::open(&path), Err(SyncError::State(_))));
        std::fs::remove_file(&path).unwrap();
        let store = SyncStore::open(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        drop(store);
    }
}
