//! Writing down who looked at what.

use std::collections::HashSet;
use std::fmt;

use yidang_model::{MaterialId, Subject};

use crate::caller::{TEXT_CHARS_MAX, too_long};
use crate::entry::{Plain, seal_entry};
use crate::file::check_holders;
use crate::plan::{Answer, Draft, Plan, Planner, Request, Touch};
use crate::record::{LookPersonal, Office, Refs, Text};
use crate::storage::Verb;
use crate::stores::Stores;
use crate::{Actor, Archive, ArchiveError, Idempotency};

/// Most materials named in one look.
pub const LOOK_MATERIALS_MAX: usize = 1000;

/// What kind of look it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookVerb {
    /// A dossier or a picture was shown.
    Looked,
    /// A dossier was opened on another basis than the card.
    Opened,
    /// A dossier was taken out as a package.
    Exported,
}

/// A look at someone's dossier.
#[derive(Clone)]
pub struct Look {
    /// What kind.
    pub verb: LookVerb,
    /// Whose dossier; at least one.
    pub who: Vec<Subject>,
    /// What was shown.
    pub materials: Vec<MaterialId>,
    /// On what basis.
    pub basis: String,
    /// What for.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Who looked.
    pub by: Actor,
    /// How a repeated call is recognised.
    pub idempotency: Option<Idempotency>,
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Look");
        shown.field("verb", &self.verb).field("who", &self.who).field("materials", &self.materials);
        shown.finish_non_exhaustive()
    }
}

impl Archive {
    /// Writes a look down; its sequence, durable when it returns. Show nothing before.
    pub fn record(&self, look: Look) -> Result<u64, ArchiveError> {
        let prepared = PreparedLook::new(look, &self.shared.stores)?;
        match self.shared.writer.ask(Request::Look(Box::new(prepared)))? {
            Answer::Sequence(sequence) => Ok(sequence),
            _ => Err(ArchiveError::Defect),
        }
    }
}

/// A look that is within bounds.
pub(crate) struct PreparedLook {
    look: Look,
    idempotency_touch: Option<Touch>,
}

impl PreparedLook {
    fn new(look: Look, stores: &Stores) -> Result<Self, ArchiveError> {
        look.by.check()?;
        look.idempotency.as_ref().map_or(Ok(()), Idempotency::check)?;
        check_holders(&look.who)?;
        if look.materials.len() > LOOK_MATERIALS_MAX {
            return Err(ArchiveError::Invalid("a look names at most 1000 materials"));
        }
        let texts = [Some(&look.basis), look.purpose.as_ref(), look.case.as_ref()];
        if texts.into_iter().flatten().any(|t| too_long(t, TEXT_CHARS_MAX)) {
            return Err(ArchiveError::Invalid("basis, purpose or case is too long"));
        }
        let tags = look.idempotency.as_ref().map(|i| stores.keys.idempotency_tags(i));
        Ok(Self { look, idempotency_touch: tags.map(|t| Touch::Idempotency(t.0)) })
    }

    pub(crate) fn touches(&self) -> HashSet<Touch> {
        self.idempotency_touch.into_iter().collect()
    }

    pub(crate) fn plan(&self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let (stores, look) = (planner.stores, &self.look);
        let verb = match look.verb {
            LookVerb::Looked => Verb::Looked,
            LookVerb::Opened => Verb::Opened,
            LookVerb::Exported => Verb::Exported,
        };
        if let Some(entry) = stores.replayed(look.idempotency.as_ref(), &[verb])? {
            return Ok(Plan::Answer(Answer::Sequence(entry.sequence)));
        }
        let keys = planner.holder_keys(&look.who)?;
        let plain = Plain {
            verb,
            refs: Refs { materials: look.materials.iter().copied().map(Text).collect(), ..Refs::default() },
            office: Office {
                basis: Some(look.basis.clone()),
                count: look.materials.len() as u64,
                ..Office::of(&look.by)
            },
            personal: LookPersonal { purpose: look.purpose.clone(), case: look.case.clone() },
            slots: &keys.slots(&look.who),
            idempotency: look.idempotency.as_ref(),
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        let written = Draft::of(entry, None, Answer::Sequence(planner.sequence));
        Ok(Plan::Write(Box::new(Draft { keys: keys.records, holders: keys.new_holders, ..written })))
    }
}
