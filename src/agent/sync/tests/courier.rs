//! What parcels and receipts tell of the repository's own ledger, by a window that no network reaches.

use std::io::Cursor;

use serde_json::Value;
use yidang_sync::parcel::{
    CourierSecret, ParcelHead, ParcelReader, ParcelWriter, ReceiptAnswer, ReceiptHead, Seal, Tag, read_header,
};
use yidang_sync::wire::{
    CommitAnswer, CommitResult, FeedAnswer, FeedItem, HeadAnswer, LedgerAnchor, News, RepositoryHead, Verdict,
};

use super::super::{PackNews, ReceiptFault, ReceiptReport, SyncError, SyncWorker, Upstream};
use super::repository::Repository;
use super::window::Window;

/// A parcel, opened.
struct Parcel {
    head: ParcelHead,
    /// Number and the entries' names, of each commit.
    commits: Vec<(u64, Vec<String>)>,
}

/// A window with a worker that makes no calls, enrolled at a repository that knows of nothing by itself.
fn window() -> (Window, Repository) {
    let repository = Repository::start();
    let mut window = Window::new(&repository);
    window.options.courier_key = Some(secret().public());
    window.sync = Some(SyncWorker::at_rest(window.archive.clone(), &window.options).unwrap());
    window.sync().enrol("GOOD-CODE", "counter-1").unwrap();
    (window, repository)
}

fn secret() -> CourierSecret {
    CourierSecret::new([7; 32])
}

fn pack(window: &Window) -> Parcel {
    pack_while(window, || {})
}

/// `meanwhile` happens once the first file has begun.
fn pack_while(window: &Window, meanwhile: impl FnOnce()) -> Parcel {
    let (mut bytes, mut meanwhile) = (Vec::new(), Some(meanwhile));
    let mut take = |news| {
        match news {
            PackNews::Begin { .. } => meanwhile.take().into_iter().for_each(|happens| happens()),
            PackNews::Piece(piece) => bytes.extend(piece),
            PackNews::Again => bytes.clear(),
            PackNews::End | PackNews::Progress { .. } => {}
        }
        Ok(())
    };
    window.sync().pack(u64::MAX, &mut take).unwrap();
    let mut input = Cursor::new(bytes);
    let seal = Seal::at_repository(read_header(&mut input).unwrap(), &secret()).unwrap();
    let mut reader = ParcelReader::new(input, &seal).unwrap();
    let head = serde_json::from_slice(&reader.record().unwrap().unwrap().bytes).unwrap();
    let mut commits = Vec::new();
    while let Some(record) = reader.record().unwrap() {
        if record.tag == Tag::Commit {
            let body: Value = serde_json::from_slice(&record.bytes).unwrap();
            let entries = body["entries"].as_array().unwrap();
            let ids = entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned());
            commits.push((body["sequence"].as_u64().unwrap(), ids.collect()));
        }
    }
    Parcel { head, commits }
}

fn head(sequence: u64) -> RepositoryHead {
    let (ledger, hash) = ("ab".repeat(16), "cd".repeat(32));
    RepositoryHead { ledger, sequence, hash, rebuilt: 0, told_at: i64::try_from(sequence).unwrap() }
}

impl Parcel {
    /// What a repository writes that takes every paper, or refuses it, and whose ledger has come to that end.
    fn receipt(&self, answer: Option<HeadAnswer>, takes: bool, news: &[FeedAnswer]) -> Vec<u8> {
        self.receipt_telling(None, answer, takes, news)
    }

    /// The same, of one that remembers this of the window's ledger.
    fn receipt_telling(
        &self,
        anchor: Option<LedgerAnchor>,
        answer: Option<HeadAnswer>,
        takes: bool,
        news: &[FeedAnswer],
    ) -> Vec<u8> {
        let ParcelHead { agent, key, epoch, known, .. } = self.head.clone();
        let mut writer = ParcelWriter::begin(Vec::new(), &Seal::for_agent(&agent, &key, [9; 32])).unwrap();
        let mut put = |tag, record: Value| writer.record(tag, record.to_string().as_bytes()).unwrap();
        let end = answer.as_ref().map(|answer| head(answer.head.sequence - 1));
        let known = if answer.is_some() { known } else { Vec::new() };
        put(
            Tag::Head,
            serde_json::to_value(ReceiptHead { agent, epoch, known, head: answer, anchor }).unwrap(),
        );
        let (result, code) = match takes {
            true => (Verdict::Accepted, None),
            false => (Verdict::Rejected, Some("invalid".to_owned())),
        };
        for (sequence, ids) in &self.commits {
            let result =
                |id: &String| CommitResult { id: id.clone(), result, code: code.clone(), filed_as: None };
            let answer = CommitAnswer { results: ids.iter().map(result).collect(), head: end.clone() };
            put(Tag::Answer, serde_json::to_value(ReceiptAnswer { sequence: *sequence, answer }).unwrap());
        }
        for page in news {
            put(Tag::News, serde_json::to_value(page).unwrap());
        }
        writer.finish().unwrap()
    }
}

fn has_all(sequence: u64) -> Option<HeadAnswer> {
    Some(HeadAnswer { has_known: true, head: head(sequence) })
}

fn lacks_some(sequence: u64) -> Option<HeadAnswer> {
    Some(HeadAnswer { has_known: false, head: head(sequence) })
}

fn news(sequence: u64) -> FeedAnswer {
    let item = FeedItem { sequence, previous: sequence - 1, news: News::Unknown };
    FeedAnswer { items: vec![item], after: sequence, head: sequence, ledger: None }
}

fn take(window: &Window, receipt: &[u8]) -> ReceiptReport {
    window.sync().take_receipt(receipt).unwrap()
}

#[test]
fn what_a_receipt_proves_the_next_parcel_tells() {
    let (mut window, _repository) = window();
    window.file();
    let first = pack(&window);
    assert_eq!(first.head.known, []);
    let report = take(&window, &first.receipt(has_all(10), true, &[news(1)]));
    assert_eq!((report.accepted, report.news, report.offered_again), (1, 1, false));
    let second = pack(&window);
    // Beside it what came with the commit.
    assert_eq!((second.head.known.clone(), second.head.feed_after), (vec![head(10), head(9)], 1));
    take(&window, &second.receipt(has_all(12), true, &[]));
    assert_eq!(pack(&window).head.known, [head(12)]);
}

/// Of an earlier version: it answers commits as over the network, and not what is known.
#[test]
fn what_an_older_repository_confirms_is_known_all_the_same() {
    let (mut window, _repository) = window();
    window.file();
    let parcel = pack(&window);
    let mut receipt = parcel.receipt(None, true, &[news(1)]);
    assert_eq!(take(&window, &receipt).accepted, 1);
    assert_eq!(pack(&window).head.known, []);
    window.file();
    let parcel = pack(&window);
    receipt = parcel.receipt(has_all(10), true, &[]);
    take(&window, &receipt);
    assert_eq!(pack(&window).head.known, [head(10), head(9)]);
}

/// The answers of a repository that lacks what comes first are not taken: what it refuses may be refused for that.
#[test]
fn a_repository_that_lacks_what_it_confirmed_is_offered_everything_under_new_numbers() {
    let (mut window, _repository) = window();
    let papers = [window.file(), window.file()].map(|stored| stored.material.id.to_string());
    let first = pack(&window);
    let confirmed = first.receipt(has_all(10), true, &[news(1)]);
    take(&window, &confirmed);
    let third = window.file().material.id.to_string();
    let parcel = pack(&window);
    assert_eq!(parcel.commits, [(2, vec![third.clone()])]);
    // On its way too by then, under a number that is not given twice.
    window.file();
    let later = pack(&window);
    assert_eq!(later.commits.last().unwrap().0, 3);

    let lost = parcel.receipt(lacks_some(4), false, &[news(2)]);
    let report = take(&window, &lost);
    assert_eq!((report.offered_again, report.commits, report.news), (true, 0, 0));
    assert_eq!(report.backlog_materials, 4);
    let again = pack(&window);
    assert_eq!((again.head.known.clone(), again.head.feed_after), (vec![head(4)], 0));
    assert_eq!(again.commits.iter().map(|(number, _)| *number).min(), Some(4));
    let offered: Vec<String> = again.commits.iter().flat_map(|(_, ids)| ids.clone()).collect();
    assert_eq!(offered[..2], papers);
    assert_eq!((&offered[2], offered.len()), (&third, 4));

    // Once more the same, the other that was on its way, and the one from before: nothing of it counts.
    for receipt in [lost, later.receipt(lacks_some(6), true, &[news(2)]), confirmed] {
        match window.sync().take_receipt(&receipt) {
            Ok(report) => assert_eq!((report.offered_again, report.commits, report.news), (false, 0, 0)),
            Err(error) => assert!(matches!(error, SyncError::Receipt(ReceiptFault::Old)), "{error}"),
        }
        let now = pack(&window);
        assert_eq!((now.commits, now.head.known), (again.commits.clone(), vec![head(4)]));
        assert_eq!(now.head.feed_after, 0);
    }
    let report = take(&window, &again.receipt(has_all(9), true, &[news(1)]));
    assert_eq!((report.accepted, report.news, report.backlog_materials), (4, 1, 0));
}

/// Rebuilt with a loss, it has its last entries all the same.
#[test]
fn a_repository_that_was_rebuilt_with_a_loss_is_offered_everything() {
    let (mut window, _repository) = window();
    window.file();
    take(&window, &pack(&window).receipt(has_all(10), true, &[]));
    let rebuilt = HeadAnswer { has_known: true, head: RepositoryHead { rebuilt: 11, ..head(11) } };
    let report = take(&window, &pack(&window).receipt(Some(rebuilt), true, &[]));
    assert!(report.offered_again);
    assert_eq!(report.backlog_materials, 1);
}

/// Two parcels on their way, and the repository is put back in between: the second's answer is about less than is known by now.
#[test]
fn a_loss_is_heard_of_though_more_is_known_by_now_than_the_parcel_asked_about() {
    let (mut window, _repository) = window();
    window.file();
    take(&window, &pack(&window).receipt(has_all(10), true, &[]));
    window.file();
    let one = pack(&window);
    window.file();
    let two = pack(&window);
    assert_eq!((&one.head.known, &two.head.known), (&vec![head(10), head(9)], &vec![head(10), head(9)]));
    assert_eq!(take(&window, &one.receipt(has_all(12), true, &[news(1)])).accepted, 1);
    // Of what is known by now it says nothing, so its news wait; what it took it has.
    let report = take(&window, &two.receipt(has_all(14), true, &[news(1), news(2)]));
    assert_eq!((report.accepted, report.news), (1, 0));
    assert_eq!(pack(&window).head.known, [head(12), head(13)]);

    window.file();
    let three = pack(&window);
    window.file();
    let four = pack(&window);
    assert_eq!(take(&window, &three.receipt(has_all(16), true, &[])).accepted, 1);
    let report = take(&window, &four.receipt(lacks_some(5), true, &[]));
    assert_eq!((report.offered_again, report.backlog_materials), (true, 5));
}

/// What is packed already would have the window take for confirmed what is offered again before it.
#[test]
fn what_is_being_packed_when_a_loss_is_heard_of_is_packed_anew() {
    let (mut window, _repository) = window();
    let first = window.file().material.id.to_string();
    take(&window, &pack(&window).receipt(has_all(10), true, &[]));
    let lost = pack(&window).receipt(lacks_some(5), true, &[]);
    let second = window.file().material.id.to_string();
    let parcel = pack_while(&window, || assert!(take(&window, &lost).offered_again));
    assert_eq!(parcel.head.known, [head(5)]);
    assert_eq!(parcel.commits, [(2, vec![first, second])]);
}

/// A ledger that was put back and went on must not take the place of what is remembered.
#[test]
fn a_parcel_tells_of_the_ledger_s_end_and_of_what_is_known_to_be_remembered() {
    let (mut window, _repository) = window();
    window.file();
    let told = |parcel: &Parcel| parcel.head.anchor.clone().unwrap();
    let first = pack(&window);
    let (ledger, sequence, hash) = {
        let (sequence, hash) = window.archive.anchor().unwrap();
        (window.archive.store_id().to_owned(), sequence, hex::encode(hash))
    };
    let end = LedgerAnchor { ledger, sequence, hash };
    assert_eq!((told(&first).end, told(&first).follows), (end.clone(), None));
    let report = take(&window, &first.receipt_telling(Some(end.clone()), has_all(10), true, &[]));
    assert!(!report.ledger_differs);
    window.file();
    let second = pack(&window);
    assert_eq!(told(&second).follows, Some(end.sequence));
    assert!(told(&second).end.sequence > end.sequence);
    // Nothing is known of a ledger of another name.
    let foreign = LedgerAnchor { ledger: "ee".repeat(16), sequence: 99, ..end.clone() };
    assert!(!take(&window, &second.receipt_telling(Some(foreign), has_all(12), true, &[])).ledger_differs);
    assert!(window.archive.tells_every_hold().unwrap());
    let lost = LedgerAnchor { sequence: 99, ..end.clone() };
    let third = pack(&window).receipt_telling(Some(lost), has_all(14), true, &[]);
    assert!(take(&window, &third).ledger_differs);
    assert!(!window.archive.tells_every_hold().unwrap(), "a hold may be among what is missing");
    assert_eq!(told(&pack(&window)).follows, None, "it does not know what is remembered");
    // Nobody can be asked, and a rebuild goes by what the receipt said.
    assert_eq!(window.sync().anchor(&told(&first).end.ledger).unwrap().unwrap().0, 99);
}
