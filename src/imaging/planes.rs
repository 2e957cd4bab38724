//! A picture as JPEG keeps it: brightness, and two differences of colour at the same or a lower resolution.

use std::fmt;

use crate::picture::Pixels;
use crate::shrink::shrunk;
use crate::{Orientation, Picture};

/// So many rows for each new one are many.
const MANY_ROWS: usize = 3;
/// So many pixels' colours are computed at once.
const CONVERTED_PX: usize = 64;
/// No colour: the middle of a colour difference.
pub(crate) const NEUTRAL: u8 = 128;

/// One byte a pixel, row by row. Never without pixels.
#[derive(Clone, Copy)]
pub(crate) struct Plane<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// From one row to the next, at least the width.
    pub(crate) stride: usize,
}

impl<'a> Plane<'a> {
    fn row(&self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..][..self.width]
    }

    /// Between which pixels a point lies; the rim goes on outside.
    fn place(&self, [x, y]: [f32; 2]) -> Place {
        // Comparisons that a processor makes in one step, which `clamp` is not.
        let within = |v: f32, size: usize| {
            let (v, last) = (v - 0.5, to_f32(size) - 1.0);
            let v = if v > 0.0 { v } else { 0.0 };
            if v < last { v } else { last }
        };
        let (x, y) = (within(x, self.width), within(y, self.height));
        // Over 32 bits with a sign, which processors convert in one step.
        let (x0, y0) = (x as i32, y as i32);
        let share = [x - x0 as f32, y - y0 as f32];
        let (x0, y0) = (x0 as usize, y0 as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        Place { columns: [x0, x1], rows: [y0 * self.stride, y1 * self.stride], share }
    }

    /// The value at a place, bilinear between pixel middles.
    fn at(&self, Place { columns, rows, share }: &Place) -> f32 {
        let across = |row: usize| {
            let [left, right] = columns.map(|x| f32::from(self.bytes[row + x]));
            left + (right - left) * share[0]
        };
        let (top, bottom) = (across(rows[0]), across(rows[1]));
        top + (bottom - top) * share[1]
    }

    /// Each new pixel is the mean of those it covers, or of every second row of them where they are many: to read all of a
    /// large frame from memory takes longer than to add it up. There are at most as many as before, each way.
    fn shrunk(&self, width: usize, height: usize) -> Vec<u8> {
        let step = if self.height >= MANY_ROWS * height { 2 } else { 1 };
        let size = [self.width, self.height.div_ceil(step)];
        shrunk::<1>(self.bytes, self.stride * step, size, [width, height])
    }
}

/// Where a point lies in a plane: the columns on both sides of it, where the rows above and below it begin, and how far it is
/// from the first of each to the second.
struct Place {
    columns: [usize; 2],
    rows: [usize; 2],
    share: [f32; 2],
}

/// A picture in planes, upright once its orientation is applied.
pub(crate) struct Planes {
    width: usize,
    height: usize,
    /// Pixels that share a colour, across and down; `None`: grey.
    sampling: Option<[usize; 2]>,
    /// The planes' sizes as they are in memory: the brightness's, which is the picture's made up to whole samples of
    /// colour, and that of each colour's.
    sizes: [[usize; 2]; 2],
    /// Brightness, then blue's difference and red's.
    bytes: Vec<u8>,
    orientation: Orientation,
}

impl Planes {
    /// Planes of these bytes, the size and the bytes as stored, brightness made up to whole samples of colour; `None`
    /// where their number does not fit the size or
    /// the size is zero.
    pub(crate) fn new(
        [width, height]: [usize; 2],
        sampling: Option<[usize; 2]>,
        bytes: Vec<u8>,
        orientation: Orientation,
    ) -> Option<Self> {
        let planes =
            Self { width, height, sampling, sizes: sizes([width, height], sampling), bytes, orientation };
        let [luma, colour] = planes.sizes;
        let length = luma[0] * luma[1] + 2 * colour[0] * colour[1];
        (length == planes.bytes.len() && width * height > 0).then_some(planes)
    }

    /// The planes of a picture, colours at its own resolution.
    pub(crate) fn of_picture(picture: &Picture) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut bytes = vec![0; width * height * 3];
        let (luma, colours) = bytes.split_at_mut(width * height);
        let (blue, red) = colours.split_at_mut(width * height);
        let pixels = picture.rgb().as_chunks::<3>().0;
        for (((pixel, y), cb), cr) in pixels.iter().zip(luma).zip(blue).zip(red) {
            [*y, *cb, *cr] = ycc(*pixel);
        }
        let size = [width, height];
        Self {
            width,
            height,
            sampling: Some([1, 1]),
            sizes: [size; 2],
            bytes,
            orientation: Orientation::Upright,
        }
    }

    /// Pixels across and down, as stored.
    pub(crate) fn stored_size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// What must be done to the stored planes for the picture to stand upright.
    pub(crate) fn orientation(&self) -> Orientation {
        self.orientation
    }

    pub(crate) fn luma(&self) -> Plane<'_> {
        let [[stride, rows], _] = self.sizes;
        Plane { bytes: &self.bytes[..stride * rows], width: self.width, height: self.height, stride }
    }

    /// How many pixels share a colour, across and down, and the planes of blue's and red's difference; `None` for
    /// a grey picture.
    pub(crate) fn colours(&self) -> Option<([usize; 2], [Plane<'_>; 2])> {
        let sampling = self.sampling?;
        let [[stride, rows], [width, height]] = self.sizes;
        let (blue, red) = self.bytes[stride * rows..].split_at(width * height);
        Some((sampling, [blue, red].map(|bytes| Plane { bytes, width, height, stride: width })))
    }

    /// All planes as stored: brightness, blue's difference, red's.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The upright picture.
    pub(crate) fn to_picture(&self) -> Picture {
        let mut rgb = Vec::with_capacity(self.width * self.height * 3);
        let mut rows = [vec![NEUTRAL; self.width], vec![NEUTRAL; self.width]];
        for (y, luma) in self.luma().bytes.chunks_exact(self.sizes[0][0]).take(self.height).enumerate() {
            if let Some((sampling, planes)) = self.colours() {
                for (row, plane) in rows.iter_mut().zip(planes) {
                    spread(plane, sampling, y, row);
                }
            }
            let [blue, red] = &rows;
            rgb.extend(luma.iter().zip(blue).zip(red).flat_map(|((y, cb), cr)| rgb_of([*y, *cb, *cr])));
        }
        self.stood_up([self.width, self.height], rgb)
    }

    /// The upright picture made smaller so that its longer side is at most `longest` (at least 1): each new pixel
    /// is the mean of the ones it covers, or of many of them.
    pub(crate) fn shrunk(&self, longest: u32) -> Picture {
        let (side, longest) = (self.width.max(self.height), longest as usize);
        if side <= longest {
            return self.to_picture();
        }
        let scaled = |v: usize| (v * longest / side).max(1);
        self.reduced([scaled(self.width), scaled(self.height)])
            .unwrap_or_else(|| self.to_picture().shrunk(longest as u32))
    }

    /// The upright picture made smaller, the new size as stored; `None` where a plane of colour has fewer samples.
    fn reduced(&self, [width, height]: [usize; 2]) -> Option<Picture> {
        let luma = self.luma().shrunk(width, height);
        let [blue, red] = match self.colours() {
            None => [vec![NEUTRAL; luma.len()], vec![NEUTRAL; luma.len()]],
            Some((_, planes)) if planes[0].width < width || planes[0].height < height => return None,
            Some((_, planes)) => planes.map(|plane| plane.shrunk(width, height)),
        };
        Some(self.stood_up([width, height], interleaved(&luma, &blue, &red)))
    }

    fn stood_up(&self, [width, height]: [usize; 2], rgb: Vec<u8>) -> Picture {
        Picture::of_known_size(width as u32, height as u32, rgb).oriented(self.orientation)
    }
}

impl Pixels for Planes {
    fn width(&self) -> u32 {
        (if self.orientation.swaps_sides() { self.height } else { self.width }) as u32
    }

    fn height(&self) -> u32 {
        (if self.orientation.swaps_sides() { self.width } else { self.height }) as u32
    }

    fn sample(&self, x: f32, y: f32) -> [f32; 3] {
        let [x, y] = self.orientation.to_stored([x, y], [self.width, self.height].map(to_f32));
        let luma = self.luma();
        let luma = luma.at(&luma.place([x, y]));
        let Some(([across, down], planes)) = self.colours() else { return [luma; 3] };
        // Both planes of colour are of one size.
        let place = planes[0].place([x / to_f32(across), y / to_f32(down)]);
        let [cb, cr] = planes.map(|plane| plane.at(&place) - f32::from(NEUTRAL));
        [luma + 1.402 * cr, luma - 0.344_14 * cb - 0.714_14 * cr, luma + 1.772 * cb]
            .map(|v| v.clamp(0.0, 255.0))
    }

    /// The colour is its nearest sample's.
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        if self.orientation != Orientation::Upright {
            return self.sample(x as f32 + 0.5, y as f32 + 0.5).map(|v| (v + 0.5) as u8);
        }
        let luma = self.luma();
        let luma = luma.bytes[y * luma.stride + x];
        let Some(([across, down], planes)) = self.colours() else { return [luma; 3] };
        let [cb, cr] = planes.map(|plane| plane.bytes[by(y, down) * plane.stride + by(x, across)]);
        rgb_of([luma, cb, cr])
    }

    fn pixels(&self, y: usize, columns: &[usize], to: &mut [[u8; 3]]) {
        let Some((sampling, planes)) = self.colours().filter(|_| self.orientation == Orientation::Upright)
        else {
            return to.iter_mut().zip(columns).for_each(|(to, x)| *to = self.pixel(*x, y));
        };
        let luma = self.luma().row(y);
        let [blue, red] = planes.map(|plane| plane.row(by(y, sampling[1])));
        // All of some pixels' planes first, then all of their colours: the latter are computed several at once.
        for (to, columns) in to.chunks_mut(CONVERTED_PX).zip(columns.chunks(CONVERTED_PX)) {
            let mut read = [[0; 3]; CONVERTED_PX];
            for (pixel, x) in read.iter_mut().zip(columns) {
                let at = by(*x, sampling[0]);
                *pixel = [luma[*x], blue[at], red[at]];
            }
            to.iter_mut().zip(read).for_each(|(to, pixel)| *to = rgb_of(pixel));
        }
    }
}

impl fmt::Debug for Planes {
    /// The size only: the pixels are somebody's paper.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planes({} x {})", self.width, self.height)
    }
}

/// A picture's planes' sizes in memory.
fn sizes([width, height]: [usize; 2], sampling: Option<[usize; 2]>) -> [[usize; 2]; 2] {
    let Some([across, down]) = sampling else { return [[width, height], [0, 0]] };
    let colour = [by(width + across - 1, across), by(height + down - 1, down)];
    [[colour[0] * across, colour[1] * down], colour]
}

/// A number of pixels, over 32 bits with a sign, which processors convert in one step.
fn to_f32(px: usize) -> f32 {
    px as i32 as f32
}

/// Divides by a sampling, which is 1, 2 or 4: a shift, where pixels are asked for one by one.
fn by(value: usize, sampling: usize) -> usize {
    value >> sampling.trailing_zeros()
}

/// One row of colour at the picture's own resolution, linear between the middles of its samples.
fn spread(plane: Plane<'_>, [across, down]: [usize; 2], y: usize, row: &mut [u8]) {
    let (above, below, ty) = neighbours(y, down, plane.height);
    let (above, below) = (&plane.bytes[above * plane.stride..], &plane.bytes[below * plane.stride..]);
    let (down, weight) = (2 * down, 4 * across * down);
    let at = |x: usize| usize::from(above[x]) * (down - ty) + usize::from(below[x]) * ty;
    for (x, value) in row.iter_mut().enumerate() {
        let (left, right, tx) = neighbours(x, across, plane.width);
        *value = ((at(left) * (2 * across - tx) + at(right) * tx + weight / 2) / weight) as u8;
    }
}

/// The samples before and after a pixel, of which there are `count`, each of `each` pixels, and how far behind the
/// first the pixel lies, in halves of a pixel.
fn neighbours(pixel: usize, each: usize, count: usize) -> (usize, usize, usize) {
    let Some(from_first) = (2 * pixel + 1).checked_sub(each) else { return (0, 0, 0) };
    let before = from_first / (2 * each);
    (before.min(count - 1), (before + 1).min(count - 1), from_first % (2 * each))
}

/// Red, green and blue, three bytes a pixel.
fn interleaved(luma: &[u8], blue: &[u8], red: &[u8]) -> Vec<u8> {
    let mut rgb = vec![0; luma.len() * 3];
    for (((pixel, y), cb), cr) in rgb.as_chunks_mut().0.iter_mut().zip(luma).zip(blue).zip(red) {
        *pixel = rgb_of([*y, *cb, *cr]);
    }
    rgb
}

/// Red, green and blue of brightness and colour differences (JFIF), in 65,536ths.
fn rgb_of([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = ((i32::from(y) << 16) + 32_768, i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + 91_881 * cr;
    let green = y - 22_554 * cb - 46_802 * cr;
    let blue = y + 116_130 * cb;
    [red, green, blue].map(|v| (v >> 16).clamp(0, 255) as u8)
}

/// Brightness and colour differences of red, green and blue, in 65,536ths.
fn ycc(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    let y = 19_595 * r + 38_470 * g + 7_471 * b + 32_768;
    let cb = -11_059 * r - 21_709 * g + 32_768 * b + (128 << 16) + 32_767;
    let cr = 32_768 * r - 27_439 * g - 5_329 * b + (128 << 16) + 32_767;
    [y, cb, cr].map(|v| (v >> 16) as u8)
}
