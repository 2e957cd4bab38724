//! Shamir's scheme: a secret's bytes as the values at 0 of random polynomials over GF(256), shares as their values
//! elsewhere. Fewer shares than a polynomial has coefficients tell nothing about the secret.
//!
//! Not in constant time: it runs twice in the life of a key, on a machine that holds the key anyway.

use zeroize::Zeroizing;

use crate::crypto::Suite;
use crate::seal;
use crate::storage::{Secret, StorageError};

/// Bytes of a secret: as many as keys of AES-256 have.
const BYTES: usize = 32;

/// Splits a secret into so many shares, at 1, 2, 3 …, any `threshold` of which give it again.
pub(super) fn split(secret: &Secret, count: u8, threshold: u8) -> Result<Vec<Secret>, StorageError> {
    // Each coefficient holds one byte of every polynomial; those of degree 0 are the secret.
    let mut coefficients = vec![secret.clone()];
    for _ in 1..threshold {
        coefficients.push(seal::random_secret(Suite::Aes256Gcm)?);
    }
    let share_at = |x: u8| {
        let mut share = Zeroizing::new([0; BYTES]);
        for coefficient in coefficients.iter().rev() {
            for (value, byte) in share.iter_mut().zip(coefficient.expose()) {
                *value = multiply(*value, x) ^ byte;
            }
        }
        Secret::new(*share)
    };
    Ok((1..=count).map(share_at).collect())
}

/// The secret, from as many shares as are needed: where each lies, no two alike and none at 0, and its value.
pub(super) fn join(shares: &[(u8, &Secret)]) -> Secret {
    let mut secret = Zeroizing::new([0; BYTES]);
    for (x, share) in shares {
        // Lagrange's polynomial of this share, at 0.
        let others = shares.iter().filter(|(other, _)| other != x);
        let weight =
            others.fold(1, |weight, (other, _)| multiply(weight, multiply(*other, inverse(x ^ other))));
        for (value, byte) in secret.iter_mut().zip(share.expose()) {
            *value ^= multiply(*byte, weight);
        }
    }
    Secret::new(*secret)
}

/// In the field of AES: modulo x⁸ + x⁴ + x³ + x + 1.
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

/// The 254th power: the 255th of anything but 0 is 1.
fn inverse(a: u8) -> u8 {
    (0..254).fold(1, |power, _| multiply(power, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_that_of_aes() {
        // FIPS 197, section 4.2.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        for a in 1..=u8::MAX {
            assert_eq!(multiply(a, inverse(a)), 1, "{a}");
        }
    }

    #[test]
    fn any_so_many_shares_give_the_secret_and_one_fewer_does_not() {
        let secret = seal::random_secret(Suite::Aes256Gcm).unwrap();
        for (count, threshold) in [(2, 2), (3, 2), (5, 3), (6, 6), (64, 2)] {
            let shares = split(&secret, count, threshold).unwrap();
            let numbered: Vec<(u8, &Secret)> = (1..).zip(&shares).collect();
            let need = usize::from(threshold);
            for start in 0..numbered.len() {
                let some: Vec<_> = numbered.iter().cycle().skip(start).take(need).copied().collect();
                assert_eq!(join(&some).expose(), secret.expose(), "{threshold} of {count} from {start}");
                assert_ne!(join(&some[1..]).expose(), secret.expose(), "one fewer");
            }
            assert_eq!(join(&numbered).expose(), secret.expose(), "all");
        }
    }

    #[test]
    fn one_share_fewer_agrees_with_every_secret() {
        // Two of three: with one share in hand, each byte of the secret is as likely as any other.
        let share = |secret: u8| split(&Secret::new([secret; BYTES]), 1, 2).unwrap()[0].expose()[0];
        let seen: std::collections::HashSet<u8> = (0..4000).map(|_| share(42)).collect();
        assert!(seen.len() > 250, "{}", seen.len());
    }
}
