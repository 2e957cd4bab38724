//! A small network that looks at strips across the sides of a figure, and says in which row of a strip the page's own side
//! runs.
//!
//! The page net sees the whole at once and coarsely. Where a sheet lies on its like, the seam between the two is a line one
//! pixel wide and a few levels deep, and the lower sheet's side is as good as the upper one's. Laid straight, and looked at
//! pixel by pixel, the two differ: the lower one has another side within it.

use std::sync::OnceLock;

use yidang_model::Quad;

use super::layers::{Block, Convolution, Maps, Reader, deeper, joined};
use super::product::{Kernels, Then};
use crate::Picture;
use crate::geometry::{Point, between, distance, signed_area};

/// A strip's pixels along the side, and across it.
const ALONG_PX: usize = 64;
const ACROSS_PX: usize = 96;
/// Places of what the net says.
pub(crate) const COLUMNS: usize = ALONG_PX / 2;
pub(crate) const ROWS: usize = ACROSS_PX / 2;
/// How far a strip reaches beyond either end of the side, as a share of its length.
const BEYOND: f32 = 0.1;
/// How far it reaches outwards and inwards, as a share of the figure's size: the root of its area.
const OUT: f32 = 0.16;
const IN: f32 = 0.32;
/// Samples along the side for each of the strip's pixels.
const SAMPLES: usize = 2;

/// Channels at a half, a quarter and an eighth of the sides.
const CHANNELS: [usize; 3] = [12, 24, 40];
/// Blocks there.
const BLOCKS: [usize; 3] = [1, 2, 3];
/// Side of the blocks' windows, at a half and after joining, and elsewhere.
const WINDOW: usize = 5;
const WINDOW_DEEP: usize = 7;

static WEIGHTS: &[u8] = include_bytes!("side_net.bin");

/// A strip across one side of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strip {
    from: Point,
    to: Point,
    outward: Point,
    /// Pixels of the picture from a strip's outer rim to its inner.
    across_px: f32,
}

/// How likely the page's side runs through each place of a strip.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// Row by row, the outermost first, and last how likely it runs through none of a column.
    values: Vec<f32>,
}

impl Strip {
    /// Across the side from corner `side` to the next.
    pub(crate) fn of(quad: &Quad, side: usize) -> Self {
        let (from, to) = (quad[side], quad[(side + 1) % 4]);
        let length = distance(from, to).max(f32::EPSILON);
        let outward = [(to[1] - from[1]) / length, (from[0] - to[0]) / length];
        Self { from, to, outward, across_px: (OUT + IN) * signed_area(quad).max(1.0).sqrt() }
    }

    /// How far along the side a column's middle lies: 0 at its start, 1 at its end.
    pub(crate) fn along(column: usize) -> f32 {
        (column as f32 + 0.5) / COLUMNS as f32 * (1.0 + 2.0 * BEYOND) - BEYOND
    }

    /// The row on which the figure's own side runs.
    pub(crate) const OWN_ROW: f32 = OUT / (OUT + IN) * ROWS as f32 - 0.5;

    /// The point at a share of the side, in a row.
    pub(crate) fn at(&self, along: f32, row: f32) -> Point {
        self.moved(along, (row + 0.5) / ROWS as f32)
    }

    fn moved(&self, along: f32, share: f32) -> Point {
        let place = between(self.from, self.to, along);
        let out = (OUT / (OUT + IN) - share) * self.across_px;
        [place[0] + self.outward[0] * out, place[1] + self.outward[1] * out]
    }

    /// The picture under the strip, its outside up: black at -2 and white at 2.
    fn cut(&self, picture: &Picture) -> Maps {
        let mut planes = Maps::zeros(3, ALONG_PX, ACROSS_PX);
        let area = planes.area();
        let samples = (ALONG_PX * SAMPLES) as f32;
        for (place, (y, x)) in (0..ACROSS_PX).flat_map(|y| (0..ALONG_PX).map(move |x| (y, x))).enumerate() {
            let share = (y as f32 + 0.5) / ACROSS_PX as f32;
            let mut sum = [0.0; 3];
            for sample in 0..SAMPLES {
                let t = ((x * SAMPLES + sample) as f32 + 0.5) / samples * (1.0 + 2.0 * BEYOND) - BEYOND;
                let [px, py] = self.moved(t, share);
                sum.iter_mut().zip(picture.sample(px, py)).for_each(|(sum, value)| *sum += value);
            }
            for (c, sum) in sum.iter().enumerate() {
                planes.values[c * area + place] = (sum / SAMPLES as f32 - 128.0) / 64.0;
            }
        }
        planes
    }
}

impl Course {
    /// How likely the side runs through a place.
    pub(crate) fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * COLUMNS + column]
    }

    /// How likely no side runs through a column.
    pub(crate) fn none(&self, column: usize) -> f32 {
        self.values[ROWS * COLUMNS + column]
    }
}

/// The network with its weights.
#[derive(Debug)]
struct SideNet {
    half: (Convolution, Vec<Block>),
    quarter: (Convolution, Vec<Block>),
    eighth: (Convolution, Vec<Block>),
    /// From the coarser planes up to the finer, with the block that joins them.
    up_to_quarter: (Convolution, Block),
    up_to_half: (Convolution, Block),
    head: Convolution,
}

/// Where the page's side runs in a strip.
pub(crate) fn look_across(picture: &Picture, strip: &Strip) -> Course {
    static NET: OnceLock<SideNet> = OnceLock::new();
    let net = NET.get_or_init(|| SideNet::of(WEIGHTS));
    net.look_across(&strip.cut(picture), Kernels::of_this_processor())
}

impl SideNet {
    /// The weights in the order in which a strip meets them.
    fn of(weights: &[u8]) -> Self {
        let [half, quarter, eighth] = CHANNELS;
        let mut reader = Reader::new(weights);
        let net = Self {
            half: (reader.convolution([3, half], 3, 2), reader.blocks(BLOCKS[0], half, WINDOW)),
            quarter: (
                reader.convolution([half, quarter], 2, 2),
                reader.blocks(BLOCKS[1], quarter, WINDOW_DEEP),
            ),
            eighth: (
                reader.convolution([quarter, eighth], 2, 2),
                reader.blocks(BLOCKS[2], eighth, WINDOW_DEEP),
            ),
            up_to_quarter: (reader.convolution([eighth, quarter], 1, 1), reader.block(quarter, WINDOW)),
            up_to_half: (reader.convolution([quarter, half], 1, 1), reader.block(half, WINDOW)),
            head: reader.convolution([half, 2], 1, 1),
        };
        debug_assert!(reader.is_at_end());
        net
    }

    fn look_across(&self, strip: &Maps, kernels: Kernels) -> Course {
        let half = deeper(&self.half, strip, kernels);
        let quarter = deeper(&self.quarter, &half, kernels);
        let eighth = deeper(&self.eighth, &quarter, kernels);
        let quarter = joined(&self.up_to_quarter, quarter, &eighth, kernels);
        let half = joined(&self.up_to_half, half, &quarter, kernels);
        let seen = self.head.run(&half, Then::Store, kernels);
        let (runs, none) = seen.values.split_at(ROWS * COLUMNS);
        let mut values = runs.to_vec();
        for column in 0..COLUMNS {
            values.push(none.iter().skip(column).step_by(COLUMNS).sum::<f32>() / ROWS as f32);
        }
        for column in 0..COLUMNS {
            let rows = || (0..=ROWS).map(|row| row * COLUMNS + column);
            let most = rows().map(|place| values[place]).fold(f32::MIN, f32::max);
            rows().for_each(|place| values[place] = (values[place] - most).exp());
            let sum: f32 = rows().map(|place| values[place]).sum();
            rows().for_each(|place| values[place] /= sum);
        }
        Course { values }
    }
}
