//! Legal holds, for a command.

use serde::{Deserialize, Serialize};
use yidang_archive::{Actor, Archive, HistoryPage, Hold, HoldTarget, HoldsState, LiftHold, PlaceHold};
use yidang_model::{HoldId, MaterialId};

use super::{Listen, News, Outcome};
use crate::failure::Failure;
use crate::random;

/// Who the ledger says did it, beside the operator.
const CLIENT: &str = "yidang archive hold";
/// Holds told at once; their reasons are bounded, so they fit into a line of the socket.
const LINES_AT_ONCE: usize = 32;
/// Papers counted at once.
const PAPERS_AT_ONCE: usize = 100;

/// What is wanted. No `Debug`: it names people.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum HoldRequest {
    /// Place one.
    Place {
        /// On what.
        of: Held,
        /// By whom.
        operator: String,
        /// Why.
        reason: String,
        /// For which case.
        case: Option<String>,
    },
    /// Lift one.
    Lift {
        /// Which.
        id: String,
        /// By whom.
        operator: String,
        /// Why.
        reason: String,
    },
    /// Say that those that stand are all there are.
    Confirm {
        /// Who compared them with the orders that were made.
        operator: String,
    },
    /// Tell those that stand.
    List,
}

/// What is held.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Held {
    /// A person's papers.
    Person {
        /// The word for what kind of number it is.
        subject_type: String,
        /// The number.
        subject: String,
    },
    /// A material.
    Material(String),
}

/// A hold as a local administrator sees it: not whose papers they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldLine {
    pub(crate) id: String,
    pub(crate) placed_at: String,
    /// `person` or `material`; `unreadable` where the ledger does not tell any more, which then says no more.
    pub(crate) about: String,
    /// The held material, or those that were the held person's until they were put right.
    pub(crate) materials: Vec<String>,
    /// `this_pc` or `repository`.
    pub(crate) placed_by: String,
    pub(crate) operator: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) reason: Option<String>,
    /// Of a hold that was placed just now: how many papers on file it covers. A daemon of an earlier version does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) covers: Option<u64>,
    /// Of such a one, whether the person's number has a wrong check digit: it was probably mistyped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) check_digit_wrong: Option<bool>,
}

impl std::fmt::Debug for HoldLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HoldLine({})", self.id)
    }
}

/// Does it. `is_alone`: no repository is configured, so what one has placed may be lifted here.
pub(super) fn carry_out(
    archive: &Archive,
    is_alone: bool,
    request: &HoldRequest,
    listen: Listen<'_>,
) -> Result<Outcome, Failure> {
    match request {
        HoldRequest::Place { of, operator, reason, case } => {
            let placed = archive.place_hold(PlaceHold {
                id: HoldId::from_bytes(random::bytes()),
                target: target(of)?,
                reason: reason.clone(),
                case: case.clone(),
                by: actor(operator),
                decided_elsewhere: false,
            })?;
            let (covers, check_digit_wrong) =
                (covered(archive, &placed.target)?, is_mistyped(&placed.target));
            Ok(Outcome::Held(HoldLine { covers: Some(covers), check_digit_wrong, ..line(placed) }))
        }
        HoldRequest::Lift { id, operator, reason } => {
            let unknown = |_| Failure::from(yidang_archive::ArchiveError::HoldUnknown);
            archive.lift_hold(LiftHold {
                id: id.parse().map_err(unknown)?,
                reason: reason.clone(),
                by: actor(operator),
                decided_elsewhere: is_alone,
            })?;
            Ok(Outcome::Lifted)
        }
        HoldRequest::Confirm { operator } => {
            let was_doubted = archive.confirm_holds(&actor(operator))?;
            let awaits_rebuild = archive.holds_state()?.awaits_rebuild;
            Ok(Outcome::HoldsConfirmed { was_doubted, awaits_rebuild })
        }
        HoldRequest::List => {
            let mut holds: Vec<HoldLine> = archive.holds()?.into_iter().map(line).collect();
            holds.extend(archive.unreadable_holds()?.into_iter().map(|(id, papers)| unreadable(id, &papers)));
            let cut = |e| Failure::new("output_failed", e, "see what takes the output");
            for some in holds.chunks(LINES_AT_ONCE) {
                listen(News::Holds(some.to_vec())).map_err(cut)?;
            }
            let HoldsState { in_doubt, awaits_rebuild } = archive.holds_state()?;
            if in_doubt {
                listen(News::HoldsInDoubt { awaits_rebuild }).map_err(cut)?;
            }
            Ok(Outcome::HoldsListed)
        }
    }
}

fn actor(operator: &str) -> Actor {
    Actor { client: CLIENT.to_owned(), operator: Some(operator.to_owned()) }
}

pub(super) fn target(of: &Held) -> Result<HoldTarget, Failure> {
    match of {
        Held::Person { subject_type, subject } => {
            super::export::subject(subject_type, subject).map(HoldTarget::Holder)
        }
        Held::Material(id) => {
            let unknown = |_| Failure::from(yidang_archive::ArchiveError::MaterialUnknown);
            id.parse::<MaterialId>().map(HoldTarget::Material).map_err(unknown)
        }
    }
}

/// How many papers on file a hold on this covers now.
fn covered(archive: &Archive, target: &HoldTarget) -> Result<u64, Failure> {
    let HoldTarget::Holder(who) = target else { return Ok(1) };
    let (mut covered, mut before) = (0, u64::MAX);
    loop {
        let page = archive.history(who, HistoryPage { before, limit: PAPERS_AT_ONCE })?;
        let Some(last) = page.last() else { return Ok(covered) };
        covered += page.len() as u64;
        before = last.sequence;
    }
}

/// Papers may be on file under a wrong number, so it is no reason to refuse.
fn is_mistyped(target: &HoldTarget) -> Option<bool> {
    match target {
        HoldTarget::Holder(who) => who.check_digit_matches().map(|matches| !matches),
        HoldTarget::Material(_) => None,
    }
}

/// One of which only the index still knows.
fn unreadable(id: HoldId, papers: &[MaterialId]) -> HoldLine {
    HoldLine {
        id: id.to_string(),
        placed_at: "-".to_owned(),
        about: "unreadable".to_owned(),
        materials: papers.iter().map(ToString::to_string).collect(),
        placed_by: "-".to_owned(),
        operator: None,
        case: None,
        reason: None,
        covers: None,
        check_digit_wrong: None,
    }
}

fn line(hold: Hold) -> HoldLine {
    let (about, own) = match hold.target {
        HoldTarget::Holder(_) => ("person", None),
        HoldTarget::Material(id) => ("material", Some(id)),
    };
    HoldLine {
        id: hold.id.to_string(),
        placed_at: hold.placed_at.to_string(),
        about: about.to_owned(),
        materials: own.iter().chain(&hold.materials).map(ToString::to_string).collect(),
        placed_by: if hold.decided_elsewhere { "repository" } else { "this_pc" }.to_owned(),
        operator: hold.by.operator,
        case: hold.case,
        reason: hold.reason,
        covers: None,
        check_digit_wrong: None,
    }
}
