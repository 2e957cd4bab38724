//! What the repository has decided to forget and to hold, kept for the day when it is put back to before it did.

use rusqlite::{OptionalExtension as _, Row, params};
use yidang_model::{ErasureId, HoldId, MaterialId, Timestamp};
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

    /// Keeps that this repository has placed that hold.
    pub(super) fn keep_held(&self, id: HoldId) -> Result<(), SyncError> {
        self.lock().execute("INSERT OR IGNORE INTO held (id) VALUES (?1)", [id.as_bytes()])?;
        Ok(())
    }

    /// Whether it was this repository that placed that hold, and not one from before the address changed.
    pub(super) fn was_held(&self, id: HoldId) -> Result<bool, SyncError> {
        let connection = self.lock();
        Ok(connection.prepare_cached("SELECT 1 FROM held WHERE id = ?1")?.exists([id.as_bytes()])?)
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

    #[test]
    fn another_repository_placed_none_of_the_holds_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncStore::open(&folder.path().join("sync.db")).unwrap();
        let [one, other] = [1, 2].map(|n| HoldId::from_bytes([n; 16]));
        store.adopt("http://r", "e1").unwrap();
        store.keep_held(one).unwrap();
        store.adopt("http://r", "e2").unwrap();
        assert!(store.was_held(one).unwrap() && !store.was_held(other).unwrap());
        store.adopt("http://other", "e3").unwrap();
        assert!(!store.was_held(one).unwrap());
    }
}
