//! The suites there are.

use super::CryptoDevice;
use super::device::national_device;
use super::software::Software;

/// A choice of algorithms, made once for an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-256-GCM and SHA-256.
    #[default]
    Aes256Gcm,
    /// SM4-GCM and SM3.
    Sm4Gcm,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::Sm4Gcm];

    /// The word in configurations and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Sm4Gcm => "sm4-gcm",
        }
    }

    /// Reads a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.as_str() == word)
    }

    /// Bytes of its keys, by which a key tells what it is for.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes256Gcm => 32,
            Self::Sm4Gcm => 16,
        }
    }

    /// The number in what is stored: a blob's algorithm, the version of an entry and of a key file.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::Sm4Gcm => 2,
        }
    }

    pub(crate) fn of_number(number: impl Into<u64>) -> Option<Self> {
        let number = number.into();
        Self::ALL.into_iter().find(|suite| u64::from(suite.number()) == number)
    }

    /// What carries it out.
    pub(crate) fn device(self) -> &'static dyn CryptoDevice {
        match self {
            Self::Aes256Gcm => &Software,
            Self::Sm4Gcm => national_device().unwrap_or(&Software),
        }
    }
}

impl std::fmt::Display for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
