//! How soon a camera that is plugged in again gives a page, many times over, and where the time goes.

use std::time::{Duration, Instant};

use yidang_device::CameraDriver as _;
use yidang_usb_devices::UvcFault;

use crate::agent::Agent;
use crate::picture::{Desk, PAGES, PORT, takes};
use crate::report::Report;
use crate::uevents::Uevents;

/// How often it is plugged in.
const TIMES: usize = 10;
/// Longest time from the kernel's announcement of the camera to its page: on a machine of its own two seconds, plugging
/// in included; more on an emulated one that shares its processors.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// Pause between two looks for something that is about to happen.
const SHORT: Duration = Duration::from_millis(2);

/// Checks a camera.
pub(crate) fn check(report: &mut Report) {
    report.check("replug: a camera plugged in ten times gives a page soon each time", by_the_driver);
    report.check(
        "replug: the agent finds a camera plugged in ten times and gives its page soon each time",
        by_the_agent,
    );
    report.check("replug: a camera that stalls costs the agent time and not the page", stalls);
}

/// The spans of one kind, one for each time.
struct Spans {
    what: &'static str,
    spans: Vec<Duration>,
}

impl Spans {
    const fn of(what: &'static str) -> Self {
        Self { what, spans: Vec::new() }
    }

    /// The longest; tells all there is to tell.
    fn tell(mut self) -> Duration {
        self.spans.sort_unstable();
        let [min, median, max] = [0, self.spans.len() / 2, self.spans.len() - 1].map(|at| self.spans[at]);
        let [least, middle, most] = [min, median, max].map(|span| span.as_millis());
        Report::measured(&format!("{}: min {least} ms, median {middle} ms, max {most} ms", self.what));
        max
    }
}

fn by_the_driver() {
    let (desk, uevents) = (Desk::new(), Uevents::new());
    let mut usb = Spans::of("driver: plug to the kernel's announcement of a USB device");
    let mut video = Spans::of("driver: plug to the kernel's announcement of a camera");
    let mut listed = Spans::of("driver: announcement to the list");
    let mut opened = Spans::of("driver: list to the open camera");
    let mut given = Spans::of("driver: open camera to its page");
    let mut ours = Spans::of("driver: announcement to page");
    let mut whole = Spans::of("driver: plug to page");
    for _ in 0..TIMES {
        desk.gone();
        uevents.forget();
        let start = Instant::now();
        let _plugged = desk.camera.plug(PORT).expect("the kernel takes the device");
        let id = soon(|| desk.driver.list().ok()?.pop()).id;
        let in_list = Instant::now();
        let mut camera = soon(|| desk.driver.open(&id).ok());
        let open = Instant::now();
        takes(camera.as_mut(), PAGES[0]);
        let page = Instant::now();
        usb.spans.push(uevents.next("usb") - start);
        let announced = uevents.next("video4linux");
        video.spans.push(announced - start);
        listed.spans.push(in_list.saturating_duration_since(announced));
        opened.spans.push(open - in_list);
        given.spans.push(page - open);
        ours.spans.push(page - announced);
        whole.spans.push(page - start);
    }
    for spans in [usb, video, listed, opened, given, whole] {
        spans.tell();
    }
    let longest = ours.tell();
    assert!(longest < BACK_WITHIN, "a page came {longest:?} after the camera was announced");
}

fn by_the_agent() {
    let (desk, uevents) = (Desk::new(), Uevents::new());
    // A small picture: what becomes of a page is not what is measured here.
    desk.camera.lay(PAGES[2], PAGES[2]);
    let mut agent = Agent::start("[camera]\ndriver = \"v4l2\"\n");
    let mut video = Spans::of("agent: plug to the kernel's announcement of a camera");
    let mut found = Spans::of("agent: announcement to device.found");
    let mut again = Spans::of("agent: a second page of the same camera");
    let mut lost = Spans::of("agent: pull to device.lost");
    let mut ours = Spans::of("agent: announcement to the answer with the page");
    let mut whole = Spans::of("agent: plug to the answer with the page");
    for _ in 0..TIMES {
        desk.gone();
        uevents.forget();
        let start = Instant::now();
        let plugged = desk.camera.plug(PORT).expect("the kernel takes the device");
        let id = agent.next("device.found");
        let told = Instant::now();
        page(&agent);
        let answer = Instant::now();
        page(&agent);
        again.spans.push(answer.elapsed());
        let announced = uevents.next("video4linux");
        video.spans.push(announced - start);
        found.spans.push(told.saturating_duration_since(announced));
        ours.spans.push(answer - announced);
        whole.spans.push(answer - start);
        let pull = Instant::now();
        plugged.unplug();
        assert_eq!(agent.next("device.lost"), id);
        lost.spans.push(pull.elapsed());
    }
    for spans in [video, found, again, lost, whole] {
        spans.tell();
    }
    let longest = ours.tell();
    assert!(longest < BACK_WITHIN, "a page came {longest:?} after the camera was announced");
}

fn stalls() {
    let desk = Desk::new();
    desk.camera.lay(PAGES[2], PAGES[2]);
    let mut agent = Agent::start("[camera]\ndriver = \"v4l2\"\n");
    let _plugged = desk.plug();
    let id = agent.next("device.found");
    page(&agent);
    let mut given = Spans::of("agent: a page from a camera that stalls at the first try");
    for _ in 0..TIMES / 2 {
        desk.camera.fail(UvcFault::Stall);
        let start = Instant::now();
        page(&agent);
        given.spans.push(start.elapsed());
        assert!(!desk.camera.waits_to_fail(), "it has not stalled");
        for kind in ["device.lost", "device.found"] {
            assert_eq!(agent.next(kind), id);
        }
    }
    let longest = given.tell();
    assert!(longest < 2 * BACK_WITHIN, "it took {longest:?}");
}

#[track_caller]
fn page(agent: &Agent) {
    // The whole picture: looking for the page takes an emulated processor seconds.
    let (status, body) = agent.capture_as(r#"{"crop": "full"}"#);
    assert_eq!((status, body["origin"].as_str()), (201, Some("device")), "{}", body["code"]);
}

/// Asks until there is an answer; how long that may take, the whole says.
fn soon<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < 4 * BACK_WITHIN, "it never came");
        std::thread::sleep(SHORT);
    }
}
