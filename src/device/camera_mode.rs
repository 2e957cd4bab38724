//! What a camera can take, and what can be adjusted on it.

/// How a camera encodes its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameFormat {
    /// A JPEG each: passed on as it is.
    Mjpeg,
    /// Bare pixels, encoded by the driver.
    Raw,
}

/// Frames a second, as a fraction: 30000/1001 and 25/2 are real cameras' rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// So many frames …
    pub frames: u32,
    /// … in so many seconds.
    pub seconds: u32,
}

/// One size and encoding of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// How they are encoded.
    pub format: FrameFormat,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The rates it offers, the fastest first; empty where the camera does not say.
    pub rates: Vec<Rate>,
}

macro_rules! control_names {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What can be adjusted; the words of UVC's camera terminal and processing unit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ControlName {
            $($(#[$doc])* $name,)*
        }

        impl ControlName {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word the API uses.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

control_names! {
    /// Distance the lens is focused at, in the camera's own steps.
    Focus = "focus",
    /// 1: the camera focuses by itself.
    FocusAuto = "focus_auto",
    /// Exposure time in units of 100 µs.
    Exposure = "exposure",
    /// 1: the camera exposes by itself.
    ExposureAuto = "exposure_auto",
    /// Colour temperature in kelvin.
    WhiteBalance = "white_balance",
    /// 1: the camera balances white by itself.
    WhiteBalanceAuto = "white_balance_auto",
    /// Zoom, in the camera's own steps.
    Zoom = "zoom",
    /// Brightness, in the camera's own steps.
    Brightness = "brightness",
    /// Contrast, in the camera's own steps.
    Contrast = "contrast",
    /// Saturation, in the camera's own steps.
    Saturation = "saturation",
    /// Sharpness, in the camera's own steps.
    Sharpness = "sharpness",
    /// Gain, in the camera's own steps.
    Gain = "gain",
    /// Against the lamps' flicker: 0 off, 1 50 Hz, 2 60 Hz, 3 by itself.
    PowerLineFrequency = "power_line_frequency",
}

/// One thing that can be adjusted, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Which.
    pub name: ControlName,
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Between two values; at least 1.
    pub step: i64,
    /// What the camera starts with.
    pub default: i64,
    /// What it is now.
    pub value: i64,
    /// Whether the camera takes a new value now: not focus while it focuses by itself.
    pub active: bool,
}
