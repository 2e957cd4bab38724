//! What every camera must do.

use std::time::{Duration, Instant};

use crate::{
    Camera, CameraDriver, CameraWatch, Cancel, Control, ControlName, DeviceCondition, DeviceError,
    DeviceListing, Frame, Mode, PreviewWish, Rate,
};

/// A camera under test, and the hands that lay papers under it.
pub trait CameraBench {
    /// Opens the camera under test.
    fn open(&self) -> Box<dyn Camera>;
    /// Lays the bench's first (`false`) or second, shorter (`true`) picture under it; what it must give.
    fn lay(&self, second: bool) -> Laid;
    /// Makes the next page or preview stall; `false` where the bench cannot.
    fn stall(&self) -> bool;
    /// Whether the driver sees sooner than the caller that the camera has stalled.
    fn tells_stalls(&self) -> bool {
        true
    }
    /// The driver the camera belongs to.
    fn driver(&self) -> &dyn CameraDriver;
    /// Pulls the camera's plug, or plugs it in again, at the same place; `false` where the bench cannot.
    fn plug(&self, in_again: bool) -> bool;
}

/// The exact bytes a camera must give of the picture that lies under it.
pub struct Laid {
    /// As a page.
    pub page: Vec<u8>,
    /// In the preview.
    pub preview: Vec<u8>,
}

/// Time enough for any camera.
const PATIENCE: Duration = Duration::from_secs(5);
/// A stalled camera is waited for this long.
const SHORT: Duration = Duration::from_millis(300);
/// Longest time from the end of a call's time, or from its cancelling, to its end.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// Longest time until a driver lists a camera that was plugged in, or no longer lists one that was pulled: most of it
/// is the system's own.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);
/// Pause between two looks for something that is about to happen.
const MOMENT: Duration = Duration::from_millis(20);
/// Frames of a preview that may still come after the plug was pulled.
const FRAMES_LEFT_MAX: usize = 8;
/// Time in which a preview that nobody asks has several pictures waiting.
const PICTURES_WAIT_AFTER: Duration = Duration::from_secs(1);
/// Frames of a preview that may still show what lay there before.
const STALE_FRAMES_MAX: usize = 8;

const WISH: PreviewWish = PreviewWish { width_max: 1280, height_max: 1024, rate: 15 };

/// Runs every promise of [`Camera`].
///
/// # Panics
/// Panics at the first promise that is broken.
pub fn camera(bench: &dyn CameraBench) {
    modes_are_told(bench);
    controls_stay_in_their_ranges(bench);
    a_page_is_what_lies_there_and_nothing_more(bench);
    a_preview_shows_what_lies_there_now(bench);
    pages_and_previews_take_turns(bench);
    a_raised_flag_ends_a_call_at_once(bench);
    a_stalled_camera_holds_nobody(bench);
    a_stall_costs_part_of_the_time(bench);
    a_camera_that_is_plugged_in_again_is_the_same(bench);
}

#[track_caller]
fn given(frame: Result<Frame, DeviceError>) -> Vec<u8> {
    frame.unwrap_or_else(|e| panic!("the camera gives a frame: {e}")).bytes
}

#[track_caller]
fn page(camera: &mut dyn Camera) -> Vec<u8> {
    given(camera.grab(PATIENCE, &Cancel::new()))
}

#[track_caller]
fn preview(camera: &mut dyn Camera) -> Vec<u8> {
    given(camera.preview(&WISH, PATIENCE, &Cancel::new()))
}

fn modes_are_told(bench: &dyn CameraBench) {
    let modes = bench.open().modes();
    assert!(!modes.is_empty(), "a camera has a mode");
    let area = |mode: &Mode| u64::from(mode.width) * u64::from(mode.height);
    assert!(modes.iter().all(|mode| area(mode) > 0), "a mode without pixels");
    assert!(modes.is_sorted_by(|a, b| area(a) >= area(b)), "the largest mode comes first");
    let slower = |a: &Rate, b: &Rate| {
        u64::from(a.frames) * u64::from(b.seconds) >= u64::from(b.frames) * u64::from(a.seconds)
    };
    for mode in &modes {
        assert!(mode.rates.iter().all(|rate| rate.frames > 0 && rate.seconds > 0), "{mode:?}");
        assert!(mode.rates.is_sorted_by(slower), "the fastest rate comes first: {mode:?}");
    }
    assert_eq!(bench.open().modes(), modes, "the modes change");
}

#[track_caller]
fn controls(camera: &mut dyn Camera) -> Vec<Control> {
    camera.controls().unwrap_or_else(|e| panic!("the camera tells its controls: {e}"))
}

#[track_caller]
fn refused(camera: &mut dyn Camera, name: ControlName, value: i64) {
    let outcome = camera.set_control(name, value).map_err(|e| e.condition);
    assert_eq!(outcome, Err(DeviceCondition::Refused), "{} = {value}", name.as_str());
}

fn controls_stay_in_their_ranges(bench: &dyn CameraBench) {
    let mut camera = bench.open();
    let camera = camera.as_mut();
    for name in ControlName::ALL {
        let of_name: Vec<_> = controls(camera).into_iter().filter(|control| control.name == *name).collect();
        let [control] = of_name.as_slice() else {
            assert_eq!(of_name, [], "a control is told twice");
            refused(camera, *name, 0);
            continue;
        };
        let range = control.min..=control.max;
        assert!(range.contains(&control.default) && range.contains(&control.value), "{control:?}");
        assert!(control.step >= 1, "{control:?}");
        refused(camera, *name, control.min - 1);
        refused(camera, *name, control.max + 1);
        if !control.active {
            refused(camera, *name, control.default);
            continue;
        }
        for value in [control.min, control.max, control.value] {
            camera.set_control(*name, value).unwrap_or_else(|e| panic!("{control:?} takes {value}: {e}"));
            let read = controls(camera).into_iter().find(|control| control.name == *name);
            assert_eq!(read.map(|control| control.value), Some(value), "{} is read back", name.as_str());
        }
    }
}

fn a_page_is_what_lies_there_and_nothing_more(bench: &dyn CameraBench) {
    let mut camera = bench.open();
    for second in [false, true, true, false, true] {
        let laid = bench.lay(second);
        let got = page(camera.as_mut());
        assert!(got == laid.page, "a page of {} bytes is given as {}", laid.page.len(), got.len());
    }
    assert!(bench.lay(true).page.len() < bench.lay(false).page.len(), "the second must be the shorter one");
}

fn a_preview_shows_what_lies_there_now(bench: &dyn CameraBench) {
    let mut camera = bench.open();
    let mut before = bench.lay(false).preview;
    assert!(preview(camera.as_mut()) == before, "the preview differs from what lies there");
    for second in [true, false] {
        let laid = bench.lay(second).preview;
        let mut stale = 0;
        loop {
            let shown = preview(camera.as_mut());
            if shown == laid {
                break;
            }
            assert!(shown == before, "a preview of {} bytes is of neither picture", shown.len());
            stale += 1;
            assert!(stale <= STALE_FRAMES_MAX, "the preview shows what lay there before");
        }
        for _ in 0..3 {
            assert!(preview(camera.as_mut()) == laid, "the preview goes back to an earlier picture");
        }
        before = laid;
    }
}

fn pages_and_previews_take_turns(bench: &dyn CameraBench) {
    let mut camera = bench.open();
    camera.rest();
    for second in [false, true] {
        let laid = bench.lay(second);
        for _ in 0..2 {
            assert!(preview(camera.as_mut()) == laid.preview, "the preview differs from what lies there");
            assert!(page(camera.as_mut()) == laid.page, "the page differs from what lies there");
        }
    }
    camera.rest();
    a_page_within_a_preview_is_of_after_the_call(bench, camera.as_mut());
    let laid = bench.lay(false);
    camera.rest();
    assert!(page(camera.as_mut()) == laid.page, "the page after a rest differs from what lies there");
    assert!(preview(camera.as_mut()) == laid.preview, "the preview after a rest differs");
}

/// With previews of any size, that of pages among them, and old pictures waiting when the page is asked for.
fn a_page_within_a_preview_is_of_after_the_call(bench: &dyn CameraBench, camera: &mut dyn Camera) {
    let best = camera.modes().swap_remove(0);
    let whole = PreviewWish { width_max: best.width, height_max: best.height, rate: 1 };
    for wish in [WISH, whole] {
        for second in [true, false] {
            assert!(!given(camera.preview(&wish, PATIENCE, &Cancel::new())).is_empty());
            std::thread::sleep(PICTURES_WAIT_AFTER);
            let laid = bench.lay(second);
            assert!(page(camera) == laid.page, "the page is of before it was asked for");
        }
    }
}

#[track_caller]
fn fails(outcome: Result<Frame, DeviceError>) -> DeviceCondition {
    outcome.err().expect("the camera gives nothing").condition
}

fn a_raised_flag_ends_a_call_at_once(bench: &dyn CameraBench) {
    bench.lay(true);
    let mut camera = bench.open();
    let raised = Cancel::new();
    raised.cancel();
    assert_eq!(fails(camera.grab(PATIENCE, &raised)), DeviceCondition::Cancelled);
    assert_eq!(fails(camera.preview(&WISH, PATIENCE, &raised)), DeviceCondition::Cancelled);
    // Nor does it give what is there already: one picture, or a few.
    for parts in [4, 2, 1] {
        preview(camera.as_mut());
        std::thread::sleep(SHORT / parts);
        assert_eq!(fails(camera.preview(&WISH, PATIENCE, &raised)), DeviceCondition::Cancelled);
    }
    drop(camera);
    for preview in [false, true] {
        let mut camera = bench.open();
        if !bench.stall() {
            return;
        }
        let cancel = Cancel::new();
        let other = cancel.clone();
        let waiter = std::thread::spawn(move || {
            let long = 6 * PATIENCE;
            let outcome =
                if preview { camera.preview(&WISH, long, &other) } else { camera.grab(long, &other) };
            (fails(outcome), Instant::now())
        });
        std::thread::sleep(SHORT);
        let raised = Instant::now();
        cancel.cancel();
        let (condition, ended) = waiter.join().expect("the waiting thread lives");
        assert_eq!(condition, DeviceCondition::Cancelled);
        let took = ended.saturating_duration_since(raised);
        assert!(took < ENDS_WITHIN, "cancelling took {took:?}");
    }
}

fn a_stalled_camera_holds_nobody(bench: &dyn CameraBench) {
    let laid = bench.lay(true);
    for preview in [false, true] {
        let mut camera = bench.open();
        if !bench.stall() {
            return;
        }
        let started = Instant::now();
        let outcome = if preview {
            camera.preview(&WISH, SHORT, &Cancel::new())
        } else {
            camera.grab(SHORT, &Cancel::new())
        };
        assert_eq!(fails(outcome), DeviceCondition::Timeout);
        assert!(started.elapsed() < SHORT + ENDS_WITHIN, "a stalled camera held the caller");
        drop(camera);
        let mut camera = bench.open();
        assert!(page(camera.as_mut()) == laid.page, "the frame differs from what lies there");
    }
}

/// A stall is told while there is time for another try, and the try is worth it.
fn a_stall_costs_part_of_the_time(bench: &dyn CameraBench) {
    if !bench.tells_stalls() {
        return;
    }
    let laid = bench.lay(true);
    for previews in [false, true] {
        let mut camera = bench.open();
        if previews {
            assert!(preview(camera.as_mut()) == laid.preview, "the preview differs from what lies there");
        }
        if !bench.stall() {
            return;
        }
        let started = Instant::now();
        // Frames that were on their way may still come.
        let told = (0..STALE_FRAMES_MAX).find_map(|_| {
            let wait = |camera: &mut dyn Camera| match previews {
                true => camera.preview(&WISH, PATIENCE, &Cancel::new()),
                false => camera.grab(PATIENCE, &Cancel::new()),
            };
            wait(camera.as_mut()).err()
        });
        assert_eq!(told.map(|error| error.condition), Some(DeviceCondition::Timeout));
        assert!(started.elapsed() < PATIENCE, "the whole time is spent on a camera that has stalled");
        drop(camera);
        assert!(page(bench.open().as_mut()) == laid.page, "the frame differs from what lies there");
    }
}

/// Pulled, a camera is lost for whoever has it open; plugged in again, it is found by the same id, even while the lost
/// one is still held.
fn a_camera_that_is_plugged_in_again_is_the_same(bench: &dyn CameraBench) {
    let (driver, laid) = (bench.driver(), bench.lay(false));
    let mut watch = driver.watch();
    let mut camera = bench.open();
    let listing = camera.listing();
    assert!(preview(camera.as_mut()) == laid.preview, "the preview differs from what lies there");
    hears_of_all(&mut watch);
    if !bench.plug(false) {
        return;
    }
    hears(&mut watch, "was pulled");
    let left = (0..=FRAMES_LEFT_MAX).find_map(|_| camera.preview(&WISH, PATIENCE, &Cancel::new()).err());
    assert_eq!(left.map(|error| error.condition), Some(DeviceCondition::Lost));
    assert_eq!(fails(camera.grab(PATIENCE, &Cancel::new())), DeviceCondition::Lost);
    assert_eq!(camera.controls().err().map(|error| error.condition), Some(DeviceCondition::Lost));
    is_listed(driver, &listing, false);
    let closed = driver.open(&listing.id).err().expect("it is not there");
    assert_eq!(closed.condition, DeviceCondition::NotFound);
    hears_of_all(&mut watch);
    assert!(bench.plug(true));
    hears(&mut watch, "was plugged in");
    is_listed(driver, &listing, true);
    assert!(page(bench.open().as_mut()) == laid.page, "the frame differs from what lies there");
    assert_eq!(fails(camera.grab(PATIENCE, &Cancel::new())), DeviceCondition::Lost, "a lost one stays lost");
}

/// Until nothing more is told: what happened before is not what is waited for.
fn hears_of_all(watch: &mut Option<Box<dyn CameraWatch>>) {
    let Some(watch) = watch else { return };
    while watch.wait(10 * MOMENT, &Cancel::new()).expect("it listens") {}
}

#[track_caller]
fn hears(watch: &mut Option<Box<dyn CameraWatch>>, what: &str) {
    let Some(watch) = watch else { return };
    assert!(watch.wait(NOTICED_WITHIN, &Cancel::new()).expect("it listens"), "nobody says that it {what}");
}

#[track_caller]
fn is_listed(driver: &dyn CameraDriver, wanted: &DeviceListing, there: bool) {
    let started = Instant::now();
    while driver.list().is_ok_and(|list| list.contains(wanted)) != there {
        assert!(started.elapsed() < NOTICED_WITHIN, "{}: listed should be {there}", wanted.id);
        std::thread::sleep(MOMENT);
    }
}
