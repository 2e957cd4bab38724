//! A camera as nokhwa has it, on the one thread it belongs to.

use jpeg_encoder::{ColorType, Encoder};
use nokhwa::Camera;
use nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, nv12_to_rgb, yuyv422_to_rgb,
};
use yidang_device::{DeviceCondition, DeviceError, Mode, Rate};

use crate::trim::{Layout, picture};

/// The frame is the original that is kept, so little may be lost.
const QUALITY: u8 = 95;
/// nokhwa gives no time of a picture. So many may wait in the system, or be exposed in part, when a page is asked for.
const FRAMES_WAITING: u32 = 3;
/// A camera that starts exposes by itself from nothing: its first pictures may be dark.
const FRAMES_TO_SETTLE: u32 = 3;
/// Pictures in a row that may be damaged.
const DAMAGED_MAX: u32 = 10;

const FORMATS: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];

/// The camera, and the mode its stream is in.
pub(crate) struct Session {
    camera: Camera,
    streams: Option<CameraFormat>,
}

impl Session {
    /// Opens the camera, and what it can take, the largest first; of one size JPEG first.
    pub(crate) fn open(index: CameraIndex) -> Result<(Self, Vec<Mode>), DeviceError> {
        let wish = RequestedFormat::with_formats(RequestedFormatType::AbsoluteHighestResolution, &FORMATS);
        let mut camera = Camera::new(index, wish).map_err(|e| failed(&e))?;
        let formats = camera.compatible_camera_formats().map_err(|e| failed(&e))?;
        Ok((Self { camera, streams: None }, modes(&formats)))
    }

    /// One picture in this mode as a JPEG. A page passes over what may be of before.
    pub(crate) fn picture(
        &mut self,
        mode: &Mode,
        rate: Option<Rate>,
        page: bool,
    ) -> Result<Vec<u8>, DeviceError> {
        let rests = self.set(mode, rate)?;
        let passed = match (page, rests) {
            (false, _) => 0,
            (true, false) => FRAMES_WAITING,
            (true, true) => FRAMES_TO_SETTLE,
        };
        for _ in 0..passed {
            self.camera.frame().map_err(|e| failed(&e))?;
        }
        for _ in 0..DAMAGED_MAX {
            let buffer = self.camera.frame().map_err(|e| failed(&e))?;
            let size = buffer.resolution();
            let jpeg = jpeg(buffer.source_frame_format(), size.width(), size.height(), buffer.buffer());
            if let Some(jpeg) = jpeg {
                return Ok(jpeg);
            }
        }
        Err(DeviceError::new(DeviceCondition::Protocol, "the camera gives no whole picture"))
    }

    /// Ends the stream.
    pub(crate) fn rest(&mut self) {
        if self.streams.take().is_some() {
            // A camera that is gone has nothing left to end.
            let _ = self.camera.stop_stream();
        }
    }

    /// Lets it stream in this mode; whether it rested before.
    fn set(&mut self, mode: &Mode, rate: Option<Rate>) -> Result<bool, DeviceError> {
        let formats = self.camera.compatible_camera_formats().map_err(|e| failed(&e))?;
        let wanted = rate.or(mode.rates.first().copied());
        let is_it = |format: &&CameraFormat| {
            let size = format.resolution();
            (size.width(), size.height()) == (mode.width, mode.height)
                && kind(format.format()) == mode.format
                && wanted.is_none_or(|rate| rate.frames == format.frame_rate() * rate.seconds)
        };
        let format = *formats.iter().find(is_it).ok_or_else(|| {
            DeviceError::new(DeviceCondition::Protocol, "the camera no longer offers this mode")
        })?;
        if self.streams == Some(format) {
            return Ok(false);
        }
        self.rest();
        let exactly = RequestedFormatType::Exact(format);
        let wish = RequestedFormat::with_formats(exactly, &FORMATS);
        self.camera.set_camera_requset(wish).map_err(|e| failed(&e))?;
        self.camera.open_stream().map_err(|e| failed(&e))?;
        self.streams = Some(format);
        Ok(true)
    }
}

fn kind(format: FrameFormat) -> yidang_device::FrameFormat {
    match format {
        FrameFormat::MJPEG => yidang_device::FrameFormat::Mjpeg,
        _ => yidang_device::FrameFormat::Raw,
    }
}

fn modes(formats: &[CameraFormat]) -> Vec<Mode> {
    let mut modes: Vec<Mode> = Vec::new();
    for format in formats {
        let (size, kind) = (format.resolution(), kind(format.format()));
        let rate = Rate { frames: format.frame_rate(), seconds: 1 };
        let same =
            |mode: &&mut Mode| (mode.width, mode.height, mode.format) == (size.width(), size.height(), kind);
        match modes.iter_mut().find(same) {
            Some(mode) => mode.rates.push(rate),
            None => modes.push(Mode {
                format: kind,
                width: size.width(),
                height: size.height(),
                rates: vec![rate],
            }),
        }
    }
    for mode in &mut modes {
        mode.rates.sort_by_key(|rate| std::cmp::Reverse(rate.frames));
        mode.rates.dedup();
    }
    let area = |mode: &Mode| u64::from(mode.width) * u64::from(mode.height);
    modes.sort_by_key(|mode| (std::cmp::Reverse(area(mode)), mode.format == yidang_device::FrameFormat::Raw));
    modes
}

/// The picture a buffer begins with, as a JPEG.
fn jpeg(format: FrameFormat, width: u32, height: u32, buffer: &[u8]) -> Option<Vec<u8>> {
    let layout = match format {
        FrameFormat::MJPEG => Layout::Jpeg,
        FrameFormat::YUYV => Layout::Yuyv,
        FrameFormat::NV12 => Layout::Nv12,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => Layout::Rgb,
        FrameFormat::GRAY => Layout::Grey,
    };
    let own = picture(layout, width, height, buffer)?;
    let (pixels, colours) = match format {
        FrameFormat::MJPEG => return Some(own),
        FrameFormat::YUYV => (yuyv422_to_rgb(&own, false).ok()?, ColorType::Rgb),
        FrameFormat::NV12 => {
            let size = nokhwa::utils::Resolution::new(width, height);
            (nv12_to_rgb(size, &own, false).ok()?, ColorType::Rgb)
        }
        FrameFormat::RAWRGB => (own, ColorType::Rgb),
        FrameFormat::RAWBGR => (own, ColorType::Bgr),
        FrameFormat::GRAY => (own, ColorType::Luma),
    };
    let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, QUALITY).encode(&pixels, width, height, colours).ok()?;
    Some(jpeg)
}

/// What a failure of nokhwa means. It hands the system's words on as text alone, so a camera that was open and fails
/// counts as gone: the next opening says what is wrong.
pub(crate) fn failed(error: &nokhwa::NokhwaError) -> DeviceError {
    use nokhwa::NokhwaError as Error;
    let condition = match error {
        Error::OpenDeviceError(..) | Error::InitializeError { .. } => DeviceCondition::Busy,
        Error::ReadFrameError(_) | Error::OpenStreamError(_) | Error::GeneralError(_) => {
            DeviceCondition::Lost
        }
        _ => DeviceCondition::Protocol,
    };
    DeviceError::new(condition, format!("nokhwa: {error}"))
}
