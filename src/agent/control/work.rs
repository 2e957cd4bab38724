//! What commands do, whoever has the archive open: the daemon, or the command itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use yidang_archive::{Archive, ArchiveError, CheckReport, InventoryLine};

use super::{ArchiveStats, CardPlace, Listen, MaterialLine, News, Outcome, Request};
use crate::config::Config;
use crate::failure::Failure;
use crate::sync::{SyncOptions, SyncWorker, Upstream};

/// Progress is told no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// An open archive, and the way to the repository if there is one.
pub(crate) struct Workplace {
    pub(crate) archive: Archive,
    pub(crate) sync: Option<Arc<dyn Upstream>>,
    /// Address of that repository.
    pub(crate) repository: Option<String>,
    /// This window's name.
    pub(crate) counter: String,
    /// The card readers, which need no archive; `None` for a command of the archive.
    pub(crate) card: Option<CardPlace>,
}

impl Workplace {
    /// The one of a command that has opened the archive itself.
    pub(crate) fn at_rest(
        config: &Config,
        archive: Archive,
        needs_repository: bool,
    ) -> Result<Self, Failure> {
        let sync = match &config.repository_url {
            // An archive can be checked whatever has become of what was sent from it.
            Some(url) if needs_repository => {
                let options = SyncOptions {
                    courier_key: config.courier_key,
                    ..SyncOptions::new(url, &config.data_dir, &config.keys_dir)
                };
                Some(Arc::new(SyncWorker::at_rest(archive.clone(), &options)?) as Arc<dyn Upstream>)
            }
            _ => None,
        };
        let (repository, counter) = (config.repository_url.clone(), config.counter.clone());
        Ok(Self { archive, sync, repository, counter, card: None })
    }

    /// Does it. Blocks as long as that takes; what it did holds when it returns.
    pub(crate) fn carry_out(&self, request: &Request, listen: Listen<'_>) -> Result<Outcome, Failure> {
        match request {
            Request::Enrol { code, repository } => self.enrol(code, repository),
            Request::List => self.list(listen),
            Request::Stats => Ok(Outcome::Stats(self.stats()?)),
            Request::Verify => Ok(Outcome::Verified(self.verify(listen)?)),
            Request::RebuildIndex => Ok(Outcome::Rebuilt { entries: self.archive.rebuild_index()? }),
            Request::Audit(wish) => super::audit::carry_out(&self.archive, wish, listen),
            Request::Export(request) => super::export::export(&self.archive, request, listen),
            Request::Import(request) => super::import::import(&self.archive, &self.counter, request),
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
        let is_central = self.sync.as_ref().is_some_and(|sync| sync.is_committed(line.sequence, line.id));
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
        })
    }

    fn verify(&self, listen: Listen<'_>) -> Result<CheckReport, ArchiveError> {
        let mut told: Option<Instant> = None;
        let found = self.archive.verify(&mut |done, all| {
            if told.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
                told = Some(Instant::now());
                // Whoever asked may have gone; what was begun is finished all the same.
                let _ = listen(News::Progress { done, all });
            }
        })?;
        Ok(CheckReport::from(&found))
    }
}
