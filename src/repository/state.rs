//! What the repository knows beside the archive: its agents, what each uploaded and committed, whom it asked
//! about, and what it still has to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use yidang_model::{CaptureId, ErasureId, HoldId, MaterialId, Timestamp};

/// A keyed hash of a digest, a subject or a commit's body.
pub(crate) type Tag = [u8; 32];

/// An agent's number in the state; [`AgentRecord::name`] is what the outside sees.
pub(crate) type AgentNumber = i64;

/// What is wrong with the state's storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFault {
    /// No room left.
    DiskFull,
    /// Another process held it for too long.
    Busy,
    /// It may not be read or written.
    AccessDenied,
    /// It does not hold together.
    Damaged,
    /// A newer version of this program wrote it.
    NewerVersion,
    /// Anything else.
    Io,
}

/// A fault and what the database said; never personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("repository.db: {detail}")]
pub struct StateError {
    /// What is wrong.
    pub fault: StateFault,
    /// What the database said.
    pub detail: String,
}

impl StateError {
    pub(crate) fn new(fault: StateFault, detail: impl Into<String>) -> Self {
        Self { fault, detail: detail.into() }
    }
}

/// An agent to be.
#[derive(Clone)]
pub(crate) struct NewAgent {
    /// Random; what the outside sees.
    pub(crate) name: String,
    /// Random; new at each enrolment.
    pub(crate) epoch: String,
    /// Fingerprint of its key.
    pub(crate) key: [u8; 32],
    /// Window it stands at.
    pub(crate) counter: String,
}

/// An enrolled agent.
#[derive(Clone)]
pub(crate) struct AgentRecord {
    pub(crate) number: AgentNumber,
    pub(crate) name: String,
    pub(crate) epoch: String,
    pub(crate) key: [u8; 32],
}

impl fmt::Debug for AgentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentRecord({})", self.name)
    }
}

/// An enrolment, for whoever wants to know which window an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WindowRecord {
    /// The agent's name.
    pub(crate) agent: String,
    /// The counter it was enrolled for.
    pub(crate) counter: String,
    pub(crate) enrolled_at: Timestamp,
    /// When it last told of a new end of its ledger.
    pub(crate) last_heard_at: Option<Timestamp>,
    /// The latest agent whose code was made for the same counter, where there is a later one.
    pub(crate) replaced_by: Option<String>,
}

/// What became of an enrolment.
#[derive(Debug)]
pub(crate) enum Enrolment {
    /// The code is spent now, and the agent is there.
    Done(AgentRecord),
    /// No such code, used or expired.
    CodeSpent,
    /// The code was made for another counter; it stays good.
    OtherCounter,
}

/// An agent's upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    /// The staged set it was taken in as.
    pub(crate) staged: CaptureId,
    /// A material of this agent it has become part of.
    pub(crate) material: Option<MaterialId>,
    /// When the staged set may be swept.
    pub(crate) expires_at: Timestamp,
}

/// A commit that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// Keyed hash of its body.
    pub(crate) body: Tag,
    /// The answer: identifiers and result codes only.
    pub(crate) answer: Vec<u8>,
}

/// A material an agent committed, and the one on file for it: another one when the same paper was filed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) material: MaterialId,
    pub(crate) stored: MaterialId,
}

/// What a commit leaves in the state, written in one go.
#[derive(Debug)]
pub(crate) struct CommitRecord<'a> {
    pub(crate) agent: &'a AgentRecord,
    /// Sequence and answer; `None` while it is not through.
    pub(crate) answered: Option<(u64, Answered)>,
    pub(crate) committed: Vec<Committed>,
    /// Tags of the people filed for.
    pub(crate) contacts: BTreeSet<Tag>,
    /// Uploads that became part of a material.
    pub(crate) used: Vec<(Tag, MaterialId)>,
}

/// The last entry of an agent's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// Random name of its store.
    pub(crate) ledger: [u8; 16],
    pub(crate) sequence: u64,
    pub(crate) hash: [u8; 32],
}

/// An erasure that has been taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedErasure {
    pub(crate) id: ErasureId,
    /// Who asked.
    pub(crate) agent: AgentNumber,
    /// The sealed request; `None` once it is done.
    pub(crate) request: Option<Vec<u8>>,
}

/// What an erasure did in the archive, to be told to the agents it concerns.
#[derive(Debug)]
pub(crate) struct ErasureOutcome<'a> {
    pub(crate) id: ErasureId,
    /// Who asked, as far as that is known; always told.
    pub(crate) requester: Option<AgentNumber>,
    /// What went.
    pub(crate) materials: &'a [MaterialId],
    /// Tag of the forgotten person.
    pub(crate) holder: Option<Tag>,
    /// Tags of the people whose dossier showed what went, for a material.
    pub(crate) shown_for: &'a [Tag],
    /// The sealed personal part of the news.
    pub(crate) personal: Vec<u8>,
}

/// What a refiling did in the archive, to be told to the agents it concerns.
#[derive(Debug)]
pub(crate) struct RefilingOutcome<'a> {
    /// The material on file.
    pub(crate) stored: MaterialId,
    /// Who put it right; always told.
    pub(crate) requester: AgentNumber,
    /// Tags of the people whose it was: their dossiers showed it.
    pub(crate) shown_for: &'a [Tag],
    /// Tags of the people whose it is.
    pub(crate) holders: &'a [Tag],
    /// Where it belongs, sealed; told to those who filed it alone.
    pub(crate) personal: Vec<u8>,
}

/// A material whose untouched originals are being disposed of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedOriginals {
    /// The material on file.
    pub(crate) stored: MaterialId,
    /// Who asked.
    pub(crate) agent: AgentNumber,
    /// The name it has for whoever asked.
    pub(crate) named: MaterialId,
    /// What kind of paper it was then: the term is its kind's. `None` in a state of an older version.
    pub(crate) kind: Option<String>,
}

/// What a disposal of originals did in the archive, to be told to the agents it concerns.
#[derive(Debug)]
pub(crate) struct OriginalsOutcome {
    pub(crate) planned: PlannedOriginals,
    /// Digests of what went, each with the materials on file that still need it: an upload of it is part of those now.
    pub(crate) gone: Vec<(Tag, Vec<MaterialId>)>,
    /// The kind it was decided for, sealed.
    pub(crate) personal: Vec<u8>,
}

/// A hold, to be told to the agents it concerns.
#[derive(Debug)]
pub(crate) struct HoldOutcome {
    pub(crate) id: HoldId,
    /// The material on file.
    pub(crate) material: Option<MaterialId>,
    /// Tag of the person whose papers are held.
    pub(crate) holder: Option<Tag>,
    /// What the agents keep of it, sealed.
    pub(crate) personal: Vec<u8>,
}

/// What an item of a feed is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FeedWhat {
    Erased(ErasureId),
    Refiled,
    OriginalsDisposed,
    Held(HoldId),
    HoldLifted(HoldId),
}

/// An item of an agent's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeedRow {
    pub(crate) sequence: u64,
    pub(crate) previous: u64,
    pub(crate) what: FeedWhat,
    pub(crate) materials: Vec<MaterialId>,
    /// Sealed; `None` once the agent has carried it out.
    pub(crate) personal: Option<Vec<u8>>,
}

/// The repository's state. Calls block; every write is one transaction and durable when its call returns.
pub(crate) trait State: Send + Sync {
    /// The tag that tells the repository's key from others; kept at the first call, given back ever after.
    fn key_check(&self, fresh: Tag) -> Result<Tag, StateError>;

    /// Whether nothing was ever kept under the repository's key.
    fn is_keyless(&self) -> Result<bool, StateError>;

    /// Keeps a code's fingerprint.
    fn put_code(
        &self,
        code: [u8; 32],
        counter: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<(), StateError>;

    /// Spends the code and adds the agent, both or neither. Its feed begins with what the window's earlier numbers were
    /// told and have not said to be carried out.
    fn enrol(&self, code: [u8; 32], agent: &NewAgent, now: Timestamp) -> Result<Enrolment, StateError>;

    /// Every agent.
    fn agents(&self) -> Result<Vec<AgentRecord>, StateError>;

    /// Every enrolment, the earliest first.
    fn windows(&self) -> Result<Vec<WindowRecord>, StateError>;

    /// What is known of this agent's uploads, in the order asked.
    fn uploads(&self, agent: AgentNumber, digests: &[Tag]) -> Result<Vec<Option<Upload>>, StateError>;

    /// Adds or replaces an upload.
    fn put_upload(&self, agent: AgentNumber, digest: Tag, upload: &Upload) -> Result<(), StateError>;

    /// Forgets uploads that turned out not to be there.
    fn forget_uploads(&self, agent: AgentNumber, digests: &[Tag]) -> Result<(), StateError>;

    /// Forgets codes and unfiled uploads whose time has passed.
    fn expire(&self, now: Timestamp) -> Result<(), StateError>;

    /// What a commit was answered.
    fn answered(&self, agent: &AgentRecord, sequence: u64) -> Result<Option<Answered>, StateError>;

    /// Number of the last commit that was answered; 0: none was.
    fn last_sequence(&self, agent: &AgentRecord) -> Result<u64, StateError>;

    /// The material on file for one that any agent committed.
    fn stored_for(&self, material: MaterialId) -> Result<Option<MaterialId>, StateError>;

    /// Writes down a commit, or what of it has been done so far. Only the newest answers are kept; older ones count as never given.
    fn put_commit(&self, commit: &CommitRecord<'_>) -> Result<(), StateError>;

    /// Remembers that an agent opened this person's dossier, and when it last did. What is known to be later,
    /// or hardly earlier, stays as it is.
    fn put_opened(&self, agent: AgentNumber, subject: Tag, at: Timestamp) -> Result<(), StateError>;

    /// Everyone who filed for this person or opened their dossier, and when each last did the latter.
    fn contacts(&self, subject: Tag) -> Result<Vec<(AgentNumber, Option<Timestamp>)>, StateError>;

    /// Everyone who committed this material, under whatever name.
    fn committers(&self, material: MaterialId) -> Result<Vec<AgentNumber>, StateError>;

    /// Every name under which the material on file was committed.
    fn names_of(&self, stored: MaterialId) -> Result<Vec<MaterialId>, StateError>;

    /// This agent, and the earlier ones at its counter if its code was made for that counter: what they filed and asked
    /// for is this window's own.
    fn numbers_of_window(&self, agent: AgentNumber) -> Result<BTreeSet<AgentNumber>, StateError>;

    /// An erasure that was taken on.
    fn erasure(&self, id: ErasureId) -> Result<Option<PlannedErasure>, StateError>;

    /// Takes an erasure on. One that is there already stays as it is and is given back.
    fn plan_erasure(&self, erasure: &PlannedErasure) -> Result<PlannedErasure, StateError>;

    /// Takes an erasure on that may have been done before: the archive does not know of it any more.
    fn plan_erasure_again(&self, erasure: &PlannedErasure) -> Result<(), StateError>;

    /// Keeps a decision that this state had lost, with every name of what it is about, until the state itself goes.
    fn keep_decision(
        &self,
        agent: AgentNumber,
        id: ErasureId,
        decision: &[u8],
        names: &[MaterialId],
    ) -> Result<(), StateError>;

    /// Decisions so kept, each with who told of it.
    fn decisions(&self) -> Result<Vec<(AgentNumber, Vec<u8>)>, StateError>;

    /// The one so kept that names this material.
    fn decision_about(&self, material: MaterialId) -> Result<Option<(ErasureId, Vec<u8>)>, StateError>;

    /// Puts an erasure on the feed of everyone concerned who has not been told of it, and forgets nothing yet.
    fn announce_erasure(&self, outcome: &ErasureOutcome<'_>) -> Result<Vec<(AgentNumber, u64)>, StateError>;

    /// Forgets what the state had about what an erasure took, of which everyone has been told.
    fn forget_erased(&self, outcome: &ErasureOutcome<'_>) -> Result<(), StateError>;

    /// Puts an erasure on the feed of one agent that has not been told of it; the new head.
    fn tell_erased(
        &self,
        agent: AgentNumber,
        id: ErasureId,
        materials: &[MaterialId],
        personal: &[u8],
    ) -> Result<Option<u64>, StateError>;

    /// Whether an erasure on this agent's feed names that material.
    fn was_told_erased(&self, agent: AgentNumber, material: MaterialId) -> Result<bool, StateError>;

    /// Erasures that are not done.
    fn unfinished_erasures(&self) -> Result<Vec<PlannedErasure>, StateError>;

    /// Puts an erasure on the feed of everyone concerned and forgets what the state had about it. The feeds
    /// it went onto, each with its new head.
    fn finish_erasure(&self, outcome: &ErasureOutcome<'_>) -> Result<Vec<(AgentNumber, u64)>, StateError>;

    /// Puts a refiling on the feed of everyone concerned, and remembers that those who filed it filed for the
    /// people whose it is now. The feeds it went onto, each with its new head.
    fn finish_refiling(&self, outcome: &RefilingOutcome<'_>) -> Result<Vec<(AgentNumber, u64)>, StateError>;

    /// Takes disposals of originals on, those that are not there already.
    fn plan_originals(&self, planned: &[PlannedOriginals]) -> Result<(), StateError>;

    /// Disposals of originals that are not done.
    fn unfinished_originals(&self) -> Result<Vec<PlannedOriginals>, StateError>;

    /// Forgets disposals of originals that these agents asked for and that are not carried out.
    fn unplan_originals(&self, planned: &[(MaterialId, AgentNumber)]) -> Result<(), StateError>;

    /// Puts disposals of originals on the feed of whoever asked and of everyone who committed the material, and forgets
    /// that uploads of what went are part of it. The feeds they went onto, each with its new head.
    fn finish_originals(
        &self,
        outcomes: &[OriginalsOutcome],
    ) -> Result<BTreeMap<AgentNumber, u64>, StateError>;

    /// Tells this agent alone that the originals of the material on file are disposed of; with it, sealed, what kind of paper
    /// it filed. The feed's new head.
    fn tell_originals(
        &self,
        agent: AgentNumber,
        stored: MaterialId,
        personal: &[u8],
    ) -> Result<u64, StateError>;

    /// Puts a hold on the feed of everyone who committed the material, or filed for or looked at the person, and
    /// has not been told of it. The feeds it went onto, each with its new head.
    fn announce_hold(&self, outcome: &HoldOutcome) -> Result<Vec<(AgentNumber, u64)>, StateError>;

    /// Keeps that an agent was told of a hold which this state does not know; the feed's new head, `None` where it does.
    fn keep_told_hold(&self, agent: AgentNumber, id: HoldId) -> Result<Option<u64>, StateError>;

    /// Tells everyone who was told of a hold that it is lifted, once.
    fn announce_lifted(&self, id: HoldId) -> Result<Vec<(AgentNumber, u64)>, StateError>;

    /// Holds that agents were told of, and not that they are lifted.
    fn holds_told(&self) -> Result<Vec<HoldId>, StateError>;

    /// At most `limit` items after that sequence, and the feed's head.
    fn feed(&self, agent: AgentNumber, after: u64, limit: usize) -> Result<(Vec<FeedRow>, u64), StateError>;

    /// The agent has carried out everything up to that sequence: the personal parts go, and no later number of its window
    /// is told of it. One beyond the feed's head is of another state's feed and changes nothing.
    fn acknowledge(&self, agent: AgentNumber, up_to: u64) -> Result<(), StateError>;

    /// Keeps the last entry of an agent's ledger. `false`, and nothing is kept, where a later one is known already,
    /// or another one of that sequence.
    fn put_anchor(&self, agent: AgentNumber, anchor: &Anchor, now: Timestamp) -> Result<bool, StateError>;

    /// The latest entry kept of this ledger: by this agent, else by whichever number its window had before.
    fn anchor(&self, agent: AgentNumber, ledger: [u8; 16]) -> Result<Option<Anchor>, StateError>;

    /// Keeps when the holds were last confirmed.
    fn put_holds_confirmed(&self, at: Timestamp) -> Result<(), StateError>;

    /// When they were; `None` if they never were.
    fn holds_confirmed_at(&self) -> Result<Option<Timestamp>, StateError>;

    /// What this state was last marked with; `None`: it never was.
    fn mark(&self) -> Result<Option<String>, StateError>;

    /// Marks it.
    fn put_mark(&self, mark: &str) -> Result<(), StateError>;

    /// Keeps up to which entry of the ledger every tombstone is known here.
    fn put_tombstones_known_to(&self, sequence: u64) -> Result<(), StateError>;

    /// Up to which they are; 0 in a state of an earlier version.
    fn tombstones_known_to(&self) -> Result<u64, StateError>;

    /// What does not hold together, one line each.
    fn verify(&self) -> Result<Vec<String>, StateError>;
}
