//! Writing down who looked at what.

use std::fmt;

use yidang_model::{MaterialId, Subject};

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
    pub fn record(&self, _look: Look) -> Result<u64, ArchiveError> {
        Err(ArchiveError::Closed)
    }
}
