//! What a card reader and a camera are.
//!
//! Three levels, as PC/SC has them: a *driver* is a way to find devices, a *reader* or *camera* is one of
//! them, and a reading or a frame is what it gives. All calls block; each device is owned by one thread, and
//! a [`Cancel`] handed to a call lets another thread end it early.

mod camera;
mod camera_mode;
mod camera_watch;
mod cancel;
mod card_reader;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod examination;
mod huffman;
mod jpeg;
mod listing;
mod mode_choice;

pub use camera::{Camera, CameraDriver, Frame, PreviewWish};
pub use camera_mode::{Control, ControlName, FrameFormat, Mode, Rate};
pub use camera_watch::CameraWatch;
pub use cancel::Cancel;
pub use card_reader::{
    CardDriver, CardReader, DecodedPhoto, FINGER_LENGTH_BYTES, FINGERS_MAX, Presence, RawCard, ReadWish,
    TEXT_LENGTH_BYTES, WLT_LENGTH_BYTES,
};
pub use error::{DeviceCondition, DeviceError};
pub use examination::{Examination, ModuleReport, Step, Steps};
pub use jpeg::whole_jpeg;
pub use listing::{Access, DeviceListing};
pub use mode_choice::{preview_mode, preview_rate};
