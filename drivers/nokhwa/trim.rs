//! What of a buffer is the picture.

use yidang_device::whole_jpeg;

/// How the pixels of a buffer lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Jpeg,
    /// Two pixels in four bytes.
    Yuyv,
    /// A byte for each pixel, then two for every four.
    Nv12,
    /// Three bytes for each pixel.
    Rgb,
    /// One byte for each pixel.
    Grey,
}

/// The bytes of the one picture a buffer begins with, and nothing of what lies behind it. `None` where it holds no
/// whole picture of this size.
pub(crate) fn picture(layout: Layout, width: u32, height: u32, buffer: &[u8]) -> Option<Vec<u8>> {
    let (width, height) = (width as usize, height as usize);
    let pixels = width.checked_mul(height)?;
    let length = match layout {
        Layout::Jpeg => return whole_jpeg(buffer),
        Layout::Yuyv if width.is_multiple_of(2) => pixels.checked_mul(2)?,
        Layout::Nv12 if width.is_multiple_of(2) && height.is_multiple_of(2) => pixels.checked_mul(3)? / 2,
        Layout::Yuyv | Layout::Nv12 => return None,
        Layout::Rgb => pixels.checked_mul(3)?,
        Layout::Grey => pixels,
    };
    buffer.get(..length).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long page, and over its beginning a short one, as nokhwa hands them out.
    #[test]
    fn nothing_of_a_long_page_follows_a_short_one() {
        let page = |scan: &[u8]| {
            [&[0xFF, 0xD8, 0xFF, 0xC4, 0, 2, 0xFF, 0xC0, 0, 2, 0xFF, 0xDA, 0, 2], scan, &[0xFF, 0xD9]]
                .concat()
        };
        let short = page(&[1; 10]);
        let mut buffer = [page(&[7; 900]), vec![0; 100]].concat();
        buffer[..short.len()].copy_from_slice(&short);
        assert!(buffer[short.len()..].windows(2).any(|bytes| bytes == [0xFF, 0xD9]), "an older end is there");
        assert_eq!(picture(Layout::Jpeg, 4, 4, &buffer), Some(short));
        assert_eq!(picture(Layout::Jpeg, 4, 4, &buffer[..20]), None);
    }

    #[test]
    fn bare_pixels_are_as_many_as_the_mode_has() {
        for (layout, length) in
            [(Layout::Yuyv, 48), (Layout::Nv12, 36), (Layout::Rgb, 72), (Layout::Grey, 24)]
        {
            let buffer: Vec<u8> = (0..100).collect();
            assert_eq!(picture(layout, 6, 4, &buffer), Some(buffer[..length].to_vec()), "{layout:?}");
            assert_eq!(picture(layout, 6, 4, &buffer[..length - 1]), None, "{layout:?}");
        }
        assert_eq!(picture(Layout::Yuyv, 5, 4, &[0; 100]), None);
        assert_eq!(picture(Layout::Rgb, u32::MAX, u32::MAX, &[0; 100]), None);
    }
}
