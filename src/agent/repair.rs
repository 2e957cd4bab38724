//! Damaged pictures, fetched back from the repository that this window brought them to.

use yidang_archive::storage::BlobName;
use yidang_archive::{Archive, ArchiveError, RepairLine};

use crate::sync::{SyncError, Upstream};

/// Has these blobs repaired, as far as the repository has them; what is whole or not needed any more is passed over.
/// Blocks on the network, for each blob for a bounded time.
pub(crate) fn repair(
    archive: &Archive,
    sync: Option<&dyn Upstream>,
    names: &[BlobName],
) -> Result<RepairLine, ArchiveError> {
    let mut line = RepairLine::default();
    for name in names {
        archive.set_aside(*name)?;
        let Some(digest) = archive.digest_of(*name)? else { continue };
        let fetched = match sync {
            Some(sync) => sync.own_blob(&digest),
            None => Err(SyncError::NotEnrolled),
        };
        match fetched {
            Ok(bytes) => line.repaired += u64::from(archive.repair(*name, bytes)?),
            Err(error) => {
                line.left += 1;
                let alone = sync.is_none();
                line.code = Some(if alone { "no_repository".to_owned() } else { error.code() });
            }
        }
    }
    Ok(line)
}
