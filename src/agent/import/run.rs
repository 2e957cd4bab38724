//! Working a manifest off: rows are read, pictures made into pages and papers filed side by side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use sha2::{Digest as _, Sha256};
use yidang_imaging::PageResult;
use yidang_model::{Date, Digest, Timestamp};

use super::group::{Group, Groups};
use super::manifest::Manifest;
use super::paper::{self, Paper};
use super::picture::{self, Picture};
use super::refusal::{Reason, Refusal, RefusedRow};
use crate::capture_note::StoredImage;
use crate::clock;
use crate::control::{
    FileImport, ImportAnswer, ImportNote, ImportRequest, ImportedPage, IngestImport, Outcome, Request,
    StageImport,
};
use crate::failure::Failure;

/// Papers worked on at a time: what waits for the disk shares its syncs. Each has one picture in memory.
const PAPERS_AT_A_TIME: usize = 4;
/// Pictures worked on at a time, as at the local API: each may take some hundred megabytes.
const PICTURES_AT_A_TIME: usize = 2;

/// How to import.
pub(crate) struct ImportOptions {
    /// Whether the whole picture is the page.
    pub(crate) as_is: bool,
    /// Whether numbers with a wrong check digit are filed for.
    pub(crate) keeps_wrong_digits: bool,
    /// Who imports.
    pub(crate) operator: Option<String>,
}

/// What is told of a paper.
pub(crate) struct Told {
    /// How many rows it has.
    pub(crate) rows: u64,
    /// What became of it: an answer of the archive, or its rows with their reasons.
    pub(crate) result: Result<ImportAnswer, Vec<RefusedRow>>,
}

/// An import.
pub(crate) struct Import<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) options: ImportOptions,
    /// Has the archive do something.
    pub(crate) ask: &'a (dyn Fn(&Request) -> Result<Outcome, Failure> + Sync),
}

/// Why a paper was not imported.
enum Trouble {
    /// Something is wrong with a row.
    Row(u64, Refusal),
    /// Something is wrong with the archive, and would be with the next paper.
    Archive(Failure),
}

/// What became of a page that was to be kept.
enum Kept {
    /// It is, as this capture.
    As(String),
    /// Another import has filed the whole paper meanwhile.
    Known(ImportAnswer),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Archive(failure)
    }
}

impl Import<'_> {
    /// Works it off; `tell` hears of every paper, not always in their order. Ends early where the archive fails or
    /// `tell` does: what was told by then holds. Memory does not grow with the manifest, but for eight bytes a material of
    /// several rows.
    pub(crate) fn run(&self, tell: &mut dyn FnMut(Told) -> Result<(), Failure>) -> Result<(), Failure> {
        let ends = AtomicBool::new(false);
        let (groups_in, groups) = sync_channel::<Group>(PAPERS_AT_A_TIME);
        let groups = Mutex::new(groups);
        let (told_in, told) = sync_channel(PAPERS_AT_A_TIME);
        let turns = Turns::new();
        let (ends, groups, turns) = (&ends, &groups, &turns);
        thread::scope(|scope| {
            for _ in 0..PAPERS_AT_A_TIME {
                let told_in = told_in.clone();
                scope.spawn(move || self.work(groups, &told_in, turns, ends));
            }
            let reading = scope.spawn(move || self.read(&groups_in, ends));
            drop(told_in);
            let mut ended = Ok(());
            for result in told {
                let done = result.and_then(&mut *tell);
                if let Err(failure) = done {
                    ends.store(true, Ordering::Relaxed);
                    // The first is why the others failed too.
                    ended = ended.and(Err(failure));
                }
            }
            let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ended.and(read)
        })
    }

    /// Hands out the groups, until there is none or nobody takes any.
    fn read(&self, groups: &SyncSender<Group>, ends: &AtomicBool) -> Result<(), Failure> {
        for group in Groups::new(self.manifest.read()?, &self.manifest.columns) {
            if ends.load(Ordering::Relaxed) || groups.send(group?).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn work(
        &self,
        groups: &Mutex<Receiver<Group>>,
        told: &SyncSender<Result<Told, Failure>>,
        turns: &Turns,
        ends: &AtomicBool,
    ) {
        loop {
            let next = groups.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(group) = next else { return };
            // What was handed out is taken, so that whoever hands out can end.
            if ends.load(Ordering::Relaxed) {
                continue;
            }
            let result = self.group(&group, turns);
            if result.is_err() {
                ends.store(true, Ordering::Relaxed);
            }
            let _ = told.send(result.map(|result| Told { rows: group.count(), result }));
        }
    }

    fn group(&self, group: &Group, turns: &Turns) -> Result<Result<ImportAnswer, Vec<RefusedRow>>, Failure> {
        let columns = &self.manifest.columns;
        let paper = match paper::read(group, columns, self.options.keeps_wrong_digits) {
            Ok(paper) => paper,
            Err(refused) => return Ok(Err(refused)),
        };
        match self.paper(&paper, turns) {
            Ok(ImportAnswer::Erased) => Ok(Err(paper::refuse_all(group, Reason::MaterialErased.into()))),
            Ok(answer) => Ok(Ok(answer)),
            Err(Trouble::Row(row, refusal)) => Ok(Err(paper::refuse(group, row, refusal))),
            Err(Trouble::Archive(failure)) => Err(failure),
        }
    }

    fn paper(&self, paper: &Paper, turns: &Turns) -> Result<ImportAnswer, Trouble> {
        let read = |row, path: &str| {
            picture::read(&self.manifest.folder, path).map_err(|refusal| Trouble::Row(row, refusal))
        };
        // The pictures are read twice where there are several, so that one at a time is in memory.
        let mut digests = Vec::with_capacity(paper.pages.len());
        let mut only = None;
        for page in &paper.pages {
            let picture = read(page.row, &page.path)?;
            digests.push(Digest::of(&picture.bytes));
            only = (paper.pages.len() == 1).then_some(picture);
        }
        let key = key(paper, &digests);
        match self.ask(ImportRequest::Find { key: key.clone() })? {
            ImportAnswer::Unknown => {}
            known => return Ok(known),
        }
        let mut captures = Vec::with_capacity(paper.pages.len());
        for (number, (page, digest)) in (1..).zip(paper.pages.iter().zip(&digests)) {
            let picture = match only.take() {
                Some(picture) => picture,
                None => read(page.row, &page.path)?,
            };
            if Digest::of(&picture.bytes) != *digest {
                // Somebody writes to it right now.
                return Err(Trouble::Row(page.row, Refusal::in_column(Reason::FileUnreadable, "path")));
            }
            let made = turns.take(|| picture::page(&picture.bytes, self.options.as_is));
            let made = made.map_err(|refusal| Trouble::Row(page.row, refusal))?;
            let kept = self.page(&key, number, picture, page.captured_on, made);
            if paper.pages.len() == 1 {
                let paper = self.filing(key, Vec::new(), paper);
                let request = ImportRequest::Ingest(Box::new(IngestImport { page: kept, paper }));
                return Ok(self.ask(request)?);
            }
            match self.keep(kept)? {
                Kept::As(capture) => captures.push(capture),
                Kept::Known(answer) => return Ok(answer),
            }
        }
        Ok(self.ask(ImportRequest::File(Box::new(self.filing(key, captures, paper))))?)
    }

    fn page(
        &self,
        key: &str,
        page: usize,
        picture: Picture,
        captured_on: Option<Date>,
        made: PageResult,
    ) -> StageImport {
        let note = note(&picture, captured_on, &made);
        let mut blobs = vec![picture.bytes];
        if made.page.bytes != blobs[0] {
            blobs.push(made.page.bytes);
        }
        StageImport {
            key: key.to_owned(),
            page,
            again: false,
            operator: self.options.operator.clone(),
            note: serde_json::to_string(&note).unwrap_or_default(),
            sizes: blobs.iter().map(Vec::len).collect(),
            blobs,
        }
    }

    fn keep(&self, mut stage: StageImport) -> Result<Kept, Failure> {
        loop {
            let request = Request::Import(ImportRequest::Stage(stage));
            match answer((self.ask)(&request)?)? {
                ImportAnswer::Staged { capture } => return Ok(Kept::As(capture)),
                ImportAnswer::StageAgain => match request {
                    Request::Import(ImportRequest::Stage(first)) if !first.again => {
                        stage = StageImport { again: true, ..first };
                    }
                    _ => return Err(out_of_step()),
                },
                ImportAnswer::Unknown => return Err(out_of_step()),
                known => return Ok(Kept::Known(known)),
            }
        }
    }

    fn filing(&self, key: String, captures: Vec<String>, paper: &Paper) -> FileImport {
        FileImport {
            key,
            operator: self.options.operator.clone(),
            captures,
            subject_type: paper.subject.subject_type().as_str().to_owned(),
            subject: paper.subject.value().to_owned(),
            kind: paper.kind.as_str().to_owned(),
            case: paper.case.clone(),
            item: paper.item.clone(),
            slot: paper.slot.clone(),
            issued_on: paper.issued_on.map(|date| date.to_string()),
            valid_until: paper.valid_until.map(|date| date.to_string()),
            issuer: paper.issuer.clone(),
            document_number: paper.document_number.clone(),
            note: paper.note.clone(),
        }
    }

    fn ask(&self, request: ImportRequest) -> Result<ImportAnswer, Failure> {
        answer((self.ask)(&Request::Import(request))?)
    }
}

fn answer(outcome: Outcome) -> Result<ImportAnswer, Failure> {
    match outcome {
        Outcome::Import(answer) => Ok(answer),
        _ => Err(out_of_step()),
    }
}

fn out_of_step() -> Failure {
    let cause = "the daemon gave another answer than was asked for";
    Failure::new("import_broken", cause, "restart the daemon, which may be of another version, and try again")
}

fn note(picture: &Picture, captured_on: Option<Date>, made: &PageResult) -> ImportNote {
    let header = made.header;
    // Of a day no instant is known: this one has that date at the counter and in UTC.
    let said = captured_on.and_then(|date| format!("{date}T00:00:00Z").parse::<Timestamp>().ok());
    let captured_at = said.or(picture.written_at).unwrap_or_else(clock::now).min(clock::now());
    ImportNote {
        imported: ImportedPage {
            original: StoredImage::new(&picture.bytes, header.media_type, header.width, header.height),
            page: StoredImage::new(&made.page.bytes, made.page.media_type, made.page.width, made.page.height),
            corners: made.corners,
            confidence: made.confidence,
            captured_at: captured_at.as_millis(),
        },
    }
}

/// What tells a paper from any other: all that its rows say, and the bytes of its pictures rather than their names. How pages
/// are made of them is not in it: a paper is filed once, whatever a later run would make of its pictures.
fn key(paper: &Paper, digests: &[Digest]) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    };
    let date = |date: Option<Date>| date.map(|date| date.to_string());
    add(paper.subject.subject_type().as_str());
    add(paper.subject.value());
    add(paper.kind.as_str());
    let (issued_on, valid_until) = (date(paper.issued_on), date(paper.valid_until));
    let Paper { case, item, slot, issuer, document_number, note, .. } = paper;
    for text in [case, item, slot, &issued_on, &valid_until, issuer, document_number, note] {
        add(text.as_deref().unwrap_or_default());
    }
    for (page, digest) in paper.pages.iter().zip(digests) {
        add(&date(page.captured_on).unwrap_or_default());
        add(&digest.to_string());
    }
    hex::encode(hasher.finalize())
}

/// Lets so many work at a time, and the others wait.
struct Turns {
    give: SyncSender<()>,
    free: Mutex<Receiver<()>>,
}

impl Turns {
    fn new() -> Self {
        let (give, free) = sync_channel(PICTURES_AT_A_TIME);
        for _ in 0..PICTURES_AT_A_TIME {
            let _ = give.try_send(());
        }
        Self { give, free: Mutex::new(free) }
    }

    fn take<T>(&self, work: impl FnOnce() -> T) -> T {
        let _ = self.free.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let _turn = Turn(&self.give);
        work()
    }
}

/// Given back when dropped, by a defect as well, for which nobody else is to wait.
struct Turn<'a>(&'a SyncSender<()>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Somebody else's bytes are refused or read, and every row that is read is told once.
        #[test]
        fn whatever_a_manifest_holds_each_row_is_told_once(
            rows in prop::collection::vec("[^\0]{0,30}|(resident|x),[0-9Xx]{17,19},k,(a|\\.\\.)/b,m?\n", 0..12),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("m.csv");
            std::fs::write(&path, format!("subject_type,subject,kind,path,material\n{}", rows.concat())).unwrap();
            let Ok(manifest) = Manifest::open(&path) else { return Ok(()) };
            let options = ImportOptions { as_is: true, keeps_wrong_digits: true, operator: None };
            let ask = |_: &Request| -> Result<Outcome, Failure> { panic!("there is no picture to import") };
            let mut refused = Vec::new();
            let mut tell = |told: Told| {
                refused.extend(told.result.err().into_iter().flatten().map(|row| row.row));
                Ok(())
            };
            Import { manifest: &manifest, options, ask: &ask }.run(&mut tell).unwrap();
            refused.sort_unstable();
            let wanted: Vec<_> = manifest.read().unwrap().map(|row| row.unwrap().number).collect();
            prop_assert_eq!(refused, wanted);
        }
    }
}
