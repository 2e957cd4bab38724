//! A small convolutional network that says of each place of a picture how likely it lies on a page, on a page's side and
//! at a page's corner.
//!
//! It was trained on drawn scenes only (`bench/scenes`); its weights lie beside it. It looks at the whole picture at
//! once and so knows what a step of brightness alone cannot tell: a table's frame from a sheet's side, the sheet on top
//! from those below. It sees coarsely: where a side lies to the pixel is for [`edges`](crate::edges) to find.

mod layers;
#[cfg(test)]
mod net_tests;
mod product;
mod side_net;

use std::sync::OnceLock;

use self::layers::{Block, Convolution, Maps, Reader, deeper, joined};
use self::product::{Kernels, Then};
pub(crate) use self::side_net::{COLUMNS, Course, ROWS, Strip, look_across};
use crate::Picture;
use crate::geometry::Point;

/// Longer side of what the net looks at, at a glance and closely.
pub(crate) const GLANCE_PX: usize = 224;
pub(crate) const CLOSE_PX: usize = 320;
/// Its sides are multiples of this.
const INPUT_STEP_PX: usize = 16;

/// Channels at a half, a quarter, an eighth and a sixteenth of the sides.
const CHANNELS: [usize; 4] = [16, 24, 48, 96];
/// Blocks at a quarter, an eighth and a sixteenth of the sides.
const BLOCKS: [usize; 3] = [1, 2, 4];
/// Side of the blocks' windows, at a sixteenth and elsewhere.
const WINDOW_DEEP: usize = 7;
const WINDOW: usize = 5;

static WEIGHTS: &[u8] = include_bytes!("page_net.bin");

/// What the net says of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// That it lies on a page.
    Page = 0,
    /// That a side of a page runs through it.
    Side = 1,
    /// That a corner of a page lies there.
    Corner = 2,
}

/// How likely pages, sides and corners are all over a picture.
#[derive(Clone, Debug)]
pub(crate) struct Sightings {
    /// Where the first place begins, in pixels of the picture.
    pub(crate) origin: Point,
    /// Places across and down.
    pub(crate) size: [usize; 2],
    /// Pixels of the picture for each place.
    pub(crate) cell: [f32; 2],
    /// Probabilities, for each of the three row by row.
    values: Vec<f32>,
}

impl Sightings {
    /// The probabilities row by row.
    pub(crate) fn all(&self, of: Of) -> &[f32] {
        let area = self.size[0] * self.size[1];
        &self.values[of as usize * area..][..area]
    }

    /// Where the last place ends, in pixels of the picture.
    pub(crate) fn end(&self) -> Point {
        std::array::from_fn(|c| self.origin[c] + self.cell[c] * self.size[c] as f32)
    }

    /// The probability at a point of the picture, linear between the middles of places.
    pub(crate) fn at(&self, of: Of, point: Point) -> f32 {
        let all = self.all(of);
        let [x, y] = [0, 1].map(|c| {
            ((point[c] - self.origin[c]) / self.cell[c] - 0.5).clamp(0.0, (self.size[c] - 1) as f32)
        });
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.size[0] - 1), (y0 + 1).min(self.size[1] - 1));
        let (tx, ty) = (x - x0 as f32, y - y0 as f32);
        let row = |y: usize| {
            let row = &all[y * self.size[0]..];
            row[x0] + (row[x1] - row[x0]) * tx
        };
        row(y0) + (row(y1) - row(y0)) * ty
    }
}

/// The network with its weights.
#[derive(Debug)]
struct PageNet {
    stem: Convolution,
    quarter: (Convolution, Vec<Block>),
    eighth: (Convolution, Vec<Block>),
    sixteenth: (Convolution, Vec<Block>),
    /// From the coarser planes up to the finer, with the block that joins them.
    up_to_eighth: (Convolution, Block),
    up_to_quarter: (Convolution, Block),
    head: Convolution,
}

/// Looks at a part of a picture, from `start` to `end` in its pixels, which lies in it and is not empty.
pub(crate) fn look_closer(picture: &Picture, start: [usize; 2], end: [usize; 2]) -> Sightings {
    let mut seen = look_at(&picture.part(start, end), CLOSE_PX);
    seen.origin = start.map(|v| v as f32);
    seen
}

/// Looks at a picture of any size, made as small as said: longer side in pixels.
pub(crate) fn look_at(picture: &Picture, side_px: usize) -> Sightings {
    static NET: OnceLock<PageNet> = OnceLock::new();
    let net = NET.get_or_init(|| PageNet::of(WEIGHTS));
    net.look_at(picture, side_px, Kernels::of_this_processor())
}

impl PageNet {
    /// The weights in the order in which a picture meets them.
    fn of(weights: &[u8]) -> Self {
        let [half, quarter, eighth, sixteenth] = CHANNELS;
        let mut reader = Reader::new(weights);
        let net = Self {
            stem: reader.convolution([3, half], 3, 2),
            quarter: (reader.convolution([half, quarter], 3, 2), reader.blocks(BLOCKS[0], quarter, WINDOW)),
            eighth: (reader.convolution([quarter, eighth], 2, 2), reader.blocks(BLOCKS[1], eighth, WINDOW)),
            sixteenth: (
                reader.convolution([eighth, sixteenth], 2, 2),
                reader.blocks(BLOCKS[2], sixteenth, WINDOW_DEEP),
            ),
            up_to_eighth: (reader.convolution([sixteenth, eighth], 1, 1), reader.block(eighth, WINDOW)),
            up_to_quarter: (reader.convolution([eighth, quarter], 1, 1), reader.block(quarter, WINDOW)),
            head: reader.convolution([quarter, 3], 1, 1),
        };
        debug_assert!(reader.is_at_end());
        net
    }

    fn look_at(&self, picture: &Picture, side_px: usize, kernels: Kernels) -> Sightings {
        let half = self.stem.run(&input(picture, side_px), Then::Rectify, kernels);
        let quarter = deeper(&self.quarter, &half, kernels);
        let eighth = deeper(&self.eighth, &quarter, kernels);
        let sixteenth = deeper(&self.sixteenth, &eighth, kernels);
        let eighth = joined(&self.up_to_eighth, eighth, &sixteenth, kernels);
        let quarter = joined(&self.up_to_quarter, quarter, &eighth, kernels);
        let mut seen = self.head.run(&quarter, Then::Store, kernels);
        for value in &mut seen.values {
            *value = 1.0 / (1.0 + (-*value).exp());
        }
        let size = [seen.width, seen.height];
        let sides = [picture.width() as f32, picture.height() as f32];
        let cell = std::array::from_fn(|c| sides[c] / size[c] as f32);
        Sightings { origin: [0.0; 2], size, cell, values: seen.values }
    }
}

/// The picture as the net wants it: its longer side as said, each pixel the mean of those it covers, black
/// at -2 and white at 2.
fn input(picture: &Picture, side_px: usize) -> Maps {
    let sides = [picture.width() as usize, picture.height() as usize];
    let longer = sides[0].max(sides[1]);
    let fitted = |side: usize| {
        let steps = (side * side_px * 2 + longer * INPUT_STEP_PX) / (2 * longer * INPUT_STEP_PX);
        steps.max(1) * INPUT_STEP_PX
    };
    let [width, height] = sides.map(fitted);
    let small = picture.resized(width, height);
    let mut planes = Maps::zeros(3, width, height);
    for (c, plane) in planes.values.chunks_exact_mut(width * height).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(small.rgb().as_chunks::<3>().0) {
            *value = (f32::from(pixel[c]) - 128.0) / 64.0;
        }
    }
    planes
}
