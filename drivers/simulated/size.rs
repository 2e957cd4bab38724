//! How large a frame is, from its head alone.

/// Pixels across and down as stored; `None` where the bytes are no JPEG or PNG whose head says so.
pub(crate) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let side = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        return Some((side(16)?, side(20)?));
    }
    bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut at = 2;
    loop {
        let short = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        match *bytes.get(at..at + 2)? {
            // Fill bytes before a marker.
            [0xff, 0xff] => at += 1,
            // A start of frame: length, precision, height, width.
            [0xff, 0xc0..=0xc2] => return Some((short(at + 7)?.into(), short(at + 5)?.into())),
            [0xff, _] => at += 2 + usize::from(short(at + 2)?),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_frames_say_how_large_they_are_and_nonsense_does_not() {
        let form = include_bytes!("../../fixtures/desk/01-form.jpg");
        let portrait = include_bytes!("../../fixtures/cards/portrait.png");
        let (width, height) = size(form).unwrap();
        assert!(width > height && height > 1000, "{width} x {height}");
        let (width, height) = size(portrait).unwrap();
        assert!(height > width, "{width} x {height}");
        for end in 0..600 {
            let _ = size(&form[..end]);
        }
        assert_eq!(size(b"\xff\xd8\xff\xe0\x00\x00"), None);
        assert_eq!(size(b"no picture"), None);
    }
}
