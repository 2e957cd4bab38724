//! What can be adjusted on a camera.

use std::collections::BTreeMap;

use crate::uvc_descriptor::{PROCESSING, TERMINAL};

const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;

/// One control: the unit and the number it is asked by, its bytes, smallest, largest, step, and usual value.
struct Control {
    place: (u8, u8),
    length_bytes: usize,
    range: [i32; 4],
}

const fn control(place: (u8, u8), length_bytes: usize, range: [i32; 4]) -> Control {
    Control { place, length_bytes, range }
}

const CONTROLS: [Control; 10] = [
    // Exposure: by hand (1) or all but the iris by itself (8); the step is the set of those it knows.
    control((TERMINAL, 0x02), 1, [0, 0, 0x09, 8]),
    control((TERMINAL, 0x04), 4, [1, 5000, 1, 157]),
    control((TERMINAL, 0x06), 2, [0, 250, 5, 0]),
    control((TERMINAL, 0x08), 1, [0, 1, 1, 1]),
    control((TERMINAL, 0x0B), 2, [100, 400, 1, 100]),
    control((PROCESSING, 0x02), 2, [-64, 64, 1, 0]),
    control((PROCESSING, 0x03), 2, [0, 100, 1, 32]),
    control((PROCESSING, 0x05), 1, [0, 2, 1, 1]),
    control((PROCESSING, 0x0A), 2, [2800, 6500, 1, 4600]),
    control((PROCESSING, 0x0B), 1, [0, 1, 1, 1]),
];

/// The values that were set.
#[derive(Default)]
pub(crate) struct Controls {
    set: BTreeMap<(u8, u8), i32>,
}

impl Controls {
    /// Answers a request about the control at this place; `None` stalls it.
    pub(crate) fn answer(&mut self, request: u8, place: (u8, u8), data: &[u8]) -> Option<Vec<u8>> {
        let control = CONTROLS.iter().find(|control| control.place == place)?;
        let [min, max, step, usual] = control.range;
        let number = match request {
            SET_CUR => {
                self.set.insert(place, number(data.get(..control.length_bytes)?));
                return Some(vec![]);
            }
            GET_CUR => self.set.get(&place).copied().unwrap_or(usual),
            GET_MIN => min,
            GET_MAX => max,
            GET_RES => step,
            GET_DEF => usual,
            GET_LEN => return Some(vec![control.length_bytes as u8, 0]),
            // It can be read and set.
            GET_INFO => return Some(vec![3]),
            _ => return None,
        };
        Some(number.to_le_bytes()[..control.length_bytes].to_vec())
    }
}

/// A number of one, two or four bytes; one of two has a sign.
fn number(bytes: &[u8]) -> i32 {
    match *bytes {
        [one] => i32::from(one),
        [low, high] => i32::from(i16::from_le_bytes([low, high])),
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_read_set_and_refused() {
        let mut controls = Controls::default();
        let brightness = (PROCESSING, 0x02);
        assert_eq!(controls.answer(GET_MIN, brightness, &[]), Some(vec![0xC0, 0xFF]));
        assert_eq!(controls.answer(SET_CUR, brightness, &[0xF6, 0xFF]), Some(vec![]));
        assert_eq!(controls.answer(GET_CUR, brightness, &[]), Some(vec![0xF6, 0xFF]));
        assert_eq!(controls.answer(SET_CUR, brightness, &[1]), None);
        assert_eq!(controls.answer(GET_CUR, (PROCESSING, 0x04), &[]), None);
    }
}
