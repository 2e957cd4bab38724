//! Cameras on Linux, through V4L2. On other systems this crate is empty; `drivers/README.md` says how to add a camera.
//!
//! | file | what |
//! |---|---|
//! | `driver`, `node`, `access` | finding cameras in sysfs, their ids, the right to open them |
//! | `watch` | hearing of cameras that come and go |
//! | `format` | what a camera offers |
//! | `camera`, `control` | the trait |
//! | `stream`, `picking` | frames, and which of them may be given |
//! | `patience` | when a camera that gives no picture has stalled |
//! | `buffer`, `layout`, `ioctl` | memory shared with the kernel, and its calls: all `unsafe` code is here |
//! | `raw` | bare pixels to JPEG |
//!
//! No byte of one page is in the next: a frame is copied out by the length the camera gave it, a JPEG only as far as
//! its own end, bare pixels only where the length is that of the mode; and what a frame lay in is overwritten with
//! zeros before the camera gets it back, so that a camera that lies about a length gives zeros.
//!
//! Waiting for a picture ends at the caller's time. The kernel's own calls do not: uvcvideo waits up to five seconds
//! for a camera that answers no request, and several requests start a stream. Who may not wait so long needs a
//! watchdog.
#![cfg(target_os = "linux")]

mod access;
mod buffer;
mod camera;
mod condition;
mod control;
mod driver;
mod format;
mod ioctl;
mod layout;
mod node;
mod patience;
mod picking;
mod raw;
mod stream;
mod watch;

pub use driver::V4l2Driver;
