//! Cameras on Windows (Media Foundation) and macOS (AVFoundation), through nokhwa 0.10. Linux has a driver of its own,
//! so there this crate holds only the fences, which are tested everywhere.
//!
//! **Never run on real hardware, nor on Windows or macOS at all.** What nokhwa does wrong, and what stands around it:
//!
//! | nokhwa | here |
//! |---|---|
//! | may give a whole buffer, with the rest of an earlier picture behind the new one | each is cut to its own length (`trim`) |
//! | waits for ever for a stalled camera | a thread of its own waits, and is left behind after a time; so many at most (`worker`) |
//! | its cameras belong to one thread | the same thread |
//! | gives no time of a picture | a few pictures are passed over before a page (`session`) |
//! | leaves out modes whose rate is no whole number | nothing: such a camera has fewer modes, or none |
//! | numbers cameras in the order of the moment | found anew by the system's own name at each opening |
//!
//! Controls are left to the camera: nokhwa's are not the same on both systems, and none could be tried.

#[cfg(any(windows, target_os = "macos"))]
mod camera;
#[cfg(any(windows, target_os = "macos"))]
mod driver;
#[cfg(any(windows, target_os = "macos"))]
mod session;
#[cfg(any(windows, target_os = "macos", test))]
mod trim;
#[cfg(any(windows, target_os = "macos", test))]
mod worker;

#[cfg(any(windows, target_os = "macos"))]
pub use driver::NokhwaDriver;
