//! Papers that the tests draw, and the desk they lie on.

use yidang_imaging::{Picture, encode_jpeg};

const PAPER: u8 = 232;
const INK: u8 = 40;
const MAT: u8 = 62;
/// A character's box and what is between two of them, in pixels.
const CHARACTER: usize = 18;
const STEP: usize = 22;
const LINE: usize = 40;

/// A drawn paper, one byte a pixel.
#[derive(Clone)]
pub(crate) struct Paper {
    pub(crate) width: usize,
    pub(crate) height: usize,
    luma: Vec<u8>,
}

impl Paper {
    pub(crate) fn blank(width: usize, height: usize) -> Self {
        Self { width, height, luma: vec![PAPER; width * height] }
    }

    /// Lines of something like characters from this height on, with a comma after every seventh.
    pub(crate) fn written(mut self, from: usize) -> Self {
        for (line, top) in (from..self.height - 140).step_by(LINE).enumerate() {
            for (at, left) in (110..self.width - 120).step_by(STEP).enumerate() {
                if at % 8 == 7 {
                    self.ink(left, top + CHARACTER - 5, 5, 5);
                    continue;
                }
                self.ink(left, top, CHARACTER, 2);
                self.ink(left, top + CHARACTER - 2, CHARACTER, 2);
                self.ink(left + (line * 7 + at * 5) % (CHARACTER - 2), top, 2, CHARACTER);
            }
        }
        self
    }

    /// With this QR code, its top left corner there, each of its dots so many pixels.
    pub(crate) fn with_code(mut self, text: &str, [left, top]: [usize; 2], dot: usize) -> Self {
        let code = qrcode::QrCode::new(text).expect("it fits");
        for (at, colour) in code.to_colors().into_iter().enumerate() {
            if colour == qrcode::Color::Dark {
                self.ink(left + at % code.width() * dot, top + at / code.width() * dot, dot, dot);
            }
        }
        self
    }

    fn ink(&mut self, left: usize, top: usize, across: usize, down: usize) {
        for y in top..top + down {
            self.luma[y * self.width + left..y * self.width + left + across].fill(INK);
        }
    }

    /// Turned clockwise by quarters.
    pub(crate) fn turned(&self, quarters: usize) -> Self {
        let mut paper = self.clone();
        for _ in 0..quarters {
            let (width, height) = (paper.height, paper.width);
            let at = |x: usize, y: usize| paper.luma[(paper.height - 1 - x) * paper.width + y];
            let luma = (0..width * height).map(|i| at(i % width, i / width)).collect();
            paper = Self { width, height, luma };
        }
        paper
    }

    /// On a dark mat that is larger by 200 pixels on each side, as the JPEG of a camera.
    pub(crate) fn on_desk(&self) -> Vec<u8> {
        let mut desk = Self { luma: vec![], ..Self::blank(self.width + 400, self.height + 400) };
        desk.luma = vec![MAT; desk.width * desk.height];
        for (y, row) in self.luma.chunks_exact(self.width).enumerate() {
            let start = (y + 200) * desk.width + 200;
            desk.luma[start..start + self.width].copy_from_slice(row);
        }
        desk.jpeg()
    }

    /// The paper alone.
    pub(crate) fn jpeg(&self) -> Vec<u8> {
        encode_jpeg(&self.picture(), 90).expect("a JPEG")
    }

    pub(crate) fn picture(&self) -> Picture {
        let rgb = self.luma.iter().flat_map(|value| [*value; 3]).collect();
        Picture::new(self.width as u32, self.height as u32, rgb).expect("a picture")
    }
}

/// A4 at 150 dpi with writing, and a code at the top right.
pub(crate) fn form(code: &str) -> Paper {
    Paper::blank(1_240, 1_754).written(330).with_code(code, [960, 110], 5)
}

/// A card at 300 dpi, one line of it written from this height on.
pub(crate) fn card(from: usize) -> Paper {
    Paper::blank(1_011, 638).written(from)
}

/// A document's one page: its size, and size and place of each picture on it, all in millimetres from the lower left.
pub(crate) fn on_sheet(document: &[u8]) -> ([f64; 2], Vec<[[f64; 2]; 2]>) {
    let text = String::from_utf8_lossy(document);
    let numbers = |text: &str| -> Vec<f64> {
        text.split_whitespace().map(|n| n.parse::<f64>().expect("a number") / 72.0 * 25.4).collect()
    };
    let boxes: Vec<_> = text.split("/MediaBox [").skip(1).collect();
    assert_eq!(boxes.len(), 1, "one page");
    let sheet = numbers(boxes[0].split(']').next().expect("it ends"));
    let placed =
        text.lines().filter_map(|line| line.strip_prefix("q ")?.split_once(" cm /P")).map(|(at, _)| {
            let [a, b, c, d, e, f] = numbers(at).try_into().expect("a matrix");
            assert_eq!((b, c), (0.0, 0.0), "nothing is turned or slanted");
            [[a, d], [e, f]]
        });
    ([sheet[2], sheet[3]], placed.collect())
}
