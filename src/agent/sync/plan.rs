//! What has been packed under which number, so that the network sends the same under it, or another number.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use yidang_sync::machine::Position;

use super::SyncError;
use super::store::{SyncStore, number, stored, write};

/// A commit that has left in a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) sequence: u64,
    /// First ledger entry it covers.
    pub(super) from: u64,
    /// Last ledger entry it covers.
    pub(super) to: u64,
    /// Of its body, as [`Enrolment::fingerprint`](super::enrolment::Enrolment::fingerprint) makes it.
    pub(super) fingerprint: [u8; 32],
}

impl SyncStore {
    /// What was packed and has not been answered, in order.
    pub(super) fn packed(&self) -> Result<Vec<Packed>, SyncError> {
        let connection = self.lock();
        let sql = "SELECT sequence, from_entry, to_entry, fingerprint FROM packed ORDER BY sequence";
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_map([], row)?.collect::<Result<_, _>>()?)
    }

    /// What was packed under this number.
    pub(super) fn packed_under(&self, sequence: u64) -> Result<Option<Packed>, SyncError> {
        let connection = self.lock();
        let sql = "SELECT sequence, from_entry, to_entry, fingerprint FROM packed WHERE sequence = ?1";
        Ok(connection.prepare_cached(sql)?.query_row([stored(sequence)], row).optional()?)
    }

    /// Keeps what is about to be packed, durably. `false`: the epoch has changed since, and nothing was kept.
    pub(super) fn pack(&self, epoch: &str, packed: Packed) -> Result<bool, SyncError> {
        let Packed { sequence, from, to, fingerprint } = packed;
        let sql = "INSERT OR REPLACE INTO packed (sequence, from_entry, to_entry, fingerprint)
                   SELECT ?2, ?3, ?4, ?5 FROM progress WHERE epoch = ?1";
        let row = params![epoch, stored(sequence), stored(from), stored(to), fingerprint];
        Ok(self.lock().prepare_cached(sql)?.execute(row)? > 0)
    }

    /// Gives up what was packed and what was on its way: what is left is sent under numbers that nothing had. What
    /// the repository has of it by then it recognises, entry by entry; what reaches it later under an earlier number
    /// it leaves alone. The position to go on from.
    pub(super) fn renumber(&self, epoch: &str) -> Result<Position, SyncError> {
        let mut connection = self.lock();
        let transaction = write(&mut connection)?;
        let current = "SELECT count(*) FROM progress WHERE epoch = ?1";
        if transaction.query_row(current, params![epoch], |row| row.get::<_, i64>(0))? > 0 {
            give_up_pending(&transaction)?;
        }
        transaction.commit()?;
        drop(connection);
        self.position()
    }
}

/// Forgets what was packed and what was on its way: the next batch gets a number that nothing had.
pub(super) fn give_up_pending(transaction: &Transaction<'_>) -> Result<(), SyncError> {
    let sql = "UPDATE progress SET tainted = 0, pending_from = NULL, pending_to = NULL, fingerprint = NULL,
                   sequence = MAX(sequence + (pending_to IS NOT NULL),
                                  COALESCE((SELECT MAX(sequence) FROM packed), 0) + 1)";
    transaction.execute(sql, [])?;
    transaction.execute("DELETE FROM packed", [])?;
    Ok(())
}

fn row(row: &Row<'_>) -> Result<Packed, rusqlite::Error> {
    let [sequence, from, to] = [row.get(0)?, row.get(1)?, row.get(2)?].map(number);
    Ok(Packed { sequence, from, to, fingerprint: row.get(3)? })
}
