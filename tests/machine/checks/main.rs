//! Plugs emulated USB readers into this machine's kernel and reads cards with the real drivers, the real
//! pcscd and the real agent. Needs root, `vhci_hcd`, udevd and pcscd: `tests/machine/run` boots a machine that
//! has them and nothing to lose.
//!
//! Prints one line per check, `ok` or `FAILED`, and at last how many of each; ends with 1 if any failed.

mod agent;
mod agent_over_usb;
mod ccid;
mod native;
mod native_access;
mod native_faults;
mod reading;
mod report;

use std::io::Write as _;
use std::process::ExitCode;

use yidang_device::{Access, CardDriver as _};
use yidang_sam_usb::SamUsbDriver;
use yidang_usb_devices::Form;

use crate::report::Report;

/// What this program does when another account runs it: tells which native readers that account sees.
const LIST: &str = "list";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(LIST) {
        return list();
    }
    let mut report = Report::default();
    for (word, form) in [("split", Form::Split), ("whole-frame", Form::Whole)] {
        native::check(&mut report, word, form);
        native_faults::check(&mut report, word, form);
    }
    native_access::check(&mut report);
    ccid::check(&mut report);
    agent_over_usb::check(&mut report);
    report.end()
}

/// One line per reader: `granted ID`, or `denied ID REMEDY`.
fn list() -> ExitCode {
    let Ok(readers) = SamUsbDriver::new().list() else { return ExitCode::FAILURE };
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
