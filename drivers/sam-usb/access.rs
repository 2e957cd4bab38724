//! Whether this process may open a reader, and what would let it.

use nusb::DeviceInfo;
use yidang_device::Access;

/// The right to open this reader now; `None` when it is already gone.
#[cfg(target_os = "linux")]
pub(crate) fn of(reader: &DeviceInfo) -> Option<Access> {
    let node = format!("/dev/bus/usb/{:03}/{:03}", reader.busnum(), reader.device_address());
    of_node(std::path::Path::new(&node))
}

/// What an installer writes to /etc/udev/rules.d/60-yidang-sam-usb.rules.
#[cfg(target_os = "linux")]
const RULE: &str = "SUBSYSTEM==\"usb\", ATTR{idVendor}==\"0400\", ATTR{idProduct}==\"c35a\", \
                    MODE=\"0660\", GROUP=\"plugdev\", TAG+=\"uaccess\"";

#[cfg(target_os = "linux")]
fn of_node(node: &std::path::Path) -> Option<Access> {
    // Opening it is the only question whose answer counts every rule: owner, group, ACL, container.
    match std::fs::OpenOptions::new().read(true).write(true).open(node) {
        Ok(_) => Some(Access::Granted),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => Some(Access::Denied {
            remedy: format!(
                "{} may not be opened: put the line `{RULE}` into /etc/udev/rules.d/60-yidang-sam-usb.rules, \
                 add this account to the group plugdev, run `udevadm control --reload` and plug the reader \
                 in again",
                node.display()
            ),
        }),
        Err(_) => None,
    }
}

/// The right to open this reader: Windows lets any account open one that its own WinUSB driver serves.
#[cfg(target_os = "windows")]
pub(crate) fn of(reader: &DeviceInfo) -> Option<Access> {
    let driver = reader.driver().unwrap_or("none");
    Some(if driver.eq_ignore_ascii_case("winusb") {
        Access::Granted
    } else {
        Access::Denied { remedy: format!("the reader's driver is {driver}: give it the driver WinUSB") }
    })
}

/// The right to open this reader.
#[cfg(not(any(target_os = "linux", target_os = "windows")))]
pub(crate) fn of(_reader: &DeviceInfo) -> Option<Access> {
    Some(Access::Granted)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_node_that_is_gone_is_not_listed() {
        assert_eq!(of_node(Path::new("/nonexistent/001/002")), None);
    }

    #[test]
    fn a_node_that_opens_is_granted() {
        assert_eq!(of_node(Path::new("/dev/null")), Some(Access::Granted));
    }
}
