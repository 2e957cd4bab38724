//! How many captures wait to be filed, so that no one client can fill the disk with what nobody files.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use yidang_archive::storage::StagedState;
use yidang_archive::{Actor, Archive, ArchiveError, Stage, Staged, UNFILED_PAGE_MAX};
use yidang_model::{CaptureId, Timestamp};

use crate::capture_note::CaptureNote;
use crate::problem::{Advice, Code, Problem};

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Captures.
    pub(crate) captures_max: usize,
    /// Bytes of their pictures, originals included.
    pub(crate) bytes_max: u64,
}

/// For one client: some days' papers of a window at which nothing is filed.
pub(crate) const OF_ONE: Quota = Quota { captures_max: 1000, bytes_max: 4 << 30 };
/// For all of them: half of what is free on the smallest disk that windows have.
pub(crate) const OF_ALL: Quota = Quota { captures_max: 4000, bytes_max: 12 << 30 };

/// Which captures somebody is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrayView {
    /// All: nobody proves who they are at this window.
    All,
    /// Those of this clerk, and those that are nobody's.
    Of(String),
}

impl TrayView {
    /// Whether a capture is among them that this actor took.
    pub(crate) fn shows(&self, by: &Actor) -> bool {
        match (self, &by.operator) {
            (Self::All, _) | (_, None) => true,
            (Self::Of(clerk), Some(operator)) => clerk == operator,
        }
    }
}

/// One capture that waits.
struct Waiting {
    client: String,
    bytes: u64,
    expires_at: Timestamp,
}

/// What waits. Told of every capture that is kept, filed or thrown away; those that expired are left out by their time.
pub(crate) struct Tray {
    waiting: Mutex<HashMap<CaptureId, Waiting>>,
    of_one: Quota,
    of_all: Quota,
}

impl Tray {
    /// What waits in the archive already. Blocks for reading that.
    pub(crate) fn of(archive: &Archive) -> Result<Self, ArchiveError> {
        let mut waiting = HashMap::new();
        let mut after = 0;
        loop {
            let found = archive.unfiled(after, UNFILED_PAGE_MAX)?;
            let Some(last) = found.last() else { return Ok(Self::with(waiting, OF_ONE, OF_ALL)) };
            after = last.sequence;
            waiting.extend(found.iter().filter_map(waiting_of));
        }
    }

    fn with(waiting: HashMap<CaptureId, Waiting>, of_one: Quota, of_all: Quota) -> Self {
        Self { waiting: Mutex::new(waiting), of_one, of_all }
    }

    /// Fails if this client may not add a single one.
    pub(crate) fn has_room(&self, client: &str, now: Timestamp) -> Result<(), Problem> {
        self.check(&self.lock(now), client, 1, 1, now)
    }

    /// Enters what is about to be kept, all of it or nothing.
    pub(crate) fn enter(&self, client: &str, stages: &[Stage], now: Timestamp) -> Result<(), Problem> {
        let mut waiting = self.lock(now);
        self.check(&waiting, client, stages.len(), stages.iter().map(bytes_of).sum(), now)?;
        for stage in stages {
            let entry =
                Waiting { client: client.to_owned(), bytes: bytes_of(stage), expires_at: stage.expires_at };
            waiting.insert(stage.id, entry);
        }
        Ok(())
    }

    /// One waits under another name now, and is this client's.
    pub(crate) fn hand_over(&self, old: CaptureId, new: CaptureId, client: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = waiting.remove(&old) {
            waiting.insert(new, Waiting { client: client.to_owned(), ..entry });
        }
    }

    /// These wait no more.
    pub(crate) fn leave(&self, captures: impl IntoIterator<Item = CaptureId>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for id in captures {
            waiting.remove(&id);
        }
    }

    fn check(
        &self,
        waiting: &HashMap<CaptureId, Waiting>,
        client: &str,
        captures: usize,
        bytes: u64,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let own = waiting.values().filter(|entry| entry.client == client).collect();
        if let Some(free_at) = self.of_one.is_over_until(own, captures, bytes) {
            return Err(full(self.of_one, OWN_FULL, free_at, now));
        }
        match self.of_all.is_over_until(waiting.values().collect(), captures, bytes) {
            Some(free_at) => Err(full(self.of_all, ALL_FULL, free_at, now)),
            None => Ok(()),
        }
    }

    fn lock(&self, now: Timestamp) -> MutexGuard<'_, HashMap<CaptureId, Waiting>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, entry| now < entry.expires_at);
        waiting
    }
}

impl Quota {
    /// When there will be room for so much more, if nothing is filed until then; `None`: there is room.
    fn is_over_until(&self, mut waiting: Vec<&Waiting>, captures: usize, bytes: u64) -> Option<Timestamp> {
        let mut count = waiting.len() + captures;
        let mut total = waiting.iter().map(|entry| entry.bytes).sum::<u64>().saturating_add(bytes);
        let mut free_at = None;
        waiting.sort_unstable_by_key(|entry| entry.expires_at);
        let mut oldest = waiting.into_iter();
        while count > self.captures_max || total > self.bytes_max {
            let Some(gone) = oldest.next() else { break };
            (count, total, free_at) = (count - 1, total - gone.bytes, Some(gone.expires_at));
        }
        free_at
    }
}

fn waiting_of(staged: &Staged) -> Option<(CaptureId, Waiting)> {
    // A staged set whose note is not a capture's belongs to another part of the program.
    let note = CaptureNote::read(&staged.note).filter(|_| staged.state == StagedState::Unfiled)?;
    let own = if note.page.digest == note.original.digest { 0 } else { note.page.size_bytes };
    let entry = Waiting {
        client: staged.by.client.clone(),
        bytes: note.original.size_bytes + own,
        expires_at: staged.expires_at,
    };
    Some((staged.id, entry))
}

fn bytes_of(stage: &Stage) -> u64 {
    stage.blobs.iter().map(|blob| blob.len() as u64).sum()
}

fn full(quota: Quota, advice: Advice, free_at: Timestamp, now: Timestamp) -> Problem {
    let wait_ms = u64::try_from(free_at.as_millis() - now.as_millis()).unwrap_or_default();
    let Quota { captures_max, bytes_max } = quota;
    let detail = format!("at most {captures_max} captures and {bytes_max} bytes of them wait to be filed");
    let problem = Problem::new(Code::TooMany, detail).with_advice(advice);
    Problem { retry_after_s: Some(wait_ms.div_ceil(1000).max(1)), ..problem }
}

const OWN_FULL: Advice = Advice {
    what: ["该程序待归档的拍摄件已达上限。", "As many captures of this program wait to be filed as may."],
    remedy: [
        "请先归档或删除待归档的拍摄件（控制台“待归档”一栏）；不处理的将在到期后自动清除。",
        "File or discard what waits (the console lists it); what is left goes by itself when it expires.",
    ],
};

const ALL_FULL: Advice = Advice {
    what: ["本机待归档的拍摄件已达上限。", "As many captures wait to be filed at this window as may."],
    remedy: OWN_FULL.remedy,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn tray() -> Tray {
        let of_one = Quota { captures_max: 3, bytes_max: 1000 };
        Tray::with(HashMap::new(), of_one, Quota { captures_max: 5, bytes_max: 1500 })
    }

    fn capture(bytes: usize, life_ms: i64) -> Stage {
        Stage {
            id: random::capture_id(),
            blobs: vec![vec![0; bytes]],
            note: Vec::new(),
            expires_at: NOW.plus_millis(life_ms),
            by: Actor { client: String::new(), operator: None },
            idempotency: None,
        }
    }

    #[test]
    fn one_client_is_full_and_another_is_not() {
        let tray = tray();
        let first: Vec<_> = [5000, 9000, 7000].map(|life_ms| capture(10, life_ms)).into();
        tray.enter("wild", &first, NOW).unwrap();
        let problem = tray.has_room("wild", NOW).unwrap_err();
        assert_eq!((problem.code, problem.retry_after_s), (Code::TooMany, Some(5)));
        tray.enter("clerk", &[capture(10, 5000)], NOW).unwrap();
        // Whoever waits that long gets through, and whoever files one does at once.
        tray.has_room("wild", NOW.plus_millis(5000)).unwrap();
        tray.leave([first[1].id]);
        tray.has_room("wild", NOW).unwrap();
    }

    #[test]
    fn bytes_count_too_and_nothing_is_entered_of_what_does_not_fit() {
        let tray = tray();
        tray.enter("wild", &[capture(400, 5000), capture(400, 8000)], NOW).unwrap();
        let more = [capture(700, 9000)];
        // Both have to go before that much is free.
        assert_eq!(tray.enter("wild", &more, NOW).unwrap_err().retry_after_s, Some(8));
        assert_eq!(tray.enter("clerk", &[capture(800, 9000)], NOW).unwrap_err().retry_after_s, Some(5));
        tray.enter("clerk", &more, NOW).unwrap();
        tray.has_room("wild", NOW).unwrap_err();
    }

    #[test]
    fn all_together_have_a_bound() {
        let tray = tray();
        for (client, count) in [("a", 3), ("b", 2)] {
            let captures: Vec<_> = (0..count).map(|_| capture(1, 5000)).collect();
            tray.enter(client, &captures, NOW).unwrap();
        }
        let problem = tray.has_room("c", NOW).unwrap_err();
        assert_eq!(problem.advice, Some(ALL_FULL));
    }
}
