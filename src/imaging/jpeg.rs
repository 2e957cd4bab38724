//! The frame of a JPEG file (ITU-T T.81, annex B): enough to know its size, its orientation, and that it is
//! all there. Decoders fill what is missing with grey; a page with a grey half must not be archived.

use crate::{ImageError, Orientation};

/// Start of image, and the first byte of the marker that follows.
pub(crate) const SIGNATURE: [u8; 3] = [0xff, 0xd8, 0xff];

const EXIF_PREFIX: &[u8] = b"Exif\0\0";
const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;
const APP1: u8 = 0xe1;

/// A marker and the bytes of its segment, without the length.
struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
    /// Where the next marker starts.
    end: usize,
}

/// The segment whose marker starts at `at`, fill bytes skipped.
fn segment(bytes: &[u8], mut at: usize) -> Option<Segment<'_>> {
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
            // Every SOF; 0xc4, 0xc8 and 0xcc share the range and are none.
            0xc0..=0xcf if !matches!(segment.marker, 0xc4 | 0xc8 | 0xcc) => {
                let [_, h1, h0, w1, w0, ..] = segment.body else { return Err(ImageError::Damaged) };
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

/// Whether the file runs to its end-of-image marker. What comes after it does not matter.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(segment) = segment(bytes, at) {
        at = match segment.marker {
            END_OF_IMAGE => return true,
            START_OF_SCAN => match end_of_scan(bytes, segment.end) {
                Some(end) => end,
                None => return false,
            },
            _ => segment.end,
        };
    }
    false
}

/// Where the marker after a scan's data starts: the first that is neither a stuffed zero nor a restart.
fn end_of_scan(bytes: &[u8], start: usize) -> Option<usize> {
    let data = bytes.get(start..)?;
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff | 0xd0..=0xd7);
    data.windows(2).position(is_end).map(|i| start + i)
}
