//! Where the JPEG in a camera's buffer ends.

use crate::huffman::STANDARD_TABLES;

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
const TABLES: u8 = 0xC4;
/// Arithmetic coding's conditioning, and the one reserved number among the frame headers.
const NO_FRAME: [u8; 3] = [TABLES, 0xC8, 0xCC];

/// What the markers of a JPEG say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Markers {
    /// Bytes from the first to the last, the end marker included.
    length: usize,
    /// Where Huffman tables belong, should they be missing.
    tables_missing_at: Option<usize>,
}

/// The JPEG a buffer begins with, and nothing of what follows it: cameras and capture libraries leave the rest of a
/// longer, earlier picture behind a shorter one. `None` where no whole JPEG lies at the start.
///
/// The end is found by walking from marker to marker; searching for the last end marker would find the earlier
/// picture's. Huffman tables the camera left out, as MJPEG allows, are put in; every other byte is the camera's.
pub fn whole_jpeg(buffer: &[u8]) -> Option<Vec<u8>> {
    let markers = walk(buffer)?;
    let own = &buffer[..markers.length];
    Some(match markers.tables_missing_at {
        None => own.to_vec(),
        Some(at) => [&own[..at], &STANDARD_TABLES, &own[at..]].concat(),
    })
}

fn walk(buffer: &[u8]) -> Option<Markers> {
    if !buffer.starts_with(&[0xFF, START]) {
        return None;
    }
    let (mut at, mut frame, mut tables, mut first_scan) = (2, None, false, None);
    loop {
        let marker_at = at;
        let (marker, body) = marker(buffer, at)?;
        at = match marker {
            // A picture within a picture is not one that began here and ended.
            START | 0x00 => return None,
            END => {
                let lacks_tables = matches!(frame?, 0xC0 | 0xC1) && !tables;
                let tables_missing_at = first_scan?;
                return Some(Markers {
                    length: body,
                    tables_missing_at: lacks_tables.then_some(tables_missing_at),
                });
            }
            0x01 | 0xD0..=0xD7 => body,
            _ => {
                let length = usize::from(u16::from_be_bytes([*buffer.get(body)?, *buffer.get(body + 1)?]));
                if length < 2 {
                    return None;
                }
                body + length
            }
        };
        match marker {
            TABLES if first_scan.is_none() => tables = true,
            SCAN => {
                first_scan.get_or_insert(marker_at);
                at = end_of_scan(buffer, at)?;
            }
            0xC0..=0xCF if !NO_FRAME.contains(&marker) => frame = Some(marker),
            _ => {}
        }
    }
}

/// The marker at this place, after as many fill bytes as there are, and where what belongs to it starts.
fn marker(buffer: &[u8], at: usize) -> Option<(u8, usize)> {
    if *buffer.get(at)? != 0xFF {
        return None;
    }
    let fill = buffer[at + 1..].iter().position(|byte| *byte != 0xFF)?;
    let at = at + 1 + fill;
    Some((buffer[at], at + 1))
}

/// Where the marker that ends a scan lies. Restart markers and stuffed bytes belong to the scan.
fn end_of_scan(buffer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += buffer.get(at..)?.iter().position(|byte| *byte == 0xFF)?;
        match *buffer.get(at + 1)? {
            0x00 | 0xD0..=0xD7 => at += 2,
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The markers of a picture with this scan, with or without Huffman tables.
    fn picture(tables: bool, scan: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xFF, START, 0xFF, 0xE0, 0, 4, 0xFF, END];
        bytes.extend([0xFF, 0xDB, 0, 3, 1]);
        bytes.extend([0xFF, 0xFF, 0xC0, 0, 3, 8]);
        if tables {
            bytes.extend([0xFF, TABLES, 0, 3, 0]);
        }
        bytes.extend([0xFF, SCAN, 0, 3, 1]);
        bytes.extend(scan);
        bytes.extend([0xFF, END]);
        bytes
    }

    #[test]
    fn stuffed_bytes_restarts_and_end_markers_within_segments_are_passed() {
        let whole = picture(true, &[1, 0xFF, 0, 2, 0xFF, 0xD3, 0xFF, 0xFF, 0, 7]);
        assert_eq!(whole_jpeg(&whole).as_ref(), Some(&whole));
        let more = [whole.as_slice(), &picture(true, &[9; 40])].concat();
        assert_eq!(whole_jpeg(&more), Some(whole));
    }

    #[test]
    fn several_scans_are_one_picture() {
        let mut whole = picture(true, &[1, 2]);
        whole.truncate(whole.len() - 2);
        whole.extend([0xFF, TABLES, 0, 3, 0, 0xFF, SCAN, 0, 3, 1, 5, 6, 0xFF, END]);
        assert_eq!(whole_jpeg(&whole), Some(whole));
    }

    #[test]
    fn missing_tables_are_put_before_the_scan_and_nothing_else_changes() {
        let bare = picture(false, &[1, 2, 3]);
        let mended = whole_jpeg(&bare).expect("it is whole");
        let at = bare.len() - 10;
        assert_eq!(mended.len(), bare.len() + STANDARD_TABLES.len());
        assert_eq!((&mended[..at], &mended[at + 420..]), (&bare[..at], &bare[at..]));
        assert_eq!(mended[at..at + 420], STANDARD_TABLES);
    }

    #[test]
    fn what_is_no_whole_picture_is_none() {
        let whole = picture(true, &[1, 2, 3]);
        for length in 0..whole.len() {
            assert_eq!(whole_jpeg(&whole[..length]), None, "cut to {length}");
        }
        let endless = [0xFF, START, 0xFF, 0xE0, 0, 0, 0xFF, END];
        let empty = [0xFF, START, 0xFF, END];
        let nested = [&whole[..8], &whole[..]].concat();
        for bytes in [&endless[..], &empty, &nested, &[0; 64]] {
            assert_eq!(whole_jpeg(bytes), None);
        }
    }

    proptest! {
        /// Entropy-coded bytes of any kind, with a zero after each 0xFF as an encoder writes them.
        #[test]
        fn no_byte_of_a_longer_page_follows_a_shorter_one(
            long in prop::collection::vec(any::<u8>(), 200..400),
            short in prop::collection::vec(any::<u8>(), 0..150),
            tables: bool,
        ) {
            let stuffed = |scan: &[u8]| -> Vec<u8> {
                scan.iter().flat_map(|b| if *b == 0xFF { vec![0xFF, 0] } else { vec![*b] }).collect()
            };
            let first = picture(true, &stuffed(&long));
            let second = picture(tables, &stuffed(&short));
            let alone = whole_jpeg(&second).expect("it is whole");
            let mut buffer = [first, vec![0; 512]].concat();
            buffer[..second.len()].copy_from_slice(&second);
            prop_assert_eq!(whole_jpeg(&buffer), Some(alone));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let buffer = [&[0xFF, START][..], &bytes].concat();
            if let Some(jpeg) = whole_jpeg(&buffer) {
                prop_assert!(jpeg.len() <= buffer.len() + STANDARD_TABLES.len());
                prop_assert!(jpeg.ends_with(&[0xFF, END]));
            }
        }
    }
}
