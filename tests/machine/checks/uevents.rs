//! When the kernel says that a device is there: its own announcements, as udev gets them.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketType, bind, recv, socket};

/// Longest wait for an announcement.
const PATIENCE: Duration = Duration::from_secs(15);
/// The group of the kernel's own announcements; udev's are another.
const OF_THE_KERNEL: u32 = 1;
/// Longest announcement, in bytes: the kernel's own bound.
const LONGEST: usize = 8192;

/// Hears every device that is announced from now on.
pub(crate) struct Uevents {
    added: Receiver<(String, Instant)>,
}

impl Uevents {
    pub(crate) fn new() -> Self {
        let netlink = socket(AddressFamily::NETLINK, SocketType::DGRAM, Some(KOBJECT_UEVENT));
        let netlink = netlink.expect("the kernel announces devices");
        bind(&netlink, &SocketAddrNetlink::new(0, OF_THE_KERNEL)).expect("anybody may listen");
        let (heard, added) = channel();
        // A thread of its own, so that the time is that of the announcement; it ends with who asks.
        std::thread::spawn(move || {
            let mut message = vec![0; LONGEST];
            while let Ok((_, length)) = recv(&netlink, &mut message[..], RecvFlags::empty()) {
                let at = Instant::now();
                let text = String::from_utf8_lossy(&message[..length.min(LONGEST)]).into_owned();
                let is_new = text.split('\0').any(|line| line == "ACTION=add");
                if is_new && heard.send((text, at)).is_err() {
                    return;
                }
            }
        });
        Self { added }
    }

    /// Forgets what was announced until now.
    pub(crate) fn forget(&self) {
        while self.added.try_recv().is_ok() {}
    }

    /// When the next device of this kind was announced; others before it are passed over.
    #[track_caller]
    pub(crate) fn next(&self, subsystem: &str) -> Instant {
        let wanted = format!("SUBSYSTEM={subsystem}");
        loop {
            let (text, at) = self.added.recv_timeout(PATIENCE).expect("the device is announced");
            if text.split('\0').any(|line| line == wanted) {
                return at;
            }
        }
    }
}
