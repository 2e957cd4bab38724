//! The names under which things are stored. None of them tells anything without the store's keys.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Lower-case hexadecimal.
            pub fn to_hex(self) -> String {
                hex::encode(self.0)
            }

            /// Reads what [`Self::to_hex`] wrote; `None` for anything else.
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut bytes = [0; $length];
                hex::decode_to_slice(text, &mut bytes).ok()?;
                Some(Self(bytes))
            }

            /// From a column's raw bytes; `None` when the length is wrong.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}…)"), hex::encode(&self.0[..4]))
            }
        }
    };
}

name!(
    /// A blob file's name: a keyed hash of the plain bytes' digest, so that a stolen disk cannot be searched
    /// for a known picture.
    BlobName,
    32
);
name!(
    /// A random key identifier.
    KeyId,
    16
);
name!(
    /// A keyed hash of something personal (a subject, a filing's content, an idempotency key) by which it can
    /// be found again and not be read.
    Tag,
    32
);
