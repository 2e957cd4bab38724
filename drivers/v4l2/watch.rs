//! Hearing of nodes as the kernel makes and removes them, and as udev gives them their rights.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use yidang_device::{CameraWatch, Cancel, DeviceError};

use crate::condition::{Stage, of};

/// Where the kernel makes nodes.
pub(crate) const NODES: &str = "/dev";
/// Longest time between two looks at whether the call was cancelled.
const SLICE: Duration = Duration::from_millis(250);
/// Room for many of the kernel's messages at once.
const MESSAGE_BYTES: usize = 4096;

/// Hears of every video node of a folder. Files are watched and not the kernel's netlink socket: this needs no network,
/// which a service's sandbox may forbid, and hears of rights, too.
pub(crate) struct Watch {
    messages: OwnedFd,
}

impl Watch {
    pub(crate) fn new(folder: &Path) -> Result<Self, Errno> {
        let messages = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let moved = WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
        let wanted = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::ATTRIB | moved;
        add_watch(&messages, folder, wanted | WatchFlags::ONLYDIR)?;
        Ok(Self { messages })
    }

    /// Whether a waiting message is about a video node. Takes all that wait.
    fn hears(&self) -> Result<bool, Errno> {
        let mut room = [MaybeUninit::uninit(); MESSAGE_BYTES];
        let mut reader = Reader::new(&self.messages, &mut room);
        let mut heard = false;
        loop {
            match reader.next() {
                Ok(message) => {
                    let name = message.file_name().map(|name| name.to_bytes());
                    let is_video = name.is_some_and(|name| name.starts_with(b"video"));
                    // Too many messages for the kernel to keep may have been about one.
                    heard |= is_video || message.events().contains(ReadFlags::QUEUE_OVERFLOW);
                }
                Err(Errno::AGAIN) => return Ok(heard),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn sleep(&self, span: Duration) -> Result<(), Errno> {
        let mut asked = [PollFd::new(&self.messages, PollFlags::IN)];
        let span = Timespec { tv_sec: span.as_secs() as i64, tv_nsec: i64::from(span.subsec_nanos()) };
        match poll(&mut asked, Some(&span)) {
            Err(Errno::INTR) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }
}

impl CameraWatch for Watch {
    fn wait(&mut self, timeout: Duration, cancel: &Cancel) -> Result<bool, DeviceError> {
        let until = Instant::now() + timeout;
        let failed = |e| of(e, Stage::Using, "inotify");
        loop {
            if cancel.is_cancelled() {
                return Ok(false);
            }
            if self.hears().map_err(failed)? {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.sleep(left.min(SLICE)).map_err(failed)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn hears(watch: &mut Watch) -> bool {
        watch.wait(Duration::ZERO, &Cancel::new()).expect("it listens")
    }

    #[test]
    fn a_node_that_comes_gets_rights_or_goes_is_heard_once_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        assert!(!hears(&mut watch));
        let (node, other) = (folder.path().join("video0"), folder.path().join("sda"));
        File::create(&other).unwrap();
        assert!(!hears(&mut watch), "a disk is no camera");
        File::create(&node).unwrap();
        assert!(hears(&mut watch) && !hears(&mut watch));
        fs::set_permissions(&node, Permissions::from_mode(0o660)).unwrap();
        assert!(hears(&mut watch) && !hears(&mut watch));
        fs::remove_file(&other).unwrap();
        assert!(!hears(&mut watch));
        fs::remove_file(&node).unwrap();
        assert!(hears(&mut watch) && !hears(&mut watch));
    }

    #[test]
    fn a_wait_ends_when_a_node_comes_and_when_it_is_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        let cancel = Cancel::new();
        std::thread::scope(|scope| {
            let began = Instant::now();
            let waits =
                scope.spawn(|| (watch.wait(LONG, &cancel).unwrap(), watch.wait(LONG, &cancel).unwrap()));
            File::create(folder.path().join("video7")).unwrap();
            std::thread::sleep(SLICE);
            cancel.cancel();
            assert_eq!(waits.join().unwrap(), (true, false));
            assert!(began.elapsed() < LONG / 2);
        });
    }

    #[test]
    fn messages_that_the_kernel_dropped_count_as_heard() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        let most: usize =
            fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        File::create(&a).unwrap();
        for _ in 0..=most / 4 {
            fs::rename(&a, &b).unwrap();
            fs::rename(&b, &a).unwrap();
        }
        assert!(hears(&mut watch));
    }
}
