//! What is known of the ends of the repository's own ledger, see [`hearing`](super::hearing), and what receipts say that it
//! remembers of the ledger here.

use rusqlite::{Connection, OptionalExtension as _, params};
use yidang_sync::wire::{LedgerAnchor, RepositoryHead};

use super::SyncError;
use super::store::{SyncStore, number, stored, write};

impl SyncStore {
    /// What is known of the repository's own ledger: the last end of it that was there when it was asked, and the latest it told
    /// of since.
    pub(super) fn repository_heads(&self) -> Result<Vec<RepositoryHead>, SyncError> {
        let connection = self.lock();
        let sql =
            "SELECT ledger, sequence, hash, rebuilt, told_at FROM repository_head ORDER BY is_proven DESC";
        let mut statement = connection.prepare_cached(sql)?;
        let kept = statement.query_map([], |row| {
            Ok(RepositoryHead {
                ledger: row.get(0)?,
                sequence: number(row.get(1)?),
                hash: row.get(2)?,
                rebuilt: number(row.get(3)?),
                told_at: row.get(4)?,
            })
        })?;
        Ok(kept.collect::<Result<_, _>>()?)
    }

    /// Keeps the end that it has told of, beside the one that was proven.
    pub(super) fn keep_told_head(&self, head: &RepositoryHead) -> Result<(), SyncError> {
        Ok(keep_head(&self.lock(), head, false)?)
    }

    /// Keeps what the last receipt said to be remembered of a ledger.
    pub(super) fn keep_anchored(&self, anchor: &LedgerAnchor) -> Result<(), SyncError> {
        let LedgerAnchor { ledger, sequence, hash } = anchor;
        let sql = "INSERT OR REPLACE INTO anchored (ledger, sequence, hash) VALUES (?1, ?2, ?3)";
        self.lock().execute(sql, params![ledger, stored(*sequence), hash])?;
        Ok(())
    }

    /// That; `None` where no receipt has said so.
    pub(super) fn anchored(&self, ledger: &str) -> Result<Option<LedgerAnchor>, SyncError> {
        let connection = self.lock();
        let sql = "SELECT sequence, hash FROM anchored WHERE ledger = ?1";
        let found = connection.prepare_cached(sql)?.query_row([ledger], |row| {
            Ok(LedgerAnchor { ledger: ledger.to_owned(), sequence: number(row.get(0)?), hash: row.get(1)? })
        });
        Ok(found.optional()?)
    }

    /// Keeps this end in place of `known`, which it was found to have: what was told of since stays, and so does a later one
    /// that another call has proven.
    pub(super) fn keep_proven_head(
        &self,
        known: &[RepositoryHead],
        head: &RepositoryHead,
    ) -> Result<(), SyncError> {
        let mut connection = self.lock();
        let transaction = write(&mut connection)?;
        let sql = "SELECT 1 FROM repository_head WHERE is_proven = 1 AND ledger = ?1 AND sequence > ?2";
        if transaction.prepare_cached(sql)?.exists(params![head.ledger, stored(head.sequence)])? {
            return Ok(());
        }
        if let [_, told] | [told] = known {
            let sql = "DELETE FROM repository_head WHERE is_proven = 0 AND sequence = ?1 AND hash = ?2";
            transaction.execute(sql, params![stored(told.sequence), told.hash])?;
        }
        keep_head(&transaction, head, true)?;
        transaction.commit()?;
        Ok(())
    }
}

pub(super) fn keep_head(
    connection: &Connection,
    head: &RepositoryHead,
    is_proven: bool,
) -> Result<(), rusqlite::Error> {
    let RepositoryHead { ledger, sequence, hash, rebuilt, told_at } = head;
    connection.execute(
        "INSERT OR REPLACE INTO repository_head (is_proven, ledger, sequence, hash, rebuilt, told_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![is_proven, ledger, stored(*sequence), hash, stored(*rebuilt), told_at],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: u64) -> RepositoryHead {
        let ledger = "ab".repeat(16);
        RepositoryHead { ledger, sequence, hash: "cd".repeat(32), rebuilt: 0, told_at: 7 }
    }

    /// What a commit's answer says of a repository proves nothing of what that had before.
    #[test]
    fn an_end_that_was_told_takes_the_place_of_none_that_was_proven() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncStore::open(&folder.path().join("sync.db")).unwrap();
        assert_eq!(store.repository_heads().unwrap(), []);
        store.keep_proven_head(&[], &head(5)).unwrap();
        store.keep_told_head(&head(9)).unwrap();
        let known = store.repository_heads().unwrap();
        assert_eq!(known, [head(5), head(9)]);
        // Told of more while it was asked.
        store.keep_told_head(&head(11)).unwrap();
        store.keep_proven_head(&known, &head(10)).unwrap();
        assert_eq!(store.repository_heads().unwrap(), [head(10), head(11)]);
        store.keep_proven_head(&store.repository_heads().unwrap(), &head(12)).unwrap();
        assert_eq!(store.repository_heads().unwrap(), [head(12)]);
        store.keep_proven_head(&[head(10)], &head(11)).unwrap();
        assert_eq!(store.repository_heads().unwrap(), [head(12)], "an answer that comes late");
        store.keep_told_head(&head(13)).unwrap();
        store.start_over_with(&head(6)).unwrap();
        assert_eq!(store.repository_heads().unwrap(), [head(6)], "what was lost is known of no more");
    }
}
