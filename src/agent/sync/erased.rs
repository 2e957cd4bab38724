//! What the repository has decided to forget, kept for the day when it is put back to before it did.

use rusqlite::{OptionalExtension as _, Row, params};
use yidang_model::{ErasureId, MaterialId, Timestamp};
use yidang_sync::wire::ErasedEntry;

use super::SyncError;
use super::store::SyncStore;

/// Bytes of a material's name.
const NAME_LENGTH: usize = 16;

impl SyncStore {
    /// Keeps a decision before it is carried out under this name. One that is kept already stays as it is: it may be on its way.
    pub(super) fn keep_erased(&self, here: ErasureId, decided: &ErasedEntry) -> Result<(), SyncError> {
        let ErasedEntry { id, materials, decided_at, proof } = decided;
        let names = materials.iter().map(|material| *material.as_bytes()).collect::<Vec<_>>().concat();
        self.lock().execute(
            "INSERT OR IGNORE INTO erased (here, id, materials, decided_at, proof) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![here.as_bytes(), id.as_bytes(), names, decided_at.as_millis(), proof],
        )?;
        Ok(())
    }

    /// The decision that was carried out under this name; `None` for what this window decided itself, or what an earlier version
    /// of this program carried out.
    pub(super) fn erased(&self, here: ErasureId) -> Result<Option<ErasedEntry>, SyncError> {
        let connection = self.lock();
        let sql = "SELECT id, materials, decided_at, proof FROM erased WHERE here = ?1";
        Ok(connection.prepare_cached(sql)?.query_row([here.as_bytes()], decided).optional()?)
    }
}

fn decided(row: &Row<'_>) -> Result<ErasedEntry, rusqlite::Error> {
    let names: Vec<u8> = row.get(1)?;
    let (names, _) = names.as_chunks::<NAME_LENGTH>();
    Ok(ErasedEntry {
        id: ErasureId::from_bytes(row.get(0)?),
        materials: names.iter().copied().map(MaterialId::from_bytes).collect(),
        decided_at: Timestamp::from_millis(row.get(2)?),
        proof: row.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_kept_as_it_came_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncStore::open(&folder.path().join("sync.db")).unwrap();
        let [here, id] = [1, 2].map(|n| ErasureId::from_bytes([n; 16]));
        let materials = [4, 3].map(|n| MaterialId::from_bytes([n; 16])).to_vec();
        let first = ErasedEntry { id, materials, decided_at: Timestamp::from_millis(5), proof: "ab".into() };
        assert_eq!(store.erased(here).unwrap(), None);
        store.keep_erased(here, &first).unwrap();
        store.keep_erased(here, &ErasedEntry { materials: Vec::new(), ..first.clone() }).unwrap();
        assert_eq!(store.erased(here).unwrap(), Some(first));
        assert_eq!(store.erased(id).unwrap(), None);
    }
}
