//! The chunks of a PNG file: its size, its orientation, and that it is all there.

use crate::{ImageError, Orientation};

pub(crate) const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];

/// Name and data of each chunk that is there in full, checksum included in the length but not verified.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes.get(SIGNATURE.len()..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
        let end = length.checked_add(12)?;
        let chunk = rest.get(..end)?;
        rest = &rest[end..];
        Some((&chunk[4..8], &chunk[8..8 + length]))
    })
}

/// Width and height as stored, and the orientation.
pub(crate) fn read_header(bytes: &[u8]) -> Result<(u32, u32, Orientation), ImageError> {
    let Some((b"IHDR", data)) = chunks(bytes).next() else { return Err(ImageError::Damaged) };
    let [w3, w2, w1, w0, h3, h2, h1, h0, ..] = *data else { return Err(ImageError::Damaged) };
    let exif = chunks(bytes).find(|(name, _)| *name == b"eXIf");
    let orientation = exif.map_or(Orientation::Upright, |(_, tiff)| Orientation::from_exif(tiff));
    Ok((u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]), orientation))
}

/// Whether the file runs to its end chunk.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    chunks(bytes).any(|(name, _)| name == b"IEND")
}

/// The packed data of a PNG that other formats can hold as it is.
pub(crate) struct Plain {
    /// Grey, or else red, green and blue.
    pub(crate) is_grey: bool,
    /// Bits a sample.
    pub(crate) bits: u8,
    /// A zlib stream of rows with PNG's predictors.
    pub(crate) packed: Vec<u8>,
}

/// The packed data, where the PNG is whole, grey or in colour, of at most 8 bits, neither interlaced nor
/// transparent nor by palette.
pub(crate) fn plain(bytes: &[u8]) -> Option<Plain> {
    const GREY: u8 = 0;
    const COLOUR: u8 = 2;
    let (b"IHDR", data) = chunks(bytes).next()? else { return None };
    let [_, _, _, _, _, _, _, _, bits, colour, _, _, interlaced] = *data else { return None };
    let is_fit = matches!((colour, bits), (GREY, 1 | 2 | 4 | 8) | (COLOUR, 8)) && interlaced == 0;
    let is_transparent = chunks(bytes).any(|(name, _)| name == b"tRNS");
    if !is_fit || is_transparent || !is_whole(bytes) {
        return None;
    }
    let packed: Vec<&[u8]> =
        chunks(bytes).filter(|(name, _)| *name == b"IDAT").map(|(_, data)| data).collect();
    Some(Plain { is_grey: colour == GREY, bits, packed: packed.concat() })
}

/// Takes PNG's predictors off the rows of an unpacked stream; `None` where it is too short or names a predictor
/// that there is not. `step` is the bytes of a pixel, at least 1.
pub(crate) fn unfiltered(data: &[u8], row: usize, rows: usize, step: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(row.checked_mul(rows)?);
    for filtered in data.chunks_exact(row + 1).take(rows) {
        let start = out.len();
        for (x, value) in filtered[1..].iter().enumerate() {
            let left = if x >= step { out[start + x - step] } else { 0 };
            let above = if start > 0 { out[start + x - row] } else { 0 };
            let corner = if start > 0 && x >= step { out[start + x - row - step] } else { 0 };
            let predicted = match filtered[0] {
                0 => 0,
                1 => left,
                2 => above,
                3 => u8::midpoint(left, above),
                4 => paeth(left, above, corner),
                _ => return None,
            };
            out.push(value.wrapping_add(predicted));
        }
    }
    (out.len() == row * rows).then_some(out)
}

/// Whichever of three neighbours is nearest to left + above - corner.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i32::from);
    let guess = a + b - c;
    let [to_a, to_b, to_c] = [a, b, c].map(|v| (guess - v).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        above
    } else {
        corner
    }
}
