//! The listing over a tree of the shape that sysfs and udev make.

use std::os::unix::fs::symlink;

use super::*;

/// A machine made of files.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["sys/class/tty", "dev/serial/by-id", "dev/serial/by-path"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    fn places(&self) -> Places {
        // Where the temporary folder is itself a link, paths would not compare.
        let root = fs::canonicalize(self.root.path()).unwrap();
        Places { sys: root.join("sys"), dev: root.join("dev") }
    }

    fn write(&self, folder: &str, files: &[(&str, &str)]) {
        let folder = self.root.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), format!("{text}\n")).unwrap();
        }
    }

    /// A terminal, and the device behind it below `sys/devices`.
    fn terminal(&self, name: &str, device: Option<&str>, files: &[(&str, &str)]) {
        self.write(&format!("sys/class/tty/{name}"), files);
        self.write("dev", &[(name, "")]);
        if let Some(device) = device {
            let device = self.root.path().join("sys/devices").join(device);
            fs::create_dir_all(&device).unwrap();
            symlink(device, self.root.path().join(format!("sys/class/tty/{name}/device"))).unwrap();
        }
    }

    fn usb(&self, socket: &str, name: &str, files: &[(&str, &str)]) {
        self.write(&format!("sys/devices/usb1/{socket}"), files);
        let interface = format!("usb1/{socket}/{socket}:1.0");
        self.write(&format!("sys/devices/{interface}"), &[("bInterfaceNumber", "00")]);
        self.terminal(name, Some(&format!("{interface}/{name}")), &[]);
    }

    fn link(&self, link: &str, name: &str) -> String {
        let link = self.places().dev.join("serial").join(link);
        symlink(format!("../../{name}"), &link).unwrap();
        link.display().to_string()
    }
}

const CH340: &[(&str, &str)] = &[("idVendor", "1a86"), ("idProduct", "7523"), ("product", "USB Serial")];

#[test]
fn only_ports_with_hardware_behind_them_are_listed() {
    let machine = Machine::new();
    machine.terminal("tty1", None, &[]);
    machine.terminal("ttyS0", Some("pnp0/00:01"), &[("type", "4"), ("console", "N")]);
    machine.terminal("ttyS1", Some("platform/serial8250"), &[("type", "0")]);
    machine.terminal("ttyS2", Some("pnp0/00:02"), &[("type", "4"), ("console", "Y")]);
    machine.terminal("hvc0", Some("virtio0"), &[]);
    machine.usb("1-2", "ttyUSB0", CH340);
    let places = machine.places();
    let [on_board, adapter] = &places.ports()[..] else { panic!("{:?}", places.ports()) };
    assert_eq!(on_board.path, places.dev.join("ttyS0"));
    assert_eq!((on_board.usb, on_board.is_known_bridge()), (None, false));
    assert_eq!(adapter.usb, Some((0x1A86, 0x7523)));
    assert!(adapter.is_known_bridge() && adapter.name.starts_with("USB Serial ("), "{adapter:?}");
}

#[test]
fn a_kind_of_adapter_that_is_not_known_is_listed_and_told_apart() {
    let machine = Machine::new();
    machine.usb("1-1", "ttyACM0", &[("idVendor", "2341"), ("idProduct", "0043")]);
    machine.usb("1-2", "ttyUSB0", &[("idVendor", "0403"), ("idProduct", "ff00"), ("manufacturer", "FTDI")]);
    let ports = machine.places().ports();
    assert_eq!(ports.iter().map(Port::is_known_bridge).collect::<Vec<_>>(), [false, false]);
    assert!(ports[0].name.starts_with("USB serial adapter 2341:0043"), "{:?}", ports[0]);
}

#[test]
fn ids_outlast_the_order_of_plugging_in() {
    let machine = Machine::new();
    machine.usb("1-1", "ttyUSB0", &[CH340, &[("serial", "A5")]].concat());
    let places = machine.places();
    assert_eq!(places.ports()[0].id, "usb-1a86:7523-A5-if00");
    let by_path = machine.link("by-path/pci-0000:00:14.0-usb-0:1:1.0-port0", "ttyUSB0");
    assert_eq!(places.ports()[0].id, by_path);
    let by_id = machine.link("by-id/usb-1a86_USB_Serial-if00-port0", "ttyUSB0");
    assert_eq!(places.ports()[0].id, by_id);
    // A second one without a serial number, and the link of the first kind is taken.
    machine.usb("1-2", "ttyUSB1", CH340);
    assert_eq!(places.ports()[1].id, places.dev.join("ttyUSB1").display().to_string());
}

#[test]
fn a_port_may_be_named_by_any_of_its_paths() {
    let machine = Machine::new();
    machine.usb("1-1", "ttyUSB0", CH340);
    let link = machine.link("by-id/usb-1a86_USB_Serial-if00-port0", "ttyUSB0");
    let places = machine.places();
    let found = places.ports().remove(0);
    assert_eq!(places.named(Path::new(&link)), Some(found.clone()));
    assert_eq!(places.named(&places.dev.join("ttyUSB0")), Some(found));
    assert_eq!(places.named(&places.dev.join("ttyUSB7")), None);
}
