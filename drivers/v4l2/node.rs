//! Cameras as sysfs shows them: nothing here opens one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where the kernel lists video devices.
pub(crate) const CLASS: &str = "/sys/class/video4linux";
/// Most nodes that are looked at.
const NODES_MAX: usize = 256;

/// One `/dev/videoN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// `video0`.
    pub(crate) file: String,
    /// What the camera's id is; the same after unplugging where it is plugged into the same port.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The how-manieth node of its device it is, 0 the first.
    pub(crate) index: u32,
    /// Differs each time the kernel makes the node.
    pub(crate) birth: u64,
}

impl Node {
    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/dev").join(&self.file)
    }
}

/// Every node under this folder, in the order of their numbers. A machine without video has none.
pub(crate) fn all(class: &Path) -> Vec<Node> {
    let Ok(entries) = fs::read_dir(class) else { return Vec::new() };
    let mut nodes: Vec<Node> = entries
        .flatten()
        .take(NODES_MAX)
        .filter_map(|entry| of(&entry.path(), entry.file_name().to_str()?))
        .collect();
    nodes.sort_by_key(|node| (node.file.len(), node.file.clone()));
    nodes
}

/// `None` where it is no video node, or went away meanwhile.
fn of(entry: &Path, file: &str) -> Option<Node> {
    let number = file.strip_prefix("video")?;
    number.parse::<u32>().ok()?;
    let index = attribute(entry, "index").and_then(|index| index.parse().ok()).unwrap_or(0);
    let birth = fs::metadata(entry).ok()?.ino();
    let device = fs::canonicalize(entry.join("device")).ok();
    let (id, product) = match &device {
        Some(device) => identity(device, index),
        None => (format!("virtual-{file}"), None),
    };
    let name = product.or_else(|| attribute(entry, "name")).and_then(|name| readable(&name));
    let name = name.unwrap_or_else(|| "Camera".to_owned());
    // What was read while the camera was being pulled may lack its serial number, which is another camera's id. The node
    // goes before its device does.
    if fs::metadata(entry).ok()?.ino() != birth {
        return None;
    }
    Some(Node { file: file.to_owned(), id, name, index, birth })
}

/// The id of the device behind a node, and the name a USB device gives itself.
fn identity(device: &Path, index: u32) -> (String, Option<String>) {
    let last = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let usb = device.parent().filter(|usb| attribute(usb, "idVendor").is_some());
    let Some(usb) = usb else {
        return (numbered(word(&last(device)), 0, index), None);
    };
    // `1-1.4:1.0` is interface 0 of configuration 1 of the device in port 4 of the hub in port 1 of bus 1.
    let interface = last(device).rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    // Cheap cameras share one serial number, so the port is part of the id even where there is a number.
    let serial = attribute(usb, "serial").map(|serial| word(&serial)).filter(|serial| !serial.is_empty());
    let serial = serial.map(|serial| format!("-{serial}")).unwrap_or_default();
    (numbered(format!("usb-{}{serial}", last(usb)), interface, index), attribute(usb, "product"))
}

/// A device may hold several cameras: on interfaces of its own, or as several nodes of one.
fn numbered(id: String, interface: u32, index: u32) -> String {
    match (interface, index) {
        (0, 0) => id,
        (_, 0) => format!("{id}-i{interface}"),
        _ => format!("{id}-i{interface}-n{index}"),
    }
}

fn attribute(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read(folder.join(name)).ok()?;
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}

/// What may stand in an id, which becomes part of a URL.
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(64).collect()
}

/// The name a device gives itself, without what could forge a line of a log.
fn readable(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// A folder like `/sys`, and in it this USB device with a node for each interface number and index.
    fn plug(sys: &Path, port: &str, serial: Option<&str>, nodes: &[(&str, u32, u32)]) {
        let usb = sys.join("devices/usb1").join(port);
        fs::create_dir_all(&usb).unwrap();
        fs::write(usb.join("idVendor"), "1d6b\n").unwrap();
        fs::write(usb.join("product"), "Document\u{1b} camera\n").unwrap();
        if let Some(serial) = serial {
            fs::write(usb.join("serial"), serial).unwrap();
        }
        for (file, interface, index) in nodes {
            let device = usb.join(format!("{port}:1.{interface}"));
            let node = device.join("video4linux").join(file);
            fs::create_dir_all(&node).unwrap();
            fs::write(node.join("index"), index.to_string()).unwrap();
            fs::write(node.join("name"), "Document camera: Docu\n").unwrap();
            symlink(&device, node.join("device")).unwrap();
            fs::create_dir_all(sys.join("class")).unwrap();
            symlink(&node, sys.join("class").join(file)).unwrap();
        }
    }

    #[test]
    fn an_id_names_port_and_serial_and_tells_equal_cameras_apart() {
        let sys = tempfile::tempdir().unwrap();
        plug(sys.path(), "1-2", Some("SN 0001/\n"), &[("video0", 0, 0), ("video1", 0, 1)]);
        plug(sys.path(), "1-1.4", Some("SN 0001\n"), &[("video10", 0, 0), ("video2", 2, 0)]);
        plug(sys.path(), "1-3", None, &[("video3", 0, 0)]);
        let nodes = all(&sys.path().join("class"));
        let ids: Vec<_> = nodes.iter().map(|node| (node.file.as_str(), node.id.as_str())).collect();
        assert_eq!(
            ids,
            [
                ("video0", "usb-1-2-SN0001"),
                ("video1", "usb-1-2-SN0001-i0-n1"),
                ("video2", "usb-1-1.4-SN0001-i2"),
                ("video3", "usb-1-3"),
                ("video10", "usb-1-1.4-SN0001"),
            ]
        );
        assert_eq!((nodes[0].name.as_str(), nodes[1].index), ("Document camera", 1));
    }

    #[test]
    fn devices_that_are_not_usb_are_named_by_what_they_are() {
        let sys = tempfile::tempdir().unwrap();
        let class = sys.path().join("class");
        let device = sys.path().join("devices/platform/vivid.0");
        let node = device.join("video4linux/video0");
        fs::create_dir_all(&node).unwrap();
        symlink(&device, node.join("device")).unwrap();
        fs::create_dir_all(class.join("video7")).unwrap();
        symlink(&node, class.join("video0")).unwrap();
        fs::create_dir_all(class.join("v4l-subdev0")).unwrap();
        let ids: Vec<_> = all(&class).into_iter().map(|node| (node.id, node.name)).collect();
        let wanted = [("vivid.0", "Camera"), ("virtual-video7", "Camera")];
        assert_eq!(ids, wanted.map(|(id, name)| (id.to_owned(), name.to_owned())));
    }

    #[test]
    fn a_camera_that_goes_while_it_is_looked_at_is_not_taken_for_one_without_a_serial_number() {
        let sys = tempfile::tempdir().unwrap();
        plug(sys.path(), "1-2", None, &[("video0", 0, 0)]);
        let class = sys.path().join("class");
        // Whoever reads it waits for whoever writes it.
        let serial = sys.path().join("devices/usb1/1-2/serial");
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, &serial, FileType::Fifo, mode, 0).unwrap();
        let looked = class.clone();
        let looks = std::thread::spawn(move || all(&looked));
        let writer = fs::OpenOptions::new().write(true).open(&serial).unwrap();
        fs::remove_file(class.join("video0")).unwrap();
        drop(writer);
        assert_eq!(looks.join().unwrap(), []);
    }

    #[test]
    fn a_machine_without_video_has_no_cameras() {
        assert_eq!(all(Path::new("/nonexistent")), []);
    }
}
