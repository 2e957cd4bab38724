//! Plugs emulated USB readers and cameras into this machine's kernel and uses them with the real drivers, the real
//! pcscd and the real agent. Needs root, `vhci_hcd`, `uvcvideo`, `vivid`, udevd and pcscd: `tests/machine/run` boots
//! a machine that has them and nothing to lose.
//!
//! Prints one line per check, `ok` or `FAILED`, and at last how many of each; ends with 1 if any failed. A word after the
//! program's name leaves out the checks whose names do not begin with it.

mod agent;
mod agent_over_usb;
mod agent_with_camera;
mod camera;
mod camera_faults;
mod camera_raw;
mod camera_replug;
mod ccid;
mod native;
mod native_access;
mod native_faults;
mod picture;
mod reading;
mod report;
mod uevents;

use std::io::Write as _;
use std::process::ExitCode;

use yidang_device::{Access, CameraDriver as _, CardDriver as _, DeviceError, DeviceListing};
use yidang_sam_usb::SamUsbDriver;
use yidang_usb_devices::Form;
use yidang_v4l2::V4l2Driver;

use crate::report::Report;

/// What this program does when another account runs it: tells which native readers, or cameras, that account sees.
const LIST: &str = "list";
const LIST_CAMERAS: &str = "list-cameras";

fn main() -> ExitCode {
    let word = std::env::args().nth(1);
    match word.as_deref() {
        Some(LIST) => return list(SamUsbDriver::new().list()),
        Some(LIST_CAMERAS) => return list(V4l2Driver::new().list()),
        _ => {}
    }
    let mut report = Report::new(word.unwrap_or_default());
    for (word, form) in [("split", Form::Split), ("whole-frame", Form::Whole)] {
        native::check(&mut report, word, form);
        native_faults::check(&mut report, word, form);
    }
    native_access::check(&mut report);
    ccid::check(&mut report);
    camera::check(&mut report);
    camera_faults::check(&mut report);
    camera_raw::check(&mut report);
    camera_replug::check(&mut report);
    agent_over_usb::check(&mut report);
    agent_with_camera::check(&mut report);
    report.end()
}

/// One line per device: `granted ID`, or `denied ID REMEDY`.
fn list(listed: Result<Vec<DeviceListing>, DeviceError>) -> ExitCode {
    let Ok(readers) = listed else { return ExitCode::FAILURE };
    for reader in readers {
        let line = match reader.access {
            Access::Granted => format!("granted {}", reader.id),
            Access::Denied { remedy } => format!("denied {} {remedy}", reader.id),
        };
        if writeln!(std::io::stdout(), "{line}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
