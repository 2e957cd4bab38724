//! A camera through the real uvcvideo, when something goes wrong.

use std::time::{Duration, Instant};

use yidang_device::{Camera, Cancel, DeviceCondition};
use yidang_usb_devices::UvcFault;

use crate::picture::{Desk, PAGES, PATIENCE, WISH, fails, takes};
use crate::report::Report;

/// Longest time until a camera that is plugged in again, or no longer stalls, gives a page: two seconds on a machine of
/// its own, and more on an emulated one that shares its processors.
const BACK_WITHIN: Duration = Duration::from_secs(8);
/// A stalled camera is waited for this long.
const SHORT: Duration = Duration::from_millis(700);

/// One check.
type Check = fn(&Desk);

/// Checks a camera.
pub(crate) fn check(report: &mut Report) {
    let desk = Desk::new();
    let checks: [(&str, Check); 5] = [
        ("damaged and broken-off pictures are passed over", damaged),
        ("stalled it runs out of time, and the next page comes soon", stalled),
        ("pulled within a page it is lost, and soon back when plugged in", pulled_within_a_page),
        ("pulled within a preview it is lost", pulled_within_a_preview),
        ("pulled while it rests it is lost at the next page", pulled_at_rest),
    ];
    for (name, check) in checks {
        report.check(&format!("camera: {name}"), || {
            desk.lay(false);
            check(&desk);
            assert!(!desk.camera.waits_to_fail(), "what was to go wrong did not");
        });
        desk.gone();
    }
}

fn damaged(desk: &Desk) {
    let _plugged = desk.plug();
    let mut camera = desk.open();
    for fault in [UvcFault::Damage, UvcFault::Cut] {
        // The first picture of a preview is given at once, so it is the one that goes wrong.
        let laid = desk.lay(true);
        desk.camera.fail(fault);
        let frame = camera.preview(&WISH, PATIENCE, &Cancel::new());
        let frame = frame.unwrap_or_else(|e| panic!("after {fault:?} comes a picture: {e}"));
        assert!(frame.bytes == laid.preview, "{fault:?} gives {} bytes", frame.bytes.len());
        assert!(!desk.camera.waits_to_fail());
        camera.rest();
    }
}

/// A page from the camera as it is now, opened anew, within time.
#[track_caller]
fn is_back(desk: &Desk, what: &str) {
    let started = Instant::now();
    takes(desk.open().as_mut(), PAGES[0]);
    let took = started.elapsed();
    Report::measured(&format!("{what}, a page is there after {took:?}"));
    assert!(took < BACK_WITHIN, "it took {took:?}");
}

fn stalled(desk: &Desk) {
    let _plugged = desk.plug();
    let mut camera = desk.open();
    desk.camera.fail(UvcFault::Stall);
    assert_eq!(fails(camera.as_mut(), SHORT), DeviceCondition::Timeout);
    // With the same handle, whose stream was made anew.
    takes(camera.as_mut(), PAGES[0]);
    drop(camera);
    is_back(desk, "after a stall");
}

#[track_caller]
fn is_lost_and_comes_back(desk: &Desk, mut camera: Box<dyn Camera>) {
    assert_eq!(fails(camera.as_mut(), PATIENCE), DeviceCondition::Lost, "it stays lost");
    drop(camera);
    desk.gone();
    let _plugged = desk.plug();
    is_back(desk, "plugged in again");
}

fn pulled_within_a_page(desk: &Desk) {
    let plugged = desk.plug();
    let mut camera = desk.open();
    desk.camera.fail(UvcFault::Pull);
    assert_eq!(fails(camera.as_mut(), PATIENCE), DeviceCondition::Lost);
    drop(plugged);
    is_lost_and_comes_back(desk, camera);
}

fn pulled_within_a_preview(desk: &Desk) {
    let plugged = desk.plug();
    let mut camera = desk.open();
    let preview = |camera: &mut dyn Camera| camera.preview(&WISH, PATIENCE, &Cancel::new());
    assert!(preview(camera.as_mut()).is_ok());
    desk.camera.fail(UvcFault::Pull);
    // A few pictures may still wait.
    let error = (0..8).find_map(|_| preview(camera.as_mut()).err()).expect("the pictures end");
    assert_eq!(error.condition, DeviceCondition::Lost, "{error}");
    drop(plugged);
    is_lost_and_comes_back(desk, camera);
}

fn pulled_at_rest(desk: &Desk) {
    let plugged = desk.plug();
    let mut camera = desk.open();
    takes(camera.as_mut(), PAGES[0]);
    plugged.unplug();
    let controls = camera.controls().map_err(|e| e.condition);
    assert_eq!(controls.err(), Some(DeviceCondition::Lost));
    is_lost_and_comes_back(desk, camera);
}
