//! The change feed: the ledger, opened as far as its keys are there.

use yidang_model::{ErasureId, HoldId, Kind, Material, MaterialId, Timestamp};

use crate::asked_originals::asked_about;
use crate::entry::{OpenEntry, open_beneath};
use crate::erase::target_of;
use crate::originals::without_originals;
use crate::record::{ErasurePersonal, FiledPersonal};
use crate::storage::{Entry, Verb};
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError, ErasureTarget};

/// Most changes in one answer; a higher limit is cut to it.
pub const CHANGES_MAX: usize = 1000;

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeWhat {
    /// A material was filed. It is as it stands now, where it was put right since. Boxed, being far larger than
    /// the rest.
    Filed(Box<Material>),
    /// A material was put right here. It is as it stands now; boxed too.
    Refiled {
        /// The material.
        material: Box<Material>,
        /// Why.
        reason: String,
        /// Who put it right.
        by: Actor,
    },
    /// An erasure was asked for.
    ErasureRequested {
        /// The erasure.
        id: ErasureId,
        /// What is to be forgotten.
        target: ErasureTarget,
        /// Why; `None` where that is forgotten already.
        reason: Option<String>,
        /// Who asked.
        by: Actor,
    },
    /// The repository is asked to have a paper's untouched originals disposed of; only as long as that is still to be asked.
    OriginalsRequested {
        /// The paper.
        id: MaterialId,
        /// What it was when that was asked: the rule is its kind's.
        kind: Kind,
        /// Who asked.
        by: Actor,
    },
    /// A hold of the repository's was placed here; only as long as it stands.
    Held {
        /// The hold.
        id: HoldId,
    },
    /// Materials were erased.
    Erased {
        /// The erasure.
        id: ErasureId,
        /// What went.
        materials: Vec<MaterialId>,
    },
    /// It was about something that has been forgotten since: its keys are gone, or a tombstone stands; or it is a request
    /// that is at an end.
    Unreadable,
    /// Anything else.
    Other,
}

/// One entry of the change feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its place: 1, 2, 3 … without gaps.
    pub sequence: u64,
    /// When, by this machine's clock.
    pub at: Timestamp,
    /// What happened.
    pub what: ChangeWhat,
}

impl Archive {
    /// At most `limit` changes after that sequence, in order.
    pub fn changes(&self, after: u64, limit: usize) -> Result<Vec<Change>, ArchiveError> {
        let stores = &self.shared.stores;
        let entries = stores.ledger.after(after, limit.min(CHANGES_MAX))?;
        let asks = |entry: &&Entry| matches!(entry.content.verb, Verb::OriginalsRequested | Verb::Held);
        if let Some(last) = entries.iter().rfind(asks)
            && stores.index.applied()? < last.sequence
        {
            // Whether a request or a hold stands shows in the index, which is written right after the entry.
            self.wait_for_writer()?;
        }
        entries.iter().map(|entry| change_of(stores, entry)).collect()
    }
}

fn change_of(stores: &Stores, entry: &Entry) -> Result<Change, ArchiveError> {
    let what = match entry.content.verb {
        Verb::Filed => filed(stores, &open_beneath(&stores.veil, &stores.keys, entry)?)?,
        Verb::Refiled => refiled(stores, &open_beneath(&stores.veil, &stores.keys, entry)?)?,
        Verb::ErasureRequested => {
            let opened = open_beneath(&stores.veil, &stores.keys, entry)?;
            match (opened.refs.erasure, target_of(&opened)) {
                (Some(id), Some(target)) => {
                    let reason = opened.personal::<ErasurePersonal>()?.map(|personal| personal.reason);
                    ChangeWhat::ErasureRequested { id: id.0, target, reason, by: opened.office.by() }
                }
                _ => ChangeWhat::Unreadable,
            }
        }
        Verb::OriginalsRequested => {
            let opened = open_beneath(&stores.veil, &stores.keys, entry)?;
            let requested = |(id, kind)| ChangeWhat::OriginalsRequested { id, kind, by: opened.office.by() };
            asked_about(stores, &opened)?.map_or(ChangeWhat::Unreadable, requested)
        }
        Verb::Held => {
            let refs = crate::entry::refs_of(entry)?;
            match refs.hold.filter(|_| refs.elsewhere) {
                Some(id) if stores.index.hold(id.0)?.is_some() => ChangeWhat::Held { id: id.0 },
                _ => ChangeWhat::Other,
            }
        }
        Verb::Erased => {
            let refs = crate::entry::refs_of(entry)?;
            let id = refs.erasure.ok_or_else(|| crate::entry::damaged_entry(entry.sequence))?.0;
            ChangeWhat::Erased { id, materials: refs.materials.iter().map(|m| m.0).collect() }
        }
        _ => ChangeWhat::Other,
    };
    Ok(Change { sequence: entry.sequence, at: entry.content.at, what })
}

fn filed(stores: &Stores, opened: &OpenEntry) -> Result<ChangeWhat, ArchiveError> {
    Ok(match standing(stores, opened)? {
        Some(material) => ChangeWhat::Filed(material),
        None => ChangeWhat::Unreadable,
    })
}

fn refiled(stores: &Stores, opened: &OpenEntry) -> Result<ChangeWhat, ArchiveError> {
    if opened.refs.elsewhere {
        return Ok(ChangeWhat::Other);
    }
    let personal = opened.personal::<FiledPersonal>()?;
    Ok(match (standing(stores, opened)?, personal) {
        (Some(material), Some(personal)) => {
            let reason = personal.reason.unwrap_or_default();
            ChangeWhat::Refiled { material, reason, by: opened.office.by() }
        }
        _ => ChangeWhat::Unreadable,
    })
}

/// The material of a `filed` or `refiled` entry as it stands now: whoever reads of it later must not learn whom
/// it was filed to by mistake.
fn standing(stores: &Stores, opened: &OpenEntry) -> Result<Option<Box<Material>>, ArchiveError> {
    let id = opened.refs.material.ok_or_else(|| crate::entry::damaged_entry(opened.sequence))?.0;
    // Its holders may still have their keys, but what was erased must not be sent anywhere.
    if stores.is_erased(id)? {
        return Ok(None);
    }
    match stores.index.material(id)? {
        // Put right since, or its predecessor was erased, or its originals were disposed of.
        Some(row) if row.sequence > opened.sequence || row.supersedes.is_some() || row.originals_disposed => {
            let now = stores.lag.surely(stores.filed_as_recorded(&row)?)?;
            Ok(now.map(|(mut stored, _)| {
                if stored.originals_disposed {
                    without_originals(&mut stored.material);
                }
                Box::new(stored.material)
            }))
        }
        row if row.as_ref().is_some_and(|row| stores.veil.covers_row(row)) => stores.lag.surely(None),
        _ => Ok(opened.filed()?.map(|(material, _)| Box::new(material))),
    }
}
