//! The simulated desk through the traits it serves.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use yidang_device::{
    Camera, CameraDriver, Cancel, CardReader, DecodedPhoto, DeviceCondition, Presence, RawCard, ReadWish,
    conformance,
};
use yidang_idcard::text::{CardText, DocumentType, Field, encode_new_address};
use yidang_idcard::{IdCard, Warning};
use yidang_model::{Date, Origin};

use crate::*;

const READER: &str = "simulated-reader";
const CAMERA: &str = "simulated-camera";
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest a test waits for something that happens in the background.
const WITHIN: Duration = Duration::from_secs(10);

fn reader(desk: &Desk) -> Box<dyn CardReader> {
    desk.card_driver().open(READER).unwrap_or_else(|e| panic!("{e}"))
}

fn camera(desk: &Desk) -> Box<dyn Camera> {
    desk.camera_driver().open(CAMERA).unwrap_or_else(|e| panic!("{e}"))
}

fn read(reader: &mut dyn CardReader) -> Result<IdCard, DeviceCondition> {
    let raw = reader.read(ReadWish::default(), &Cancel::new()).map_err(|e| e.condition)?;
    Ok(IdCard::from_raw(&raw, Date::new(2026, 11, 24)).expect("the type is known"))
}

fn name(reader: &mut dyn CardReader) -> Option<String> {
    read(reader).unwrap_or_else(|e| panic!("{e}")).name
}

fn presence(reader: &mut dyn CardReader, last: Presence) -> Presence {
    reader.wait(last, Duration::from_millis(50), &Cancel::new()).unwrap_or_else(|e| panic!("{e}"))
}

fn grab(camera: &mut dyn Camera) -> Vec<u8> {
    camera.grab(PATIENCE, &Cancel::new()).unwrap_or_else(|e| panic!("{e}")).bytes
}

fn write(folder: &Path, files: &[(&str, &[u8])]) {
    for (file, content) in files {
        fs::write(folder.join(file), content).unwrap();
    }
}

struct Bench {
    desk: Desk,
}

impl conformance::CardBench for Bench {
    fn open(&self) -> Box<dyn CardReader> {
        reader(&self.desk)
    }

    fn insert(&self) -> RawCard {
        self.desk.insert(Some("01-resident")).unwrap();
        let mut text = CardText::blank(DocumentType::Resident);
        for (field, value) in [
            (Field::Name, "张一档"),
            (Field::SexCode, "1"),
            (Field::EthnicityCode, "01"),
            (Field::BirthDate, "19900228"),
            (Field::Address, "某省某市某区样本路1号"),
            (Field::IdNumber, "00000019900228001X"),
            (Field::Issuer, "某市公安局某区分局"),
            (Field::ValidFrom, "20200301"),
            (Field::ValidUntil, "20400301"),
        ] {
            text.set(field, value);
        }
        let mut photo_wlt = b"WLf\0".to_vec();
        photo_wlt.resize(1024, 0);
        RawCard {
            text: text.encode().unwrap(),
            photo_wlt,
            new_address: Some(encode_new_address("某省某市某区新样本路22号").unwrap().to_vec()),
            sam_id: Some(
                "05.01-20260101-0000000001-0000000001".parse::<yidang_idcard::ModuleNumber>().unwrap().0,
            ),
            chip_serial: Some([0, 0, 0, 0, 0, 0, 0, 1]),
            photo: Some(DecodedPhoto { bytes: include_bytes!("../../fixtures/cards/portrait.png").to_vec() }),
            fingerprint: vec![],
            origin: Origin::Simulated,
        }
    }

    fn remove(&self) {
        self.desk.insert(None).unwrap();
    }

    fn damage(&self, times: u32) -> bool {
        self.desk.fault(Fault::Card(CardFault::ReadFailed), times);
        true
    }
}

#[test]
fn a_fingerprint_is_given_to_those_who_ask_where_the_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = ("document_type = \"hmt\"\nfingerprint = true\n", "document_type = \"hmt\"\n");
    write(folder.path(), &[("a.toml", with.as_bytes()), ("b.toml", without.as_bytes())]);
    let desk = Desk::new(Some(folder.path().to_owned()), None);
    for (card, wish, fingers) in [("a", true, 2), ("a", false, 0), ("b", true, 0)] {
        desk.insert(Some(card)).unwrap();
        let mut reader = reader(&desk);
        let raw = reader.read(ReadWish { fingerprint: wish }, &Cancel::new());
        let raw = raw.unwrap_or_else(|e| panic!("{card}: {e}"));
        assert_eq!(raw.fingerprint.len(), fingers, "{card}, asked: {wish}");
        let read = IdCard::from_raw(&raw, None).unwrap();
        assert_eq!(read.fingers.len(), fingers);
        assert!(!read.warnings.contains(&Warning::FingerprintMalformed));
    }
}

#[test]
fn what_is_named_can_be_put_down() {
    let built_in = Desk::new(None, None);
    let names = built_in.names().unwrap();
    assert_eq!((names.cards[0].as_str(), names.frames[0].as_str()), ("01-resident", "01-form"));
    for card in &names.cards {
        built_in.insert(Some(card)).unwrap();
    }
    for frame in &names.frames {
        built_in.lay(Some(frame)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(Some(folder.path().to_owned()), None);
    assert!(desk.names().is_err(), "an empty folder has nothing to choose from");
    write(folder.path(), &[("b.toml", b""), ("a.toml", b""), ("portrait.png", b"")]);
    assert_eq!(desk.names().unwrap().cards, ["a", "b"]);
}

#[test]
fn the_reader_keeps_every_promise_of_its_trait() {
    conformance::card_reader(&Bench { desk: Desk::new(None, None) });
}

struct Mat {
    desk: Desk,
    driver: Arc<dyn CameraDriver>,
}

impl conformance::CameraBench for Mat {
    fn open(&self) -> Box<dyn Camera> {
        camera(&self.desk)
    }

    fn lay(&self, second: bool) -> conformance::Laid {
        self.desk.lay(Some(if second { "short" } else { "long" })).unwrap();
        let page = vec![if second { 1 } else { 2 }; if second { 10 } else { 4000 }];
        conformance::Laid { preview: page.clone(), page }
    }

    fn stall(&self) -> bool {
        self.desk.fault(Fault::Camera(CameraFault::Stall), 1);
        true
    }

    fn tells_stalls(&self) -> bool {
        false
    }

    fn driver(&self) -> &dyn CameraDriver {
        self.driver.as_ref()
    }

    fn plug(&self, in_again: bool) -> bool {
        self.desk.fault(Fault::Camera(CameraFault::Unplug), if in_again { 0 } else { u32::MAX });
        true
    }
}

#[test]
fn the_camera_keeps_every_promise_of_its_trait() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("long.jpg", &[2; 4000]), ("short.PNG", &[1; 10])]);
    let desk = Desk::new(None, Some(folder.path().to_owned()));
    conformance::camera(&Mat { driver: desk.camera_driver(), desk });
}

#[test]
fn every_built_in_card_reads_without_surprise() {
    let desk = Desk::new(None, None);
    let mut reader = reader(&desk);
    for (card, document_type, warnings) in [
        ("01-resident", DocumentType::Resident, &[][..]),
        ("02-hmt", DocumentType::Hmt, &[]),
        ("03-foreigner-2023", DocumentType::Foreigner2023, &[]),
        ("04-foreigner-2017", DocumentType::Foreigner2017, &[Warning::Expired]),
        ("05-other-resident", DocumentType::Resident, &[]),
    ] {
        desk.insert(Some(card)).unwrap();
        let read = read(reader.as_mut()).unwrap_or_else(|e| panic!("{card}: {e}"));
        assert_eq!((read.document_type, &read.warnings[..]), (document_type, warnings), "{card}");
        assert_eq!(read.origin, Origin::Simulated);
        assert!(read.subject().is_ok(), "{card}");
    }
}

#[test]
fn the_first_card_lies_there_at_the_start_and_stays_when_one_is_added_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let card = |name: &str| format!("document_type = \"resident\"\nname = \"{name}\"\n").into_bytes();
    write(folder.path(), &[("b.toml", &card("乙")), ("c.toml", &card("丙")), ("notes.txt", b"?")]);
    let desk = Desk::new(Some(folder.path().to_owned()), None);
    let mut reader = reader(&desk);
    assert_eq!(name(reader.as_mut()).as_deref(), Some("乙"));
    write(folder.path(), &[("a.toml", &card("甲"))]);
    assert_eq!(name(reader.as_mut()).as_deref(), Some("乙"));
    desk.reset();
    assert_eq!(name(reader.as_mut()).as_deref(), Some("甲"));
    fs::remove_file(folder.path().join("a.toml")).unwrap();
    assert_eq!(presence(reader.as_mut(), Presence::Present), Presence::Absent);
}

#[test]
fn a_card_read_by_an_earlier_handle_is_present_and_reads_again() {
    let desk = Desk::new(None, None);
    assert!(read(reader(&desk).as_mut()).is_ok());
    let mut second = reader(&desk);
    assert_eq!(presence(second.as_mut(), Presence::Absent), Presence::Present);
    assert!(read(second.as_mut()).is_ok());
}

#[test]
fn a_bad_card_file_is_refused_by_name_and_the_others_work() {
    let folder = tempfile::tempdir().unwrap();
    let good = b"document_type = \"hmt\"\nname = \"\xE7\x94\xB2\"\n";
    write(folder.path(), &[("bad.toml", b"document_type = 5\n"), ("good.toml", good)]);
    write(folder.path(), &[("photo.toml", b"document_type = \"hmt\"\nphoto = \"../x.png\"\n")]);
    let desk = Desk::new(Some(folder.path().to_owned()), None);
    let mut reader = reader(&desk);
    assert_eq!(presence(reader.as_mut(), Presence::Absent), Presence::Present);
    let error =
        reader.read(ReadWish::default(), &Cancel::new()).err().expect("the first card is the bad one");
    assert_eq!(error.condition, DeviceCondition::CardUnreadable);
    assert_eq!(error.detail, "card file bad.toml: line 1: document_type must be text in quotes");
    let refused = |card| desk.insert(Some(card)).unwrap_err().to_string();
    assert_eq!(refused("bad"), error.detail);
    assert_eq!(refused("photo"), "card file photo.toml: the photo is no PNG or JPEG file in the same folder");
    desk.insert(Some("good")).unwrap();
    assert_eq!(name(reader.as_mut()).as_deref(), Some("甲"));
}

#[test]
fn names_are_found_in_the_listing_and_nowhere_else() {
    let desk = Desk::new(None, None);
    for name in ["", "nobody", "01-resident.toml", "../cards/01-resident", "/etc/passwd", "portrait"] {
        assert_eq!(desk.insert(Some(name)), Err(SimulationError::UnknownName), "{name}");
        assert_eq!(desk.lay(Some(name)), Err(SimulationError::UnknownName), "{name}");
    }
}

#[test]
fn a_missing_or_empty_folder_is_an_error_and_not_the_built_in_files() {
    let empty = tempfile::tempdir().unwrap();
    for folder in [empty.path().to_owned(), empty.path().join("missing")] {
        let desk = Desk::new(Some(folder.clone()), Some(folder.clone()));
        let shown = folder.display().to_string();
        for error in [
            desk.card_driver().list().err(),
            desk.card_driver().open(READER).err(),
            desk.camera_driver().list().err(),
            desk.camera_driver().open(CAMERA).err(),
        ] {
            let error = error.expect("there is nothing to serve");
            assert_eq!(error.condition, DeviceCondition::NotFound);
            assert!(error.detail.contains(&shown), "{error}");
        }
        assert!(matches!(desk.insert(Some("01-resident")), Err(SimulationError::Folder(_))));
    }
}

#[test]
fn each_fault_of_the_reader_is_what_it_says_and_passes() {
    for (fault, times, condition) in [
        (CardFault::NoCard, 1, DeviceCondition::NoCard),
        (CardFault::SelectFailed, 1, DeviceCondition::CardNotSupported),
        (CardFault::ReadFailed, 2, DeviceCondition::CardUnreadable),
        (CardFault::BadChecksum, 2, DeviceCondition::Protocol),
        (CardFault::ShortFrame, 2, DeviceCondition::Protocol),
        (CardFault::Hang, 2, DeviceCondition::Timeout),
    ] {
        for read_before in [false, true] {
            let desk = Desk::new(None, None);
            let mut reader = reader(&desk);
            if read_before {
                assert!(read(reader.as_mut()).is_ok());
            }
            desk.fault(Fault::Card(fault), times);
            assert_eq!(presence(reader.as_mut(), Presence::Absent), Presence::Present);
            assert_eq!(read(reader.as_mut()).err(), Some(condition), "{fault:?}");
            assert_eq!(presence(reader.as_mut(), Presence::Absent), Presence::Present, "{fault:?}");
            assert!(read(reader.as_mut()).is_ok(), "{fault:?}");
        }
    }
}

#[test]
fn one_bad_try_is_hidden_by_the_second() {
    let desk = Desk::new(None, None);
    let mut reader = reader(&desk);
    for fault in [CardFault::ReadFailed, CardFault::BadChecksum, CardFault::ShortFrame, CardFault::Hang] {
        desk.fault(Fault::Card(fault), 1);
        assert!(read(reader.as_mut()).is_ok(), "{fault:?}");
    }
}

#[test]
fn a_cards_own_fault_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let card = |fault: &str| format!("document_type = \"hmt\"\nfault = \"{fault}\"\n").into_bytes();
    write(folder.path(), &[("gone.toml", &card("unplug")), ("worn.toml", &card("read_failed"))]);
    write(folder.path(), &[("fine.toml", b"document_type = \"hmt\"\n")]);
    let desk = Desk::new(Some(folder.path().to_owned()), None);
    let mut worn = reader(&desk);
    desk.insert(Some("worn")).unwrap();
    for _ in 0..3 {
        assert_eq!(read(worn.as_mut()).err(), Some(DeviceCondition::CardUnreadable));
    }
    desk.insert(Some("fine")).unwrap();
    assert!(read(worn.as_mut()).is_ok());
    desk.insert(Some("gone")).unwrap();
    assert_eq!(read(worn.as_mut()).err(), Some(DeviceCondition::Lost));
    assert!(desk.card_driver().open(READER).is_err(), "one look does not find it");
    assert_eq!(presence(reader(&desk).as_mut(), Presence::Absent), Presence::Present);
}

#[test]
fn an_unplugged_device_is_lost_and_comes_back_after_so_many_looks() {
    let desk = Desk::new(None, None);
    let (cards, cameras) = (desk.card_driver(), desk.camera_driver());
    let (mut old_reader, mut old_camera) = (reader(&desk), camera(&desk));
    desk.fault(Fault::Card(CardFault::Unplug), 2);
    desk.fault(Fault::Camera(CameraFault::Unplug), 2);
    assert_eq!(read(old_reader.as_mut()).err(), Some(DeviceCondition::Lost));
    let grabbed = old_camera.grab(PATIENCE, &Cancel::new()).err().map(|e| e.condition);
    assert_eq!(grabbed, Some(DeviceCondition::Lost));
    assert_eq!((cards.list(), cameras.list()), (Ok(vec![]), Ok(vec![])));
    assert_eq!(cards.open(READER).err().map(|e| e.condition), Some(DeviceCondition::NotFound));
    assert_eq!(cameras.open(CAMERA).err().map(|e| e.condition), Some(DeviceCondition::NotFound));
    assert_eq!(cards.list().unwrap().len(), 1);
    assert!(read(reader(&desk).as_mut()).is_ok());
    assert!(!grab(camera(&desk).as_mut()).is_empty());
    assert_eq!(read(old_reader.as_mut()).err(), Some(DeviceCondition::Lost), "a lost handle stays lost");
}

#[test]
fn a_hanging_reader_and_a_stalled_camera_can_be_cancelled() {
    let desk = Desk::new(None, None);
    desk.fault(Fault::Card(CardFault::Hang), 2);
    desk.fault(Fault::Camera(CameraFault::Stall), 1);
    let (mut reader, mut camera) = (reader(&desk), camera(&desk));
    let cancel = Cancel::new();
    let other = cancel.clone();
    let started = Instant::now();
    let waiting = std::thread::spawn(move || {
        let grabbed = camera.grab(Duration::from_secs(60), &other).err().map(|e| e.condition);
        (reader.read(ReadWish::default(), &other).err().map(|e| e.condition), grabbed)
    });
    std::thread::sleep(Duration::from_millis(30));
    cancel.cancel();
    let cancelled = Some(DeviceCondition::Cancelled);
    assert_eq!(waiting.join().unwrap(), (cancelled, cancelled));
    assert!(started.elapsed() < PATIENCE);
    let mut hanging = self::reader(&desk);
    let cancel = Cancel::new();
    let other = cancel.clone();
    let started = Instant::now();
    let waiting =
        std::thread::spawn(move || hanging.read(ReadWish::default(), &other).err().map(|e| e.condition));
    std::thread::sleep(Duration::from_millis(30));
    cancel.cancel();
    assert_eq!(waiting.join().unwrap(), cancelled);
    assert!(started.elapsed() < Duration::from_millis(1800), "the limits of the commands were waited out");
}

#[test]
fn frames_come_in_name_order_and_the_last_repeats() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("b.jpg", b"b"), ("d.png", b"d"), ("bare-mat.jpg", b"bare"), ("x.toml", b"")]);
    let desk = Desk::new(None, Some(folder.path().to_owned()));
    let mut camera = camera(&desk);
    assert_eq!(grab(camera.as_mut()), b"b");
    write(folder.path(), &[("c.jpeg", b"c")]);
    assert_eq!(grab(camera.as_mut()), b"c");
    desk.lay(Some("b")).unwrap();
    assert_eq!([grab(camera.as_mut()), grab(camera.as_mut())], [b"b", b"b"]);
    desk.lay(None).unwrap();
    assert_eq!(grab(camera.as_mut()), b"bare");
    desk.reset();
    let sequence: Vec<Vec<u8>> = (0..4).map(|_| grab(camera.as_mut())).collect();
    assert_eq!(sequence, [b"b", b"c", b"d", b"d"]);
}

#[test]
fn the_built_in_frames_are_whole_jpegs_and_a_truncated_one_is_half() {
    let desk = Desk::new(None, None);
    let mut camera = camera(&desk);
    for _ in 0..3 {
        let frame = grab(camera.as_mut());
        assert!(frame.starts_with(&[0xFF, 0xD8]) && frame.ends_with(&[0xFF, 0xD9]));
    }
    let whole = grab(camera.as_mut());
    desk.fault(Fault::Camera(CameraFault::Truncated), 1);
    assert!(grab(camera.as_mut()) == whole[..whole.len() / 2]);
    assert!(grab(camera.as_mut()) == whole);
    desk.lay(None).unwrap();
    assert!(grab(camera.as_mut()) != whole);
}

fn step(after_ms: u64, action: Action) -> Step {
    Step { after: Duration::from_millis(after_ms), action }
}

#[test]
fn a_scenario_plays_by_itself_and_a_later_one_takes_its_place() {
    let desk = Desk::new(None, None);
    let mut reader = reader(&desk);
    let card = |name: &str| Action::Card(Some(name.to_owned()));
    desk.play(Scenario { steps: vec![step(0, Action::Card(None)), step(400, card("02-hmt"))] }).unwrap();
    desk.play(Scenario {
        steps: vec![
            step(0, Action::Fault { fault: Fault::Card(CardFault::NoCard), times: 1 }),
            step(0, Action::Frame(None)),
            step(10, card("05-other-resident")),
        ],
    })
    .unwrap();
    let started = Instant::now();
    let mut failed = false;
    let mut seen = None;
    while seen.as_deref() != Some("李样本") && started.elapsed() < WITHIN {
        match read(reader.as_mut()) {
            Ok(card) => seen = card.name,
            Err(condition) => failed |= condition == DeviceCondition::NoCard,
        }
    }
    assert_eq!((seen.as_deref(), failed), (Some("李样本"), true));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(name(reader.as_mut()).as_deref(), Some("李样本"), "the first scenario went on");
}

#[test]
fn a_reset_ends_the_scenario() {
    let desk = Desk::new(None, None);
    desk.play(Scenario { steps: vec![step(200, Action::Card(None))] }).unwrap();
    desk.reset();
    std::thread::sleep(Duration::from_millis(300));
    assert!(read(reader(&desk).as_mut()).is_ok());
}

#[test]
fn scenarios_have_bounds() {
    let desk = Desk::new(None, None);
    let play = |steps| desk.play(Scenario { steps });
    assert_eq!(play(vec![step(0, Action::Frame(None)); 1001]), Err(SimulationError::TooManySteps));
    assert_eq!(play(vec![step(300_001, Action::Frame(None)); 2]), Err(SimulationError::TooLong));
    assert_eq!(play(vec![step(u64::MAX, Action::Frame(None)); 1000]), Err(SimulationError::TooLong));
    let nobody = Action::Card(Some("nobody".to_owned()));
    assert_eq!(play(vec![step(0, nobody)]), Err(SimulationError::UnknownName));
}

#[test]
fn every_fault_is_found_by_its_name() {
    for fault in Fault::all() {
        assert_eq!(Fault::parse(fault.device(), &fault.to_string()), Ok(fault));
        assert_eq!(fault.device().as_str().parse(), Ok(fault.device()));
    }
    assert_eq!(Fault::all().count(), 10);
    assert_eq!(Fault::parse(Device::Camera, "hang"), Err(UnknownFault));
    assert_eq!("printer".parse::<Device>(), Err(UnknownFault));
}
