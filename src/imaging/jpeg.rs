//! The segments of a JPEG file (ITU-T T.81, annex B): its size, its orientation, the tables it may leave out.

use std::borrow::Cow;

use crate::jpeg_typical::TYPICAL_TABLES;
use crate::{ImageError, Orientation};

/// Start of image, and the first byte of the marker that follows.
pub(crate) const SIGNATURE: [u8; 3] = [0xff, 0xd8, 0xff];

pub(crate) const START_OF_FRAME_PROGRESSIVE: u8 = 0xc2;
pub(crate) const DEFINE_HUFFMAN: u8 = 0xc4;
pub(crate) const START_OF_IMAGE: u8 = 0xd8;
pub(crate) const END_OF_IMAGE: u8 = 0xd9;
pub(crate) const START_OF_SCAN: u8 = 0xda;
pub(crate) const DEFINE_QUANTISERS: u8 = 0xdb;
pub(crate) const DEFINE_RESTART: u8 = 0xdd;
const APP1: u8 = 0xe1;

const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// A marker and the bytes of its segment, without the length.
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) body: &'a [u8],
    /// Where the next marker starts.
    pub(crate) end: usize,
}

/// The segment whose marker starts at `at`, fill bytes skipped.
pub(crate) fn segment(bytes: &[u8], mut at: usize) -> Option<Segment<'_>> {
    if *bytes.get(at)? != 0xff {
        return None;
    }
    while *bytes.get(at)? == 0xff {
        at += 1;
    }
    let marker = *bytes.get(at)?;
    let after = at + 1;
    // Markers that stand alone: TEM, restarts, start and end of image.
    if marker == 0x01 || (0xd0..=0xd9).contains(&marker) {
        return Some(Segment { marker, body: &[], end: after });
    }
    let length = usize::from(u16::from_be_bytes([*bytes.get(after)?, *bytes.get(after + 1)?]));
    let end = after + length;
    let body = bytes.get(after + 2..end)?;
    Some(Segment { marker, body, end })
}

/// Width and height as stored, and the orientation.
pub(crate) fn read_header(bytes: &[u8]) -> Result<(u32, u32, Orientation), ImageError> {
    let mut size = None;
    let mut orientation = Orientation::Upright;
    let mut at = 2;
    loop {
        let segment = segment(bytes, at).ok_or(ImageError::Damaged)?;
        match segment.marker {
            marker if is_start_of_frame(marker) => {
                let [precision, h1, h0, w1, w0, components, ..] = segment.body else {
                    return Err(ImageError::Damaged);
                };
                if !is_read(marker, *precision, *components) {
                    return Err(ImageError::Unsupported);
                }
                let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                size = Some((side(*w1, *w0), side(*h1, *h0)));
            }
            APP1 => {
                if let Some(tiff) = segment.body.strip_prefix(EXIF_PREFIX) {
                    orientation = Orientation::from_exif(tiff);
                }
            }
            START_OF_SCAN | END_OF_IMAGE => break,
            _ => {}
        }
        at = segment.end;
    }
    let (width, height) = size.ok_or(ImageError::Damaged)?;
    Ok((width, height, orientation))
}

/// How many colours the picture has; `None` where it has no frame header.
pub(crate) fn components(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    loop {
        let segment = segment(bytes, at)?;
        match segment.marker {
            marker if is_start_of_frame(marker) => return segment.body.get(5).copied(),
            START_OF_SCAN | END_OF_IMAGE => return None,
            _ => at = segment.end,
        }
    }
}

/// Whether the first scan is sequential and carries all components: then it is the only one.
pub(crate) fn is_one_scan(bytes: &[u8]) -> bool {
    let mut components = None;
    let mut at = 2;
    while let Some(segment) = segment(bytes, at) {
        match segment.marker {
            START_OF_FRAME_PROGRESSIVE => return false,
            marker if is_start_of_frame(marker) => components = segment.body.get(5),
            START_OF_SCAN => return components.is_some() && components == segment.body.first(),
            END_OF_IMAGE => return false,
            _ => {}
        }
        at = segment.end;
    }
    false
}

pub(crate) fn is_start_of_frame(marker: u8) -> bool {
    // 0xc4, 0xc8 and 0xcc share the range and are none.
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, DEFINE_HUFFMAN | 0xc8 | 0xcc)
}

/// Whether this program reads pictures of such a frame: baseline, extended or progressive with Huffman codes, 8
/// bits, grey or three colours. Lossless, arithmetic, 12-bit and CMYK pictures come from no camera or browser.
fn is_read(start_of_frame: u8, precision: u8, components: u8) -> bool {
    matches!(start_of_frame, 0xc0 | 0xc1 | START_OF_FRAME_PROGRESSIVE)
        && precision == 8
        && matches!(components, 1 | 3)
}

/// The picture with the Huffman tables that it took for granted. Webcams leave out the typical tables of annex K
/// (MJPEG); browsers put them in again, readers of documents do not.
pub fn complete(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut at = 2;
    while let Some(segment) = segment(bytes, at) {
        match segment.marker {
            DEFINE_HUFFMAN => break,
            START_OF_SCAN => {
                return Cow::Owned([&bytes[..at], &typical_tables(), &bytes[at..]].concat());
            }
            _ => at = segment.end,
        }
    }
    Cow::Borrowed(bytes)
}

/// The segment that defines tables K.3 to K.6.
fn typical_tables() -> Vec<u8> {
    let mut segment = vec![0xff, DEFINE_HUFFMAN, 0x01, 0xa2];
    for (place, counts, symbols) in TYPICAL_TABLES {
        segment.push(*place);
        segment.extend_from_slice(counts);
        segment.extend_from_slice(symbols);
    }
    segment
}
