//! What one request writes, worked out before anything is written.

use std::collections::{HashMap, HashSet};

use yidang_model::{CaptureId, ErasureId, MaterialId, Subject};

use crate::asked_originals::AskedOriginals;
use crate::attend::PreparedAttendance;
use crate::audit::PreparedAudit;
use crate::disposal::Disposal;
use crate::entry::SlotKey;
use crate::erase::PlannedErasure;
use crate::file::PreparedFiling;
use crate::hold::{LiftHold, PlaceHold};
use crate::keys::{NamedKey, NewKey};
use crate::look::PreparedLook;
use crate::refile::PreparedRefiling;
use crate::stage::PreparedStage;
use crate::storage::{BlobName, IndexChange, KeyId, KeyPurpose, KeyRecord, NewEntry, Tag};
use crate::stores::Stores;
use crate::{Actor, ArchiveError, Erasure, Filed, Hold, Staged, Stored};

/// A write that can share a group with others.
pub(crate) enum Request {
    Stage(Box<PreparedStage>),
    Discard { id: CaptureId, by: Actor },
    File(Box<PreparedFiling>),
    Refile(Box<PreparedRefiling>),
    Look(Box<PreparedLook>),
    Audit(Box<PreparedAudit>),
    Attend(Box<PreparedAttendance>),
    Erasure(Box<PlannedErasure>),
    Refusal { id: ErasureId },
    Hold(Box<PlaceHold>),
    Lift(Box<LiftHold>),
    ConfirmHolds(Actor),
    DoubtHolds(Actor),
    Dispose(Box<Disposal>),
    AskOriginals(Box<AskedOriginals>),
    KeepOriginals { id: MaterialId },
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Staged(Box<Staged>),
    Discarded(bool),
    Filed(Box<Filed>),
    Refiled(Box<Stored>),
    Sequence(u64),
    Erasure(Box<Erasure>),
    /// The paper was put right since, so nothing was done about it.
    PutRight,
    Hold(Box<Hold>),
    Count(u64),
    Materials(Vec<MaterialId>),
}

/// Something two requests of one group must not both be about: the second is planned when the first is in
/// the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Touch {
    Idempotency(Tag),
    Staged(CaptureId),
    Material(MaterialId),
    Filing(Tag),
    Blob(BlobName),
    Erasure(ErasureId),
}

/// What a request comes to.
pub(crate) enum Plan {
    /// Nothing to write.
    Answer(Answer),
    /// One entry and what goes with it.
    Write(Box<Draft>),
}

/// One entry and what goes with it.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) blobs: Vec<(BlobName, Vec<u8>)>,
    pub(crate) keys: Vec<KeyRecord>,
    /// Those of `keys` that are new holders', for the requests behind this one.
    pub(crate) holders: Vec<(Tag, NamedKey)>,
    pub(crate) entry: NewEntry,
    pub(crate) change: Option<IndexChange>,
    /// Keys that are used up once all this is durable.
    pub(crate) forget: Vec<KeyId>,
    pub(crate) answer: Answer,
}

impl Draft {
    /// An entry and what it changes in the index, if anything; nothing beside it.
    pub(crate) fn of(entry: NewEntry, change: impl Into<Option<IndexChange>>, answer: Answer) -> Self {
        Self {
            blobs: Vec::new(),
            keys: Vec::new(),
            holders: Vec::new(),
            entry,
            change: change.into(),
            forget: Vec::new(),
            answer,
        }
    }
}

/// What a plan can see: the stores, and what the requests before it in the group will have written.
pub(crate) struct Planner<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) holders: &'a HashMap<Tag, NamedKey>,
    /// Holder keys of people who are half forgotten: nothing new may be sealed under them.
    pub(crate) doomed: &'a HashMap<KeyId, ArchiveError>,
    /// The sequence the entry will have.
    pub(crate) sequence: u64,
}

/// Holder keys for an entry's slots, and those of them that are new.
#[derive(Default)]
pub(crate) struct SlotKeys {
    pub(crate) keys: Vec<NamedKey>,
    pub(crate) records: Vec<KeyRecord>,
    pub(crate) new_holders: Vec<(Tag, NamedKey)>,
}

impl SlotKeys {
    /// Slots for these subjects, for whom the keys were got in this order.
    pub(crate) fn slots<'a>(&self, subjects: &'a [Subject]) -> Vec<SlotKey<'a>> {
        self.keys
            .iter()
            .zip(subjects)
            .map(|(key, subject)| SlotKey { key: key.clone(), subject: Some(subject) })
            .collect()
    }
}

impl Planner<'_> {
    /// The holders' keys; makes one for whoever has none.
    pub(crate) fn holder_keys(&self, subjects: &[Subject]) -> Result<SlotKeys, ArchiveError> {
        let mut found = SlotKeys::default();
        for subject in subjects {
            let tag = self.stores.keys.subject_tag(subject);
            if let Some(key) = self.known_holder(tag)? {
                found.keys.push(key);
                continue;
            }
            let NewKey { key, record } =
                self.stores.keys.make(KeyPurpose::Holder, Some(tag), self.stores.clock.now())?;
            found.records.push(record);
            found.new_holders.push((tag, key.clone()));
            found.keys.push(key);
        }
        Ok(found)
    }

    /// The key of a holder something is known of.
    pub(crate) fn known_holder(&self, tag: Tag) -> Result<Option<NamedKey>, ArchiveError> {
        if let Some(key) = self.holders.get(&tag) {
            return Ok(Some(key.clone()));
        }
        let Some(key) = self.stores.keys.holder(tag)? else { return Ok(None) };
        match self.doomed.get(&key.id) {
            Some(error) => Err(error.clone()),
            None => Ok(Some(key)),
        }
    }
}

impl Request {
    /// What it is about, as far as another request in the same group may be about it too.
    pub(crate) fn touches(&self) -> HashSet<Touch> {
        match self {
            Self::Stage(stage) => stage.touches(),
            Self::Discard { id, .. } => HashSet::from([Touch::Staged(*id)]),
            Self::File(filing) => filing.touches(),
            Self::Refile(refiling) => refiling.touches(),
            Self::Look(look) => look.touches(),
            Self::Audit(_)
            | Self::Attend(_)
            | Self::Hold(_)
            | Self::Lift(_)
            | Self::ConfirmHolds(_)
            | Self::DoubtHolds(_)
            | Self::Dispose(_) => HashSet::new(),
            Self::AskOriginals(asked) => HashSet::from([Touch::Material(asked.paper.id)]),
            Self::KeepOriginals { id } => HashSet::from([Touch::Material(*id)]),
            Self::Erasure(erasure) => erasure.touches(),
            Self::Refusal { id } => HashSet::from([Touch::Erasure(*id)]),
        }
    }

    /// Whether it depends on so much of the state that it is planned only when nothing is pending.
    pub(crate) fn wants_settled_state(&self) -> bool {
        matches!(
            self,
            Self::Refile(_)
                | Self::Erasure(_)
                | Self::Refusal { .. }
                | Self::Hold(_)
                | Self::Lift(_)
                | Self::ConfirmHolds(_)
                | Self::DoubtHolds(_)
        )
    }

    /// Works out what it writes.
    pub(crate) fn plan(&mut self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        match self {
            Self::Stage(stage) => stage.plan(planner),
            Self::Discard { id, by } => crate::stage::plan_discard(*id, by, planner),
            Self::File(filing) => filing.plan(planner),
            Self::Refile(refiling) => refiling.plan(planner),
            Self::Look(look) => look.plan(planner),
            Self::Audit(audit) => audit.plan(planner),
            Self::Attend(attendance) => attendance.plan(planner),
            Self::Erasure(erasure) => erasure.plan(planner),
            Self::Refusal { id } => crate::erase::plan_refusal(*id, planner),
            Self::Hold(hold) => crate::hold::plan_hold(hold, planner),
            Self::Lift(lift) => crate::hold::plan_lift(lift, planner),
            Self::ConfirmHolds(by) => crate::held::plan_confirmation(by, planner),
            Self::DoubtHolds(by) => crate::held::plan_doubting(by, planner),
            Self::Dispose(disposal) => crate::disposal::plan_disposal(disposal, planner),
            Self::AskOriginals(asked) => asked.plan(planner),
            Self::KeepOriginals { id } => crate::asked_originals::plan_keeping(*id, planner),
        }
    }

    /// Takes back the blobs a plan took out of it, so that it can be planned again.
    pub(crate) fn give_back(&mut self, blobs: Vec<(BlobName, Vec<u8>)>) {
        match self {
            Self::Stage(stage) => stage.give_back(blobs),
            Self::File(filing) => filing.give_back(blobs),
            _ => {}
        }
    }
}
