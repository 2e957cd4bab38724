//! The driver over real terminals, against a module that answers real frames.

use std::time::{Duration, Instant};

use yidang_device::{
    Access, Cancel, CardDriver, CardReader, DeviceCondition, DeviceError, Presence, RawCard, ReadWish,
    conformance,
};
use yidang_idcard::frame::Reply;
use yidang_idcard::text::{CardText, DocumentType, Field, encode_new_address};
use yidang_model::Origin;
use yidang_simulated::{CardFault, Fault};

use crate::SerialDriver;
use crate::ports::Places;
use crate::wire::Wire;

const STATUS: [u8; 2] = [0x11, 0xFF];
const FIND: [u8; 2] = [0x20, 0x01];

fn driver(wire: &Wire) -> SerialDriver {
    SerialDriver::new(Some(vec![wire.path.clone()]))
}

fn try_open(wire: &Wire) -> Result<Box<dyn CardReader>, DeviceError> {
    driver(wire).open(&wire.path.display().to_string())
}

fn open(wire: &Wire) -> Box<dyn CardReader> {
    try_open(wire).unwrap_or_else(|e| panic!("{e}"))
}

fn read(reader: &mut dyn CardReader) -> RawCard {
    reader.read(ReadWish::default(), &Cancel::new()).unwrap_or_else(|e| panic!("{e}"))
}

fn failure<T>(outcome: Result<T, DeviceError>) -> DeviceError {
    outcome.err().expect("this fails")
}

fn status(status: u8) -> Vec<u8> {
    Reply { status: [0, 0, status], data: vec![] }.to_frame()
}

/// What the built-in card `01-resident` reads as through a wire.
fn resident() -> RawCard {
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
    let number = "05.01-20260101-0000000001-0000000001".parse::<yidang_idcard::ModuleNumber>();
    RawCard {
        text: text.encode().unwrap(),
        photo_wlt,
        new_address: Some(encode_new_address("某省某市某区新样本路22号").unwrap().to_vec()),
        sam_id: Some(number.unwrap().0),
        chip_serial: None,
        photo: None,
        fingerprint: vec![],
        origin: Origin::Device,
    }
}

impl conformance::CardBench for Wire {
    fn open(&self) -> Box<dyn CardReader> {
        open(self)
    }

    fn insert(&self) -> RawCard {
        self.desk.insert(Some("01-resident")).unwrap();
        resident()
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
fn the_reader_keeps_every_promise_of_its_trait() {
    conformance::card_reader(&Wire::new());
}

#[test]
fn the_rate_is_found_and_asked_first_the_next_time() {
    for (position, baud) in [115_200, 57_600, 38_400, 19_200, 9_600].into_iter().enumerate() {
        let wire = Wire::new();
        wire.manners().baud = baud;
        let driver = driver(&wire);
        let id = driver.list().unwrap().remove(0).id;
        let mut reader = driver.open(&id).unwrap_or_else(|e| panic!("{baud}: {e}"));
        assert!(read(reader.as_mut()) == resident());
        drop(reader);
        let heard = std::mem::take(&mut wire.manners().heard);
        let mut asked: Vec<u32> =
            heard.iter().filter(|(_, command)| *command == STATUS).map(|(b, _)| *b).collect();
        // A rate where nothing answers is asked twice.
        asked.dedup();
        assert_eq!(asked, crate::rate::RATES[..=position]);
        assert!(heard.iter().all(|(b, command)| *command == STATUS || *b == baud), "{heard:?}");
        assert!(heard.iter().all(|(_, command)| command[0] != 0x60), "the module's own rate was changed");
        drop(driver.open(&id).unwrap_or_else(|e| panic!("{baud}: {e}")));
        assert!(wire.manners().heard.iter().all(|heard| *heard == (baud, STATUS)));
    }
}

#[test]
fn a_request_that_was_not_heard_is_sent_again() {
    let wire = Wire::new();
    wire.manners().deaf_to = 1;
    drop(open(&wire));
    assert_eq!(wire.manners().heard, [(115_200, STATUS), (115_200, STATUS)]);
}

#[test]
fn noise_at_a_wrong_rate_is_not_taken_for_a_module() {
    let wire = Wire::new();
    wire.manners().baud = 38_400;
    wire.manners().at_other_rates = vec![0xFE, 0xAA, 0xAA, 0x00, 0x96];
    assert!(read(open(&wire).as_mut()) == resident());
}

#[test]
fn a_port_where_nothing_answers_says_what_was_tried() {
    let wire = Wire::new();
    wire.manners().mute = true;
    let started = Instant::now();
    let error = failure(try_open(&wire));
    assert_eq!(error.condition, DeviceCondition::NotFound);
    assert!(error.detail.starts_with(wire.path.to_str().unwrap()), "{error}");
    assert!(error.detail.contains("115200, 57600, 38400, 19200, 9600 baud"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    // The port is free again.
    wire.manners().mute = false;
    drop(open(&wire));
}

#[test]
fn a_device_that_talks_otherwise_is_told_apart_from_silence() {
    let wire = Wire::new();
    wire.manners().says = Some(b"ST,GS,+ 0.00kg\r\n".to_vec());
    let error = failure(try_open(&wire));
    assert_eq!(error.condition, DeviceCondition::NotFound);
    assert!(error.detail.contains("something that is no reply came at 115200"), "{error}");
}

#[test]
fn a_module_that_does_not_work_says_so_itself() {
    for code in [0x60, 0x66] {
        let wire = Wire::new();
        wire.manners().says = Some(status(code));
        let error = failure(try_open(&wire));
        assert_eq!(error.condition, DeviceCondition::SecurityModuleFailed, "{error}");
        assert!(error.detail.ends_with(&format!("SAM status {code:02X}")), "{error}");
        assert!(wire.manners().heard.iter().all(|heard| *heard == (115_200, STATUS)));
    }
}

#[test]
fn replies_are_found_however_they_arrive() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().garbage = vec![0x00, 0xAA, 0xAA, 0xAA, 0x96, 0x69, 0xFF, 0xFF, 0xAA];
    assert!(read(reader.as_mut()) == resident());
    wire.manners().pieces = Some((1, Duration::from_micros(200)));
    assert!(read(reader.as_mut()) == resident());
    wire.manners().garbage.clear();
    wire.manners().pieces = Some((7, Duration::from_millis(3)));
    assert!(read(reader.as_mut()) == resident());
}

#[test]
fn what_arrived_before_a_request_is_no_reply_to_it() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    for _ in 0..3 {
        // Half of a reply, and whole ones that would say that the module failed.
        wire.say(&[&status(0x66)[..], &status(0x60), &status(0x90)[..6]].concat());
        std::thread::sleep(Duration::from_millis(20));
        assert!(read(reader.as_mut()) == resident());
    }
}

#[test]
fn a_reply_that_breaks_off_is_an_error_and_the_next_reading_works() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().breaks_off_after = Some(8);
    let error = failure(reader.read(ReadWish::default(), &Cancel::new()));
    assert_eq!(error.condition, DeviceCondition::Protocol);
    assert!(error.detail.contains("broke off after 8 bytes"), "{error}");
    wire.manners().breaks_off_after = None;
    assert!(read(reader.as_mut()) == resident());
}

#[test]
fn a_module_that_hangs_is_noticed_in_time_and_works_again() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().mute = true;
    let started = Instant::now();
    let error = failure(reader.read(ReadWish::default(), &Cancel::new()));
    assert_eq!(error.condition, DeviceCondition::Timeout, "{error}");
    // Two tries of a second.
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(4), "{took:?}");
    wire.manners().mute = false;
    assert!(read(reader.as_mut()) == resident());
}

#[test]
fn a_hung_call_ends_soon_after_it_is_cancelled() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().mute = true;
    let cancel = Cancel::new();
    let canceller = cancel.clone();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        canceller.cancel();
        Instant::now()
    });
    let error = failure(reader.read(ReadWish::default(), &cancel));
    let late = timer.join().unwrap().elapsed();
    assert_eq!(error.condition, DeviceCondition::Cancelled);
    // A slice is 50 ms; the rest is for machines that have other things to do.
    assert!(late < Duration::from_millis(250), "cancelling took {late:?}");
}

#[test]
fn a_reply_that_was_given_up_is_not_taken_for_the_next_one() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().thinks = Duration::from_millis(250);
    for after in [20, 100, 200] {
        wire.desk.insert(Some("01-resident")).unwrap();
        let cancel = Cancel::new();
        let canceller = cancel.clone();
        let timer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(after));
            canceller.cancel();
        });
        let error = failure(reader.wait(Presence::Absent, Duration::from_secs(5), &cancel));
        assert_eq!(error.condition, DeviceCondition::Cancelled);
        timer.join().unwrap();
        assert!(read(reader.as_mut()) == resident());
    }
}

#[test]
fn an_answer_to_the_ports_last_user_does_not_hide_the_module() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().thinks = Duration::from_millis(120);
    let cancel = Cancel::new();
    let canceller = cancel.clone();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        canceller.cancel();
    });
    assert!(reader.wait(Presence::Absent, Duration::from_secs(5), &cancel).is_err());
    timer.join().unwrap();
    drop(reader);
    wire.manners().heard.clear();
    drop(open(&wire));
    // The late answer is taken for that of the first question, on a busy machine that of none.
    let heard = wire.manners().heard.clone();
    assert!(heard.len() <= 2 && heard.iter().all(|h| *h == (115_200, STATUS)), "{heard:?}");
}

#[test]
fn a_line_that_is_hung_up_is_lost() {
    // Between two readings.
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.hang_up();
    assert_eq!(failure(reader.read(ReadWish::default(), &Cancel::new())).condition, DeviceCondition::Lost);
    assert_eq!(failure(reader.read(ReadWish::default(), &Cancel::new())).condition, DeviceCondition::Lost);
    let absent = driver(&wire).list().unwrap_err();
    assert_eq!(absent.condition, DeviceCondition::NotFound);
    assert!(absent.detail.contains(&wire.path.display().to_string()), "{absent}");
    let error = failure(try_open(&wire));
    assert_eq!(error.condition, DeviceCondition::NotFound);

    // In the middle of the content.
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().hangs_up_after = Some(600);
    let started = Instant::now();
    let error = failure(reader.read(ReadWish::default(), &Cancel::new()));
    assert_eq!(error.condition, DeviceCondition::Lost, "{error}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(wire.manners().heard.iter().any(|(_, command)| *command == FIND));

    // While nothing comes.
    let wire = Wire::new();
    let mut reader = open(&wire);
    wire.manners().mute = true;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            wire.hang_up();
        });
        let error = failure(reader.read(ReadWish::default(), &Cancel::new()));
        assert_eq!(error.condition, DeviceCondition::Lost, "{error}");
    });
}

#[test]
fn a_port_is_opened_once_at_a_time() {
    let wire = Wire::new();
    let mut reader = open(&wire);
    let error = failure(try_open(&wire));
    assert_eq!(error.condition, DeviceCondition::Busy, "{error}");
    // The second attempt left the first reader's settings and replies alone.
    assert!(read(reader.as_mut()) == resident());
    drop(reader);
    drop(open(&wire));
}

#[test]
fn settings_that_another_program_left_are_set_right() {
    use rustix::termios::{
        ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, tcgetattr, tcsetattr,
    };
    let wire = Wire::new();
    let port = std::fs::File::options().read(true).write(true).open(&wire.path).unwrap();
    let mut left = tcgetattr(&port).unwrap();
    left.control_modes.insert(ControlModes::CSTOPB | ControlModes::CRTSCTS | ControlModes::HUPCL);
    left.control_modes.remove(ControlModes::CLOCAL);
    left.input_modes.insert(InputModes::IXON | InputModes::IXOFF | InputModes::ISTRIP | InputModes::ICRNL);
    tcsetattr(&port, OptionalActions::Now, &left).unwrap();
    assert!(read(open(&wire).as_mut()) == resident());
    let set = tcgetattr(&port).unwrap();
    let data_bits = set.control_modes & ControlModes::CSIZE;
    assert_eq!(data_bits, ControlModes::CS8);
    assert!(set.control_modes.contains(ControlModes::CLOCAL | ControlModes::CREAD));
    assert!(
        !set.control_modes.intersects(ControlModes::CSTOPB | ControlModes::CRTSCTS | ControlModes::PARENB)
    );
    assert!(
        !set.input_modes
            .intersects(InputModes::IXON | InputModes::IXOFF | InputModes::ISTRIP | InputModes::ICRNL)
    );
    assert!(!set.local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
    assert!(!set.output_modes.contains(OutputModes::OPOST));
}

/// Runs with the rights of an account that is not root. Threads have their own on Linux.
fn without_rights<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    use rustix::process::Uid;
    use rustix::thread::set_thread_res_uid;
    std::thread::scope(|scope| {
        let call = || {
            let nobody = Uid::from_raw(65534);
            if rustix::process::geteuid().is_root() {
                set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            call()
        };
        scope.spawn(call).join().unwrap()
    })
}

fn set_mode(wire: &Wire, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&wire.path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_port_without_rights_is_listed_with_its_remedy() {
    let wire = Wire::new();
    let granted = driver(&wire).list().unwrap().remove(0);
    assert_eq!(granted.access, Access::Granted);
    set_mode(&wire, 0o000);
    let (listing, refused) = without_rights(|| {
        let listing = driver(&wire).list().unwrap().remove(0);
        (listing, failure(try_open(&wire)))
    });
    let Access::Denied { remedy } = listing.access else { panic!("access is granted") };
    assert!(remedy.contains("udev rule"), "{remedy}");
    assert_eq!(refused.condition, DeviceCondition::AccessDenied, "{refused}");
}

#[test]
fn another_account_finds_a_held_port_busy_and_a_released_one_free() {
    let wire = Wire::new();
    set_mode(&wire, 0o666);
    let reader = without_rights(|| open(&wire));
    let held = without_rights(|| failure(try_open(&wire)));
    assert_eq!(held.condition, DeviceCondition::Busy, "{held}");
    // A program that asks for no lock is kept out as well.
    let other = without_rights(|| std::fs::File::open(&wire.path).unwrap_err().kind());
    assert_eq!(other, std::io::ErrorKind::ResourceBusy);
    drop(reader);
    without_rights(|| std::fs::File::open(&wire.path).map(drop)).unwrap();
}

#[test]
fn unnamed_ports_are_used_only_behind_known_adapters_and_left_alone_when_silent() {
    let wires = [Wire::new(), Wire::new(), Wire::new()];
    let root = tempfile::tempdir().unwrap();
    let root = std::fs::canonicalize(root.path()).unwrap();
    let places = Places { sys: root.join("sys"), dev: root.join("dev") };
    for (position, product) in ["7523", "7523", "ffff"].into_iter().enumerate() {
        let name = format!("ttyUSB{position}");
        let adapter = root.join(format!("sys/devices/usb1/1-{position}"));
        std::fs::create_dir_all(adapter.join("interface")).unwrap();
        std::fs::write(adapter.join("idVendor"), "1a86").unwrap();
        std::fs::write(adapter.join("idProduct"), product).unwrap();
        let terminal = root.join("sys/class/tty").join(&name);
        std::fs::create_dir_all(&terminal).unwrap();
        std::os::unix::fs::symlink(adapter.join("interface"), terminal.join("device")).unwrap();
        std::fs::create_dir_all(root.join("dev")).unwrap();
        std::os::unix::fs::symlink(&wires[position].path, root.join("dev").join(name)).unwrap();
    }
    wires[0].manners().mute = true;
    let driver = SerialDriver::in_places(None, places);
    let names = || driver.list().unwrap().into_iter().map(|l| l.name).collect::<Vec<_>>();
    assert!(names().len() == 2 && names()[0].contains("ttyUSB0"), "{:?}", names());
    let id = |position: usize| driver.list().unwrap().remove(position).id;
    let silent = failure(driver.open(&id(0)));
    assert_eq!(silent.condition, DeviceCondition::NotFound);
    // The next in turn, which then stays the first.
    assert!(names()[0].contains("ttyUSB1"), "{:?}", names());
    assert!(read(driver.open(&id(0)).unwrap().as_mut()) == resident());
    assert!(names()[0].contains("ttyUSB1"), "{:?}", names());
    // The silent one is not talked to again so soon.
    let heard = wires[0].manners().heard.len();
    assert_eq!(failure(driver.open(&id(1))), silent);
    assert_eq!(wires[0].manners().heard.len(), heard);
    assert!(wires[2].manners().heard.is_empty(), "an unknown adapter was talked to");
    let unknown = failure(driver.open(&root.join("dev/ttyUSB2").display().to_string()));
    assert_eq!(unknown.condition, DeviceCondition::NotFound);
}
