//! Where colours change in a small picture, how fast, and which way.

use crate::Picture;

/// The strongest channel's gradient at each pixel (Sobel, in eighths of a level a pixel); zero along the rim.
pub(crate) struct Gradient {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Rightward and downward.
    pub(crate) x: Vec<i16>,
    pub(crate) y: Vec<i16>,
    /// Length, rounded down.
    pub(crate) steepness: Vec<u16>,
}

impl Gradient {
    pub(crate) fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let size = width * height;
        let mut field = Self { width, height, x: vec![0; size], y: vec![0; size], steepness: vec![0; size] };
        if width < 3 || height < 3 {
            return field;
        }
        let row_bytes = width * 3;
        let mut down = vec![0_i16; row_bytes];
        let mut across = vec![0_i16; row_bytes];
        for y in 1..height - 1 {
            let row = |dy: usize| &picture.rgb()[(y + dy - 1) * row_bytes..(y + dy) * row_bytes];
            let (above, here, below) = (row(0), row(1), row(2));
            for i in 0..row_bytes {
                let (a, h, b) = (i16::from(above[i]), i16::from(here[i]), i16::from(below[i]));
                down[i] = b - a;
                across[i] = a + 2 * h + b;
            }
            let start = y * width;
            let to_x = &mut field.x[start..start + width];
            let to_y = &mut field.y[start..start + width];
            let to_steepness = &mut field.steepness[start..start + width];
            for x in 1..width - 1 {
                let (mut best, mut best_x, mut best_y) = (-1, 0, 0);
                for c in 0..3 {
                    let (left, middle, right) = (x * 3 - 3 + c, x * 3 + c, x * 3 + 3 + c);
                    let gx = across[right] - across[left];
                    let gy = down[left] + 2 * down[middle] + down[right];
                    let squared = i32::from(gx) * i32::from(gx) + i32::from(gy) * i32::from(gy);
                    if squared > best {
                        (best, best_x, best_y) = (squared, gx, gy);
                    }
                }
                to_x[x] = best_x;
                to_y[x] = best_y;
                to_steepness[x] = (best as f32).sqrt() as u16;
            }
        }
        field
    }
}
