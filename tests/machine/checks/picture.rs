//! What every camera's checks need: the desk under the camera, the driver's view, and frames.

use std::sync::Arc;
use std::time::Duration;

use yidang_device::{
    Camera, CameraDriver as _, Cancel, DeviceCondition, DeviceListing, PreviewWish, conformance::Laid,
};
use yidang_usb_devices::{Plugged, Uvc};
use yidang_v4l2::V4l2Driver;

use crate::reading::until;

pub(crate) const PORT: u8 = 2;
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
pub(crate) const WISH: PreviewWish = PreviewWish { width_max: 1280, height_max: 1024, rate: 15 };

/// Pages of the simulated desk; the last is by far the shortest.
pub(crate) const PAGES: [&[u8]; 3] = [
    include_bytes!("../../../fixtures/desk/02-certificate.jpg"),
    include_bytes!("../../../fixtures/desk/03-letter.jpg"),
    SMALL,
];
const SMALL: &[u8] = include_bytes!("../../../fixtures/desk/small.jpg");

/// A camera and the driver that finds it.
pub(crate) struct Desk {
    pub(crate) camera: Arc<Uvc>,
    pub(crate) driver: V4l2Driver,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let camera = Uvc::new("TEST0003");
        camera.lay(PAGES[0], SMALL);
        Self { camera, driver: V4l2Driver::new() }
    }

    /// Plugs the camera in, after the kernel has forgotten the one before.
    #[track_caller]
    pub(crate) fn plug(&self) -> Plugged {
        self.gone();
        self.camera.plug(PORT).expect("the kernel takes the device")
    }

    /// The one camera that is connected, once the driver lists it.
    #[track_caller]
    pub(crate) fn found(&self) -> DeviceListing {
        until("finding the camera", || self.driver.list().ok()?.pop())
    }

    /// Waits until the driver lists no camera.
    #[track_caller]
    pub(crate) fn gone(&self) {
        until("losing the camera", || self.driver.list().ok()?.is_empty().then_some(()));
    }

    #[track_caller]
    pub(crate) fn open(&self) -> Box<dyn Camera> {
        let id = self.found().id;
        // udev gives the node its rights a moment after the kernel makes it.
        until("opening the camera", || self.driver.open(&id).ok())
    }

    /// Lays the first or the second picture under it. In the preview the first is the second and a comment.
    pub(crate) fn lay(&self, second: bool) -> Laid {
        let page = PAGES[usize::from(second)].to_vec();
        let preview = if second { SMALL.to_vec() } else { with_comment(SMALL, 5000) };
        self.camera.lay(&page, &preview);
        Laid { page, preview }
    }
}

/// A JPEG with a comment of so many bytes at its start.
fn with_comment(jpeg: &[u8], length_bytes: u16) -> Vec<u8> {
    let [high, low] = (length_bytes + 2).to_be_bytes();
    let comment = vec![b'.'; usize::from(length_bytes)];
    [&jpeg[..2], &[0xFF, 0xFE, high, low], &comment, &jpeg[2..]].concat()
}

/// A JPEG without its Huffman tables, as cameras stream it.
pub(crate) fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let (mut bare, mut at) = (jpeg[..2].to_vec(), 2);
    while jpeg[at + 1] != 0xDA {
        let next = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xC4 {
            bare.extend(&jpeg[at..next]);
        }
        at = next;
    }
    bare.extend(&jpeg[at..]);
    bare
}

/// Takes a page, which must be this one, byte for byte.
#[track_caller]
pub(crate) fn takes(camera: &mut dyn Camera, wanted: &[u8]) {
    let frame =
        camera.grab(PATIENCE, &Cancel::new()).unwrap_or_else(|e| panic!("the camera gives a page: {e}"));
    assert!(frame.bytes == wanted, "a page of {} bytes is given as {}", wanted.len(), frame.bytes.len());
}

/// Takes a page, which must fail.
#[track_caller]
pub(crate) fn fails(camera: &mut dyn Camera, timeout: Duration) -> DeviceCondition {
    camera.grab(timeout, &Cancel::new()).err().expect("no page is given").condition
}
