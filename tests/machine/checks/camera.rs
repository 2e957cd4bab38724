//! A camera through the real uvcvideo, when all goes well.

use std::cell::RefCell;
use std::fs;
use std::time::Instant;

use yidang_device::{
    Camera, CameraDriver, Cancel, ControlName, DeviceCondition, FrameFormat, Mode, PreviewWish, Rate,
    conformance,
};
use yidang_usb_devices::{Plugged, Uvc};

use crate::LIST_CAMERAS;
use crate::native_access::{NOBODY, listed_by};
use crate::picture::{Desk, PAGES, PATIENCE, PORT, WISH, fails, takes};
use crate::reading::until;
use crate::report::Report;

/// The group of cameras (Debian's number).
const VIDEO: u32 = 44;
const PAGES_MEASURED: usize = 6;
/// What the mode of pages fits.
const WISH_FOR_PAGES: PreviewWish = PreviewWish { width_max: 2304, height_max: 1728, rate: 10 };

/// The trait's own suite, through the kernel.
struct Bench<'a> {
    desk: &'a Desk,
    plugged: RefCell<Option<Plugged>>,
}

impl conformance::CameraBench for Bench<'_> {
    fn open(&self) -> Box<dyn Camera> {
        self.desk.open()
    }

    fn lay(&self, second: bool) -> conformance::Laid {
        self.desk.lay(second)
    }

    fn stall(&self) -> bool {
        self.desk.camera.fail(yidang_usb_devices::UvcFault::Stall);
        true
    }

    fn driver(&self) -> &dyn CameraDriver {
        &self.desk.driver
    }

    fn plug(&self, in_again: bool) -> bool {
        // One that is pulled is dropped, and the kernel has noticed by then.
        drop(self.plugged.take());
        if in_again {
            self.plugged.replace(Some(self.desk.plug()));
        }
        true
    }
}

/// One check.
type Check = fn(&Desk);

/// Checks a camera.
pub(crate) fn check(report: &mut Report) {
    let desk = Desk::new();
    let checks: [(&str, Check); 9] = [
        ("found by its port and serial without its metadata node, gone when pulled", found_and_gone),
        ("its sizes and rates are told, fractions too", modes),
        ("its controls are told and set, but those it adjusts by itself", controls),
        ("every promise of a camera is kept", |desk| {
            conformance::camera(&Bench { desk, plugged: RefCell::new(Some(desk.plug())) });
        }),
        ("a long page, then a short one: byte for byte, and nothing after it", long_and_short),
        ("it streams while it is previewed or takes a page, and rests otherwise", rests),
        ("busy while another program streams, free afterwards", busy),
        ("two equal cameras at once are two cameras", two_at_once),
        ("another account is told what would let it, and the group is let", access),
    ];
    for (name, check) in checks {
        report.check(&format!("camera: {name}"), || check(&desk));
        desk.gone();
    }
}

fn found_and_gone(desk: &Desk) {
    let plugged = desk.plug();
    let first = desk.found();
    assert!(first.id.starts_with("usb-") && first.id.ends_with("-TEST0003"), "{}", first.id);
    assert_eq!(first.name, "Document camera");
    let nodes = until("two nodes", || {
        let nodes = fs::read_dir("/sys/class/video4linux").ok()?.count();
        (nodes == 2).then_some(nodes)
    });
    assert_eq!((nodes, desk.driver.list().map(|list| list.len())), (2, Ok(1)));
    plugged.unplug();
    desk.gone();
    let _plugged = desk.plug();
    assert_eq!(desk.found(), first, "the same port gives the same id");
}

fn modes(desk: &Desk) {
    let _plugged = desk.plug();
    let mode = |width, height, rates: &[(u32, u32)]| Mode {
        format: FrameFormat::Mjpeg,
        width,
        height,
        rates: rates.iter().map(|(frames, seconds)| Rate { frames: *frames, seconds: *seconds }).collect(),
    };
    let wanted = [mode(2304, 1728, &[(25, 2), (10, 1), (5, 1)]), mode(320, 240, &[(30, 1), (15, 1)])];
    assert_eq!(desk.open().modes(), wanted);
}

fn controls(desk: &Desk) {
    let _plugged = desk.plug();
    let mut camera = desk.open();
    let controls = camera.controls().expect("it tells its controls");
    let stand = |name| {
        let control = controls.iter().find(|control| control.name == name).expect("it has this one");
        (control.min, control.max, control.step, control.value, control.active)
    };
    assert_eq!(controls.len(), 10);
    assert_eq!(stand(ControlName::Focus), (0, 250, 5, 0, false));
    assert_eq!(stand(ControlName::ExposureAuto), (0, 1, 1, 1, true));
    assert_eq!(stand(ControlName::Exposure), (1, 5000, 1, 157, false));
    assert_eq!(stand(ControlName::Brightness), (-64, 64, 1, 0, true));
    let refused = camera.set_control(ControlName::Focus, 35).map_err(|e| e.condition);
    assert_eq!(refused, Err(DeviceCondition::Refused), "it focuses by itself");
    for (name, value) in [
        (ControlName::FocusAuto, 0),
        (ControlName::Focus, 35),
        (ControlName::ExposureAuto, 0),
        (ControlName::Exposure, 300),
        (ControlName::Brightness, -20),
    ] {
        camera.set_control(name, value).unwrap_or_else(|e| panic!("{}: {e}", name.as_str()));
        let controls = camera.controls().expect("it tells its controls");
        let read = controls.iter().find(|control| control.name == name).map(|control| control.value);
        assert_eq!(read, Some(value), "{}", name.as_str());
    }
}

fn long_and_short(desk: &Desk) {
    let _plugged = desk.plug();
    let mut camera = desk.open();
    let mut times = Vec::new();
    for page in PAGES.into_iter().cycle().take(PAGES_MEASURED) {
        desk.camera.lay(page, PAGES[2]);
        let started = Instant::now();
        takes(camera.as_mut(), page);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Report::measured(&format!("a page from a resting camera: median {:?}", times[times.len() / 2]));
    // With the stream of a preview running, in another mode and in that of pages.
    for wish in [WISH, WISH_FOR_PAGES] {
        for page in PAGES {
            let preview = camera.preview(&wish, PATIENCE, &Cancel::new());
            assert!(preview.is_ok_and(|frame| !frame.bytes.is_empty()));
            desk.camera.lay(page, PAGES[2]);
            let started = Instant::now();
            takes(camera.as_mut(), page);
            let took = started.elapsed();
            Report::measured(&format!("a page within a preview {} wide: {took:?}", wish.width_max));
        }
    }
}

fn rests(desk: &Desk) {
    let _plugged = desk.plug();
    let mut camera = desk.open();
    assert!(!desk.camera.is_streaming());
    desk.lay(false);
    takes(camera.as_mut(), PAGES[0]);
    until("resting", || (!desk.camera.is_streaming()).then_some(()));
    camera.preview(&WISH, PATIENCE, &Cancel::new()).unwrap_or_else(|e| panic!("a preview: {e}"));
    assert!(desk.camera.is_streaming());
    camera.rest();
    until("resting", || (!desk.camera.is_streaming()).then_some(()));
}

fn busy(desk: &Desk) {
    let _plugged = desk.plug();
    let laid = desk.lay(false);
    let (mut first, mut second) = (desk.open(), desk.open());
    first.preview(&WISH, PATIENCE, &Cancel::new()).unwrap_or_else(|e| panic!("a preview: {e}"));
    assert_eq!(fails(second.as_mut(), PATIENCE), DeviceCondition::Busy);
    first.rest();
    takes(second.as_mut(), &laid.page);
}

fn two_at_once(desk: &Desk) {
    let other = Uvc::new("TEST0003");
    other.lay(PAGES[1], PAGES[1]);
    desk.camera.lay(PAGES[0], PAGES[0]);
    let _plugged = [desk.plug(), other.plug(PORT + 1).expect("the kernel takes the device")];
    let ids = until("two cameras", || {
        let list = desk.driver.list().ok().filter(|list| list.len() == 2)?;
        Some(list.into_iter().map(|camera| camera.id).collect::<Vec<_>>())
    });
    assert_ne!(ids[0], ids[1]);
    let mut ids = ids;
    // The ports are numbered upwards, and the ids name them.
    ids.sort();
    std::thread::scope(|scope| {
        for (id, page) in ids.iter().zip(PAGES) {
            scope.spawn(move || {
                let mut camera = until("opening the camera", || desk.driver.open(id).ok());
                for _ in 0..3 {
                    takes(camera.as_mut(), page);
                }
            });
        }
    });
}

fn access(desk: &Desk) {
    let _plugged = desk.plug();
    desk.found();
    until("the group's rights", || {
        listed_by(VIDEO, LIST_CAMERAS).filter(|line| line.starts_with("granted usb-"))
    });
    let denied = listed_by(NOBODY, LIST_CAMERAS).expect("it is listed");
    assert!(denied.starts_with("denied usb-") && denied.contains("group `video`"), "{denied}");
}
