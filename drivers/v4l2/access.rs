//! Whether this process may open a camera, and what would let it.

use std::path::Path;

use rustix::fs::{Access as Mode, AtFlags, CWD, accessat};
use rustix::io::Errno;
use yidang_device::Access;

/// Whether this process may read and write the node. One that has just gone counts as allowed: opening it says what
/// is wrong. Does not open it, which would wake the camera.
pub(crate) fn of(node: &Path) -> Access {
    match accessat(CWD, node, Mode::READ_OK | Mode::WRITE_OK, AtFlags::EACCESS) {
        Err(Errno::ACCESS | Errno::PERM) => Access::Denied { remedy: remedy(node) },
        _ => Access::Granted,
    }
}

fn remedy(node: &Path) -> String {
    format!(
        "{} may not be opened: put the account that runs the agent into the group `video`, as with `usermod -aG video \
         ACCOUNT`, and start the agent anew; should that not be enough, add the udev rule \
         `SUBSYSTEM==\"video4linux\", GROUP=\"video\", MODE=\"0660\", TAG+=\"uaccess\"`",
        node.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_opens_is_granted_and_one_that_is_gone_says_so_when_opened() {
        assert_eq!(of(Path::new("/dev/null")), Access::Granted);
        assert_eq!(of(Path::new("/nonexistent/video0")), Access::Granted);
    }

    #[test]
    fn the_remedy_names_the_group_and_the_rule() {
        let remedy = remedy(Path::new("/dev/video0"));
        assert!(remedy.contains("usermod -aG video"), "{remedy}");
        assert!(remedy.contains("SUBSYSTEM==\"video4linux\""), "{remedy}");
    }
}
