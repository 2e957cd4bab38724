//! One-time tickets for previews: an `<img>` cannot send a token, and a token does not belong in an address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use yidang_device::PreviewWish;

use crate::owner::Owner;
use crate::random;

/// How long a ticket may be used.
pub(crate) const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets that are out at once.
const TICKETS_MAX: usize = 64;

/// Of those, one token's.
const TICKETS_OF_ONE_MAX: usize = 16;

/// What a ticket admits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The token it was asked for with, and the clerk's session: the preview ends with either.
    pub(crate) owner: Owner,
    /// The web origin it was given to; `None`: a program that is no page.
    pub(crate) origin: Option<String>,
    /// The camera's id.
    pub(crate) camera: String,
    /// How large a preview.
    pub(crate) wish: PreviewWish,
}

/// The tickets that are out. In memory only: they do not outlive the daemon.
#[derive(Default)]
pub(crate) struct Tickets {
    out: Mutex<HashMap<String, (Ticket, Instant)>>,
}

impl Tickets {
    /// Gives one out; its secret. `Err`: too many are out, until so much later.
    pub(crate) fn give(&self, ticket: Ticket, now: Instant) -> Result<String, Duration> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.retain(|_, (_, until)| now < *until);
        let own = || out.values().filter(|(other, _)| other.owner.token == ticket.owner.token);
        let first = if own().count() >= TICKETS_OF_ONE_MAX {
            own().map(|(_, until)| *until).min()
        } else if out.len() >= TICKETS_MAX {
            out.values().map(|(_, until)| *until).min()
        } else {
            None
        };
        if let Some(first) = first {
            return Err(first - now);
        }
        let secret = URL_SAFE_NO_PAD.encode(random::bytes::<24>());
        out.insert(secret.clone(), (ticket, now + LIFETIME));
        Ok(secret)
    }

    /// Takes one in: whatever comes of it, it is used up.
    pub(crate) fn take(&self, secret: &str, now: Instant) -> Option<Ticket> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (ticket, until) = out.remove(secret)?;
        (now < until).then_some(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(camera: &str) -> Ticket {
        ticket_of(1, camera)
    }

    fn ticket_of(token: i64, camera: &str) -> Ticket {
        let wish = PreviewWish { width_max: 640, height_max: 480, rate: 5 };
        Ticket { owner: Owner::of_token(token), origin: None, camera: camera.into(), wish }
    }

    #[test]
    fn a_ticket_is_good_once_and_not_for_long() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let secret = tickets.give(ticket("a"), now).unwrap();
        assert_eq!(tickets.take(&secret, now), Some(ticket("a")));
        assert_eq!(tickets.take(&secret, now), None);
        let late = tickets.give(ticket("b"), now).unwrap();
        assert_eq!(tickets.take(&late, now + LIFETIME), None);
        assert_eq!(tickets.take("", now), None);
    }

    #[test]
    fn no_more_than_the_bound_are_out_and_expired_ones_make_room() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let owners = (TICKETS_MAX / TICKETS_OF_ONE_MAX) as i64;
        for token in 1..=owners {
            for _ in 0..TICKETS_OF_ONE_MAX {
                tickets.give(ticket_of(token, "a"), now).unwrap();
            }
            assert_eq!(tickets.give(ticket_of(token, "a"), now), Err(LIFETIME));
        }
        let later = now + Duration::from_secs(10);
        assert_eq!(tickets.give(ticket_of(owners + 1, "a"), later), Err(LIFETIME - Duration::from_secs(10)));
        tickets.give(ticket("a"), now + LIFETIME).unwrap();
    }
}
