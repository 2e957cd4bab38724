//! The state in one SQLite file, which several processes may have open.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId, Timestamp};

use crate::limits::OPENED_STEP_MS;
use crate::schema::{connect, prepare, private};
use crate::secrets::make_private_folder;
use crate::sqlite_feed;
use crate::state::{
    AgentNumber, AgentRecord, Anchor, Answered, CommitRecord, Enrolment, ErasureOutcome, FeedRow,
    HoldOutcome, NewAgent, OriginalsOutcome, PlannedErasure, PlannedOriginals, RefilingOutcome, State,
    StateError, StateFault, Tag, Upload, WindowRecord,
};

/// The file in the data folder.
pub(crate) const STATE_FILE: &str = "repository.db";
/// Answers kept for each agent: far more than it can have under way.
const ANSWERS_KEPT: i64 = 1000;
/// One connection to write, one to read, so that a look-up does not wait for a commit's disk.
pub(crate) struct SqliteState {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> Self {
        let fault = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StateFault::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StateFault::Busy,
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                StateFault::AccessDenied
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StateFault::Damaged,
            _ => StateFault::Io,
        };
        // The database's own message can quote a bound value only where SQL does; ours binds parameters.
        Self::new(fault, error.to_string())
    }
}

impl SqliteState {
    /// Opens the state in this data folder; makes folder and file where there are none.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StateError> {
        make_private_folder(data_dir)
            .map_err(|e| StateError::new(StateFault::AccessDenied, format!("the data folder: {e}")))?;
        let path = data_dir.join(STATE_FILE);
        let mut writer = connect(&path)?;
        prepare(&mut writer)?;
        private(&path)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(connect(&path)?) })
    }

    /// Runs a transaction; nothing of it stays unless it returns `Ok`.
    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let mut connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    fn read(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A column of a fixed number of bytes.
pub(crate) fn fixed<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], rusqlite::Error> {
    row.get(column)
}

/// SQLite's integers are signed; a sequence beyond them is refused where it comes in.
pub(crate) fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn agent(row: &Row<'_>) -> Result<AgentRecord, rusqlite::Error> {
    Ok(AgentRecord { number: row.get(0)?, name: row.get(1)?, epoch: row.get(2)?, key: fixed(row, 3)? })
}

fn planned(row: &Row<'_>) -> Result<PlannedErasure, rusqlite::Error> {
    Ok(PlannedErasure { id: ErasureId::from_bytes(fixed(row, 0)?), agent: row.get(1)?, request: row.get(2)? })
}

impl State for SqliteState {
    fn key_check(&self, fresh: Tag) -> Result<Tag, StateError> {
        self.write(|t| {
            t.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('key_check', ?1)", params![fresh])?;
            Ok(t.query_row("SELECT value FROM meta WHERE key = 'key_check'", [], |row| fixed(row, 0))?)
        })
    }

    fn is_keyless(&self) -> Result<bool, StateError> {
        let found = self.read().query_row("SELECT 1 FROM meta WHERE key = 'key_check'", [], |_| Ok(()));
        Ok(found.optional()?.is_none())
    }

    fn put_code(
        &self,
        code: [u8; 32],
        counter: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<(), StateError> {
        self.write(|t| {
            let sql = "INSERT INTO codes (code, counter, expires_at) VALUES (?1, ?2, ?3)";
            t.execute(sql, params![code, counter, expires_at.as_millis()])?;
            Ok(())
        })
    }

    fn enrol(&self, code: [u8; 32], new: &NewAgent, now: Timestamp) -> Result<Enrolment, StateError> {
        self.write(|t| {
            let sql = "SELECT counter FROM codes WHERE code = ?1 AND expires_at > ?2";
            let found: Option<Option<String>> =
                t.query_row(sql, params![code, now.as_millis()], |row| row.get(0)).optional()?;
            let is_named = matches!(found, Some(Some(_)));
            match found {
                None => return Ok(Enrolment::CodeSpent),
                Some(Some(counter)) if counter != new.counter => return Ok(Enrolment::OtherCounter),
                Some(_) => t.execute("DELETE FROM codes WHERE code = ?1", params![code])?,
            };
            let sql = "INSERT INTO agents (name, epoch, key, counter, enrolled_at, counter_named)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            t.execute(sql, params![new.name, new.epoch, new.key, new.counter, now.as_millis(), is_named])?;
            let number = t.last_insert_rowid();
            sqlite_feed::inherit(t, number)?;
            Ok(Enrolment::Done(AgentRecord {
                number,
                name: new.name.clone(),
                epoch: new.epoch.clone(),
                key: new.key,
            }))
        })
    }

    fn agents(&self) -> Result<Vec<AgentRecord>, StateError> {
        let connection = self.read();
        let mut statement = connection.prepare("SELECT number, name, epoch, key FROM agents")?;
        Ok(statement.query_map([], agent)?.collect::<Result<_, _>>()?)
    }

    fn windows(&self) -> Result<Vec<WindowRecord>, StateError> {
        let connection = self.read();
        let mut statement = connection.prepare(
            "SELECT name, counter, enrolled_at,
                    (SELECT max(anchored_at) FROM anchors WHERE agent = own.number),
                    (SELECT later.name FROM agents AS later
                     WHERE later.counter = own.counter AND later.number > own.number AND later.counter_named = 1
                     ORDER BY later.number DESC LIMIT 1)
             FROM agents AS own ORDER BY number",
        )?;
        let window = |row: &Row<'_>| {
            Ok(WindowRecord {
                agent: row.get(0)?,
                counter: row.get(1)?,
                enrolled_at: Timestamp::from_millis(row.get(2)?),
                last_heard_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
                replaced_by: row.get(4)?,
            })
        };
        Ok(statement.query_map([], window)?.collect::<Result<_, _>>()?)
    }

    fn uploads(&self, agent: AgentNumber, digests: &[Tag]) -> Result<Vec<Option<Upload>>, StateError> {
        let connection = self.read();
        let sql = "SELECT staged, material, expires_at FROM uploads WHERE agent = ?1 AND digest = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let upload = |row: &Row<'_>| {
            Ok(Upload {
                staged: CaptureId::from_bytes(fixed(row, 0)?),
                material: row.get::<_, Option<[u8; 16]>>(1)?.map(MaterialId::from_bytes),
                expires_at: Timestamp::from_millis(row.get(2)?),
            })
        };
        let one = |digest: &Tag| Ok(statement.query_row(params![agent, digest], upload).optional()?);
        digests.iter().map(one).collect()
    }

    fn put_upload(&self, agent: AgentNumber, digest: Tag, upload: &Upload) -> Result<(), StateError> {
        self.write(|t| {
            let sql = "INSERT OR REPLACE INTO uploads (agent, digest, staged, material, expires_at)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let material = upload.material.map(|m| *m.as_bytes());
            let staged = upload.staged.as_bytes();
            t.prepare_cached(sql)?.execute(params![
                agent,
                digest,
                staged,
                material,
                upload.expires_at.as_millis()
            ])?;
            Ok(())
        })
    }

    fn forget_uploads(&self, agent: AgentNumber, digests: &[Tag]) -> Result<(), StateError> {
        self.write(|t| {
            let mut statement = t.prepare_cached("DELETE FROM uploads WHERE agent = ?1 AND digest = ?2")?;
            digests.iter().try_for_each(|digest| statement.execute(params![agent, digest]).map(drop))?;
            Ok(())
        })
    }

    fn expire(&self, now: Timestamp) -> Result<(), StateError> {
        self.write(|t| {
            let sql = "DELETE FROM uploads WHERE material IS NULL AND expires_at <= ?1";
            t.execute(sql, params![now.as_millis()])?;
            t.execute("DELETE FROM codes WHERE expires_at <= ?1", params![now.as_millis()])?;
            Ok(())
        })
    }

    fn answered(&self, agent: &AgentRecord, sequence: u64) -> Result<Option<Answered>, StateError> {
        let sql = "SELECT body, answer FROM commits WHERE agent = ?1 AND epoch = ?2 AND sequence = ?3";
        let connection = self.read();
        let answered = |row: &Row<'_>| Ok(Answered { body: fixed(row, 0)?, answer: row.get(1)? });
        let key = params![agent.number, agent.epoch, signed(sequence)];
        Ok(connection.prepare_cached(sql)?.query_row(key, answered).optional()?)
    }

    fn last_sequence(&self, agent: &AgentRecord) -> Result<u64, StateError> {
        let sql = "SELECT COALESCE(MAX(sequence), 0) FROM commits WHERE agent = ?1 AND epoch = ?2";
        let connection = self.read();
        let last = |row: &Row<'_>| row.get::<_, i64>(0);
        Ok(connection
            .prepare_cached(sql)?
            .query_row(params![agent.number, agent.epoch], last)?
            .unsigned_abs())
    }

    fn stored_for(&self, material: MaterialId) -> Result<Option<MaterialId>, StateError> {
        let connection = self.read();
        let sql = "SELECT stored FROM committed WHERE material = ?1 LIMIT 1";
        let stored = |row: &Row<'_>| fixed(row, 0).map(MaterialId::from_bytes);
        Ok(connection.prepare_cached(sql)?.query_row(params![material.as_bytes()], stored).optional()?)
    }

    fn put_commit(&self, commit: &CommitRecord<'_>) -> Result<(), StateError> {
        let agent = commit.agent.number;
        self.write(|t| {
            for one in &commit.committed {
                let sql = "INSERT OR REPLACE INTO committed (material, agent, stored) VALUES (?1, ?2, ?3)";
                t.prepare_cached(sql)?.execute(params![
                    one.material.as_bytes(),
                    agent,
                    one.stored.as_bytes()
                ])?;
            }
            for subject in &commit.contacts {
                put_contact(t, agent, subject)?;
            }
            for (digest, material) in &commit.used {
                let sql = "UPDATE uploads SET material = ?3 WHERE agent = ?1 AND digest = ?2";
                t.prepare_cached(sql)?.execute(params![agent, digest, material.as_bytes()])?;
            }
            if let Some((sequence, Answered { body, answer })) = &commit.answered {
                let (epoch, sequence) = (&commit.agent.epoch, signed(*sequence));
                let sql = "INSERT INTO commits (agent, epoch, sequence, body, answer)
                           VALUES (?1, ?2, ?3, ?4, ?5)";
                t.prepare_cached(sql)?.execute(params![agent, epoch, sequence, body, answer])?;
                let sql = "DELETE FROM commits WHERE agent = ?1 AND epoch = ?2 AND sequence <= ?3";
                let oldest = sequence.saturating_sub(ANSWERS_KEPT);
                t.prepare_cached(sql)?.execute(params![agent, epoch, oldest])?;
            }
            Ok(())
        })
    }

    fn put_anchor(&self, agent: AgentNumber, anchor: &Anchor, now: Timestamp) -> Result<bool, StateError> {
        let Anchor { ledger, sequence, hash } = anchor;
        self.write(|t| {
            // Whichever number it came under: a window that enrolled anew begins no new ledger.
            let known = known_anchor(t, agent, *ledger)?;
            let goes_back = |known: &Anchor| {
                known.sequence > *sequence || known.sequence == *sequence && known.hash != *hash
            };
            if known.as_ref().is_some_and(goes_back) {
                return Ok(false);
            }
            let sql = "INSERT OR REPLACE INTO anchors (agent, ledger, sequence, hash, anchored_at)
                VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = params![agent, ledger, signed(*sequence), hash, now.as_millis()];
            t.prepare_cached(sql)?.execute(row)?;
            Ok(true)
        })
    }

    fn anchor(&self, agent: AgentNumber, ledger: [u8; 16]) -> Result<Option<Anchor>, StateError> {
        known_anchor(&self.read(), agent, ledger)
    }

    fn put_holds_confirmed(&self, at: Timestamp) -> Result<(), StateError> {
        self.write(|t| {
            let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES ('holds_confirmed_at', ?1)";
            t.execute(sql, params![at.as_millis()])?;
            Ok(())
        })
    }

    fn holds_confirmed_at(&self) -> Result<Option<Timestamp>, StateError> {
        let sql = "SELECT value FROM meta WHERE key = 'holds_confirmed_at'";
        let at: Option<i64> = self.read().prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        Ok(at.map(Timestamp::from_millis))
    }

    fn mark(&self) -> Result<Option<String>, StateError> {
        let sql = "SELECT value FROM meta WHERE key = 'mark'";
        Ok(self.read().prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
    }

    fn put_mark(&self, mark: &str) -> Result<(), StateError> {
        self.write(|t| {
            t.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('mark', ?1)", params![mark])?;
            Ok(())
        })
    }

    fn put_tombstones_known_to(&self, sequence: u64) -> Result<(), StateError> {
        self.write(|t| {
            let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES ('tombstones_known_to', ?1)";
            t.execute(sql, params![signed(sequence)])?;
            Ok(())
        })
    }

    fn tombstones_known_to(&self) -> Result<u64, StateError> {
        let sql = "SELECT value FROM meta WHERE key = 'tombstones_known_to'";
        let to: Option<i64> = self.read().prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        Ok(to.unwrap_or_default().unsigned_abs())
    }

    fn put_opened(&self, agent: AgentNumber, subject: Tag, at: Timestamp) -> Result<(), StateError> {
        let earlier = at.plus_millis(-OPENED_STEP_MS).as_millis();
        let sql = "SELECT 1 FROM contacts WHERE subject = ?1 AND agent = ?2 AND opened_at > ?3";
        if self.read().prepare_cached(sql)?.exists(params![subject, agent, earlier])? {
            return Ok(());
        }
        self.write(|t| {
            let sql = "INSERT INTO contacts (subject, agent, opened_at) VALUES (?1, ?2, ?3)
                       ON CONFLICT (subject, agent) DO UPDATE
                       SET opened_at = max(coalesce(opened_at, ?3), ?3)";
            t.prepare_cached(sql)?.execute(params![subject, agent, at.as_millis()])?;
            Ok(())
        })
    }

    fn contacts(&self, subject: Tag) -> Result<Vec<(AgentNumber, Option<Timestamp>)>, StateError> {
        let connection = self.read();
        let mut statement =
            connection.prepare_cached("SELECT agent, opened_at FROM contacts WHERE subject = ?1")?;
        let contact =
            |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(Timestamp::from_millis)));
        Ok(statement.query_map(params![subject], contact)?.collect::<Result<_, _>>()?)
    }

    fn committers(&self, material: MaterialId) -> Result<Vec<AgentNumber>, StateError> {
        sqlite_feed::committers(&self.read(), material)
    }

    fn names_of(&self, stored: MaterialId) -> Result<Vec<MaterialId>, StateError> {
        let connection = self.read();
        let mut statement =
            connection.prepare_cached("SELECT DISTINCT material FROM committed WHERE stored = ?1")?;
        let names = statement
            .query_map(params![stored.as_bytes()], |row| fixed(row, 0).map(MaterialId::from_bytes))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    fn numbers_of_window(&self, agent: AgentNumber) -> Result<BTreeSet<AgentNumber>, StateError> {
        sqlite_feed::numbers_of_window(&self.read(), agent)
    }

    fn erasure(&self, id: ErasureId) -> Result<Option<PlannedErasure>, StateError> {
        let sql = "SELECT id, agent, request FROM erasures WHERE id = ?1";
        Ok(self.read().prepare_cached(sql)?.query_row(params![id.as_bytes()], planned).optional()?)
    }

    fn plan_erasure(&self, erasure: &PlannedErasure) -> Result<PlannedErasure, StateError> {
        self.write(|t| {
            let id = erasure.id.as_bytes();
            let sql = "INSERT OR IGNORE INTO erasures (id, agent, request) VALUES (?1, ?2, ?3)";
            t.execute(sql, params![id, erasure.agent, erasure.request])?;
            let sql = "SELECT id, agent, request FROM erasures WHERE id = ?1";
            Ok(t.query_row(sql, params![id], planned)?)
        })
    }

    fn plan_erasure_again(&self, erasure: &PlannedErasure) -> Result<(), StateError> {
        self.write(|t| {
            let sql = "INSERT OR REPLACE INTO erasures (id, agent, request) VALUES (?1, ?2, ?3)";
            t.execute(sql, params![erasure.id.as_bytes(), erasure.agent, erasure.request])?;
            Ok(())
        })
    }

    fn keep_decision(
        &self,
        agent: AgentNumber,
        id: ErasureId,
        decision: &[u8],
        names: &[MaterialId],
    ) -> Result<(), StateError> {
        self.write(|t| sqlite_feed::keep_decision(t, agent, id, decision, names))
    }

    fn decisions(&self) -> Result<Vec<(AgentNumber, Vec<u8>)>, StateError> {
        let connection = self.read();
        let mut statement = connection.prepare("SELECT agent, decision FROM decisions")?;
        Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    fn decision_about(&self, material: MaterialId) -> Result<Option<(ErasureId, Vec<u8>)>, StateError> {
        let sql = "SELECT id, decision FROM decided_names JOIN decisions ON decisions.id = decided_names.decision_id
                   WHERE material = ?1";
        let decision = |row: &Row<'_>| Ok((ErasureId::from_bytes(fixed(row, 0)?), row.get(1)?));
        Ok(self.read().prepare_cached(sql)?.query_row(params![material.as_bytes()], decision).optional()?)
    }

    fn tell_erased(
        &self,
        agent: AgentNumber,
        id: ErasureId,
        materials: &[MaterialId],
        personal: &[u8],
    ) -> Result<Option<u64>, StateError> {
        self.write(|t| sqlite_feed::tell_erased(t, agent, id, materials, personal))
    }

    fn was_told_erased(&self, agent: AgentNumber, material: MaterialId) -> Result<bool, StateError> {
        let sql = "SELECT 1 FROM feed WHERE agent = ?1 AND what = 'erased' AND instr(materials, ?2) > 0";
        Ok(self.read().prepare_cached(sql)?.exists(params![agent, material.as_bytes()])?)
    }

    fn unfinished_erasures(&self) -> Result<Vec<PlannedErasure>, StateError> {
        let connection = self.read();
        let sql = "SELECT id, agent, request FROM erasures WHERE request IS NOT NULL";
        let mut statement = connection.prepare(sql)?;
        Ok(statement.query_map([], planned)?.collect::<Result<_, _>>()?)
    }

    fn finish_erasure(&self, outcome: &ErasureOutcome<'_>) -> Result<Vec<(AgentNumber, u64)>, StateError> {
        self.write(|t| {
            let heads = sqlite_feed::announce_erasure(t, outcome)?;
            sqlite_feed::forget_erased(t, outcome)?;
            Ok(heads)
        })
    }

    fn announce_erasure(&self, outcome: &ErasureOutcome<'_>) -> Result<Vec<(AgentNumber, u64)>, StateError> {
        self.write(|t| sqlite_feed::announce_erasure(t, outcome))
    }

    fn forget_erased(&self, outcome: &ErasureOutcome<'_>) -> Result<(), StateError> {
        self.write(|t| sqlite_feed::forget_erased(t, outcome))
    }

    fn finish_refiling(&self, outcome: &RefilingOutcome<'_>) -> Result<Vec<(AgentNumber, u64)>, StateError> {
        self.write(|t| sqlite_feed::finish_refiling(t, outcome))
    }

    fn plan_originals(&self, planned: &[PlannedOriginals]) -> Result<(), StateError> {
        self.write(|t| {
            let sql = "INSERT OR IGNORE INTO planned_originals (material, agent, named, kind)
                       VALUES (?1, ?2, ?3, ?4)";
            let mut statement = t.prepare_cached(sql)?;
            for PlannedOriginals { stored, agent, named, kind } in planned {
                statement.execute(params![stored.as_bytes(), agent, named.as_bytes(), kind])?;
            }
            Ok(())
        })
    }

    fn unfinished_originals(&self) -> Result<Vec<PlannedOriginals>, StateError> {
        let connection = self.read();
        let mut statement =
            connection.prepare("SELECT material, agent, named, kind FROM planned_originals")?;
        let planned = |row: &Row<'_>| {
            let [stored, named] = [fixed(row, 0)?, fixed(row, 2)?].map(MaterialId::from_bytes);
            Ok(PlannedOriginals { stored, agent: row.get(1)?, named, kind: row.get(3)? })
        };
        Ok(statement.query_map([], planned)?.collect::<Result<_, _>>()?)
    }

    fn unplan_originals(&self, planned: &[(MaterialId, AgentNumber)]) -> Result<(), StateError> {
        if planned.is_empty() {
            return Ok(());
        }
        self.write(|t| {
            let sql = "DELETE FROM planned_originals WHERE material = ?1 AND agent = ?2";
            let mut statement = t.prepare_cached(sql)?;
            for (stored, agent) in planned {
                statement.execute(params![stored.as_bytes(), agent])?;
            }
            Ok(())
        })
    }

    fn finish_originals(
        &self,
        outcomes: &[OriginalsOutcome],
    ) -> Result<BTreeMap<AgentNumber, u64>, StateError> {
        self.write(|t| {
            let mut heads = BTreeMap::new();
            for outcome in outcomes {
                heads.extend(sqlite_feed::finish_originals(t, outcome)?);
            }
            Ok(heads)
        })
    }

    fn tell_originals(
        &self,
        agent: AgentNumber,
        stored: MaterialId,
        personal: &[u8],
    ) -> Result<u64, StateError> {
        self.write(|t| sqlite_feed::tell_originals(t, agent, stored, personal))
    }

    fn announce_hold(&self, outcome: &HoldOutcome) -> Result<Vec<(AgentNumber, u64)>, StateError> {
        self.write(|t| sqlite_feed::announce_hold(t, outcome))
    }

    fn keep_told_hold(&self, agent: AgentNumber, id: HoldId) -> Result<Option<u64>, StateError> {
        self.write(|t| sqlite_feed::keep_told_hold(t, agent, id))
    }

    fn announce_lifted(&self, id: HoldId) -> Result<Vec<(AgentNumber, u64)>, StateError> {
        self.write(|t| sqlite_feed::announce_lifted(t, id))
    }

    fn holds_told(&self) -> Result<Vec<HoldId>, StateError> {
        sqlite_feed::holds_told(&self.read())
    }

    fn feed(&self, agent: AgentNumber, after: u64, limit: usize) -> Result<(Vec<FeedRow>, u64), StateError> {
        // One transaction, so that head and items are of the same instant.
        let mut connection = self.read();
        let transaction = connection.transaction()?;
        sqlite_feed::read(&transaction, agent, after, limit)
    }

    fn acknowledge(&self, agent: AgentNumber, up_to: u64) -> Result<(), StateError> {
        let further = "SELECT 1 FROM agents WHERE number = ?1 AND feed_done < ?2 AND ?2 <= feed_head";
        if !self.read().prepare_cached(further)?.exists(params![agent, signed(up_to)])? {
            return Ok(());
        }
        self.write(|t| {
            let sql = "UPDATE agents SET feed_done = max(feed_done, ?2) WHERE number = ?1";
            t.execute(sql, params![agent, signed(up_to)])?;
            let sql = "UPDATE feed SET personal = NULL
                       WHERE agent = ?1 AND sequence <= ?2 AND personal IS NOT NULL";
            t.execute(sql, params![agent, signed(up_to)])?;
            Ok(())
        })
    }

    fn verify(&self) -> Result<Vec<String>, StateError> {
        let connection = self.read();
        let mut statement = connection.prepare("PRAGMA integrity_check")?;
        let lines = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let mut faults: Vec<String> = lines.into_iter().filter(|line| line != "ok").collect();
        faults.extend(sqlite_feed::gaps(&connection)?);
        Ok(faults)
    }
}

/// What is kept of a ledger: by this number, else the latest by any other.
fn known_anchor(
    connection: &Connection,
    agent: AgentNumber,
    ledger: [u8; 16],
) -> Result<Option<Anchor>, StateError> {
    let sql = "SELECT sequence, hash FROM anchors WHERE ledger = ?2
        ORDER BY agent = ?1 DESC, sequence DESC LIMIT 1";
    let anchor = |row: &Row<'_>| {
        let sequence = row.get::<_, i64>(0)?.unsigned_abs();
        Ok(Anchor { ledger, sequence, hash: fixed(row, 1)? })
    };
    Ok(connection.prepare_cached(sql)?.query_row(params![agent, ledger], anchor).optional()?)
}

pub(crate) fn put_contact(t: &Transaction<'_>, agent: AgentNumber, subject: &Tag) -> Result<(), StateError> {
    let sql = "INSERT OR IGNORE INTO contacts (subject, agent) VALUES (?1, ?2)";
    t.prepare_cached(sql)?.execute(params![subject, agent])?;
    Ok(())
}
