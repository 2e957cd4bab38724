//! How a page is coloured: as photographed, or as a copying machine would give it.

mod black_white;
mod light;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::grey::{GreyPicture, luma};
use crate::{ImageError, Picture};
use light::Light;

/// How a page is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tone {
    /// As photographed.
    #[default]
    Colour,
    /// White paper, everything on it in shades of grey.
    Grey,
    /// White paper, black writing, nothing between.
    BlackWhite,
    /// White paper, black writing; red stamps and blue ink keep their colours.
    Seal,
}

impl Tone {
    /// Every tone.
    pub const ALL: [Self; 4] = [Self::Colour, Self::Grey, Self::BlackWhite, Self::Seal];

    /// The stable word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Colour => "colour",
            Self::Grey => "grey",
            Self::BlackWhite => "bw",
            Self::Seal => "seal",
        }
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tone {
    type Err = UnknownTone;

    fn from_str(word: &str) -> Result<Self, UnknownTone> {
        Self::ALL.into_iter().find(|tone| tone.as_str() == word).ok_or(UnknownTone)
    }
}

/// A word that names no tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tone is `colour`, `grey`, `bw` or `seal`")]
pub struct UnknownTone;

/// A page after its tone is set, in as few bits a pixel as the tone needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toned {
    /// Three bytes a pixel.
    Colour(Picture),
    /// One byte a pixel.
    Grey(GreyPicture),
    /// One byte a pixel, all of them 0 or 255.
    BlackWhite(GreyPicture),
}

impl Toned {
    /// Pixels across.
    pub fn width(&self) -> u32 {
        match self {
            Self::Colour(picture) => picture.width(),
            Self::Grey(grey) | Self::BlackWhite(grey) => grey.width(),
        }
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        match self {
            Self::Colour(picture) => picture.height(),
            Self::Grey(grey) | Self::BlackWhite(grey) => grey.height(),
        }
    }
}

/// Gives a straightened page its tone. `Colour` gives the page back unchanged; all others whiten the paper first
/// (see [`whiten`]). The same page gives the same pixels.
///
/// # Errors
/// None today; `Encode` is reserved for a page too large to hold twice.
pub fn set_tone(page: Picture, tone: Tone) -> Result<Toned, ImageError> {
    let (width, height) = (page.width(), page.height());
    let grey = |luma| GreyPicture::new(width, height, luma).ok_or(ImageError::Encode);
    Ok(match tone {
        Tone::Colour => Toned::Colour(page),
        Tone::Grey => Toned::Grey(grey(whitened_luma(&page))?),
        Tone::BlackWhite => {
            let luma = whitened_luma(&page);
            Toned::BlackWhite(grey(black_white::threshold(&luma, width as usize, height as usize))?)
        }
        Tone::Seal => {
            let white = whiten(&page);
            let rgb = seal::keep_red_and_blue(white.rgb(), width as usize, height as usize);
            Toned::Colour(Picture::new(width, height, rgb).ok_or(ImageError::Encode)?)
        }
    })
}

/// Makes the paper white everywhere: its own brightness and tint are estimated over the page and divided out, so
/// that the shadow of an arm, a lamp to one side and yellow paper go. Photographs, stamps and dark prints are not
/// taken for paper and keep their tones.
pub fn whiten(page: &Picture) -> Picture {
    let light = Light::of(page);
    let mut rgb = Vec::with_capacity(page.rgb().len());
    light.for_each_row(page, |row| rgb.extend(row.iter().flatten()));
    Picture::new(page.width(), page.height(), rgb).unwrap_or_else(|| page.clone())
}

/// The ink of a page: true where it is, row by row.
pub(crate) fn ink(page: &Picture) -> Vec<bool> {
    let luma = whitened_luma(page);
    let dots = black_white::threshold(&luma, page.width() as usize, page.height() as usize);
    dots.into_iter().map(|dot| dot == 0).collect()
}

fn whitened_luma(page: &Picture) -> Vec<u8> {
    let light = Light::of(page);
    let mut grey = Vec::with_capacity(page.rgb().len() / 3);
    light.for_each_row(page, |row| grey.extend(row.iter().map(|pixel| luma(*pixel))));
    grey
}
