//! A desk with papers, its light, and the photograph of it.

use yidang_model::Quad;

use crate::camera::Camera;
use crate::drawer::Drawer;
use crate::light::Light;
use crate::lying::Lying;
use crate::mat::Mat;
use crate::random::Random;
use crate::sheet::Sheet;
use crate::things::Thing;

/// Everything that decides a photograph.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) mat: Mat,
    /// From the bottom up.
    pub(crate) papers: Vec<Lying>,
    /// Which of them are to be found; the others lie underneath.
    pub(crate) wanted: Vec<usize>,
    pub(crate) things: Vec<Thing>,
    pub(crate) camera: Camera,
    pub(crate) light: Light,
    pub(crate) sensor: Sensor,
    pub(crate) difficulty: Difficulty,
    pub(crate) seed: u32,
}

/// How much is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difficulty {
    /// A tidy counter under a document camera.
    Easy,
    /// One or two things in the way.
    Fair,
    /// Several at once.
    Hard,
}

impl Difficulty {
    pub(crate) const ALL: [Self; 3] = [Self::Easy, Self::Fair, Self::Hard];

    /// The word in tables.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Fair => "fair",
            Self::Hard => "hard",
        }
    }
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
    /// Points of each pixel at which the scene is looked at.
    pub(crate) rays: &'static [[f32; 2]],
}

/// Four points of a pixel, for the pictures that are kept.
pub(crate) const FOUR_RAYS: &[[f32; 2]] = &[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]];
/// Two, for those that are made by the thousand.
pub(crate) const TWO_RAYS: &[[f32; 2]] = &[[0.25, 0.35], [0.75, 0.65]];

/// A photograph: RGB bytes, row by row.
pub(crate) struct Photograph {
    pub(crate) size: [usize; 2],
    pub(crate) rgb: Vec<u8>,
}

impl Scene {
    /// The true corners of the papers to be found, each clockwise from the start of the side that runs most nearly
    /// from left to right on the top.
    pub(crate) fn corners(&self) -> Vec<Quad> {
        self.wanted.iter().map(|i| corners_in(&self.camera, &self.papers[*i])).collect()
    }

    /// Whether every wanted paper lies wholly in the photograph.
    pub(crate) fn shows_whole_papers(&self) -> bool {
        self.corners().iter().all(|quad| is_inside(&self.camera, quad))
    }

    /// Takes the photograph.
    pub(crate) fn photograph(&self, drawer: &Drawer) -> Photograph {
        let sheets: Vec<_> = self.papers.iter().map(|lying| drawer.sheet(lying.paper, self.seed)).collect();
        let sheets: Vec<&Sheet> = sheets.iter().map(AsRef::as_ref).collect();
        let [width, height] = self.camera.size;
        let mut light = vec![[0.0_f32; 3]; width * height];
        let share = 1.0 / self.sensor.rays.len() as f32;
        for (index, out) in light.iter_mut().enumerate() {
            let (x, y) = ((index % width) as f32, (index / width) as f32);
            for [dx, dy] in self.sensor.rays {
                let seen = self.radiance(&sheets, self.camera.desk(x + dx, y + dy));
                for (o, s) in out.iter_mut().zip(seen) {
                    *o += s * share;
                }
            }
        }
        let light = blurred(light, width, self.sensor.blur_px);
        Photograph { size: [width, height], rgb: self.developed(&light) }
    }

    /// Linear light that comes from a point of the desk.
    fn radiance(&self, sheets: &[&Sheet], [x, y]: [f32; 2]) -> [f32; 3] {
        let mut lit = self.light.at(x, y);
        let mut colour = None;
        for thing in self.things.iter().filter(|thing| thing.over) {
            let distance = thing.distance(x, y);
            if distance <= 0.0 {
                colour = colour.or(Some(thing.colour(distance)));
            } else if colour.is_none() {
                lit *= 1.0 - thing.shadow(distance);
            }
        }
        if colour.is_none() {
            for (lying, sheet) in self.papers.iter().zip(sheets).rev() {
                let [u, v] = lying.on_sheet(x, y);
                let half = [sheet.width_mm / 2.0, sheet.height_mm / 2.0];
                let [du, dv] = lying.outside([u, v], half);
                if du <= 0.0 && dv <= 0.0 {
                    colour = Some(sheet.colour(u + half[0], v + half[1]));
                    lit *= lying.shading(u, v, half[0], half[1], self.seed);
                    break;
                }
                lit *= 1.0 - lying.shadow(self.light.lamp_mm, self.light.ambient, [x, y], half);
            }
        }
        if colour.is_none() {
            for thing in self.things.iter().filter(|thing| !thing.over) {
                let distance = thing.distance(x, y);
                if distance <= 0.0 {
                    colour = Some(thing.colour(distance));
                    break;
                }
                lit *= 1.0 - thing.shadow(distance);
            }
        }
        let colour = colour.unwrap_or_else(|| self.mat.colour(x, y));
        let tint = [self.light.tint[0], 1.0, self.light.tint[1]];
        let glare = self.light.glare_at(x, y) * self.light.exposure;
        std::array::from_fn(|c| (colour[c] / 255.0).powf(2.2) * lit * tint[c] + glare * tint[c])
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

/// Where a paper's corners are seen.
pub(crate) fn corners_in(camera: &Camera, lying: &Lying) -> Quad {
    let mut quad = lying.corners_mm().map(|p| camera.picture(p));
    let rightward = |i: usize| {
        let (a, b) = (quad[i], quad[(i + 1) % 4]);
        (b[0] - a[0]) / (b[0] - a[0]).hypot(b[1] - a[1]).max(1.0)
    };
    let top = (0..4).max_by(|i, j| rightward(*i).total_cmp(&rightward(*j))).unwrap_or(0);
    quad.rotate_left(top);
    quad
}

/// Whether all corners are in the picture.
pub(crate) fn is_inside(camera: &Camera, quad: &Quad) -> bool {
    let [width, height] = camera.size.map(|side| side as f32);
    quad.iter().all(|[x, y]| (0.0..width).contains(x) && (0.0..height).contains(y))
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
