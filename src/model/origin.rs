//! Where a card reading or a picture came from.

use std::fmt;
use std::str::FromStr;

/// Where a card reading or a picture came from. A material made of several pages carries the least
/// trustworthy origin among them: `Simulated` before `Upload` before `Device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A real reader or camera at this window.
    Device,
    /// A file handed in through the API.
    Upload,
    /// The simulated reader or camera; a repository refuses such materials unless configured otherwise.
    Simulated,
}

impl Origin {
    /// The word used in the API, on the wire and in stored records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Upload => "upload",
            Self::Simulated => "simulated",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Device, Self::Upload, Self::Simulated].into_iter().find(|o| o.as_str() == text).ok_or(())
    }
}
