//! What commands do, whoever has the archive open: the daemon, or the command itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use yidang_archive::storage::BlobName;
use yidang_archive::{
    Anchor, Archive, ArchiveError, Check, CheckReport, Damage, DamagedThing, InventoryLine, LedgerState,
    Speaker, VerifyReport, VerifyWish,
};

use super::{
    ArchiveStats, CardPlace, LedgerFigures, Listen, MaterialLine, News, Outcome, RepositoryNeed, Request,
    ScrubFigures,
};
use crate::config::Config;
use crate::failure::Failure;
use crate::repair::repair;
use crate::retention::Retention;
use crate::sync::{SyncError, SyncOptions, SyncWorker, Upstream};

/// Progress is told no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How many pages and captures are told that need one damaged blob.
const USES_TOLD_MAX: usize = 8;
/// Longer side that pictures are decoded to when they are checked.
const CHECKED_SIDE_PX: u32 = 64;

/// An open archive, and the way to the repository if there is one.
pub(crate) struct Workplace {
    pub(crate) archive: Archive,
    pub(crate) sync: Option<Arc<dyn Upstream>>,
    /// Address of that repository.
    pub(crate) repository: Option<String>,
    /// This window's name.
    pub(crate) counter: String,
    /// How long papers are kept.
    pub(crate) retention: Retention,
    /// The card readers, which need no archive; `None` for a command of the archive.
    pub(crate) card: Option<CardPlace>,
}

impl Workplace {
    /// The one of a command that has opened the archive itself.
    pub(crate) fn at_rest(config: &Config, archive: Archive, need: RepositoryNeed) -> Result<Self, Failure> {
        let sync = match &config.repository_url {
            Some(url) if need != RepositoryNeed::None => {
                let options = SyncOptions {
                    courier_key: config.courier_key,
                    ..SyncOptions::new(url, &config.data_dir, &config.keys_dir)
                };
                match SyncWorker::at_rest(archive.clone(), &options) {
                    Ok(handle) => Some(Arc::new(handle) as Arc<dyn Upstream>),
                    // An archive can be checked whatever has become of what was sent from it.
                    Err(_) if need == RepositoryNeed::Welcome => None,
                    Err(error) => return Err(error.into()),
                }
            }
            _ => None,
        };
        let (repository, counter) = (config.repository_url.clone(), config.counter.clone());
        Ok(Self { archive, sync, repository, counter, retention: config.retention.clone(), card: None })
    }

    /// Does it. Blocks as long as that takes; what it did holds when it returns.
    pub(crate) fn carry_out(&self, request: &Request, listen: Listen<'_>) -> Result<Outcome, Failure> {
        if request.enters_something() {
            // A daemon has asked when it started; a command that works alone enters no less.
            self.archive.check_copy()?;
        }
        match request {
            Request::Enrol { code, repository } => self.enrol(code, repository),
            Request::List => self.list(listen),
            Request::Stats => Ok(Outcome::Stats(self.stats()?)),
            Request::Verify { deep, repair } => {
                Ok(Outcome::Verified(Box::new(self.check(*deep, *repair, listen)?)))
            }
            Request::RebuildIndex => Ok(Outcome::Rebuilt { entries: self.archive.rebuild_index()? }),
            Request::Audit(wish) => super::audit::carry_out(&self.archive, wish, listen),
            Request::Export(request) => super::export::export(&self.archive, request, listen),
            Request::Dispose(request) => super::dispose::Office {
                archive: &self.archive,
                retention: &self.retention,
                is_alone: self.repository.is_none(),
            }
            .carry_out(request, listen),
            Request::Hold(request) => {
                super::hold::carry_out(&self.archive, self.repository.is_none(), request, listen)
            }
            Request::Import(request) => super::import::import(&self.archive, &self.counter, request),
            Request::Recover(request) => super::recover::recover(&self.archive, request),
            Request::Courier(request) => super::courier::carry_out(self.sync.as_deref(), request, listen),
            Request::Card(request) => match &self.card {
                Some(card) => card.carry_out(request, listen),
                None => {
                    Err(Failure::new("reader_absent", "no card reader belongs here", "run `yidang card`"))
                }
            },
        }
    }

    fn enrol(&self, code: &str, wanted: &str) -> Result<Outcome, Failure> {
        // A daemon goes by the configuration it was started with.
        match (&self.sync, &self.repository) {
            (Some(sync), Some(own)) if own == wanted => {
                sync.enrol(code, &self.counter)?;
                Ok(Outcome::Enrolled { repository: own.clone() })
            }
            _ => Err(Failure::new(
                "configuration_differs",
                "the running daemon was started with another `[repository] url`",
                "restart the daemon, then enrol",
            )),
        }
    }

    fn list(&self, listen: Listen<'_>) -> Result<Outcome, Failure> {
        let mut after = Some(0);
        while let Some(place) = after {
            let page = self.archive.inventory(place)?;
            let lines: Vec<_> = page.lines.into_iter().map(|line| self.line(line)).collect();
            if !lines.is_empty() {
                let cut = |e| Failure::new("output_failed", e, "see what takes the output");
                listen(News::Materials(lines)).map_err(cut)?;
            }
            after = page.next;
        }
        Ok(Outcome::Listed)
    }

    fn line(&self, line: InventoryLine) -> MaterialLine {
        let is_sent = self.sync.as_ref().is_some_and(|sync| sync.is_committed(line.sequence, line.id));
        let is_central = is_sent && !self.archive.is_held_here_alone(line.id).unwrap_or(true);
        MaterialLine {
            id: line.id.to_string(),
            filed_at: line.filed_at.to_string(),
            counter: line.counter,
            pages: line.pages,
            origin: line.origin.as_str().to_owned(),
            status: line.status.as_str().to_owned(),
            safe_at: if is_central { "repository" } else { "this_pc" }.to_owned(),
        }
    }

    fn stats(&self) -> Result<ArchiveStats, ArchiveError> {
        let stats = self.archive.stats()?;
        Ok(ArchiveStats {
            materials: stats.materials,
            blobs: stats.blobs,
            holders: stats.holders,
            unfiled: stats.unfiled,
            ledger_head: stats.ledger_head,
            epoch: stats.epoch,
            cipher: stats.suite.as_str().to_owned(),
            recovery: stats.recovery.map(|office| office.to_string()),
            scrub: ScrubFigures::of(&self.archive),
            ledger: Some(LedgerFigures::of(&self.archive)?),
        })
    }

    /// A check; where something is damaged and that is wanted, a repair and another check.
    fn check(&self, deep: bool, repairs: bool, listen: Listen<'_>) -> Result<CheckReport, ArchiveError> {
        let found = self.verify(deep, listen)?;
        if !repairs {
            return self.report(&found);
        }
        let blobs: Vec<BlobName> = found.damages.iter().filter_map(damaged_blob).collect();
        let line = repair(&self.archive, self.sync.as_deref(), &blobs)?;
        let found = if line.repaired > 0 { self.verify(deep, listen)? } else { found };
        Ok(CheckReport { repair: Some(line), ..self.report(&found)? })
    }

    /// What was found, with what needs each damaged blob, and with remedies that are to be had here.
    fn report(&self, found: &VerifyReport) -> Result<CheckReport, ArchiveError> {
        let mut report = CheckReport::new(found, Speaker::Window);
        for (line, damage) in report.damages.iter_mut().zip(&found.damages) {
            if let DamagedThing::Blob(name) = damage.what {
                // Where the ledger or the index cannot tell, the blob's name alone is known.
                let uses = self.archive.uses_of_blob(name, USES_TOLD_MAX).unwrap_or_default();
                line.is_needed_by(uses);
            }
        }
        let is_enrolled = self.sync.as_ref().is_some_and(|sync| sync.status().repository != "not_enrolled");
        Ok(if is_enrolled { report } else { report.without_repository() })
    }

    /// What the repository remembers of this ledger.
    fn anchor(&self) -> Anchor {
        let Some(sync) = &self.sync else { return Anchor::Unknown("no_repository") };
        match sync.anchor(self.archive.store_id()) {
            Ok(Some((sequence, hash))) => Anchor::Head { sequence, hash },
            Ok(None) => Anchor::Unknown("never_anchored"),
            Err(SyncError::NotEnrolled | SyncError::EnrolAgain) => Anchor::Unknown("not_enrolled"),
            Err(_) => Anchor::Unknown("repository_unreachable"),
        }
    }

    fn verify(&self, deep: bool, listen: Listen<'_>) -> Result<VerifyReport, ArchiveError> {
        let mut told: Option<Instant> = None;
        let wish = VerifyWish { opens: Some(&opens), deep, anchor: self.anchor() };
        self.archive.verify_with(&wish, &mut |done, all| {
            if told.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
                told = Some(Instant::now());
                // Whoever asked may have gone; what was begun is finished all the same.
                let _ = listen(News::Progress { done, all });
            }
        })
    }
}

fn damaged_blob(damage: &Damage) -> Option<BlobName> {
    match damage.what {
        DamagedThing::Blob(name) if damage.check == Check::Blobs => Some(name),
        _ => None,
    }
}

impl ScrubFigures {
    pub(crate) fn of(archive: &Archive) -> Self {
        let state = archive.scrub_state();
        Self {
            blobs: state.current.map_or(0, |round| round.blobs),
            last_ended_at: state.last.and_then(|round| round.ended_at).map(|at| at.to_string()),
            last_blobs: state.last.map_or(0, |round| round.blobs),
            last_damaged: state.last.map_or(0, |round| round.damaged),
            quarantined: state.quarantined,
        }
    }
}

impl LedgerFigures {
    pub(crate) fn of(archive: &Archive) -> Result<Self, ArchiveError> {
        let (before, since) = archive.left_out()?;
        // What the index lacks is known without reading the ledger through.
        let state = if since > 0 { LedgerState::Damaged } else { archive.ledger_state() };
        Ok(Self { state: state.as_str().to_owned(), left_out: before + since })
    }
}

/// Whether these bytes are a picture that opens to its end. Made small at once: a scan is walked to its last block
/// all the same.
fn opens(bytes: &[u8]) -> bool {
    yidang_imaging::decode_small(bytes, CHECKED_SIDE_PX).is_ok()
}
