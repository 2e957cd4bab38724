//! The blobs of a folder that is not ours to change.

use std::path::Path;

use super::BlobFiles;
use super::segments::ForeignSegments;
use crate::storage::{BlobName, BlobStat, BlobStore, Part, StorageError, StorageFault};

/// Blobs of either layout that are only read. Every write is refused, and nothing is made where there is nothing.
pub(crate) struct ForeignBlobs {
    segments: ForeignSegments,
    files: BlobFiles,
}

impl ForeignBlobs {
    /// Reads through the segments; where their blobs lie is written down in `work`, an empty folder.
    pub(crate) fn open(data_dir: &Path, work: &Path) -> Result<Self, StorageError> {
        let segments = ForeignSegments::open(data_dir, work)?;
        Ok(Self { segments, files: BlobFiles::in_folder(data_dir) })
    }
}

fn refused<T>() -> Result<T, StorageError> {
    Err(StorageError::new(Part::Blobs, StorageFault::ReadOnly, "the folder is only read"))
}

impl BlobStore for ForeignBlobs {
    fn put_many(&self, blobs: &[(BlobName, Vec<u8>)]) -> Result<(), StorageError> {
        if blobs.is_empty() { Ok(()) } else { refused() }
    }

    fn get(&self, name: BlobName) -> Result<Option<Vec<u8>>, StorageError> {
        match self.segments.get(name)? {
            None => self.files.get(name),
            found => Ok(found),
        }
    }

    fn stat(&self, name: BlobName) -> Result<Option<BlobStat>, StorageError> {
        match self.segments.stat(name)? {
            None => self.files.stat(name),
            found => Ok(found),
        }
    }

    fn delete_many(&self, names: &[BlobName]) -> Result<(), StorageError> {
        if names.is_empty() { Ok(()) } else { refused() }
    }

    fn visit(&self, visit: &mut dyn FnMut(BlobStat) -> bool) -> Result<(), StorageError> {
        if !self.segments.visit(visit)? {
            return Ok(());
        }
        let mut failure = None;
        self.files.visit(&mut |stat| match self.segments.stat(stat.name) {
            Ok(None) => visit(stat),
            // A crash came between the new blob and the end of the old one.
            Ok(Some(_)) => true,
            Err(error) => {
                failure = Some(error);
                false
            }
        })?;
        failure.map_or(Ok(()), Err)
    }

    fn clear_leftovers(&self) -> Result<u64, StorageError> {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::BlobSegments;

    fn content(folder: &Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
        let mut found = std::collections::BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(content(&path));
            } else {
                found.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
        found
    }

    #[test]
    fn both_layouts_are_read_and_nothing_is_written_there() {
        let folder = tempfile::tempdir().unwrap();
        let (data, work) = (folder.path().join("data"), folder.path().join("work"));
        std::fs::create_dir_all(&data).unwrap();
        std::fs::create_dir_all(&work).unwrap();
        let [before, twice, gone, since] = [1, 2, 3, 4].map(|byte| BlobName([byte; 32]));
        let files = BlobFiles::open(&data).unwrap();
        files.put_many(&[(before, vec![1; 100]), (twice, vec![2; 100])]).unwrap();
        let segments = BlobSegments::open(&data).unwrap();
        segments.put_many(&[(gone, vec![3; 100]), (since, vec![4; 100]), (twice, vec![5; 50])]).unwrap();
        segments.delete_many(&[gone]).unwrap();
        // As a crash would leave it: the old one is there still.
        files.put_many(&[(twice, vec![2; 100])]).unwrap();
        drop(segments);
        let there = content(&data);

        let foreign = ForeignBlobs::open(&data, &work).unwrap();
        let get = |name| foreign.get(name).unwrap();
        assert_eq!((get(before), get(since)), (Some(vec![1; 100]), Some(vec![4; 100])));
        assert_eq!((get(twice), get(gone)), (Some(vec![5; 50]), None));
        let mut visited = Vec::new();
        foreign
            .visit(&mut |stat| {
                visited.push((stat.name, stat.size_bytes));
                true
            })
            .unwrap();
        visited.sort();
        assert_eq!(visited, [(before, 100), (twice, 50), (since, 100)]);
        assert_eq!(foreign.put_many(&[(gone, vec![1])]).unwrap_err().fault, StorageFault::ReadOnly);
        assert_eq!(foreign.delete_many(&[since]).unwrap_err().fault, StorageFault::ReadOnly);
        assert_eq!(content(&data), there);
    }
}
