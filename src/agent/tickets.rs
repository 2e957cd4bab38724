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
    /// Gives one out; its secret. `None`: too many are out.
    pub(crate) fn give(&self, ticket: Ticket, now: Instant) -> Option<String> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.retain(|_, (_, until)| now < *until);
        let own = out.values().filter(|(other, _)| other.owner.token == ticket.owner.token).count();
        if out.len() >= TICKETS_MAX || own >= TICKETS_OF_ONE_MAX {
            return None;
        }
        let secret = URL_SAFE_NO_PAD.encode(random::bytes::<24>());
        out.insert(secret.clone(), (ticket, now + LIFETIME));
        Some(secret)
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
            assert_eq!(tickets.give(ticket_of(token, "a"), now), None);
        }
        assert_eq!(tickets.give(ticket_of(owners + 1, "a"), now), None);
        assert!(tickets.give(ticket("a"), now + LIFETIME).is_some());
    }
}
