//! PINs: which are good enough, how they are kept, and how slowly they can be guessed.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

use super::OperatorError;
use crate::random;

/// Fewest digits.
const PIN_LENGTH_MIN: usize = 6;
/// Most digits.
pub(crate) const PIN_LENGTH_MAX: usize = 12;
/// After so many wrong tries in a row a PIN is not looked at any more.
pub(super) const TRIES_MAX: u32 = 8;
/// After so many one has to wait, twice as long each time.
const TRIES_FREE: u32 = 2;
/// The longest wait.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(64);

/// How long the next try has to wait after so many wrong ones in a row.
pub(super) fn wait_after(tries: u32) -> Duration {
    match tries.saturating_sub(TRIES_FREE) {
        0 => Duration::ZERO,
        more => Duration::from_secs(1 << more.min(6)).min(WAIT_MAX),
    }
}

/// Whether a PIN is not among the first that anyone would try.
pub(super) fn check(pin: &str) -> Result<(), OperatorError> {
    let digits = pin.as_bytes();
    let is_long_enough = (PIN_LENGTH_MIN..=PIN_LENGTH_MAX).contains(&digits.len());
    let counts = |step: i16| digits.windows(2).all(|two| i16::from(two[1]) - i16::from(two[0]) == step);
    if !is_long_enough || !digits.iter().all(u8::is_ascii_digit) || [-1, 0, 1].into_iter().any(counts) {
        return Err(OperatorError::BadPin);
    }
    Ok(())
}

/// The PIN as it is kept: argon2id with its salt. `pepper` lies elsewhere than the hash: a million PINs are tried in
/// no time by whoever has both. Takes some 20 MiB and up to a tenth of a second.
pub(super) fn hash(pin: &str, pepper: &[u8; 32]) -> Result<String, OperatorError> {
    let salt = random::bytes::<16>();
    let hashed = hasher(pepper)?.hash_password_with_salt(pin.as_bytes(), &salt);
    hashed.map(|hash| hash.to_string()).map_err(|_| OperatorError::BadPin)
}

/// Whether this is the PIN. What was kept damaged is no PIN's.
pub(super) fn matches(pin: &str, kept: &str, pepper: &[u8; 32]) -> Result<bool, OperatorError> {
    let Ok(kept) = PasswordHash::new(kept) else { return Ok(false) };
    Ok(hasher(pepper)?.verify_password(pin.as_bytes(), &kept).is_ok())
}

fn hasher(pepper: &[u8; 32]) -> Result<Argon2<'_>, OperatorError> {
    let made = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, Params::default());
    made.map_err(|_| OperatorError::KeyWrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pins_anyone_would_try_are_none() {
        for pin in
            ["", "12345", "1234567890123", "111111", "123456", "987654", "12345a", "１２３４５６", "60 511"]
        {
            assert!(check(pin).is_err(), "{pin}");
        }
        for pin in ["605112", "123457", "112233445566"] {
            assert!(check(pin).is_ok(), "{pin}");
        }
    }

    #[test]
    fn a_pin_is_kept_as_argon2id_that_only_its_own_pepper_opens() {
        let (pepper, other) = ([1; 32], [2; 32]);
        let kept = hash("605112", &pepper).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, hash("605112", &pepper).unwrap());
        assert!(matches("605112", &kept, &pepper).unwrap());
        assert!(!matches("605113", &kept, &pepper).unwrap());
        assert!(!matches("605112", &kept, &other).unwrap());
        assert!(!matches("605112", "damaged", &pepper).unwrap());
    }

    #[test]
    fn each_wrong_try_waits_longer() {
        let waits: Vec<u64> = (0..TRIES_MAX).map(|tries| wait_after(tries).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 2, 4, 8, 16, 32]);
        assert_eq!(wait_after(u32::MAX), WAIT_MAX);
    }
}
