//! A PC/SC reader's profile, and a reading by it: the text up to a zero byte is the file, what follows is what
//! the reader answers, a length byte before each answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yidang_pcsc::fuzz::parse;

/// The ATR an ID card has on many readers.
const ATR: [u8; 13] = [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0x00, 0x80, 0x80, 0x00, 0x58];

fuzz_target!(|data: &[u8]| {
    let (text, mut answers) = match data.iter().position(|&byte| byte == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let profile = match parse(text) {
        Ok(profile) => profile,
        Err(reason) => return assert!(!reason.is_empty(), "refused without a reason"),
    };
    let _ = profile.matches("ACME IDR-100 00 00", &ATR);
    let mut pieces = std::iter::from_fn(move || {
        let (length, rest) = answers.split_first()?;
        let (piece, rest) = rest.split_at(rest.len().min(2 * usize::from(*length)));
        answers = rest;
        Some(piece.to_vec())
    });
    if let Ok(card) = profile.read(&mut pieces) {
        assert!(card.photo_wlt.len() <= 1024 && card.fingerprint.len() <= 2, "more than a card holds");
    }
});
