//! JPEG bytes to pixels, by libjpeg-turbo. Nothing that lost data passes.

use turbojpeg::{
    Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage,
};

use crate::planes::Planes;
use crate::{Header, ImageError, jpeg, jpeg_check};

/// What libjpeg says of bytes that nobody needs, which webcams leave before a marker. Its first warning is the one
/// it tells, and an error replaces it: behind these words all pixels were written.
const SPARE_BYTES: &str = "extraneous bytes before marker";

/// Scaled decoding makes a picture this many times smaller.
const REDUCTIONS: [usize; 3] = [8, 4, 2];

/// A JPEG whose header was read, by the decoder too.
pub(crate) struct Jpeg<'a> {
    bytes: &'a [u8],
    header: &'a Header,
    decoder: Decompressor,
    read: DecompressHeader,
}

impl<'a> Jpeg<'a> {
    /// The bytes are completed, and `header` is what [`inspect`](crate::inspect) read of them.
    pub(crate) fn new(bytes: &'a [u8], header: &'a Header) -> Result<Self, ImageError> {
        let mut decoder = Decompressor::new().map_err(|_| ImageError::Damaged)?;
        let read = decoder.read_header(bytes).map_err(|_| ImageError::Damaged)?;
        let size = [read.width as u64, read.height as u64];
        let same = size == header.stored_size().map(u64::from);
        if !same {
            return Err(ImageError::Damaged);
        }
        Ok(Self { bytes, header, decoder, read })
    }

    /// The planes as they are stored; `None` where this picture does not keep its colours so that planes of them
    /// can be had.
    pub(crate) fn planes(&mut self) -> Result<Option<Planes>, ImageError> {
        let Some(sampling) = self.sampling() else { return Ok(None) };
        let (width, height, subsamp) = (self.read.width, self.read.height, self.read.subsamp);
        let length = turbojpeg::yuv_pixels_len(width, 1, height, subsamp).map_err(|_| ImageError::Damaged)?;
        let mut pixels = vec![0; length];
        self.whole(|decoder, bytes| {
            let image = YuvImage { pixels: &mut pixels[..], width, align: 1, height, subsamp };
            decoder.decompress_to_yuv(bytes, image)
        })?;
        let planes = Planes::new([width, height], sampling, pixels, self.header.orientation);
        planes.map(Some).ok_or(ImageError::Damaged)
    }

    /// Pixels that share a colour, across and down, nothing for a grey picture.
    fn sampling(&self) -> Option<Option<[usize; 2]>> {
        let factors = match (self.read.colorspace, self.read.subsamp) {
            (Colorspace::Gray, Subsamp::Gray) => return Some(None),
            (Colorspace::YCbCr, Subsamp::None) => [1, 1],
            (Colorspace::YCbCr, Subsamp::Sub2x1) => [2, 1],
            (Colorspace::YCbCr, Subsamp::Sub2x2) => [2, 2],
            (Colorspace::YCbCr, Subsamp::Sub1x2) => [1, 2],
            (Colorspace::YCbCr, Subsamp::Sub4x1) => [4, 1],
            (Colorspace::YCbCr, Subsamp::Sub1x4) => [1, 4],
            _ => return None,
        };
        Some(Some(factors))
    }

    /// Width, height and RGB bytes as stored.
    pub(crate) fn rgb(&mut self) -> Result<(usize, usize, Vec<u8>), ImageError> {
        self.rgb_reduced(1)
    }

    /// The same, made smaller while decoding as far as the longer side stays at `longest_px` or above.
    pub(crate) fn small_rgb(&mut self, longest_px: usize) -> Result<(usize, usize, Vec<u8>), ImageError> {
        let side = self.read.width.max(self.read.height);
        let fits = |by: &usize| side.div_ceil(*by) >= longest_px;
        self.rgb_reduced(REDUCTIONS.into_iter().find(fits).unwrap_or(1))
    }

    fn rgb_reduced(&mut self, by: usize) -> Result<(usize, usize, Vec<u8>), ImageError> {
        let factor = ScalingFactor::new(1, by);
        self.decoder.set_scaling_factor(factor).map_err(|_| ImageError::Damaged)?;
        let (width, height) = (factor.scale(self.read.width), factor.scale(self.read.height));
        let mut pixels = vec![0; width * height * 3];
        self.whole(|decoder, bytes| {
            let format = PixelFormat::RGB;
            decoder
                .decompress(bytes, Image { pixels: &mut pixels[..], width, pitch: width * 3, height, format })
        })?;
        Ok((width, height, pixels))
    }

    /// Decodes, and says whether all of it was there. The decoder warns of blocks that a single scan lacks or has too
    /// many; of several scans only [`jpeg_check`] can tell, and of bytes behind the blocks whether webcams leave so
    /// many.
    fn whole(
        &mut self,
        decode: impl FnOnce(&mut Decompressor, &[u8]) -> turbojpeg::Result<()>,
    ) -> Result<(), ImageError> {
        let is_one_scan = jpeg::is_one_scan(self.bytes);
        if !is_one_scan {
            jpeg_check::check(self.bytes)?;
        }
        match decode(&mut self.decoder, self.bytes) {
            Ok(()) => Ok(()),
            Err(turbojpeg::Error::TurboJpegError(words)) if is_one_scan && words.contains(SPARE_BYTES) => {
                jpeg_check::check(self.bytes)
            }
            Err(_) => Err(ImageError::Damaged),
        }
    }
}
