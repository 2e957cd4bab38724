//! What a driver finds when it looks.

/// Whether this process may open a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Granted,
    /// The device is there, but the operating system forbids opening it. The remedy is one English sentence
    /// an installer can act on, such as the udev rule to add.
    Denied {
        /// What would open it.
        remedy: String,
    },
}

/// A device a driver can see, whether or not it may be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceListing {
    /// Stable across unplugging where the hardware allows it; what `open` takes.
    pub id: String,
    /// What a person would call it.
    pub name: String,
    /// Whether it may be opened.
    pub access: Access,
}
