//! Who may open a reader in native mode, and whether the remedy the listing gives is one.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use yidang_usb_devices::Form;

use crate::LIST;
use crate::native::Native;
use crate::reading::until;
use crate::report::Report;

/// `nobody`, and the group of the rule (Debian's numbers).
pub(crate) const NOBODY: u32 = 65_534;
const PLUGDEV: u32 = 46;
const RULES: &str = "/etc/udev/rules.d/60-yidang-sam-usb.rules";

/// Checks the right to open.
pub(crate) fn check(report: &mut Report) {
    let native = Native::new(Form::Split);
    report.check("native access: denied with a rule as the remedy, and the rule opens it", || {
        let plugged = native.plug();
        let denied = until("listing it", || seen_by(PLUGDEV));
        assert!(denied.starts_with("denied usb-"), "{denied}");
        let rule = denied.split('`').find(|part| part.starts_with("SUBSYSTEM==")).expect("a rule");
        fs::write(RULES, format!("{rule}\n")).expect("the rule is written");
        let reloaded = Command::new("udevadm").args(["control", "--reload"]).status();
        assert!(reloaded.expect("udevadm runs").success());
        plugged.unplug();
        let _plugged = native.plug();
        until("the rule", || seen_by(PLUGDEV).filter(|line| line.starts_with("granted usb-")));
        let others = seen_by(NOBODY).expect("it is listed");
        assert!(others.starts_with("denied usb-"), "another group gets nothing: {others}");
        fs::remove_file(RULES).expect("the rule is removed");
    });
}

fn seen_by(group: u32) -> Option<String> {
    listed_by(group, LIST)
}

/// What this program, run by nobody in this group, says of the first device.
pub(crate) fn listed_by(group: u32, word: &str) -> Option<String> {
    let me = std::env::current_exe().expect("this program has a path");
    let seen = Command::new(me).arg(word).uid(NOBODY).gid(group).output().expect("it runs");
    assert!(seen.status.success(), "listing failed");
    String::from_utf8_lossy(&seen.stdout).lines().next().map(str::to_owned)
}
