//! The serial ports of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use yidang_device::DeviceListing;

use crate::rights;

/// USB bridges that readers are built with or connected through, by vendor and product. Boards and modems
/// that bring a serial port of their own have other numbers.
const BRIDGES: &[(u16, &[u16])] = &[
    // FTDI FT232, FT2232, FT4232, FT232H, FT-X
    (0x0403, &[0x6001, 0x6010, 0x6011, 0x6014, 0x6015]),
    // Prolific PL2303 and its later letters
    (0x067B, &[0x2303, 0x23A3, 0x23B3, 0x23C3, 0x23D3, 0x23E3, 0x23F3]),
    // Silicon Labs CP2102, CP2105, CP2108
    (0x10C4, &[0xEA60, 0xEA70, 0xEA71]),
    // WCH CH340, CH341, CH343, CH9102
    (0x1A86, &[0x5523, 0x7522, 0x7523, 0x55D3, 0x55D4]),
];

/// A serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// The same after unplugging and starting anew, where the hardware allows it: udev's link by serial
    /// number or by socket, else vendor, product and serial number, else the path.
    pub(crate) id: String,
    /// What a person would call it.
    pub(crate) name: String,
    /// What is opened.
    pub(crate) path: PathBuf,
    /// Vendor and product where it is a USB adapter.
    pub(crate) usb: Option<(u16, u16)>,
}

impl Port {
    /// Whether a known kind of USB adapter makes it.
    pub(crate) fn is_known_bridge(&self) -> bool {
        let Some((vendor, product)) = self.usb else { return false };
        BRIDGES.iter().any(|(maker, products)| *maker == vendor && products.contains(&product))
    }

    /// What it is listed as.
    pub(crate) fn listing(&self) -> DeviceListing {
        let access = rights::of(&self.path, self.usb);
        DeviceListing { id: self.id.clone(), name: self.name.clone(), access }
    }
}

/// Where the operating system tells of its ports.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// `/sys`
    pub(crate) sys: PathBuf,
    /// `/dev`
    pub(crate) dev: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { sys: "/sys".into(), dev: "/dev".into() }
    }
}

impl Places {
    /// Every port with hardware behind it, in the order of their paths, but for one the kernel speaks on.
    /// Nothing is opened. Empty on systems other than Linux, where ports must be named.
    pub(crate) fn ports(&self) -> Vec<Port> {
        let terminals = fs::read_dir(self.sys.join("class/tty")).into_iter().flatten().flatten();
        let mut ports: Vec<Port> = terminals.filter_map(|terminal| self.port(&terminal.path())).collect();
        ports.sort_by(|a, b| a.path.cmp(&b.path));
        ports
    }

    /// The port a configuration names by any of its paths; `None` when it is not there.
    pub(crate) fn named(&self, path: &Path) -> Option<Port> {
        if cfg!(windows) {
            // `COM3` is no file; whether it is there shows when it is opened.
            return Some(unknown(path));
        }
        let node = fs::canonicalize(path).ok()?;
        Some(self.ports().into_iter().find(|port| port.path == node).unwrap_or_else(|| unknown(path)))
    }

    fn port(&self, terminal: &Path) -> Option<Port> {
        // Virtual terminals have no device.
        let device = fs::canonicalize(terminal.join("device")).ok()?;
        let kernel_name = terminal.file_name()?.to_str()?;
        let path = self.dev.join(kernel_name);
        if !path.exists() {
            return None;
        }
        match device.ancestors().find(|ancestor| ancestor.join("idVendor").exists()) {
            Some(adapter) => self.usb_port(adapter, &device, path),
            None => {
                // The kernel lists sockets that are not wired as type 0; other buses' ports have no type.
                let is_real = attribute(terminal, "type").is_some_and(|kind| kind != "0");
                let is_console = attribute(terminal, "console").as_deref() == Some("Y");
                let id = self.link_to(&path).unwrap_or_else(|| path.display().to_string());
                let name = format!("serial port {}", path.display());
                (is_real && !is_console).then_some(Port { id, name, path, usb: None })
            }
        }
    }

    fn usb_port(&self, adapter: &Path, device: &Path, path: PathBuf) -> Option<Port> {
        let number = |file| u16::from_str_radix(&attribute(adapter, file)?, 16).ok();
        let (vendor, product) = (number("idVendor")?, number("idProduct")?);
        let interface = device
            .ancestors()
            .find_map(|ancestor| attribute(ancestor, "bInterfaceNumber"))
            .unwrap_or_default();
        let by_serial = attribute(adapter, "serial")
            .map(|serial| format!("usb-{vendor:04x}:{product:04x}-{serial}-if{interface}"));
        let id = self.link_to(&path).or(by_serial).unwrap_or_else(|| path.display().to_string());
        let words = [attribute(adapter, "manufacturer"), attribute(adapter, "product")];
        let mut name = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            name = format!("USB serial adapter {vendor:04x}:{product:04x}");
        }
        let name = format!("{name} ({})", path.display());
        Some(Port { id, name, path, usb: Some((vendor, product)) })
    }

    /// udev's stable link to a port: by serial number, else by socket. Two adapters without serial numbers
    /// share the first kind of link, which then leads to one of them only.
    fn link_to(&self, path: &Path) -> Option<String> {
        let node = fs::canonicalize(path).ok()?;
        ["serial/by-id", "serial/by-path"].into_iter().find_map(|folder| {
            let links = fs::read_dir(self.dev.join(folder)).into_iter().flatten().flatten();
            let mut links: Vec<_> = links.map(|link| link.path()).collect();
            links.sort();
            let link = links.into_iter().find(|link| fs::canonicalize(link).is_ok_and(|to| to == node))?;
            Some(link.display().to_string())
        })
    }
}

/// A port nothing is known of but its path.
fn unknown(path: &Path) -> Port {
    let id = path.display().to_string();
    Port { name: format!("serial port {id}"), id, path: path.to_owned(), usb: None }
}

/// The trimmed text of a file in sysfs; `None` if there is none or it is empty.
fn attribute(folder: &Path, file: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(all(test, unix))]
#[path = "ports_tests.rs"]
mod tests;
