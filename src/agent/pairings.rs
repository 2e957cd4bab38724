//! Programs and pages that ask for a token of their own, until an administrator at this window says yes or no.
//!
//! Whoever asks gets a secret, with which it comes for the answer, and a code, which it shows. The administrator sees
//! the same code beside the name and the origin, and so knows which page it is that asks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random;
use crate::scope::Scope;

/// How long a request waits to be decided and then to be collected.
pub(crate) const LIFETIME: Duration = Duration::from_secs(300);
/// Requests that wait at once. One program or origin has one at a time, so that a page alone cannot fill them.
const WAITING_MAX: usize = 8;
/// Codes are read out and compared by people.
const CODE_DIGITS: usize = 6;

/// What may be asked for by pairing. All else is given by who sits at the command line.
pub(crate) const SCOPES: [Scope; 4] = [Scope::Card, Scope::Capture, Scope::ArchiveWrite, Scope::ArchiveRead];

/// Who asks, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    /// As it calls itself.
    pub(crate) name: String,
    /// As the browser says; `None`: a program that is no page.
    pub(crate) origin: Option<String>,
    /// What it wants to do.
    pub(crate) scopes: Vec<Scope>,
}

/// One request that waits to be decided.
pub(crate) struct Waiting {
    /// What both sides show.
    pub(crate) code: String,
    /// Who asks.
    pub(crate) asking: Asking,
    /// How long it still waits.
    pub(crate) remaining: Duration,
}

/// What has been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Refused,
    Accepted,
}

/// What whoever asked finds when it comes for the answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nobody has decided yet.
    Waiting,
    /// No; this is told once.
    Refused,
    /// Yes; the token is to be made now. This is told once.
    Accepted(Asking),
}

struct Pairing {
    asking: Asking,
    code: String,
    until: Instant,
    state: State,
}

/// The requests, by secret. In memory only: they do not outlive the daemon.
#[derive(Default)]
pub(crate) struct Pairings {
    asked: Mutex<HashMap<String, Pairing>>,
}

impl Pairings {
    /// Takes a request in: its secret and its code. One that the same page or program made before is dropped.
    /// `None`: too many wait.
    pub(crate) fn ask(&self, asking: Asking, now: Instant) -> Option<(String, String)> {
        let mut asked = self.live(now);
        let is_same = |other: &Asking| match (&asking.origin, &other.origin) {
            (None, None) => asking.name == other.name,
            (one, other) => one == other,
        };
        asked.retain(|_, pairing| !is_same(&pairing.asking));
        if asked.len() >= WAITING_MAX {
            return None;
        }
        let code = loop {
            let code = code();
            if asked.values().all(|pairing| pairing.code != code) {
                break code;
            }
        };
        let secret = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
        let pairing = Pairing { asking, code: code.clone(), until: now + LIFETIME, state: State::Waiting };
        asked.insert(secret.clone(), pairing);
        Some((secret, code))
    }

    /// Those that wait to be decided, the oldest first.
    pub(crate) fn waiting(&self, now: Instant) -> Vec<Waiting> {
        let asked = self.live(now);
        let mut waiting: Vec<_> = asked
            .values()
            .filter(|pairing| pairing.state == State::Waiting)
            .map(|pairing| Waiting {
                code: pairing.code.clone(),
                asking: pairing.asking.clone(),
                remaining: pairing.until - now,
            })
            .collect();
        waiting.sort_by_key(|one| one.remaining);
        waiting
    }

    /// Decides the one with this code; `false`: none waits under it.
    pub(crate) fn decide(&self, code: &str, accept: bool, now: Instant) -> bool {
        let mut asked = self.live(now);
        let Some(pairing) = asked.values_mut().find(|p| p.code == code && p.state == State::Waiting) else {
            return false;
        };
        pairing.state = if accept { State::Accepted } else { State::Refused };
        true
    }

    /// What came of a request, for who has its secret and comes from where it was made. `None`: there is none, it
    /// has expired, or its answer was given already.
    pub(crate) fn collect(&self, secret: &str, origin: Option<&str>, now: Instant) -> Option<Answer> {
        let mut asked = self.live(now);
        let state = asked.get(secret).filter(|p| p.asking.origin.as_deref() == origin)?.state;
        if state == State::Waiting {
            return Some(Answer::Waiting);
        }
        let decided = asked.remove(secret)?;
        Some(if state == State::Accepted { Answer::Accepted(decided.asking) } else { Answer::Refused })
    }

    fn live(&self, now: Instant) -> MutexGuard<'_, HashMap<String, Pairing>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, pairing| now < pairing.until);
        asked
    }
}

fn code() -> String {
    // Of 2^64 numbers a remainder is as good as even.
    let number = u64::from_be_bytes(random::bytes::<8>()) % 10_u64.pow(CODE_DIGITS as u32);
    format!("{number:0CODE_DIGITS$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(origin: &str) -> Asking {
        Asking { name: "window".into(), origin: Some(origin.into()), scopes: vec![Scope::Card] }
    }

    #[test]
    fn an_answer_is_given_once_to_who_asked() {
        let (pairings, now) = (Pairings::default(), Instant::now());
        let (secret, code) = pairings.ask(page("https://a.cn"), now).unwrap();
        assert_eq!(code.len(), CODE_DIGITS);
        assert_eq!(pairings.collect(&secret, Some("https://a.cn"), now), Some(Answer::Waiting));
        assert!(pairings.decide(&code, true, now));
        assert!(!pairings.decide(&code, false, now), "what is decided stays so");
        assert_eq!(pairings.collect(&secret, Some("https://b.cn"), now), None);
        assert_eq!(pairings.collect(&secret, None, now), None);
        let given = pairings.collect(&secret, Some("https://a.cn"), now);
        assert_eq!(given, Some(Answer::Accepted(page("https://a.cn"))));
        assert_eq!(pairings.collect(&secret, Some("https://a.cn"), now), None);
    }

    #[test]
    fn a_refusal_is_told_and_gone() {
        let (pairings, now) = (Pairings::default(), Instant::now());
        let (secret, code) = pairings.ask(page("https://a.cn"), now).unwrap();
        assert!(pairings.decide(&code, false, now) && pairings.waiting(now).is_empty());
        assert_eq!(pairings.collect(&secret, Some("https://a.cn"), now), Some(Answer::Refused));
        assert_eq!(pairings.collect(&secret, Some("https://a.cn"), now), None);
    }

    #[test]
    fn nobody_decides_or_collects_what_has_expired() {
        let (pairings, now) = (Pairings::default(), Instant::now());
        let (secret, code) = pairings.ask(page("https://a.cn"), now).unwrap();
        let late = now + LIFETIME;
        assert!(pairings.waiting(late).is_empty() && !pairings.decide(&code, true, late));
        assert_eq!(pairings.collect(&secret, Some("https://a.cn"), late), None);
    }

    #[test]
    fn one_page_has_one_request_and_all_together_have_few() {
        let (pairings, now) = (Pairings::default(), Instant::now());
        let first = pairings.ask(page("https://a.cn"), now).unwrap();
        let second = pairings.ask(page("https://a.cn"), now).unwrap();
        assert_eq!(pairings.collect(&first.0, Some("https://a.cn"), now), None);
        assert_eq!(pairings.waiting(now).len(), 1);
        for number in 1..WAITING_MAX {
            assert!(pairings.ask(page(&format!("https://a{number}.cn")), now).is_some());
        }
        assert!(pairings.ask(page("https://more.cn"), now).is_none());
        assert_eq!(pairings.collect(&second.0, Some("https://a.cn"), now), Some(Answer::Waiting));
    }
}
