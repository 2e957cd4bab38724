//! A flat sheet of paper on which papers are drawn, measured in millimetres.

use crate::lettering::{Face, Lettering, Patch};
use crate::random::Random;

/// Dots per millimetre of a drawn sheet: finer than any camera of the generator sees it.
pub(crate) const DOTS_PER_MM: f32 = 8.0;

pub(crate) type Colour = [u8; 3];

/// A drawn paper. Colours are sRGB.
pub(crate) struct Sheet {
    pub(crate) width_mm: f32,
    pub(crate) height_mm: f32,
    width: usize,
    height: usize,
    dots: Vec<Colour>,
}

/// How a line of text is set.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) face: Face,
    /// Height of a full-width character.
    pub(crate) size_mm: f32,
    pub(crate) ink: Colour,
    /// Added after each character.
    pub(crate) spacing_mm: f32,
    /// How unsteady the hand is; 0 is print.
    pub(crate) jitter_mm: f32,
}

impl Style {
    pub(crate) const fn print(face: Face, size_mm: f32) -> Self {
        Self { face, size_mm, ink: [28, 28, 32], spacing_mm: 0.0, jitter_mm: 0.0 }
    }

    pub(crate) const fn pen(size_mm: f32) -> Self {
        Self { face: Face::Kai, size_mm, ink: [24, 30, 74], spacing_mm: 0.25, jitter_mm: 0.22 }
    }

    pub(crate) const fn spaced(self, spacing_mm: f32) -> Self {
        Self { spacing_mm, ..self }
    }

    pub(crate) const fn in_ink(self, ink: Colour) -> Self {
        Self { ink, ..self }
    }
}

impl Sheet {
    pub(crate) fn new(width_mm: f32, height_mm: f32, colour: Colour) -> Self {
        let (width, height) = ((width_mm * DOTS_PER_MM) as usize, (height_mm * DOTS_PER_MM) as usize);
        Self { width_mm, height_mm, width, height, dots: vec![colour; width * height] }
    }

    /// Lays ink wherever `cover` (0 to 1, by millimetres) is above zero inside the box `[x0, y0, x1, y1]`.
    pub(crate) fn paint(&mut self, area: [f32; 4], ink: Colour, cover: impl Fn(f32, f32) -> f32) {
        let clamp = |v: f32, end: usize| (v * DOTS_PER_MM).clamp(0.0, end as f32);
        let (x0, x1) = (clamp(area[0], self.width) as usize, clamp(area[2], self.width).ceil() as usize);
        let (y0, y1) = (clamp(area[1], self.height) as usize, clamp(area[3], self.height).ceil() as usize);
        for y in y0..y1 {
            for x in x0..x1 {
                let c = cover((x as f32 + 0.5) / DOTS_PER_MM, (y as f32 + 0.5) / DOTS_PER_MM).clamp(0.0, 1.0);
                if c > 0.0 {
                    let dot = &mut self.dots[y * self.width + x];
                    for (d, i) in dot.iter_mut().zip(ink) {
                        *d = (f32::from(*d) + (f32::from(i) - f32::from(*d)) * c).round() as u8;
                    }
                }
            }
        }
    }

    /// Ink where a signed distance in millimetres is negative, with a soft rim one dot wide.
    pub(crate) fn shape(&mut self, area: [f32; 4], ink: Colour, distance: impl Fn(f32, f32) -> f32) {
        self.paint(area, ink, |x, y| 0.5 - distance(x, y) * DOTS_PER_MM);
    }

    /// A filled upright rectangle.
    pub(crate) fn fill(&mut self, [x0, y0, x1, y1]: [f32; 4], ink: Colour) {
        let rim = 1.0 / DOTS_PER_MM;
        self.shape([x0 - rim, y0 - rim, x1 + rim, y1 + rim], ink, |x, y| {
            (x0 - x).max(x - x1).max(y0 - y).max(y - y1)
        });
    }

    /// The outline of an upright rectangle, its lines centred on the given edges.
    pub(crate) fn frame(&mut self, [x0, y0, x1, y1]: [f32; 4], line_mm: f32, ink: Colour) {
        let h = line_mm / 2.0;
        self.fill([x0 - h, y0 - h, x1 + h, y0 + h], ink);
        self.fill([x0 - h, y1 - h, x1 + h, y1 + h], ink);
        self.fill([x0 - h, y0 - h, x0 + h, y1 + h], ink);
        self.fill([x1 - h, y0 - h, x1 + h, y1 + h], ink);
    }

    /// Puts a glyph with its origin (left end of the base line) at a point, turned clockwise by `angle`.
    pub(crate) fn stamp(&mut self, patch: &Patch, [x, y]: [f32; 2], angle: f32, ink: Colour) {
        let (sin, cos) = angle.sin_cos();
        let reach = patch.reach() / DOTS_PER_MM + 1.0;
        self.paint([x - reach, y - reach, x + reach, y + reach], ink, |px, py| {
            let (dx, dy) = ((px - x) * DOTS_PER_MM, (py - y) * DOTS_PER_MM);
            patch.at(dx * cos + dy * sin, dy * cos - dx * sin)
        });
    }

    /// A line of text whose base line starts at a point; the x where it ends.
    pub(crate) fn text(&mut self, letters: &Lettering, text: &str, [x, y]: [f32; 2], style: Style) -> f32 {
        let mut hand = Random::new(text.len() as u64 ^ (x * 31.0 + y * 17.0) as u64);
        let mut x = x;
        for character in text.chars() {
            let patch = letters.glyph(character, style.face, style.size_mm * DOTS_PER_MM);
            let (dx, dy) = (hand.normal() * style.jitter_mm * 0.5, hand.normal() * style.jitter_mm);
            self.stamp(&patch, [x + dx, y + dy], hand.normal() * style.jitter_mm * 0.12, style.ink);
            x += patch.advance / DOTS_PER_MM + style.spacing_mm;
        }
        x
    }

    /// A line of text centred on `x`.
    pub(crate) fn centred(&mut self, letters: &Lettering, text: &str, [x, y]: [f32; 2], style: Style) {
        let width = letters.width(text, style.face, style.size_mm * DOTS_PER_MM) / DOTS_PER_MM
            + style.spacing_mm * (text.chars().count() as f32 - 1.0);
        self.text(letters, text, [x - width / 2.0, y], style);
    }

    /// The colour at a point of the sheet, bilinear, sRGB values 0 to 255.
    pub(crate) fn colour(&self, x_mm: f32, y_mm: f32) -> [f32; 3] {
        let x = (x_mm * DOTS_PER_MM - 0.5).clamp(0.0, self.width as f32 - 1.001);
        let y = (y_mm * DOTS_PER_MM - 0.5).clamp(0.0, self.height as f32 - 1.001);
        let (x0, y0) = (x as usize, y as usize);
        let (tx, ty) = (x - x0 as f32, y - y0 as f32);
        let row = |y: usize, c: usize| {
            let left = f32::from(self.dots[y * self.width + x0][c]);
            left + (f32::from(self.dots[y * self.width + x0 + 1][c]) - left) * tx
        };
        std::array::from_fn(|c| {
            let top = row(y0, c);
            top + (row(y0 + 1, c) - top) * ty
        })
    }
}
