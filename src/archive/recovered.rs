//! Writing down that the papers of a dead PC are brought home.

use crate::caller::{NAME_CHARS_MAX, too_long};
use crate::entry::{Plain, seal_entry};
use crate::plan::{Answer, Draft};
use crate::record::{NoPersonal, Office, Refs};
use crate::storage::Verb;
use crate::{Actor, Archive, ArchiveError, Idempotency};

/// A dead PC's archive whose papers are brought home.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The dead archive's [`Archive::store_id`].
    pub store_id: String,
    /// How many materials and captures it has that are nowhere else.
    pub count: u64,
    /// Who brings them.
    pub by: Actor,
    /// How a repeated call is recognised.
    pub idempotency: Idempotency,
}

impl Archive {
    /// Writes down that a recovery begins, durable when it returns; its sequence. The papers are filed one by one after
    /// that. The same recovery begun again is recognised.
    pub fn begin_recovery(&self, recovery: Recovery) -> Result<u64, ArchiveError> {
        recovery.by.check()?;
        recovery.idempotency.check()?;
        if too_long(&recovery.store_id, NAME_CHARS_MAX) {
            return Err(ArchiveError::Invalid("the name of a store is at most 128 characters long"));
        }
        let begun = self.shared.writer.ask_alone(move |scribe| {
            let stores = scribe.stores.clone();
            let idempotency = Some(&recovery.idempotency);
            if let Some(entry) = stores.replayed(idempotency, &[Verb::Recovered])? {
                return Ok(Answer::Sequence(entry.sequence));
            }
            let basis = Some(recovery.store_id);
            let plain = Plain {
                verb: Verb::Recovered,
                refs: Refs::default(),
                office: Office { basis, count: recovery.count, ..Office::of(&recovery.by) },
                personal: NoPersonal {},
                slots: &[],
                idempotency,
            };
            let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
            scribe.write_alone(|planner| Ok(Draft::of(entry, None, Answer::Sequence(planner.sequence))))?;
            Ok(Answer::Sequence(scribe.last_head))
        })?;
        match begun {
            Answer::Sequence(sequence) => Ok(sequence),
            _ => Err(ArchiveError::Defect),
        }
    }
}
