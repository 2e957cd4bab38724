//! The office's recovery key: what opens the disk of a dead PC, split among people of whom some must meet.
//!
//! Its public half is in every window's configuration, and each epoch's key is sealed to it: X25519 with a fresh key,
//! HKDF-SHA-256, AES-256-GCM, bound to store and epoch. Its secret half exists in one moment only, when it is made and
//! split, and again in the command that recovers: so nothing here is written to run in constant time.
//!
//! The sealed key lies in the keyring and goes with its epoch. Whoever has a *copy* of a keyring from before an erasure
//! and enough shares can still open what was forgotten since: such copies have to end when the office says they do.

mod error;
mod held_key;
mod key;
mod shamir;
mod share;
mod text;

pub use error::RecoveryError;
pub(crate) use held_key::HeldKey;
pub use key::{OfficeId, RecoveryKey, RecoverySecret};
pub use share::{RecoveryShare, SHARES_MAX, THRESHOLD_MIN, join_shares, split_secret};
