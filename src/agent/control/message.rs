//! What crosses the control socket, one JSON document a line.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use yidang_archive::{AuditedLine, CheckReport};

use super::courier::{CourierNews, CourierRequest, PackedFigures, ReceiptFigures};
use super::dispose::{DisposeFigures, DisposeLine, DisposeRequest};
use super::export::{ExportNews, ExportRequest};
use super::hold::{HoldLine, HoldRequest};
use super::import::{ImportAnswer, ImportRequest};
use super::probe::ProbeReport;
use super::recover::{RecoverAnswer, RecoverRequest};

#[cfg(unix)]
use crate::failure::Failure;

/// What a command wants done. No `Debug`: a code is a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Enrol this window, or enrol it anew.
    Enrol {
        /// The repository's code.
        code: String,
        /// The repository that the command's configuration names.
        repository: String,
    },
    /// Name every material.
    List,
    /// Figures of the archive.
    Stats,
    /// Read everything back.
    Verify {
        /// Decode every picture, not only a sample.
        deep: bool,
        /// Fetch what is damaged from the repository.
        repair: bool,
    },
    /// Make the index anew.
    RebuildIndex,
    /// Tell from the ledger who did what.
    Audit(AuditWish),
    /// Something about card readers, which needs no archive.
    Card(CardRequest),
    /// Tell everything on file for a person.
    Export(ExportRequest),
    /// Dispose of papers whose term is over.
    Dispose(DisposeRequest),
    /// Something about legal holds.
    Hold(HoldRequest),
    /// Something for a paper that is imported.
    Import(ImportRequest),
    /// Something for a paper of a dead PC.
    Recover(RecoverRequest),
    /// Something that goes by stick.
    Courier(CourierRequest),
}

impl Request {
    /// Whether carrying it out enters something in the ledger.
    pub(crate) fn enters_something(&self) -> bool {
        match self {
            Self::Enrol { .. }
            | Self::List
            | Self::Stats
            | Self::Verify { .. }
            | Self::RebuildIndex
            | Self::Card(_) => false,
            Self::Audit(_)
            | Self::Export(_)
            | Self::Dispose(_)
            | Self::Hold(_)
            | Self::Import(_)
            | Self::Recover(_)
            | Self::Courier(_) => true,
        }
    }
}

/// What is asked of the ledger. No `Debug`: it names people.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditWish {
    pub(crate) of: AuditTopic,
    /// From this instant on, RFC 3339.
    pub(crate) since: Option<String>,
    /// Before this instant.
    pub(crate) until: Option<String>,
    /// At most so many lines.
    pub(crate) limit: u64,
}

/// Whom or what an audit is about.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditTopic {
    /// One person's papers.
    Person {
        /// The word for what kind of number it is.
        #[serde(rename = "type")]
        kind: String,
        /// The number.
        value: String,
    },
    /// A clerk, by the name their window software gave.
    Operator(String),
    /// Dossiers opened on another basis than the card.
    NoCard,
}

/// What is wanted of the card readers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "card", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum CardRequest {
    /// Read the card, for who tries a reader.
    Read {
        /// How long to wait for one.
        wait_ms: u64,
        /// Whether the person's data is told unmasked.
        full: bool,
    },
    /// Tell of cards and readers as they come and go.
    Watch,
    /// Examine every reader.
    Probe,
}

/// Whether something can be done without the repository's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RepositoryNeed {
    /// It has nothing to do with it.
    None,
    /// It is asked if it can be.
    Welcome,
    /// It cannot.
    Needed,
}

impl Request {
    /// Whether it has to do with the repository.
    pub(crate) fn repository(&self) -> RepositoryNeed {
        match self {
            Self::Enrol { .. } | Self::List | Self::Courier(_) | Self::Verify { repair: true, .. } => {
                RepositoryNeed::Needed
            }
            Self::Verify { .. } => RepositoryNeed::Welcome,
            _ => RepositoryNeed::None,
        }
    }

    /// How many bytes follow its line; `None`: more than may.
    #[cfg(unix)]
    pub(super) fn body_bytes(&self) -> Option<usize> {
        match self {
            Self::Import(request) => request.body_bytes(),
            Self::Recover(request) => request.body_bytes(),
            Self::Courier(request) => request.body_bytes(),
            _ => Some(0),
        }
    }

    /// Takes the bytes that followed its line.
    #[cfg(unix)]
    pub(super) fn set_body(&mut self, body: Vec<u8>) {
        match self {
            Self::Import(request) => request.set_body(body),
            Self::Recover(request) => request.set_body(body),
            Self::Courier(request) => request.set_body(body),
            _ => {}
        }
    }

    /// The bytes that follow its line.
    #[cfg(unix)]
    pub(super) fn body(&self) -> &[Vec<u8>] {
        match self {
            Self::Import(request) => request.body(),
            Self::Recover(request) => request.body(),
            Self::Courier(request) => request.body(),
            _ => &[],
        }
    }

    /// Whether it reads or writes everything there is, so that one at a time is enough.
    #[cfg(unix)]
    pub(super) fn is_long(&self) -> bool {
        matches!(
            self,
            Self::Verify { .. } | Self::RebuildIndex | Self::Audit(_) | Self::Dispose(_) | Self::Courier(_)
        )
    }

    /// Whether it may be cut off when the daemon stops: it changes nothing, or what it changes is made good at
    /// the next start.
    #[cfg(unix)]
    pub(super) fn may_be_cut_off(&self) -> bool {
        !matches!(self, Self::Enrol { .. })
    }
}

/// Said while the work goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    /// How far it has come.
    Progress {
        /// Steps done.
        done: u64,
        /// Steps in all.
        all: u64,
    },
    /// Some more of the list.
    Materials(Vec<MaterialLine>),
    /// Some more of what the ledger says.
    Audited(Vec<AuditedLine>),
    /// Some more of what became of papers whose term is over.
    Disposal(Vec<DisposeLine>),
    /// Some more of the holds that stand.
    Holds(Vec<HoldLine>),
    /// The holds told are in doubt: one may be missing, and nobody has confirmed yet that none is.
    HoldsInDoubt {
        /// Whether a rebuild has to come first.
        awaits_rebuild: bool,
    },
    /// Something happened at the reader.
    Event(WatchedEvent),
    /// Some more of a dossier.
    Export(ExportNews),
    /// Some more of a parcel.
    Courier(CourierNews),
    /// Nothing yet; the work goes on.
    Alive,
}

/// An event as `GET /v1/events` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WatchedEvent {
    pub(crate) id: u64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) at: String,
    pub(crate) data: serde_json::Map<String, Value>,
}

/// A material as a local administrator sees it: nothing that says whose it is or what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MaterialLine {
    pub(crate) id: String,
    pub(crate) filed_at: String,
    pub(crate) counter: String,
    pub(crate) pages: usize,
    /// `device`, `simulated` or `upload`.
    pub(crate) origin: String,
    /// `current`, `superseded` or `revoked`.
    pub(crate) status: String,
    /// `this_pc` or `repository`.
    pub(crate) safe_at: String,
}

/// A daemon of an earlier version does not say.
fn yes() -> bool {
    true
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The window is enrolled.
    Enrolled {
        /// Where.
        repository: String,
    },
    /// Every material has been named.
    Listed,
    /// The figures.
    Stats(ArchiveStats),
    /// What the check found.
    Verified(Box<CheckReport>),
    /// The index is new.
    Rebuilt {
        /// Ledger entries applied.
        entries: u64,
    },
    /// The ledger has been gone through.
    Audited {
        /// Lines told.
        lines: u64,
        /// Whether there are more than were wanted.
        truncated: bool,
        /// `false` for a person under whose number nothing can be read.
        #[serde(default = "yes")]
        known: bool,
        /// Places in the ledger that may be about what was asked and could not be read.
        #[serde(default)]
        unproven: u64,
        /// How many of these tell that the ledger is an older one than was known.
        #[serde(default)]
        put_back: u64,
    },
    /// What a disposal came to.
    Disposed(DisposeFigures),
    /// The hold stands.
    Held(HoldLine),
    /// The hold is gone.
    Lifted,
    /// The holds have been told.
    HoldsListed,
    /// The holds that stand are all there are.
    HoldsConfirmed {
        /// Whether there was any doubt.
        was_doubted: bool,
        /// Whether a rebuild is still to come, which asks for this again.
        #[serde(default)]
        awaits_rebuild: bool,
    },
    /// What the card says: the fields of `POST /v1/card/read`.
    Card(Box<Value>),
    /// The daemon stops, and nothing more is told.
    Watched,
    /// What was found.
    Probed(ProbeReport),
    /// The whole dossier has been told.
    Exported {
        /// How many materials that were.
        materials: u64,
    },
    /// What became of a paper.
    Import(ImportAnswer),
    /// What became of a paper of a dead PC.
    Recover(RecoverAnswer),
    /// What waited is packed.
    Packed(PackedFigures),
    /// The receipt is taken.
    Unpacked(ReceiptFigures),
}

/// Figures of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveStats {
    pub(crate) materials: u64,
    pub(crate) blobs: u64,
    pub(crate) holders: u64,
    pub(crate) unfiled: u64,
    pub(crate) ledger_head: u64,
    pub(crate) epoch: u32,
    /// `aes-256-gcm` or `sm4-gcm`.
    #[serde(default)]
    pub(crate) cipher: String,
    /// Whose recovery key opens it.
    #[serde(default)]
    pub(crate) recovery: Option<String>,
    pub(crate) scrub: ScrubFigures,
    /// A daemon of an earlier version does not say.
    #[serde(default)]
    pub(crate) ledger: Option<LedgerFigures>,
}

/// What is known of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerFigures {
    /// `unchecked`, `whole`, `incomplete` or `damaged`.
    pub(crate) state: String,
    /// Places in it, and staged sets, that are missing or did not open.
    pub(crate) left_out: u64,
}

/// How far the scrub has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScrubFigures {
    /// Blobs read in the round under way.
    pub(crate) blobs: u64,
    /// When the last round was through.
    pub(crate) last_ended_at: Option<String>,
    /// Blobs read in it.
    pub(crate) last_blobs: u64,
    /// Those of them that were damaged or missing.
    pub(crate) last_damaged: u64,
    /// Damaged blobs that are moved aside now.
    pub(crate) quarantined: u64,
}

/// One line of an answer; the last one is not news.
#[cfg(unix)]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    News(News),
    Done(Outcome),
    Failed(Failure),
}

#[cfg(unix)]
impl From<Result<Outcome, Failure>> for Line {
    fn from(result: Result<Outcome, Failure>) -> Self {
        result.map_or_else(Self::Failed, Self::Done)
    }
}
