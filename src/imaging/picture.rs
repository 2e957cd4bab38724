//! Decoded pixels.

use std::fmt;

use crate::Orientation;
use crate::shrink::shrunk;

/// Something whose colours can be asked for: a [`Picture`], or a frame still in its camera's own planes.
pub(crate) trait Pixels {
    /// Pixels across.
    fn width(&self) -> u32;
    /// Pixels down.
    fn height(&self) -> u32;
    /// Red, green and blue at a point, bilinear between pixel middles; the rim goes on outside the picture.
    fn sample(&self, x: f32, y: f32) -> [f32; 3];
    /// Red, green and blue of the pixel at a place, which must be inside.
    fn pixel(&self, x: usize, y: usize) -> [u8; 3];
    /// The same for many pixels of one row, one to each column asked for.
    fn pixels(&self, y: usize, columns: &[usize], to: &mut [[u8; 3]]) {
        to.iter_mut().zip(columns).for_each(|(to, x)| *to = self.pixel(*x, y));
    }
}

impl Pixels for Picture {
    fn width(&self) -> u32 {
        self.width
    }

    fn height(&self) -> u32 {
        self.height
    }

    fn sample(&self, x: f32, y: f32) -> [f32; 3] {
        Self::sample(self, x, y)
    }

    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        Self::pixel(self, x, y)
    }
}

/// An upright picture, 8 bits each of red, green and blue. Never without pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture of these bytes, row by row, three a pixel; `None` where their number does not fit the size
    /// or the size is zero.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let fits = u64::from(width) * u64::from(height) * 3 == rgb.len() as u64;
        (fits && !rgb.is_empty()).then_some(Self { width, height, rgb })
    }

    /// The same, for bytes that were made for this size.
    pub(crate) fn of_known_size(width: u32, height: u32, rgb: Vec<u8>) -> Self {
        debug_assert_eq!(width as usize * height as usize * 3, rgb.len());
        Self { width, height, rgb }
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes, row by row from the top, three a pixel.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixel at a place, which must be inside.
    pub(crate) fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width as usize + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Colour at a point, bilinear between pixel middles; the rim goes on outside the picture.
    pub(crate) fn sample(&self, x: f32, y: f32) -> [f32; 3] {
        let x = (x - 0.5).clamp(0.0, self.width as f32 - 1.0);
        let y = (y - 0.5).clamp(0.0, self.height as f32 - 1.0);
        // Over 32 bits with a sign, which processors convert in one step.
        let (x0, y0) = (x as i32, y as i32);
        let (tx, ty) = (x - x0 as f32, y - y0 as f32);
        let (x0, y0) = (x0 as usize, y0 as usize);
        let x1 = (x0 + 1).min(self.width as usize - 1);
        let y1 = (y0 + 1).min(self.height as usize - 1);
        let (a, b) = (self.pixel(x0, y0), self.pixel(x1, y0));
        let (c, d) = (self.pixel(x0, y1), self.pixel(x1, y1));
        std::array::from_fn(|i| {
            let top = f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * tx;
            let bottom = f32::from(c[i]) + (f32::from(d[i]) - f32::from(c[i])) * tx;
            top + (bottom - top) * ty
        })
    }

    /// The picture made smaller so that its longer side is at most `longest` (at least 1): each new pixel is
    /// the mean of the ones it covers. A picture that is small enough comes back as it is.
    pub(crate) fn shrunk(&self, longest: u32) -> Self {
        let side = self.width.max(self.height);
        if side <= longest {
            return self.clone();
        }
        let scaled = |v: u32| (u64::from(v) * u64::from(longest) / u64::from(side)).max(1) as usize;
        self.reduced(scaled(self.width), scaled(self.height))
    }

    /// The part from `start` to `end`, which lies in the picture and is not empty.
    pub(crate) fn part(&self, start: [usize; 2], end: [usize; 2]) -> Self {
        let rows = self.rgb.chunks_exact(self.width as usize * 3).take(end[1]).skip(start[1]);
        let [width, height] = [end[0] - start[0], end[1] - start[1]];
        let mut rgb = Vec::with_capacity(width * height * 3);
        rows.for_each(|row| rgb.extend_from_slice(&row[start[0] * 3..end[0] * 3]));
        Self::of_known_size(width as u32, height as u32, rgb)
    }

    /// The picture at another size, whose shape may differ a little: each new pixel is the mean of the ones it covers,
    /// or lies between its neighbours where there are more new ones than old.
    pub(crate) fn resized(&self, width: usize, height: usize) -> Self {
        if width <= self.width as usize && height <= self.height as usize {
            return self.reduced(width, height);
        }
        let scale = [self.width as f32 / width as f32, self.height as f32 / height as f32];
        let place = |y: usize, x: usize| [(x as f32 + 0.5) * scale[0], (y as f32 + 0.5) * scale[1]];
        let rgb = (0..height).flat_map(|y| (0..width).map(move |x| place(y, x)));
        let rgb = rgb.flat_map(|[x, y]| self.sample(x, y).map(|v| (v + 0.5) as u8)).collect();
        Self::of_known_size(width as u32, height as u32, rgb)
    }

    /// The picture at a size no larger than its own.
    fn reduced(&self, width: usize, height: usize) -> Self {
        let size = [self.width as usize, self.height as usize];
        let rgb = shrunk::<3>(&self.rgb, size[0] * 3, size, [width, height]);
        Self::of_known_size(width as u32, height as u32, rgb)
    }

    /// The picture after an orientation is applied to it.
    pub(crate) fn oriented(self, orientation: Orientation) -> Self {
        if orientation == Orientation::Upright {
            return self;
        }
        let (from_w, from_h) = (self.width as usize, self.height as usize);
        let (width, height) = if orientation.swaps_sides() { (from_h, from_w) } else { (from_w, from_h) };
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for y in 0..height {
            for x in 0..width {
                let (from_x, from_y) = match orientation {
                    Orientation::Upright => (x, y),
                    Orientation::Mirror => (from_w - 1 - x, y),
                    Orientation::HalfTurn => (from_w - 1 - x, from_h - 1 - y),
                    Orientation::Flip => (x, from_h - 1 - y),
                    Orientation::Transpose => (y, x),
                    Orientation::Clockwise => (y, from_h - 1 - x),
                    Orientation::Transverse => (from_w - 1 - y, from_h - 1 - x),
                    Orientation::CounterClockwise => (from_w - 1 - y, x),
                };
                rgb.extend(self.pixel(from_x, from_y));
            }
        }
        Self { width: width as u32, height: height as u32, rgb }
    }
}

impl fmt::Debug for Picture {
    /// The size only: the pixels are somebody's paper.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}
