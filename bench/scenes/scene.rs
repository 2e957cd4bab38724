//! A desk with a paper, its light, and the photograph of it.

use yidang_model::Quad;

use crate::camera::{Camera, Stand};
use crate::lettering::Lettering;
use crate::mat::{Mat, Surface};
use crate::papers::Paper;
use crate::random::{Random, smooth_noise};
use crate::sheet::Sheet;

/// Everything that decides a photograph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) mat: Mat,
    pub(crate) paper: Option<Lying>,
    pub(crate) camera: Camera,
    pub(crate) light: Light,
    pub(crate) sensor: Sensor,
    pub(crate) seed: u32,
}

/// A paper and how it lies: the desk point of its middle, and its clockwise turn in radians.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lying {
    pub(crate) paper: Paper,
    pub(crate) middle_mm: [f32; 2],
    pub(crate) turn: f32,
    /// How far its edges stand off the desk: the length of the shadow.
    pub(crate) lift_mm: f32,
    /// Folded in three once, and flattened.
    pub(crate) folded: bool,
}

/// A lamp over the desk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    /// Where the lamp hangs, in desk millimetres.
    pub(crate) lamp_mm: [f32; 3],
    /// Share of the light that comes from everywhere.
    pub(crate) ambient: f32,
    /// Overall gain.
    pub(crate) exposure: f32,
    /// Gain of red and of blue against green.
    pub(crate) tint: [f32; 2],
    /// A wide soft shadow of the camera's arm: strength, direction, place.
    pub(crate) arm_shadow: [f32; 3],
}

/// What lens and sensor add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sensor {
    /// Standard deviation of the blur in pixels.
    pub(crate) blur_px: f32,
    /// Standard deviation of the noise in steps of 255.
    pub(crate) noise: f32,
    /// JPEG quality.
    pub(crate) quality: u8,
}

/// A photograph: RGB bytes, row by row.
pub(crate) struct Photograph {
    pub(crate) size: [usize; 2],
    pub(crate) rgb: Vec<u8>,
}

impl Scene {
    /// A scene drawn at random, as a counter might see it; every fifth is an empty mat, and on
    /// every tenth a paper runs out of the picture.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0x1405_7b7e);
        let mat = Mat::new(Surface::ALL[random.below(Surface::ALL.len())], &mut random);
        let size = [1600, 1200];
        // Now and then the sheet is larger than what the camera sees of the desk.
        let runs_out = seed % 10 == 3;
        let field_mm = if runs_out { random.between(360.0, 420.0) } else { random.between(455.0, 560.0) };
        let camera = Camera::new(Stand {
            size,
            field_mm,
            height_mm: random.between(380.0, 520.0),
            offset_mm: [random.between(-70.0, 70.0), random.between(-20.0, 130.0)],
            distortion: random.between(-0.006, 0.012),
        });
        let slack = (field_mm - 410.0).abs() / 4.0;
        let lying = Lying {
            paper: Paper::ALL[random.below(3)],
            middle_mm: [random.between(-slack, slack) * 1.5, random.between(-slack, slack) * 0.4],
            turn: random.normal() * 0.05,
            lift_mm: random.between(0.3, 3.5),
            folded: random.unit() < 0.3,
        };
        let light = Light {
            lamp_mm: [
                random.between(-500.0, 500.0),
                random.between(-500.0, 300.0),
                random.between(500.0, 1100.0),
            ],
            ambient: random.between(0.25, 0.75),
            exposure: random.between(0.62, 1.05),
            tint: [random.between(0.92, 1.1), random.between(0.86, 1.08)],
            arm_shadow: [random.between(0.0, 0.3), random.between(0.0, 6.2), random.between(-120.0, 120.0)],
        };
        let sensor = Sensor {
            blur_px: random.between(0.5, 1.4),
            noise: random.between(0.6, 3.2),
            quality: 72 + random.below(20) as u8,
        };
        let paper = (!seed.is_multiple_of(5)).then_some(lying);
        Self { mat, paper, camera, light, sensor, seed: seed as u32 }
    }

    /// The true corners in the photograph, clockwise from the page's own top-left.
    pub(crate) fn corners(&self) -> Option<Quad> {
        let lying = self.paper?;
        let [w, h] = lying.paper.size_mm();
        let corner = |x: f32, y: f32| self.camera.picture(lying.on_desk(x * w / 2.0, y * h / 2.0));
        Some([corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)])
    }

    /// Whether the paper lies wholly in the photograph.
    pub(crate) fn shows_whole_paper(&self) -> bool {
        let [width, height] = self.camera.size.map(|side| side as f32);
        let inside = |[x, y]: &[f32; 2]| (0.0..width).contains(x) && (0.0..height).contains(y);
        self.corners().is_some_and(|quad| quad.iter().all(inside))
    }

    /// Takes the photograph.
    pub(crate) fn photograph(&self, letters: &Lettering) -> Photograph {
        let sheet = self.paper.map(|lying| lying.paper.draw(letters, self.seed));
        let [width, height] = self.camera.size;
        let mut light = vec![[0.0_f32; 3]; width * height];
        for (index, out) in light.iter_mut().enumerate() {
            let (x, y) = ((index % width) as f32, (index / width) as f32);
            for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let seen = self.radiance(sheet.as_ref(), self.camera.desk(x + dx, y + dy));
                for (o, s) in out.iter_mut().zip(seen) {
                    *o += s * 0.25;
                }
            }
        }
        let light = blurred(light, width, self.sensor.blur_px);
        Photograph { size: [width, height], rgb: self.developed(&light) }
    }

    /// Linear light that comes from a point of the desk.
    fn radiance(&self, sheet: Option<&Sheet>, [x, y]: [f32; 2]) -> [f32; 3] {
        let mut lit = self.light.at(x, y);
        let mut colour = None;
        if let (Some(lying), Some(sheet)) = (self.paper, sheet) {
            let [u, v] = lying.on_sheet(x, y);
            let (half_w, half_h) = (sheet.width_mm / 2.0, sheet.height_mm / 2.0);
            if u.abs() <= half_w && v.abs() <= half_h {
                colour = Some(sheet.colour(u + half_w, v + half_h));
                lit *= lying.shading(u, v, half_w, half_h, self.seed);
            } else {
                lit *= 1.0 - self.shadow(&lying, [x, y], [half_w, half_h]);
            }
        }
        let colour = colour.unwrap_or_else(|| self.mat.colour(x, y));
        let tint = [self.light.tint[0], 1.0, self.light.tint[1]];
        std::array::from_fn(|c| (colour[c] / 255.0).powf(2.2) * lit * tint[c])
    }

    /// Share of the light that the paper keeps from a point beside it: a cast shadow away from the lamp,
    /// and a narrow dark seam all around.
    fn shadow(&self, lying: &Lying, [x, y]: [f32; 2], half: [f32; 2]) -> f32 {
        let [lx, ly, lz] = self.light.lamp_mm;
        let (sx, sy) = ((x - lx) / lz * lying.lift_mm, (y - ly) / lz * lying.lift_mm);
        let outside = |x: f32, y: f32| {
            let [u, v] = lying.on_sheet(x, y);
            let (du, dv) = ((u.abs() - half[0]).max(0.0), (v.abs() - half[1]).max(0.0));
            du.hypot(dv)
        };
        let wide = 0.8 + lying.lift_mm;
        let cast = 1.0 - (outside(x - sx * 1.8, y - sy * 1.8) / wide).min(1.0);
        let seam = (-outside(x, y) / (0.5 + 0.5 * lying.lift_mm)).exp();
        (cast * cast * 0.5 * (1.0 - self.light.ambient * 0.6) + seam * 0.28).min(0.75)
    }

    /// Linear light to bytes: tone curve, noise.
    fn developed(&self, light: &[[f32; 3]]) -> Vec<u8> {
        let mut random = Random::new(u64::from(self.seed) ^ 0xfeed);
        let mut rgb = Vec::with_capacity(light.len() * 3);
        for pixel in light {
            let grain = random.normal() * self.sensor.noise;
            for value in pixel {
                let toned = value.max(0.0).powf(1.0 / 2.2) * 255.0;
                // The shoulder of a camera's tone curve: highlights run into white softly.
                let toned = if toned > 205.0 {
                    205.0 + 50.0 * (1.0 - (-(toned - 205.0) / 50.0).exp())
                } else {
                    toned
                };
                let coloured = grain + random.normal() * self.sensor.noise * 0.4;
                rgb.push((toned + coloured).round().clamp(0.0, 255.0) as u8);
            }
        }
        rgb
    }
}

impl Lying {
    fn on_desk(&self, u: f32, v: f32) -> [f32; 2] {
        let (sin, cos) = self.turn.sin_cos();
        [self.middle_mm[0] + u * cos - v * sin, self.middle_mm[1] + u * sin + v * cos]
    }

    fn on_sheet(&self, x: f32, y: f32) -> [f32; 2] {
        let (sin, cos) = self.turn.sin_cos();
        let (dx, dy) = (x - self.middle_mm[0], y - self.middle_mm[1]);
        [dx * cos + dy * sin, dy * cos - dx * sin]
    }

    /// How the waves and folds of the paper catch the light.
    fn shading(&self, u: f32, v: f32, half_w: f32, half_h: f32, seed: u32) -> f32 {
        let wave = 0.03 * smooth_noise(u * 0.011 + 3.0, v * 0.008, seed ^ 0x51);
        let mut shade = 1.0 + wave * (1.0 + self.lift_mm * 0.3);
        if self.folded {
            for (place, sign) in [(-half_h / 3.0, 1.0), (half_h / 3.0, -1.0)] {
                let away = v - place;
                shade += sign * 0.055 * (-away.abs() / 16.0).exp() * away.signum();
                shade -= 0.10 * (-(away / 0.45).powi(2)).exp();
            }
        }
        // The cut edge is a little darker where it curls down and away from the lamp.
        let rim = (half_w - u.abs()).min(half_h - v.abs());
        shade - 0.05 * (-rim / 0.5).exp()
    }
}

impl Light {
    /// Light that falls on a point of the desk.
    fn at(&self, x: f32, y: f32) -> f32 {
        let [lx, ly, lz] = self.lamp_mm;
        let direct = |x: f32, y: f32| lz.powi(3) / ((x - lx).powi(2) + (y - ly).powi(2) + lz * lz).powf(1.5);
        let lamp = direct(x, y) / direct(0.0, 0.0);
        let [strength, direction, place] = self.arm_shadow;
        let (sin, cos) = direction.sin_cos();
        let across = x * cos + y * sin - place;
        let arm = strength * (-(across / 70.0).powi(2)).exp();
        let vignette = 1.0 - 0.16 * (x * x + y * y) / (260.0 * 260.0);
        self.exposure * (self.ambient + (1.0 - self.ambient) * lamp) * (1.0 - arm) * vignette.max(0.3)
    }
}

/// A Gaussian blur, one pass each way.
fn blurred(pixels: Vec<[f32; 3]>, width: usize, sigma: f32) -> Vec<[f32; 3]> {
    let reach = (sigma * 2.5).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach).map(|i| (-(i as f32 / sigma).powi(2) / 2.0).exp()).collect();
    let sum: f32 = weights.iter().sum();
    let height = pixels.len() / width;
    let pass = |from: &[[f32; 3]], step_x: isize, step_y: isize| -> Vec<[f32; 3]> {
        let at = |x: isize, y: isize| {
            let (x, y) = (x.clamp(0, width as isize - 1), y.clamp(0, height as isize - 1));
            from[y as usize * width + x as usize]
        };
        let mut out = Vec::with_capacity(from.len());
        for y in 0..height as isize {
            for x in 0..width as isize {
                let mut total = [0.0; 3];
                for (weight, i) in weights.iter().zip(-reach..) {
                    let pixel = at(x + i * step_x, y + i * step_y);
                    for (t, p) in total.iter_mut().zip(pixel) {
                        *t += p * weight / sum;
                    }
                }
                out.push(total);
            }
        }
        out
    };
    let across = pass(&pixels, 1, 0);
    pass(&across, 0, 1)
}
