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
