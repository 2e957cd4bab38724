//! What a camera says of itself (USB Video Class 1.0).

use crate::descriptor::{BULK, Descriptors, endpoint};

/// Where pictures come from, and what the endpoint's interface is.
pub(crate) const PICTURES: u8 = 0x81;
pub(crate) const STREAMING: u8 = 1;
/// The camera itself and its processing.
pub(crate) const TERMINAL: u8 = 1;
pub(crate) const PROCESSING: u8 = 2;
const OUTPUT: u8 = 3;

/// Time between two pictures is counted in units of 100 ns.
pub(crate) const SECOND: u32 = 10_000_000;

/// A size of pictures, and the times between two of them it offers, the usual one first.
pub(crate) struct Size {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) intervals: &'static [u32],
}

/// Pages at 10, 12.5 and 5 a second; previews at 30 and 15.
pub(crate) const SIZES: [Size; 2] = [
    Size { width: 2304, height: 1728, intervals: &[SECOND / 10, SECOND * 2 / 25, SECOND / 5] },
    Size { width: 320, height: 240, intervals: &[SECOND / 30, SECOND / 15] },
];

/// A camera with this serial number.
pub(crate) fn descriptors(serial: &'static str) -> Descriptors {
    let mut body = vec![8, 0x0B, 0, 2, 0x0E, 3, 0, 2];
    body.extend([9, 4, 0, 0, 0, 0x0E, 1, 0, 2]);
    body.extend(control());
    body.extend([9, 4, STREAMING, 0, 1, 0x0E, 2, 0, 0]);
    body.extend(streaming());
    body.extend(endpoint(PICTURES, BULK, 512, 0));
    let strings = ["Yidang tests", "Document camera", serial];
    Descriptors::of_interfaces((0x1D6B, 0x0102), strings, [0xEF, 2, 1], 2, &body)
}

/// The video control interface: its header, camera, processing and output.
fn control() -> Vec<u8> {
    // Automatic exposure, exposure time, focus, zoom, automatic focus.
    let mut parts = vec![18, 0x24, 2, TERMINAL, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x2A, 0x02, 0x02];
    // Brightness, contrast, white balance; flicker, automatic white balance.
    parts.extend([11, 0x24, 5, PROCESSING, TERMINAL, 0, 0, 2, 0x43, 0x14, 0]);
    parts.extend([9, 0x24, 3, OUTPUT, 0x01, 0x01, 0, PROCESSING, 0]);
    let [low, high] = (13 + parts.len() as u16).to_le_bytes();
    let mut header = vec![13, 0x24, 1, 0, 1, low, high];
    header.extend(48_000_000u32.to_le_bytes());
    header.extend([1, STREAMING]);
    [header, parts].concat()
}

/// The video streaming interface: its header, MJPEG, and the sizes of pictures.
fn streaming() -> Vec<u8> {
    let mut parts = vec![11, 0x24, 6, 1, SIZES.len() as u8, 1, 1, 0, 0, 0, 0];
    for (index, size) in (1u8..).zip(&SIZES) {
        let intervals = size.intervals;
        parts.extend([26 + 4 * intervals.len() as u8, 0x24, 7, index, 0]);
        parts.extend([size.width, size.height].iter().flat_map(|side| side.to_le_bytes()));
        let bytes = picture_bytes_max(size);
        let numbers = [bytes * 8, bytes * 8, bytes, intervals[0]];
        parts.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        parts.push(intervals.len() as u8);
        let mut sorted = intervals.to_vec();
        sorted.sort_unstable();
        parts.extend(sorted.iter().flat_map(|interval| interval.to_le_bytes()));
    }
    let [low, high] = (14 + parts.len() as u16).to_le_bytes();
    [vec![14, 0x24, 1, 1, low, high, PICTURES, 0, OUTPUT, 0, 0, 0, 1, 0], parts].concat()
}

/// Room for the largest picture of a size.
pub(crate) fn picture_bytes_max(size: &Size) -> u32 {
    u32::from(size.width) * u32::from(size.height) * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_the_length_it_says() {
        let all = descriptors("1").configuration;
        let (mut at, mut parts) = (0, 0);
        while at < all.len() {
            at += usize::from(all[at]);
            parts += 1;
        }
        assert_eq!((at, parts), (all.len(), 13));
    }
}
