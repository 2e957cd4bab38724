//! Whether this process may open a port, and what would let it.

use std::path::Path;

use yidang_device::Access;

/// Whether this process may read and write the port. A port that has just gone counts as allowed: opening it
/// says what is wrong.
#[cfg(unix)]
pub(crate) fn of(path: &Path, usb: Option<(u16, u16)>) -> Access {
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{Access as Mode, AtFlags, CWD, accessat};
    use rustix::io::Errno;
    let wanted = Mode::READ_OK | Mode::WRITE_OK;
    if accessat(CWD, path, wanted, AtFlags::EACCESS) != Err(Errno::ACCESS) {
        return Access::Granted;
    }
    let group = std::fs::metadata(path).ok().filter(|m| m.mode() & 0o060 == 0o060 && m.gid() != 0);
    let group = group.map(|m| group_name(m.gid()).unwrap_or_else(|| m.gid().to_string()));
    Access::Denied { remedy: remedy(path, group.as_deref(), usb) }
}

/// Windows lets every account open serial ports.
#[cfg(not(unix))]
pub(crate) fn of(_path: &Path, _usb: Option<(u16, u16)>) -> Access {
    Access::Granted
}

/// The name of a group of this machine.
#[cfg(unix)]
fn group_name(id: u32) -> Option<String> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

/// What would open a port: the group that already may, or a rule that lets one.
#[cfg(unix)]
fn remedy(path: &Path, group: Option<&str>, usb: Option<(u16, u16)>) -> String {
    if let Some(group) = group {
        return format!(
            "put the account that runs the agent into the group `{group}`, as with `usermod -aG {group} \
             ACCOUNT`, and start the agent anew"
        );
    }
    let matched = match usb {
        Some((vendor, product)) => {
            format!("ATTRS{{idVendor}}==\"{vendor:04x}\", ATTRS{{idProduct}}==\"{product:04x}\"")
        }
        None => {
            let name = path.file_name().unwrap_or_default();
            format!("KERNEL==\"{}\"", name.to_string_lossy())
        }
    };
    format!(
        "add the udev rule `SUBSYSTEM==\"tty\", {matched}, GROUP=\"dialout\", MODE=\"0660\"` and put the \
         account that runs the agent into that group"
    )
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_names_the_group_or_the_rule() {
        let path = Path::new("/dev/ttyUSB0");
        assert!(remedy(path, Some("dialout"), None).contains("usermod -aG dialout"));
        let usb = remedy(path, None, Some((0x1A86, 0x7523)));
        assert!(usb.contains("ATTRS{idVendor}==\"1a86\", ATTRS{idProduct}==\"7523\""), "{usb}");
        let on_board = remedy(Path::new("/dev/ttyS0"), None, None);
        assert!(on_board.contains("KERNEL==\"ttyS0\""), "{on_board}");
    }

    #[test]
    fn groups_are_known_by_name() {
        assert_eq!(group_name(0).as_deref(), Some("root"));
        assert_eq!(group_name(u32::MAX - 7), None);
    }
}
