//! Cameras that hang, come and go, and several at once.

use std::sync::Condvar;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use yidang_device::{Access, Camera, CameraWatch, Cancel, Control, DeviceListing, Mode};
use yidang_model::Origin;

use super::*;
use crate::stations::RETRY;

const WITHIN: Duration = Duration::from_secs(10);
const WISH: PreviewWish = PreviewWish { width_max: 640, height_max: 480, rate: 100 };

/// Two cameras, `a` and `b`. A picture of `a` never comes as long as it hangs.
#[derive(Clone, Default)]
struct Two {
    hangs: Arc<AtomicBool>,
    unplugged: Arc<AtomicBool>,
    /// Handles of `a` from before another plugging in are lost.
    plugged: Arc<AtomicUsize>,
    /// So many pictures of `a` do not come.
    stalls: Arc<AtomicUsize>,
    /// So many looks do not find `a` yet.
    hidden: Arc<AtomicUsize>,
    /// Whether something has changed since it was heard of.
    rings: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
    gate: Arc<(Mutex<()>, Condvar)>,
    rested: Arc<AtomicUsize>,
    frames: Arc<AtomicUsize>,
}

struct One {
    id: String,
    of: Two,
    plugged: usize,
}

/// Hears of what a test rings for.
struct Ear(Two);

impl CameraWatch for Ear {
    fn wait(&mut self, timeout: Duration, cancel: &Cancel) -> Result<bool, DeviceError> {
        let until = Instant::now() + timeout;
        while Instant::now() < until && !cancel.is_cancelled() {
            if self.0.rings.swap(false, Ordering::SeqCst) {
                return Ok(true);
            }
            cancel.sleep(Duration::from_millis(2));
        }
        Ok(false)
    }
}

impl Two {
    fn plug(&self, there: bool) {
        self.plugged.fetch_add(1, Ordering::SeqCst);
        self.unplugged.store(!there, Ordering::SeqCst);
    }

    fn takes_one(count: &AtomicUsize) -> bool {
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
    }
}

fn listing(id: &str) -> DeviceListing {
    DeviceListing { id: id.into(), name: id.into(), access: Access::Granted }
}

impl CameraDriver for Two {
    fn name(&self) -> &'static str {
        "two"
    }

    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        let is_gone = self.unplugged.load(Ordering::SeqCst) || Self::takes_one(&self.hidden);
        let there = if is_gone { &["b"][..] } else { &["a", "b"] };
        Ok(there.iter().map(|id| listing(id)).collect())
    }

    fn open(&self, id: &str) -> Result<Box<dyn Camera>, DeviceError> {
        if id == "a" && self.unplugged.load(Ordering::SeqCst) {
            return Err(DeviceError::new(DeviceCondition::NotFound, "unplugged"));
        }
        self.open.fetch_add(1, Ordering::SeqCst);
        let plugged = self.plugged.load(Ordering::SeqCst);
        Ok(Box::new(One { id: id.to_owned(), of: self.clone(), plugged }))
    }

    fn watch(&self) -> Option<Box<dyn CameraWatch>> {
        Some(Box::new(Ear(self.clone())))
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.of.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl One {
    fn picture(&self) -> Result<Frame, DeviceError> {
        let is_lost = self.plugged != self.of.plugged.load(Ordering::SeqCst);
        if self.id == "a" && (is_lost || self.of.unplugged.load(Ordering::SeqCst)) {
            return Err(DeviceError::new(DeviceCondition::Lost, "unplugged"));
        }
        if self.id == "a" && self.of.hangs.load(Ordering::SeqCst) {
            let guard = self.of.gate.0.lock().unwrap();
            drop(self.of.gate.1.wait_while(guard, |()| true).unwrap());
        }
        if self.id == "a" && Two::takes_one(&self.of.stalls) {
            std::thread::sleep(Duration::from_millis(20));
            return Err(DeviceError::new(DeviceCondition::Timeout, "it stalls"));
        }
        let number = self.of.frames.fetch_add(1, Ordering::SeqCst);
        Ok(Frame { bytes: format!("{} {number}", self.id).into_bytes(), origin: Origin::Device })
    }
}

impl Camera for One {
    fn listing(&self) -> DeviceListing {
        listing(&self.id)
    }

    fn modes(&self) -> Vec<Mode> {
        Vec::new()
    }

    fn controls(&mut self) -> Result<Vec<Control>, DeviceError> {
        Ok(Vec::new())
    }

    fn set_control(&mut self, _name: ControlName, _value: i64) -> Result<(), DeviceError> {
        Err(DeviceError::new(DeviceCondition::Refused, "it has none"))
    }

    fn grab(&mut self, _timeout: Duration, _cancel: &Cancel) -> Result<Frame, DeviceError> {
        self.picture()
    }

    fn preview(
        &mut self,
        _wish: &PreviewWish,
        _timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Frame, DeviceError> {
        if cancel.sleep(Duration::from_millis(5)) {
            return Err(DeviceError::new(DeviceCondition::Cancelled, "by a request"));
        }
        self.picture()
    }

    fn rest(&mut self) {
        self.of.rested.fetch_add(1, Ordering::SeqCst);
    }
}

struct Bench {
    cameras: Two,
    events: Arc<Events>,
    station: CameraStation,
    runtime: tokio::runtime::Runtime,
    start: u64,
}

impl Bench {
    fn new() -> Self {
        let (cameras, events) = (Two::default(), Arc::new(Events::new()));
        let bounds = Bounds { grab: Duration::from_millis(300), patience: Patience::default() };
        let start = events.last();
        let drivers: Vec<Arc<dyn CameraDriver>> = vec![Arc::new(cameras.clone())];
        let station = CameraStation::start_with(drivers, events.clone(), bounds).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { cameras, events, station, runtime, start }
    }

    fn grab(&self, camera: Option<&str>) -> Result<Vec<u8>, DeviceCondition> {
        let grabbed = self.runtime.block_on(self.station.grab(camera));
        grabbed.map(|frame| frame.bytes).map_err(|error| error.condition)
    }

    fn preview(&self, camera: &str) -> Preview {
        self.runtime.block_on(self.station.preview(Some(camera), WISH)).unwrap().unwrap()
    }

    fn next(&self, preview: &mut Preview) -> Result<Option<Arc<Shot>>, DeviceCondition> {
        self.runtime.block_on(preview.next()).map_err(|error| error.condition)
    }

    /// What happened to this camera.
    fn told(&self, id: &str) -> Vec<&'static str> {
        let (events, _) = self.events.after(self.start);
        events.iter().filter(|e| e.data["device"] == id).map(|e| e.kind).collect()
    }

    fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < WITHIN, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.station.stop();
    }
}

#[test]
fn a_camera_that_never_comes_back_costs_one_picture_and_no_other_camera() {
    let bench = Bench::new();
    bench.cameras.hangs.store(true, Ordering::SeqCst);
    let mut watching = bench.preview("b");
    std::thread::scope(|scope| {
        let hung = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(bench.station.grab(None)).err().unwrap().condition
        });
        // While `a` hangs, `b` shows its preview and takes pictures.
        let mut shown = 0;
        while !hung.is_finished() {
            shown += usize::from(bench.next(&mut watching).unwrap().is_some());
            assert!(bench.grab(Some("b")).unwrap().starts_with(b"b "));
        }
        assert_eq!(hung.join().unwrap(), DeviceCondition::Lost);
        assert!(shown > 0);
    });
    bench.cameras.hangs.store(false, Ordering::SeqCst);
    assert!(bench.grab(Some("a")).unwrap().starts_with(b"a "));
    assert!(bench.station.state().trouble.unwrap().starts_with("1 call"));
    bench.wait_until("what happened is told", || {
        bench.told("a") == ["device.found", "device.lost", "device.found"]
    });
    assert_eq!(bench.told("b"), ["device.found"]);
}

#[test]
fn a_picture_is_taken_between_two_frames_and_the_last_to_leave_lets_the_sensor_rest() {
    let bench = Bench::new();
    let mut both = [bench.preview("a"), bench.preview("a")];
    let mut last = [0, 0];
    for round in 0..5 {
        for (preview, last) in both.iter_mut().zip(&mut last) {
            let shot = bench.next(preview).unwrap().expect("a frame");
            assert!(shot.number > *last && shot.frame.bytes.starts_with(b"a "), "round {round}");
            *last = shot.number;
        }
        assert!(bench.grab(Some("a")).unwrap().starts_with(b"a "));
    }
    let [first, second] = both;
    drop(first);
    assert_eq!(bench.cameras.rested.load(Ordering::SeqCst), 0);
    drop(second);
    bench.wait_until("it rests", || bench.cameras.rested.load(Ordering::SeqCst) == 1);
    let frames = bench.cameras.frames.load(Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(bench.cameras.frames.load(Ordering::SeqCst), frames, "nothing is taken for nobody");
}

#[test]
fn an_unplugged_camera_ends_its_preview_and_is_found_again() {
    let bench = Bench::new();
    let (mut gone, mut other) = (bench.preview("a"), bench.preview("b"));
    assert!(bench.next(&mut gone).unwrap().is_some());
    bench.cameras.unplugged.store(true, Ordering::SeqCst);
    let ended = loop {
        if let Err(why) = bench.next(&mut gone) {
            break why;
        }
    };
    assert_eq!(ended, DeviceCondition::Lost);
    assert!(bench.next(&mut other).unwrap().is_some(), "the other one goes on");
    assert_eq!(bench.grab(Some("a")), Err(DeviceCondition::NotFound));
    assert!(bench.grab(None).unwrap().starts_with(b"b "), "the next one is preferred now");
    bench.cameras.unplugged.store(false, Ordering::SeqCst);
    let mut again = bench.preview("a");
    assert!(bench.next(&mut again).unwrap().is_some());
    assert_eq!(bench.told("a"), ["device.found", "device.lost", "device.found"]);
}

#[test]
fn what_is_heard_of_is_looked_at_at_once_and_again_until_it_is_ready() {
    const TIMES: u32 = 6;
    let bench = Bench::new();
    bench.wait_until("it is found", || bench.told("a") == ["device.found"]);
    let began = Instant::now();
    for round in 1..=TIMES as usize {
        bench.cameras.plug(false);
        bench.cameras.rings.store(true, Ordering::SeqCst);
        bench.wait_until("it is lost", || bench.told("a").len() == 2 * round);
        // The system tells of it before it can be used.
        bench.cameras.hidden.store(2, Ordering::SeqCst);
        bench.cameras.plug(true);
        bench.cameras.rings.store(true, Ordering::SeqCst);
        bench.wait_until("it is found again", || bench.told("a").len() == 2 * round + 1);
    }
    // Looks that nobody hears anything for are 0.9 s apart: three of them each time.
    assert!(began.elapsed() < Duration::from_millis(900) * TIMES, "{:?}", began.elapsed());
}

#[test]
fn a_camera_that_was_plugged_in_again_unnoticed_gives_a_picture_without_a_pause() {
    const TIMES: u32 = 6;
    let bench = Bench::new();
    assert!(bench.grab(Some("a")).is_ok());
    let began = Instant::now();
    for _ in 0..TIMES {
        bench.cameras.plug(true);
        assert!(bench.grab(Some("a")).unwrap().starts_with(b"a "));
    }
    assert!(began.elapsed() < RETRY * TIMES / 2, "{:?}", began.elapsed());
    assert_eq!(bench.told("a"), ["device.found"]);
}

#[test]
fn nothing_is_held_of_a_camera_that_was_pulled_while_nobody_used_it() {
    let bench = Bench::new();
    assert!(bench.grab(Some("a")).is_ok() && bench.grab(Some("b")).is_ok());
    assert_eq!(bench.cameras.open.load(Ordering::SeqCst), 2);
    bench.cameras.plug(false);
    bench.wait_until("it is closed", || bench.cameras.open.load(Ordering::SeqCst) == 1);
    assert!(bench.grab(Some("b")).unwrap().starts_with(b"b "));
}

#[test]
fn a_stall_costs_a_try_and_not_the_picture_unless_it_goes_on() {
    let bench = Bench::new();
    for stalls in [1, 2] {
        bench.cameras.stalls.store(stalls, Ordering::SeqCst);
        assert!(bench.grab(Some("a")).unwrap().starts_with(b"a "), "after {stalls}");
    }
    let told = || bench.told("a");
    bench.wait_until("it is lost and found", || told().len() >= 3 && told().last() == Some(&"device.found"));
    bench.cameras.stalls.store(3, Ordering::SeqCst);
    assert_eq!(bench.grab(Some("a")), Err(DeviceCondition::Timeout));
    assert!(bench.grab(Some("a")).unwrap().starts_with(b"a "));
}

#[test]
fn a_preview_goes_on_after_a_stall_without_a_pause_and_its_clients_stay() {
    const TIMES: u32 = 6;
    let bench = Bench::new();
    let mut watching = bench.preview("a");
    let began = Instant::now();
    for _ in 0..TIMES {
        assert!(bench.next(&mut watching).unwrap().is_some());
        bench.cameras.stalls.store(1, Ordering::SeqCst);
        bench.wait_until("it stalls", || bench.cameras.stalls.load(Ordering::SeqCst) == 0);
        assert!(bench.next(&mut watching).unwrap().is_some());
    }
    assert!(began.elapsed() < RETRY * TIMES / 2, "{:?}", began.elapsed());
    let told = || bench.told("a");
    bench.wait_until("it is lost and found", || told().len() >= 3 && told().last() == Some(&"device.found"));
}

#[test]
fn places_for_those_who_watch_are_bounded_and_come_back() {
    let bench = Bench::new();
    let watching: Vec<_> = (0..PREVIEWS_MAX).map(|_| bench.preview("a")).collect();
    assert!(bench.runtime.block_on(bench.station.preview(Some("b"), WISH)).unwrap().is_none());
    drop(watching);
    bench.preview("b");
}

#[test]
fn controls_a_camera_has_not_are_refused() {
    let bench = Bench::new();
    let described = bench.runtime.block_on(bench.station.describe("a", vec![(ControlName::Focus, 1)]));
    assert_eq!(described.err().map(|e| e.condition), Some(DeviceCondition::Refused));
    assert!(bench.runtime.block_on(bench.station.describe("a", vec![])).unwrap().controls.is_empty());
}
