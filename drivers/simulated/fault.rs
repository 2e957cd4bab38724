//! What can be made to go wrong.

use std::fmt;
use std::str::FromStr;

/// A simulated device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    /// The card reader.
    Card,
    /// The camera.
    Camera,
}

impl Device {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Camera => "camera",
        }
    }
}

/// The device, or the device's fault, is none there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated devices have no such fault")]
pub struct UnknownFault;

impl FromStr for Device {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        [Self::Card, Self::Camera].into_iter().find(|device| device.as_str() == text).ok_or(UnknownFault)
    }
}

macro_rules! faults {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in the API and in card files.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownFault;

            fn from_str(text: &str) -> Result<Self, UnknownFault> {
                Self::ALL.iter().copied().find(|fault| fault.as_str() == text).ok_or(UnknownFault)
            }
        }
    };
}

faults!(
    /// Faults of the card reader. All but `Unplug` strike commands of a reading, never those of a look for
    /// the card, so that a program that keeps looking does not use them up.
    CardFault {
        /// `20 01` finds no card. Strikes one reading each time.
        NoCard = "no_card",
        /// `20 02` answers 81. Strikes one reading each time.
        SelectFailed = "select_failed",
        /// `30 01` answers 41. A reading tries twice, so two of them fail one reading.
        ReadFailed = "read_failed",
        /// The reply to `30 01` has a wrong check byte. Two of them fail one reading.
        BadChecksum = "bad_checksum",
        /// The reply to `20 01` breaks off half-way. Two of them fail one reading, after two seconds.
        ShortFrame = "short_frame",
        /// `20 01` gets no reply. Two of them fail one reading, after two seconds.
        Hang = "hang",
        /// The reader is unplugged at once and stays away for so many looks for it.
        Unplug = "unplug",
    }
);

faults!(
    /// Faults of the camera.
    CameraFault {
        /// No picture comes within the caller's time. Strikes one picture each time.
        Stall = "stall",
        /// The camera is unplugged at once and stays away for so many looks for it.
        Unplug = "unplug",
        /// The picture's second half is missing. Strikes one picture each time.
        Truncated = "truncated",
    }
);

/// A fault of either device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Of the card reader.
    Card(CardFault),
    /// Of the camera.
    Camera(CameraFault),
}

impl Fault {
    /// The device's fault of this name.
    pub fn parse(device: Device, fault: &str) -> Result<Self, UnknownFault> {
        match device {
            Device::Card => fault.parse().map(Self::Card),
            Device::Camera => fault.parse().map(Self::Camera),
        }
    }

    /// Every fault there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let cameras = CameraFault::ALL.iter().copied().map(Self::Camera);
        CardFault::ALL.iter().copied().map(Self::Card).chain(cameras)
    }

    /// Whose fault it is.
    pub const fn device(self) -> Device {
        match self {
            Self::Card(_) => Device::Card,
            Self::Camera(_) => Device::Camera,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Card(fault) => fault.as_str(),
            Self::Camera(fault) => fault.as_str(),
        })
    }
}

/// A fault that strikes a number of times and is then over.
#[derive(Clone, Copy)]
pub(crate) struct Pending<F> {
    slot: Option<(F, u32)>,
}

impl<F> Default for Pending<F> {
    fn default() -> Self {
        Self { slot: None }
    }
}

impl<F: Copy + PartialEq> Pending<F> {
    /// Puts a fault in place of the one before; 0 times clears it.
    pub(crate) fn set(&mut self, fault: F, times: u32) {
        self.slot = (times > 0).then_some((fault, times));
    }

    /// Whether this fault waits.
    pub(crate) fn is(&self, fault: F) -> bool {
        self.slot.is_some_and(|(waiting, _)| waiting == fault)
    }

    /// Strikes once, if this fault waits.
    pub(crate) fn strike(&mut self, fault: F) -> bool {
        match self.slot {
            Some((waiting, times)) if waiting == fault => {
                self.set(fault, times - 1);
                true
            }
            _ => false,
        }
    }
}
