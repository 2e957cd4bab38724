//! Finding and opening cameras.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;
use rustix::io::Errno;
use yidang_device::{Access, Camera, CameraDriver, CameraWatch, DeviceCondition, DeviceError, DeviceListing};

use crate::camera::V4l2Camera;
use crate::condition::{Stage, of};
use crate::layout::{CAN_CAPTURE, CAN_STREAM};
use crate::node::{self, CLASS, Node};
use crate::patience::Pace;
use crate::watch::{NODES, Watch};
use crate::{access, format, ioctl};

/// Most cameras whose pace is kept in mind; past it all are forgotten.
const PACES_MAX: usize = 64;

/// The cameras of this machine.
#[derive(Default)]
pub struct V4l2Driver {
    /// Whether a node gives pictures, for those that were asked: a node is made anew with another birth. Asking
    /// wakes a sleeping camera, so it is done once.
    asked: Mutex<BTreeMap<u64, bool>>,
    /// How quick each camera is, by its id.
    paces: Mutex<BTreeMap<String, Arc<Mutex<Pace>>>>,
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
        held(&self.asked).retain(|birth, _| nodes.iter().any(|node| node.birth == *birth));
        let cameras = nodes.into_iter().filter_map(|node| {
            let access = access::of(&node.path());
            self.gives_pictures(&node, &access).then_some((node, access))
        });
        cameras.collect()
    }

    /// Nothing is held while a node is asked: one that hangs must keep nobody from the others.
    fn gives_pictures(&self, node: &Node, access: &Access) -> bool {
        let asked = held(&self.asked).get(&node.birth).copied();
        match (access, asked) {
            (_, Some(captures)) => captures,
            // It cannot be asked; the first node of a camera is the one with pictures.
            (Access::Denied { .. }, None) => node.index == 0,
            (Access::Granted, None) => {
                // One that cannot be asked now is asked again the next time.
                let Some(captures) = open(node).ok().and_then(|file| captures(&file)) else { return false };
                held(&self.asked).insert(node.birth, captures);
                captures
            }
        }
    }

    fn pace(&self, id: &str) -> Arc<Mutex<Pace>> {
        let mut paces = held(&self.paces);
        if paces.len() >= PACES_MAX && !paces.contains_key(id) {
            paces.clear();
        }
        paces.entry(id.to_owned()).or_default().clone()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let pace = self.pace(id);
        Ok(Box::new(V4l2Camera::new(listing(node, Access::Granted), file, offers, pace)))
    }

    fn watch(&self) -> Option<Box<dyn CameraWatch>> {
        Some(Box::new(Watch::new(Path::new(NODES)).ok()?))
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
