//! The photographs: a form on a cutting mat from `fixtures/desk`, enlarged to what a camera gives, with a sensor's
//! grain. The same bytes on every machine.

use std::path::{Path, PathBuf};

use turbojpeg::{Image, PixelFormat, Subsamp};
use yidang_imaging::{Picture, decode};

use crate::Failure;

/// A photograph to be made.
pub(crate) struct Photograph {
    pub(crate) name: &'static str,
    width: usize,
    height: usize,
    /// Grain's standard deviation in levels of 255.
    grain: f32,
    quality: i32,
}

/// As document cameras of 16 and of 8 megapixels send them: 4:2:2, some 3.0 and 1.3 MB.
pub(crate) const PHOTOGRAPHS: [Photograph; 2] = [
    Photograph { name: "16-megapixels", width: 4608, height: 3456, grain: 2.2, quality: 90 },
    Photograph { name: "8-megapixels", width: 3264, height: 2448, grain: 1.6, quality: 90 },
];

/// Writes the photographs into a folder, which is made where it is missing.
pub(crate) fn write_all(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    std::fs::create_dir_all(folder)?;
    let form = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/desk/01-form.jpg");
    let form = decode(&std::fs::read(form)?)?;
    PHOTOGRAPHS
        .iter()
        .map(|photograph| {
            let path = folder.join(format!("{}.jpg", photograph.name));
            std::fs::write(&path, photograph.bytes(&form)?)?;
            Ok(path)
        })
        .collect()
}

impl Photograph {
    fn bytes(&self, form: &Picture) -> Result<Vec<u8>, Failure> {
        let pixels = self.enlarged(form);
        let (width, height) = (self.width, self.height);
        let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
        Ok(turbojpeg::compress(image, self.quality, Subsamp::Sub2x1)?.to_vec())
    }

    /// The form's pixels, bilinear, and the same grain on every run.
    fn enlarged(&self, form: &Picture) -> Vec<u8> {
        let (from_width, from_height) = (form.width() as usize, form.height() as usize);
        let neighbours = |at: usize, from: usize, to: usize| {
            let place = ((at as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, from as f32 - 1.0);
            let before = place as usize;
            (before, (before + 1).min(from - 1), place - before as f32)
        };
        let mut state = 1_u32;
        let mut rgb = Vec::with_capacity(self.width * self.height * 3);
        for y in 0..self.height {
            let (top, bottom, ty) = neighbours(y, from_height, self.height);
            for x in 0..self.width {
                let (left, right, tx) = neighbours(x, from_width, self.width);
                let at = |x: usize, y: usize, c: usize| f32::from(form.rgb()[(y * from_width + x) * 3 + c]);
                // Four uniform numbers make nearly a normal one, of standard deviation 1 / sqrt(3).
                let mut grain = -2.0;
                for _ in 0..4 {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    grain += (state >> 8) as f32 / 16_777_216.0;
                }
                let grain = grain * 3.0_f32.sqrt() * self.grain;
                for c in 0..3 {
                    let above = at(left, top, c) * (1.0 - tx) + at(right, top, c) * tx;
                    let below = at(left, bottom, c) * (1.0 - tx) + at(right, bottom, c) * tx;
                    rgb.push((above * (1.0 - ty) + below * ty + grain + 0.5).clamp(0.0, 255.0) as u8);
                }
            }
        }
        rgb
    }
}
