//! Plugging devices in and pulling them out again.

use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::device::{Device, serve};
use crate::wire::Wire;

/// The controller's folder; there when the module `vhci_hcd` is loaded.
const CONTROLLER: &str = "/sys/devices/platform/vhci_hcd.0";
/// How the controller writes that a port is free.
const FREE: &str = "004";
/// Longest time the kernel may take to notice that a plug was pulled.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// A device in a port of the virtual controller. Dropping it pulls the plug.
pub struct Plugged {
    port: u8,
    wire: Arc<Wire>,
    serving: Option<JoinHandle<()>>,
}

impl Plugged {
    /// Plugs a device into a port (0 to 7), which must be free.
    pub(crate) fn new(port: u8, device: Arc<dyn Device>) -> io::Result<Self> {
        let (ours, kernels) = UnixStream::pair()?;
        let wire = Arc::new(Wire::new(ours.try_clone()?));
        device.power_up(&wire);
        let speed = device.speed() as u8;
        let serving = std::thread::Builder::new().name(format!("usb-port-{port}")).spawn({
            let (wire, mut stream) = (Arc::clone(&wire), ours);
            move || serve(&*device, &mut stream, &wire)
        })?;
        // The kernel takes the socket over by its number and holds it from then on.
        let socket = kernels.as_raw_fd();
        let plugged = Self { port, wire, serving: Some(serving) };
        fs::write(format!("{CONTROLLER}/attach"), format!("{port} {socket} {} {speed}", port + 1))?;
        Ok(plugged)
    }

    /// The device's end of the cable.
    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Pulls the plug and waits until the kernel has noticed.
    pub fn unplug(self) {}

    /// Whether the kernel holds the port for this device.
    pub fn is_plugged(&self) -> bool {
        let ports = fs::read_to_string(format!("{CONTROLLER}/status")).unwrap_or_default();
        // hub port sta spd dev sockfd local_busid
        let number = format!("{:04}", self.port);
        let states = ports.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        states.into_iter().any(|words| words.get(1) == Some(&number.as_str()) && words.get(2) != Some(&FREE))
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.wire.pull();
        if let Some(serving) = self.serving.take() {
            // It cannot have panicked in a way that matters any more.
            let _ = serving.join();
        }
        let until = Instant::now() + NOTICED_WITHIN;
        while self.is_plugged() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
