//! A part of the recovery key's secret half, as one person keeps it.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::key::read_text;
use super::text::{self, Lines};
use super::{OfficeId, RecoveryError, RecoverySecret, shamir};
use crate::ArchiveError;
use crate::storage::Secret;

/// First words of the text; the version follows.
const WORDS: &str = "yidang recovery share";
/// Most shares of a key.
pub const SHARES_MAX: u8 = 64;
/// Fewest shares that may be asked for: nobody is to open everything alone.
pub const THRESHOLD_MIN: u8 = 2;

/// A share. Its text form is five lines: what it is, whose key, which share, its secret, a checksum.
#[derive(Clone)]
pub struct RecoveryShare {
    office: OfficeId,
    number: u8,
    count: u8,
    threshold: u8,
    secret: Secret,
}

impl fmt::Debug for RecoveryShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryShare({} of {} of {})", self.number, self.count, self.office)
    }
}

impl RecoveryShare {
    /// Which one it is, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Reads it from a file. What is no share is [`io::ErrorKind::InvalidData`] with a [`RecoveryError`] inside.
    pub fn load(path: &Path) -> io::Result<Self> {
        read_text(path)?.parse().map_err(|e: RecoveryError| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    /// Its text form, a secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        let Self { office, number, count, threshold, secret } = self;
        let secret = text::grouped(secret.expose());
        Zeroizing::new(format!(
            "{WORDS} 1\noffice {office}\nshare {number} of {count}, {threshold} needed\nsecret {}\ncheck {}\n",
            *secret,
            self.checksum(),
        ))
    }

    fn checksum(&self) -> String {
        let numbers = [self.number, self.count, self.threshold];
        text::checksum(WORDS, &[&self.office.0, &numbers, self.secret.expose()])
    }
}

impl FromStr for RecoveryShare {
    type Err = RecoveryError;

    fn from_str(written: &str) -> Result<Self, RecoveryError> {
        let mut lines = Lines::read(written, WORDS, RecoveryError::ShareMalformed)?;
        let share = read(&mut lines).ok_or(RecoveryError::ShareMalformed)?;
        let check = lines.word("check").filter(|_| lines.is_at_end()).ok_or(RecoveryError::ShareMalformed)?;
        if *check != share.checksum() {
            return Err(RecoveryError::ShareDamaged);
        }
        // Nobody else writes such a checksum, but these numbers are calculated with.
        let is_sound = share.number >= 1 && share.number <= share.count && share.threshold <= share.count;
        if is_sound && share.threshold >= THRESHOLD_MIN {
            Ok(share)
        } else {
            Err(RecoveryError::ShareMalformed)
        }
    }
}

fn read(lines: &mut Lines) -> Option<RecoveryShare> {
    let office = OfficeId(*lines.bytes("office")?);
    let place = lines.words("share")?;
    let (number, rest) = place.split_once(" of ")?;
    let (count, rest) = rest.split_once(", ")?;
    let threshold = rest.strip_suffix(" needed")?;
    Some(RecoveryShare {
        office,
        number: number.parse().ok()?,
        count: count.parse().ok()?,
        threshold: threshold.parse().ok()?,
        secret: Secret::new(*lines.bytes("secret")?),
    })
}

/// Splits a key among so many people, any `threshold` of whom can put it together again.
/// [`RecoveryError::SplitOutOfBounds`] inside: more than [`SHARES_MAX`], or fewer asked for than [`THRESHOLD_MIN`].
pub fn split_secret(
    secret: &RecoverySecret,
    count: u8,
    threshold: u8,
) -> Result<Vec<RecoveryShare>, ArchiveError> {
    if count > SHARES_MAX || threshold < THRESHOLD_MIN || threshold > count {
        return Err(RecoveryError::SplitOutOfBounds.into());
    }
    let office = secret.public().office();
    let parts = shamir::split(&secret.0, count, threshold)?;
    let numbered = (1..).zip(parts);
    Ok(numbered.map(|(number, secret)| RecoveryShare { office, number, count, threshold, secret }).collect())
}

/// Puts a key together again from its shares, in any order; one that comes twice counts once.
pub fn join_shares(shares: &[RecoveryShare]) -> Result<RecoverySecret, RecoveryError> {
    let first =
        shares.first().ok_or(RecoveryError::SharesTooFew { have: 0, need: usize::from(THRESHOLD_MIN) })?;
    if let Some(other) = shares.iter().find(|share| share.office != first.office) {
        return Err(RecoveryError::SharesMixed(first.office, other.office));
    }
    let mut points: Vec<(u8, &Secret)> = Vec::with_capacity(shares.len());
    for share in shares {
        if points.iter().all(|(number, _)| *number != share.number) {
            points.push((share.number, &share.secret));
        }
    }
    let need = usize::from(first.threshold);
    if points.len() < need {
        return Err(RecoveryError::SharesTooFew { have: points.len(), need });
    }
    let secret = RecoverySecret(shamir::join(&points[..need]));
    let office = first.office;
    if secret.public().office() == office { Ok(secret) } else { Err(RecoveryError::SharesWrong(office)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(count: u8, threshold: u8) -> (RecoverySecret, Vec<RecoveryShare>) {
        let secret = RecoverySecret::random().unwrap();
        let shares = split_secret(&secret, count, threshold).unwrap();
        (secret, shares)
    }

    fn typed(share: &RecoveryShare) -> RecoveryShare {
        share.to_text().parse().unwrap()
    }

    #[test]
    fn printed_shares_give_the_key_in_any_order() {
        let (secret, shares) = shares(5, 3);
        for some in [[0, 1, 2], [4, 2, 0], [3, 1, 4]] {
            let some: Vec<_> = some.into_iter().map(|at: usize| typed(&shares[at])).collect();
            assert_eq!(join_shares(&some).unwrap().0.expose(), secret.0.expose());
        }
        let twice: Vec<_> = [0, 0, 1, 1, 2].into_iter().map(|at: usize| typed(&shares[at])).collect();
        assert_eq!(join_shares(&twice).unwrap().0.expose(), secret.0.expose());
    }

    #[test]
    fn too_few_mixed_and_forged_shares_are_told_apart() {
        let (secret, ours) = shares(5, 3);
        let (other, theirs) = shares(5, 3);
        let joined = |shares: &[&RecoveryShare]| {
            join_shares(&shares.iter().map(|share| (*share).clone()).collect::<Vec<_>>()).unwrap_err()
        };
        let too_few = |have| RecoveryError::SharesTooFew { have, need: 3 };
        assert_eq!(joined(&[]), RecoveryError::SharesTooFew { have: 0, need: 2 });
        assert_eq!(joined(&[&ours[0], &ours[4]]), too_few(2));
        assert_eq!(joined(&[&ours[0], &ours[0], &ours[0]]), too_few(1));
        let [our_office, their_office] = [&secret, &other].map(|secret| secret.public().office());
        let mixed = RecoveryError::SharesMixed(our_office, their_office);
        assert_eq!(joined(&[&ours[0], &ours[1], &theirs[2]]), mixed);
        let forged = RecoveryShare { secret: Secret::new([1; 32]), ..ours[2].clone() };
        assert_eq!(joined(&[&ours[0], &ours[1], &typed(&forged)]), RecoveryError::SharesWrong(our_office));
        for (count, threshold) in [(3, 1), (3, 4), (65, 2), (0, 0)] {
            let error = split_secret(&secret, count, threshold).unwrap_err();
            assert_eq!(error, RecoveryError::SplitOutOfBounds.into(), "{threshold} of {count}");
        }
    }

    #[test]
    fn a_wrong_letter_is_noticed_wherever_it_is() {
        let (_, shares) = shares(3, 2);
        let written = shares[1].to_text();
        assert_eq!(written.to_uppercase().replace(' ', "  ").parse::<RecoveryShare>().unwrap().number(), 2);
        for at in 0..written.len() {
            let mut changed = written.as_bytes().to_vec();
            changed[at] = if changed[at] == b'3' { b'9' } else { b'3' };
            let read = String::from_utf8(changed).unwrap().parse::<RecoveryShare>();
            let wanted =
                [RecoveryError::ShareDamaged, RecoveryError::ShareMalformed, RecoveryError::NewerVersion];
            assert!(wanted.contains(&read.unwrap_err()), "at {at}");
        }
        for length in 0..written.len() - 1 {
            assert!(written[..length].parse::<RecoveryShare>().is_err(), "cut to {length}");
        }
        let secret = written.lines().nth(3).unwrap();
        let wrong = written.replace(secret, &secret.replace(char::is_numeric, "0"));
        assert_eq!(wrong.parse::<RecoveryShare>().unwrap_err(), RecoveryError::ShareDamaged);
        assert!(!format!("{:?}", shares[1]).contains(&hex::encode(&shares[1].secret.expose()[..2])));
    }
}
