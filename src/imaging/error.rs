//! What can be wrong with a picture.

/// Why bytes did not become a page. Nothing here quotes the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The bytes are neither JPEG nor PNG.
    #[error("this is neither a JPEG nor a PNG picture")]
    NotAnImage,
    /// A JPEG of a kind no camera or browser makes: arithmetic, lossless, 12-bit, or with four colours.
    #[error(
        "this kind of JPEG is not read: it must be baseline or progressive, 8-bit, grey or three colours"
    )]
    Unsupported,
    /// A JPEG or PNG that is cut off or corrupt, anywhere.
    #[error("the picture is damaged or cut off")]
    Damaged,
    /// More pixels than [`PIXELS_MAX`](crate::PIXELS_MAX) or a side longer than
    /// [`SIDE_MAX_PX`](crate::SIDE_MAX_PX). Known before memory for the pixels is taken.
    #[error("a picture of {width} x {height} pixels is too large")]
    TooLarge {
        /// Pixels across, as stored.
        width: u32,
        /// Pixels down, as stored.
        height: u32,
    },
    /// Corners from the caller that are not finite, lie outside the picture, or are not the clockwise
    /// corners of a convex page.
    #[error("the corners do not describe a page inside the picture")]
    BadCorners,
    /// The picture could not be written as JPEG.
    #[error("the picture could not be encoded")]
    Encode,
}
