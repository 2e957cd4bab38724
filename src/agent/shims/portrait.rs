//! Portraits as old pages show them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yidang_imaging::{Picture, decode, encode_jpeg};

use crate::api::extract::blocking;
use crate::problem::{Code, Problem};

/// Which file a portrait is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PortraitForm {
    /// A JPEG of this quality, 1 to 100.
    Jpeg(u8),
    /// A BMP of 24 bits a pixel.
    Bmp,
}

/// The picture, PNG or JPEG, in this form and base64; empty where it is none.
pub(super) async fn portrait(picture: Vec<u8>, form: PortraitForm) -> String {
    let changed = move || {
        let damaged = |_| Problem::from(Code::ImageDamaged);
        let picture = decode(&picture).map_err(damaged)?;
        match form {
            PortraitForm::Jpeg(quality) => encode_jpeg(&picture, quality).map_err(damaged),
            PortraitForm::Bmp => Ok(bmp(&picture)),
        }
    };
    blocking(changed).await.map_or_else(
        |_| {
            tracing::warn!("a portrait could not be given in the form that was asked for");
            String::new()
        },
        |bytes| STANDARD.encode(bytes),
    )
}

/// Rows from the bottom, each of a multiple of four bytes, blue first.
fn bmp(picture: &Picture) -> Vec<u8> {
    const HEAD_BYTES: u32 = 14 + 40;
    let (width, height) = (picture.width(), picture.height());
    let row = (width * 3).next_multiple_of(4);
    let size = HEAD_BYTES + row * height;
    let mut file = Vec::with_capacity(size as usize);
    file.extend_from_slice(b"BM");
    for number in [size, 0, HEAD_BYTES, 40, width, height, 1 | 24 << 16, 0, row * height, 0, 0, 0, 0] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for line in picture.rgb().rchunks_exact(width as usize * 3) {
        file.extend(line.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*b, *g, *r]));
        file.resize(file.len() + (row - width * 3) as usize, 0);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bmp_has_its_rows_from_the_bottom_and_blue_first() {
        let picture = Picture::new(1, 2, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let file = bmp(&picture);
        assert_eq!((&file[..2], file.len()), (&b"BM"[..], 62));
        assert_eq!(file[2..6], 62_u32.to_le_bytes());
        assert_eq!(file[18..22], 1_u32.to_le_bytes());
        assert_eq!(file[54..], [6, 5, 4, 0, 3, 2, 1, 0]);
    }
}
