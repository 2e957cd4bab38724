//! Letters: from the system's Chinese fonts where there are any, otherwise strokes that look like writing
//! from a distance.

use ab_glyph::{Font, FontVec, PxScale, ScaleFont, point};

use crate::random::Random;

/// Which hand a text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// Printed body text (宋体).
    Song,
    /// Printed headings (黑体).
    Hei,
    /// Written by pen (楷体).
    Kai,
}

/// Where Debian puts the fonts: path, index in the collection, face.
const FONT_FILES: [(&str, u32, Face); 5] = [
    ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2, Face::Song),
    ("/usr/share/fonts/truetype/arphic/uming.ttc", 0, Face::Song),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc", 2, Face::Hei),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0, Face::Hei),
    ("/usr/share/fonts/truetype/arphic/ukai.ttc", 0, Face::Kai),
];

/// One letter as a coverage map. Its origin is the left end of the base line.
pub(crate) struct Patch {
    width: usize,
    height: usize,
    left: f32,
    top: f32,
    cover: Vec<f32>,
    /// Dots to the next letter.
    pub(crate) advance: f32,
}

impl Patch {
    fn blank(advance: f32) -> Self {
        Self { width: 0, height: 0, left: 0.0, top: 0.0, cover: Vec::new(), advance }
    }

    /// No covered dot is farther from the origin.
    pub(crate) fn reach(&self) -> f32 {
        let x = self.left.abs().max((self.left + self.width as f32).abs());
        let y = self.top.abs().max((self.top + self.height as f32).abs());
        x.hypot(y)
    }

    /// Coverage 0 to 1 at an offset from the origin in dots, bilinear.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x - self.left - 0.5, y - self.top - 0.5);
        let (x0, y0) = (x.floor(), y.floor());
        let dot = |i: f32, j: f32| {
            let inside = i >= 0.0 && j >= 0.0 && (i as usize) < self.width && (j as usize) < self.height;
            if inside { self.cover[j as usize * self.width + i as usize] } else { 0.0 }
        };
        let top = dot(x0, y0) + (dot(x0 + 1.0, y0) - dot(x0, y0)) * (x - x0);
        let bottom = dot(x0, y0 + 1.0) + (dot(x0 + 1.0, y0 + 1.0) - dot(x0, y0 + 1.0)) * (x - x0);
        top + (bottom - top) * (y - y0)
    }
}

/// The fonts found on this machine.
pub(crate) struct Lettering(Vec<(Face, FontVec)>);

impl Lettering {
    /// The system's fonts, as many as there are.
    pub(crate) fn of_system() -> Self {
        let open = |(path, index, face): (&str, u32, Face)| {
            let font = FontVec::try_from_vec_and_index(std::fs::read(path).ok()?, index).ok()?;
            Some((face, font))
        };
        Self(FONT_FILES.into_iter().filter_map(open).collect())
    }

    /// Strokes only: the same on every machine.
    pub(crate) fn strokes() -> Self {
        Self(Vec::new())
    }

    fn font(&self, face: Face, character: char) -> Option<&FontVec> {
        let has = |font: &FontVec| font.glyph_id(character).0 != 0;
        let of_face = self.0.iter().find(|(f, font)| *f == face && has(font));
        of_face.or_else(|| self.0.iter().find(|(_, font)| has(font))).map(|(_, font)| font)
    }

    /// A letter `size` dots high.
    pub(crate) fn glyph(&self, character: char, face: Face, size: f32) -> Patch {
        let Some(font) = self.font(face, character) else { return stroke_glyph(character, size) };
        let scale = em_scale(font, size);
        let id = font.glyph_id(character);
        let advance = font.as_scaled(scale).h_advance(id);
        let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, point(0.0, 0.0))) else {
            return Patch::blank(advance);
        };
        let bounds = outline.px_bounds();
        let (width, height) = (bounds.width() as usize + 1, bounds.height() as usize + 1);
        let mut cover = vec![0.0; width * height];
        outline.draw(|x, y, c| cover[y as usize * width + x as usize] = c);
        Patch { width, height, left: bounds.min.x, top: bounds.min.y, cover, advance }
    }

    /// Dots a text takes.
    pub(crate) fn width(&self, text: &str, face: Face, size: f32) -> f32 {
        text.chars().map(|c| self.glyph(c, face, size).advance).sum()
    }
}

/// ab_glyph scales by line height; letters here are sized by the em square, as in print.
fn em_scale(font: &FontVec, size: f32) -> PxScale {
    let em = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(size * font.height_unscaled() / em)
}

/// Strokes chosen by the character's code: as dense as writing, and different for different characters.
fn stroke_glyph(character: char, size: f32) -> Patch {
    let advance = if character.is_ascii() { size * 0.5 } else { size };
    if character.is_whitespace() {
        return Patch::blank(advance);
    }
    let mut random = Random::new(u64::from(u32::from(character)) * 7919);
    let count = if character.is_ascii() { 3 } else { 5 + random.below(4) };
    let strokes: Vec<[f32; 4]> = (0..count)
        .map(|_| {
            let (x, y) = (random.between(0.1, 0.9), random.between(0.1, 0.9));
            let length = random.between(0.25, 0.8);
            match random.below(4) {
                0 | 1 => [0.5 - length / 2.0, y, 0.5 + length / 2.0, y - 0.02],
                2 => [x, 0.5 - length / 2.0, x, 0.5 + length / 2.0],
                _ => [x, y, (x + length * 0.5 - 0.3).clamp(0.05, 0.95), (y + length * 0.5).min(0.95)],
            }
        })
        .collect();
    let (width, height) = (advance.ceil() as usize, size.ceil() as usize);
    let mut cover = vec![0.0_f32; width * height];
    for (index, dot) in cover.iter_mut().enumerate() {
        let (x, y) = ((index % width) as f32 / advance, (index / width) as f32 / size);
        for [x0, y0, x1, y1] in &strokes {
            let (dx, dy) = (x1 - x0, y1 - y0);
            let t = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
            let away = ((x - x0 - t * dx) * advance).hypot((y - y0 - t * dy) * size);
            *dot = dot.max((size * 0.035 + 0.5 - away).clamp(0.0, 1.0));
        }
    }
    Patch { width, height, left: 0.0, top: -size * 0.86, cover, advance }
}
