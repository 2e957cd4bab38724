//! Legal holds: placed and lifted in the archive, then told to every agent that has such papers.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use yidang_archive::{Actor, ArchiveError, HistoryPage, Hold, HoldTarget, HoldsState, LiftHold, PlaceHold};
use yidang_model::{HoldId, MaterialId, Subject};
use yidang_sync::wire::{WireHold, WireSubject};

use crate::config::Config;
use crate::control::ask_hold;
use crate::error::StartError;
use crate::problem::{Code, Problem};
use crate::repository::{Agent, Repository, must_have_state};
use crate::state::HoldOutcome;

pub(crate) const ORDER_CONTEXT: &[u8] = b"hold news";
/// Who the ledger says did it, beside the operator.
const CLIENT: &str = "yidang-repository hold";

/// Papers counted at once.
const PAPERS_AT_ONCE: usize = 100;

/// What an operator wants. No `Debug`: it names people.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum HoldWish {
    /// Place one: on a material, or on a person's papers.
    Place {
        holder: Option<WireSubject>,
        material: Option<String>,
        operator: String,
        reason: String,
        case: Option<String>,
    },
    /// Lift one.
    Lift { id: String, operator: String, reason: String },
    /// Say that those that stand are all there are.
    Confirm { operator: String },
    /// Name those that stand.
    List,
}

/// A hold as an operator sees it: not whose papers they are.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct HoldLine {
    pub(crate) id: String,
    pub(crate) placed_at: String,
    /// `person` or `material`.
    pub(crate) about: String,
    /// The held material, or those that were the held person's until they were put right.
    pub(crate) materials: Vec<String>,
    pub(crate) operator: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) reason: Option<String>,
    /// Of a hold that was placed just now: how many papers on file it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) covers: Option<u64>,
    /// Of such a one, whether the person's number has a wrong check digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) check_digit_wrong: Option<bool>,
}

/// What was done: the hold placed, or those that stand.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct HoldAnswer {
    pub(crate) holds: Vec<HoldLine>,
    /// Of a confirmation, whether there was anything to confirm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) was_doubted: bool,
    /// Of a list, whether a hold may be missing from it and nobody has confirmed yet that none is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) in_doubt: bool,
    /// Of a list or a confirmation, whether a rebuild is still to come, which asks for a confirmation anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) awaits_rebuild: bool,
    /// Of a list or a confirmation, holds that are in no list here, and that windows keep as this repository's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kept_by_windows: Vec<String>,
}

impl HoldAnswer {
    fn of(holds: Vec<HoldLine>) -> Self {
        Self { holds, ..Self::default() }
    }
}

/// Why a hold was not placed or lifted; crosses the control socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HoldRefusal {
    HoldUnknown,
    MaterialUnknown,
    MaterialErased,
    SubjectInvalid,
    /// What the archive or the state said.
    Failed(String),
}

impl From<ArchiveError> for HoldRefusal {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::HoldUnknown => Self::HoldUnknown,
            ArchiveError::MaterialUnknown => Self::MaterialUnknown,
            ArchiveError::MaterialErased => Self::MaterialErased,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<HoldRefusal> for StartError {
    fn from(refusal: HoldRefusal) -> Self {
        match refusal {
            HoldRefusal::HoldUnknown => Self::Archive(ArchiveError::HoldUnknown),
            HoldRefusal::MaterialUnknown => Self::Archive(ArchiveError::MaterialUnknown),
            HoldRefusal::MaterialErased => Self::Archive(ArchiveError::MaterialErased),
            HoldRefusal::SubjectInvalid => Self::SubjectInvalid,
            HoldRefusal::Failed(cause) => Self::System(cause),
        }
    }
}

/// Does it, here or in the repository that runs on the folder.
pub(crate) fn carry_out(config: &Config, wish: &HoldWish) -> Result<HoldAnswer, StartError> {
    must_have_state(&config.data_dir)?;
    match Repository::open(config) {
        Ok(repository) => Ok(repository.hold(wish)?),
        Err(StartError::Archive(ArchiveError::Storage(error)))
            if error.fault == yidang_archive::storage::StorageFault::InUse =>
        {
            let asked = ask_hold(&config.data_dir, wish).map_err(|e| StartError::Control(e.to_string()))?;
            Ok(asked?)
        }
        Err(error) => Err(error),
    }
}

impl Repository {
    /// Does what an operator wants. Durable when it returns; the agents concerned hear of it on their feeds.
    pub(crate) fn hold(&self, wish: &HoldWish) -> Result<HoldAnswer, HoldRefusal> {
        match wish {
            HoldWish::Place { holder, material, operator, reason, case } => {
                let placed = self.place(PlaceHold {
                    id: HoldId::from_bytes(crate::secrets::random()),
                    target: self.target(holder.as_ref(), material.as_deref())?,
                    reason: reason.clone(),
                    case: case.clone(),
                    by: actor(operator),
                    decided_elsewhere: false,
                })?;
                let (covers, check_digit_wrong) =
                    (self.covered(&placed.target)?, is_mistyped(&placed.target));
                let line = HoldLine { covers: Some(covers), check_digit_wrong, ..line(&placed) };
                Ok(HoldAnswer::of(vec![line]))
            }
            HoldWish::Lift { id, operator, reason } => {
                let id: HoldId = id.parse().map_err(|_| HoldRefusal::HoldUnknown)?;
                self.lift(LiftHold {
                    id,
                    reason: reason.clone(),
                    by: actor(operator),
                    decided_elsewhere: false,
                })?;
                self.finish_erasures().map_err(|error| HoldRefusal::Failed(error.to_string()))?;
                Ok(HoldAnswer::default())
            }
            HoldWish::Confirm { operator } => {
                // A window that tells of a hold meanwhile would doubt them anew.
                let writing = self.forgetting.write().unwrap_or_else(PoisonError::into_inner);
                let kept_by_windows = self.kept_by_windows()?;
                let was_doubted = self.archive.confirm_holds(&actor(operator))?;
                if was_doubted {
                    self.state
                        .put_holds_confirmed(self.now())
                        .map_err(|error| HoldRefusal::Failed(error.to_string()))?;
                    drop(writing);
                    let failed = |error: StartError| HoldRefusal::Failed(error.to_string());
                    self.finish_holds().map_err(failed)?;
                    self.finish_erasures().map_err(failed)?;
                    self.finish_originals().map_err(failed)?;
                    tracing::info!("the holds were confirmed");
                }
                let awaits_rebuild = self.archive.holds_state()?.awaits_rebuild;
                Ok(HoldAnswer { was_doubted, awaits_rebuild, kept_by_windows, ..HoldAnswer::default() })
            }
            HoldWish::List => {
                let holds = self.archive.holds()?.iter().map(line).collect();
                let HoldsState { in_doubt, awaits_rebuild } = self.archive.holds_state()?;
                let kept_by_windows = self.kept_by_windows()?;
                Ok(HoldAnswer { in_doubt, awaits_rebuild, kept_by_windows, ..HoldAnswer::of(holds) })
            }
        }
    }

    /// Holds that windows keep as this repository's, as far as they have said so, and that it does not know.
    fn kept_by_windows(&self) -> Result<Vec<String>, HoldRefusal> {
        let standing = self.archive.holds()?;
        let unreadable = self.archive.unreadable_holds()?;
        let mut kept = self.state.holds_told().map_err(|error| HoldRefusal::Failed(error.to_string()))?;
        kept.retain(|id| {
            !standing.iter().any(|hold| hold.id == *id) && !unreadable.iter().any(|(hold, _)| hold == id)
        });
        Ok(kept.iter().map(HoldId::to_string).collect())
    }

    /// The material on file, under whatever name it was committed, or the person.
    fn target(
        &self,
        holder: Option<&WireSubject>,
        material: Option<&str>,
    ) -> Result<HoldTarget, HoldRefusal> {
        if let Some(id) = material {
            let id: MaterialId = id.parse().map_err(|_| HoldRefusal::MaterialUnknown)?;
            let stored = self.state.stored_for(id).map_err(|e| HoldRefusal::Failed(e.to_string()))?;
            return Ok(HoldTarget::Material(stored.unwrap_or(id)));
        }
        let who = holder.and_then(|holder| Subject::try_from(holder).ok());
        who.map(HoldTarget::Holder).ok_or(HoldRefusal::SubjectInvalid)
    }

    /// How many papers on file a hold on this covers now.
    fn covered(&self, target: &HoldTarget) -> Result<u64, HoldRefusal> {
        let HoldTarget::Holder(who) = target else { return Ok(1) };
        let (mut covered, mut before) = (0, u64::MAX);
        loop {
            let page = self.archive.history(who, HistoryPage { before, limit: PAPERS_AT_ONCE })?;
            let Some(last) = page.last() else { return Ok(covered) };
            covered += page.len() as u64;
            before = last.sequence;
        }
    }

    fn place(&self, hold: PlaceHold) -> Result<Hold, HoldRefusal> {
        // What is being forgotten is forgotten first, and nothing is filed meanwhile that would miss it.
        let _writing = self.forgetting.write().unwrap_or_else(PoisonError::into_inner);
        let placed = self.archive.place_hold(hold)?;
        self.tell_of(&placed).map_err(HoldRefusal::Failed)?;
        tracing::info!(hold = %placed.id, "a hold was placed");
        Ok(placed)
    }

    fn lift(&self, lift: LiftHold) -> Result<(), HoldRefusal> {
        let _writing = self.forgetting.write().unwrap_or_else(PoisonError::into_inner);
        let id = lift.id;
        self.archive.lift_hold(lift)?;
        self.tell_lifted(id).map_err(HoldRefusal::Failed)?;
        tracing::info!(hold = %id, "a hold was lifted");
        Ok(())
    }

    /// Tells what a crash kept from being told. Called before the first request.
    pub(crate) fn finish_holds(&self) -> Result<(), StartError> {
        let standing = self.archive.holds()?;
        let told = self.state.holds_told()?;
        for hold in standing.iter().filter(|hold| !told.contains(&hold.id)) {
            self.tell_of(hold).map_err(StartError::System)?;
        }
        // One whose entry cannot be read stands all the same, and one that is not known any more was perhaps not lifted.
        let unreadable = self.archive.unreadable_holds()?;
        let stands = |id: &HoldId| {
            standing.iter().any(|hold| hold.id == *id) || unreadable.iter().any(|(hold, _)| hold == id)
        };
        let mut gone = told.iter().filter(|id| !stands(id)).peekable();
        if gone.peek().is_some() && !self.archive.tells_every_hold()? {
            tracing::error!("holds may be missing: windows keep theirs until the holds here are confirmed");
            return Ok(());
        }
        for id in gone {
            self.tell_lifted(*id).map_err(StartError::System)?;
        }
        Ok(())
    }

    /// A window keeps a hold that was placed here. One that this repository does not know any more, as it was put back to before it,
    /// is kept there until the holds are confirmed: then the window is told that it is lifted, like of any other that is gone.
    pub(crate) fn take_held(&self, agent: &Agent, id: HoldId) -> Result<(), Problem> {
        let unreadable = self.archive.unreadable_holds()?;
        if self.archive.hold(id)?.is_some() || unreadable.iter().any(|(hold, _)| *hold == id) {
            return Ok(());
        }
        let number = agent.record.number;
        if let Some(head) = self.state.keep_told_hold(number, id)? {
            tracing::warn!(agent = agent.record.name, hold = %id, "a window keeps a hold that this repository does not know");
            self.announce(number, head);
            let is_confirmed = self.state.holds_confirmed_at()?.is_some();
            match self.archive.tells_every_hold()? {
                true if is_confirmed => self.announce_all(self.state.announce_lifted(id)?),
                // Nobody has compared anything yet.
                true => {
                    self.archive.doubt_holds(&Actor { client: agent.record.name.clone(), operator: None })?
                }
                false => {}
            }
        }
        Ok(())
    }

    /// What the windows keep of a hold that stands; `None` where it does not, or cannot be read.
    pub(crate) fn order_of(&self, id: HoldId) -> Result<Option<WireHold>, ArchiveError> {
        Ok(self.archive.hold(id)?.as_ref().map(order))
    }

    fn tell_of(&self, hold: &Hold) -> Result<(), String> {
        let (holder, material) = match &hold.target {
            HoldTarget::Holder(who) => (Some(who), None),
            HoldTarget::Material(id) => (None, Some(*id)),
        };
        let order = order(hold);
        let failed = || Code::StorageFailed.as_str().to_owned();
        let order = serde_json::to_vec(&order).map_err(|_| failed())?;
        let outcome = HoldOutcome {
            id: hold.id,
            material,
            holder: holder.map(|who| self.secrets.subject_tag(who)),
            personal: self.secrets.seal(ORDER_CONTEXT, &order).ok_or_else(failed)?,
        };
        self.announce_all(self.state.announce_hold(&outcome).map_err(|e| e.to_string())?);
        Ok(())
    }

    fn tell_lifted(&self, id: HoldId) -> Result<(), String> {
        self.announce_all(self.state.announce_lifted(id).map_err(|e| e.to_string())?);
        Ok(())
    }
}

/// What the windows keep of it.
fn order(hold: &Hold) -> WireHold {
    let holder = match &hold.target {
        HoldTarget::Holder(who) => Some(WireSubject::from(who)),
        HoldTarget::Material(_) => None,
    };
    let (reason, operator) = (hold.reason.clone().unwrap_or_default(), hold.by.operator.clone());
    WireHold { holder, reason, case: hold.case.clone(), operator }
}

fn actor(operator: &str) -> Actor {
    Actor { client: CLIENT.to_owned(), operator: Some(operator.to_owned()) }
}

/// Papers may be on file under a wrong number, so it is no reason to refuse.
fn is_mistyped(target: &HoldTarget) -> Option<bool> {
    match target {
        HoldTarget::Holder(who) => who.check_digit_matches().map(|matches| !matches),
        HoldTarget::Material(_) => None,
    }
}

fn line(hold: &Hold) -> HoldLine {
    let (about, own) = match &hold.target {
        HoldTarget::Holder(_) => ("person", None),
        HoldTarget::Material(id) => ("material", Some(*id)),
    };
    HoldLine {
        id: hold.id.to_string(),
        placed_at: hold.placed_at.to_string(),
        about: about.to_owned(),
        materials: own.iter().chain(&hold.materials).map(ToString::to_string).collect(),
        operator: hold.by.operator.clone(),
        case: hold.case.clone(),
        reason: hold.reason.clone(),
        covers: None,
        check_digit_wrong: None,
    }
}
