//! What an archive seals and hashes with: a suite, chosen when the archive is made, and the device that carries it out.
//!
//! | suite | seals | keyed hashes | hash chain |
//! |---|---|---|---|
//! | `aes-256-gcm` | AES-256-GCM | HMAC-SHA-256 | SHA-256 |
//! | `sm4-gcm` | SM4-GCM (GB/T 32907, RFC 8998) | HMAC-SM3 | SM3 (GB/T 32905) |
//!
//! Everything says itself which suite it is of: a key by its length, a blob by its header, a ledger entry and a key file by
//! their version. In both suites a picture's *digest* stays SHA-256, which window software and the repository are promised,
//! and so do the checksums of key files and shares, which protect nothing. What is sealed to the office's recovery key is
//! sealed with X25519, HKDF-SHA-256 and AES-256-GCM in both.
//!
//! Software alone passes no 密评 (GB/T 39786) of the third level, whatever it computes: that asks for a certified module.
//! [`CryptoDevice`] is where one goes in; [`use_device`] puts it there.

mod device;
mod software;
mod suite;

pub use device::{CryptoDevice, KeyHandle, NONCE_BYTES, TAG_BYTES, use_device};
pub use suite::Suite;
