//! A camera without JPEG of its own: the kernel's test driver vivid, which gives YUYV.

use std::process::Command;

use yidang_device::{CameraDriver as _, Cancel, FrameFormat, PreviewWish, Rate, whole_jpeg};
use yidang_v4l2::V4l2Driver;

use crate::picture::PATIENCE;
use crate::reading::until;
use crate::report::Report;

const WISH: PreviewWish = PreviewWish { width_max: 640, height_max: 480, rate: 12 };

/// Checks the camera.
pub(crate) fn check(report: &mut Report) {
    report.check("camera: bare pixels become a JPEG, and rates keep their fractions", || {
        run(&["modprobe", "vivid", "n_devs=1", "node_types=0x1"]);
        let driver = V4l2Driver::new();
        let id = until("finding vivid", || Some(driver.list().ok()?.pop()?.id));
        assert_eq!(id, "vivid.0");
        let mut camera = until("opening vivid", || driver.open(&id).ok());
        let modes = camera.modes();
        let fits = |width, height| (width, height) == (640, 480);
        let mode = modes.iter().find(|mode| fits(mode.width, mode.height)).expect("it has this size");
        assert_eq!(mode.format, FrameFormat::Raw);
        assert!(mode.rates.contains(&Rate { frames: 25, seconds: 2 }), "{:?}", mode.rates);
        for _ in 0..3 {
            let frame = camera.preview(&WISH, PATIENCE, &Cancel::new());
            let jpeg = frame.unwrap_or_else(|e| panic!("a picture: {e}")).bytes;
            assert!(whole_jpeg(&jpeg).is_some_and(|whole| whole == jpeg), "it is one whole JPEG");
            // Height and width, in the frame header that the encoder writes.
            let header = jpeg.windows(4).position(|bytes| bytes == [0xFF, 0xC0, 0, 17]).expect("a header");
            assert_eq!(jpeg[header + 5..header + 9], [0x01, 0xE0, 0x02, 0x80]);
        }
        drop(camera);
        run(&["modprobe", "-r", "vivid"]);
    });
}

#[track_caller]
fn run(command: &[&str]) {
    let ended = Command::new(command[0]).args(&command[1..]).status().expect("it runs");
    assert!(ended.success(), "{command:?} ends with {ended}");
}
