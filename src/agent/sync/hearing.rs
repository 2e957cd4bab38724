//! Asking for the repository's news, and what has to be compared before any of it is carried out.
//!
//! A ledger that was put back may lack a hold: what the repository has erased would be forgotten here though it is held. So each
//! run's first question is what the repository remembers of this ledger. The other way round, each question tells what is known
//! here of the repository's own ledger: one that was put back to an earlier state takes nothing for erased, and is offered again
//! what it had confirmed.

use yidang_sync::machine::Healing;
use yidang_sync::wire::{FeedAnswer, HeadAnswer, RepositoryHead};

use super::SyncError;
use super::anchoring::{Due, Head, asked_if_able};
use super::client::Client;
use super::enrolment::Enrolment;
use super::error::{ARCHIVE_FAILED, CallError};
use super::shared::Shared;

/// What an errand asks; it holds nothing that is open.
pub(super) struct Question {
    due: Due,
    known: Vec<RepositoryHead>,
    after: u64,
    wait: u64,
}

/// What came back.
pub(super) struct Heard {
    known: Vec<RepositoryHead>,
    head: Option<HeadAnswer>,
    /// What the repository remembers of this window's ledger, where it was asked.
    remembered: Option<Option<Head>>,
    answer: Result<FeedAnswer, CallError>,
}

impl Question {
    /// `wait`: how many seconds the repository may take to have news.
    pub(super) fn new(shared: &Shared, wait: u64) -> Result<Self, SyncError> {
        let after = shared.store.feed_after()?;
        let known = shared.store.repository_heads()?;
        Ok(Self { due: shared.anchoring().due(shared.source.as_ref()), known, after, wait })
    }

    /// Blocks as long as the calls take.
    pub(super) fn ask(self, client: &Client, enrolment: &Enrolment) -> Heard {
        let Self { mut due, known, after, wait } = self;
        let key = &enrolment.key;
        let mut heard =
            Heard { known: known.clone(), head: None, remembered: None, answer: Err(CallError::Unreachable) };
        match client.head(key, known) {
            Ok(answer) => {
                let is_of_loss = answer.is_of_loss(&heard.known);
                heard.head = Some(answer);
                // What was heard of was another feed's: to ask behind it would be to say that this one's is carried out.
                if is_of_loss {
                    return heard;
                }
            }
            // One that is away is found out by one call.
            Err(error @ (CallError::Unreachable | CallError::Untrusted)) => {
                heard.answer = Err(error);
                return heard;
            }
            // Among others: a repository of an earlier version.
            Err(error) => {
                tracing::debug!(code = error.judge().0, "the end of the repository's ledger is not known")
            }
        }
        let ask = due.ask.take();
        due.tell(client, key);
        if let Some(ledger) = ask {
            match asked_if_able(client, key, &ledger) {
                Ok(remembered) => heard.remembered = Some(remembered),
                Err(error) => {
                    heard.answer = Err(error);
                    return heard;
                }
            }
        }
        // An end that is not told of yet is told of before anything is waited for.
        let wait = if heard.remembered.is_some() { 0 } else { wait };
        heard.answer = client.feed(key, &enrolment.epoch, after, wait);
        heard
    }
}

impl Heard {
    /// Compares what was told of both ledgers. `None` where no news is to be carried out, as everything is offered again; on an
    /// error (a stable code, and what may mend it) likewise nothing.
    pub(super) fn compare(self, shared: &Shared) -> Result<Option<FeedAnswer>, (&'static str, Healing)> {
        if let Some(remembered) = self.remembered {
            shared.anchoring().take_in(shared.source.as_ref(), remembered);
        }
        if let Some(answer) = self.head {
            if answer.is_of_loss(&self.known) {
                shared.offer_again(&self.known, &answer.head);
                return Ok(None);
            }
            shared.keep_proven_head(&self.known, &answer.head);
        }
        let answer = self.answer.map_err(|error| error.judge())?;
        if let Some(ledger) = &answer.ledger {
            shared.keep_told_head(ledger);
        }
        match shared.anchoring().is_compared() {
            true => Ok(Some(answer)),
            // The ledger could not be read.
            false => Err((ARCHIVE_FAILED, Healing::Soon)),
        }
    }
}
