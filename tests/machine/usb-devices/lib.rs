//! USB card readers and cameras made of software, for tests against the kernel's own USB stack.
//!
//! The kernel module `vhci_hcd` is a host controller whose devices lie at the other end of a socket and speak
//! USB/IP (the kernel's `Documentation/usb/usbip_protocol.rst`). Here that socket is one half of a pair, so no
//! network is involved: this process answers the transfers, and everything above (enumeration, udev, usbfs,
//! libccid, pcscd, uvcvideo, the drivers under test) is the real thing. It needs root and the module, so it runs in a
//! virtual machine (`tests/machine/run`).
//!
//! - [`Plugged`] is a device in a port; dropping it pulls the plug.
//! - [`SamUsb`] is an ID card reader in native mode, over the product's simulated security module.
//! - [`Ccid`] is a reader for libccid, over the cards of the virtual PC/SC reader.
//! - [`Uvc`] is a camera that streams pictures it is given.
#![cfg(target_os = "linux")]

mod bus;
mod ccid;
mod descriptor;
mod device;
mod sam_usb;
mod transfer;
mod uvc;
mod uvc_control;
mod uvc_descriptor;
mod wire;

pub use bus::Plugged;
pub use ccid::{Ccid, CcidFault};
pub use sam_usb::{Form, SamFault, SamUsb};
pub use uvc::{Uvc, UvcFault};
