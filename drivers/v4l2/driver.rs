//! Finding and opening cameras.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::OFlags;
use rustix::io::Errno;
use yidang_device::{Access, Camera, CameraDriver, DeviceCondition, DeviceError, DeviceListing};

use crate::camera::V4l2Camera;
use crate::condition::{Stage, of};
use crate::layout::{CAN_CAPTURE, CAN_STREAM};
use crate::node::{self, CLASS, Node};
use crate::{access, format, ioctl};

/// The cameras of this machine.
#[derive(Default)]
pub struct V4l2Driver {
    /// Whether a node gives pictures, for those that were asked: a node is made anew with another birth. Asking
    /// wakes a sleeping camera, so it is done once.
    asked: Mutex<BTreeMap<u64, bool>>,
}

impl fmt::Debug for V4l2Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("V4l2Driver")
    }
}

impl V4l2Driver {
    /// The cameras the kernel knows.
    pub fn new() -> Self {
        Self::default()
    }

    /// The nodes that give pictures, with the right to open each.
    fn cameras(&self) -> Vec<(Node, Access)> {
        let nodes = node::all(Path::new(CLASS));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|birth, _| nodes.iter().any(|node| node.birth == *birth));
        let cameras = nodes.into_iter().filter_map(|node| {
            let access = access::of(&node.path());
            let captures = match (&access, asked.get(&node.birth)) {
                (_, Some(captures)) => *captures,
                // It cannot be asked; the first node of a camera is the one with pictures.
                (Access::Denied { .. }, None) => node.index == 0,
                (Access::Granted, None) => {
                    // One that cannot be asked now is asked again the next time.
                    let captures = captures(&open(&node).ok()?)?;
                    asked.insert(node.birth, captures);
                    captures
                }
            };
            captures.then_some((node, access))
        });
        cameras.collect()
    }
}

impl CameraDriver for V4l2Driver {
    fn name(&self) -> &'static str {
        "v4l2"
    }

    /// A camera's id is the port it is plugged into and its serial number: `usb-1-1.4-A0012`. Nodes without pictures
    /// (metadata, outputs) are left out.
    fn list(&self) -> Result<Vec<DeviceListing>, DeviceError> {
        Ok(self.cameras().into_iter().map(|(node, access)| listing(node, access)).collect())
    }

    fn open(&self, id: &str) -> Result<Box<dyn Camera>, DeviceError> {
        let cameras = self.cameras();
        let node = cameras.into_iter().find(|(node, _)| node.id == id).map(|(node, _)| node);
        let node =
            node.ok_or_else(|| DeviceError::new(DeviceCondition::NotFound, format!("no camera {id}")))?;
        let file = open(&node).map_err(|e| of(e, Stage::Opening, "open"))?;
        let offers = format::offers(file.as_fd()).map_err(|e| of(e, Stage::Opening, "ENUM_FMT"))?;
        if offers.is_empty() {
            let detail = "the camera offers neither JPEG nor YUYV";
            return Err(DeviceError::new(DeviceCondition::Protocol, detail));
        }
        Ok(Box::new(V4l2Camera::new(listing(node, Access::Granted), file, offers)))
    }
}

fn listing(node: Node, access: Access) -> DeviceListing {
    DeviceListing { id: node.id, name: node.name, access }
}

fn open(node: &Node) -> Result<File, Errno> {
    let flags = OFlags::NONBLOCK.bits() as i32;
    let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(node.path());
    opened.map_err(|e| e.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
}

/// Whether pictures can be streamed from it; `None` where it does not say.
fn captures(node: &File) -> Option<bool> {
    let capability = ioctl::capability(node).ok()?;
    let wanted = CAN_CAPTURE | CAN_STREAM;
    Some(capability.device_caps & wanted == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_not_plugged_in_is_not_found() {
        let error = V4l2Driver::new().open("usb-999-1").err().expect("there is no such port");
        assert_eq!(error.condition, DeviceCondition::NotFound);
    }

    #[test]
    fn what_is_no_video_node_does_not_say_that_it_captures() {
        assert_eq!(captures(&File::open("/dev/null").unwrap()), None);
    }
}
