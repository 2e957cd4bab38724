//! How much one client may ask of this window, so that one page gone wild keeps nobody else from working.
//!
//! A client is a token, or a shim. Each has a pace for calls, a slower one for calls that are costly, and so many places
//! of each kind. What a window program does at its busiest is far below all of them.

mod held_body;
mod pace;
mod place;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use self::held_body::held;
use self::pace::Pace;
use self::place::FULL;
pub(crate) use self::place::{Place, PlaceKind};
use crate::problem::{Advice, Code, Problem};

/// Calls a second over long, unless the configuration says otherwise. A page that reads the card, captures, files and shows
/// thumbnails makes some ten a second; two processors answer some fifteen thousand short ones. What a program holds on to at
/// once is bounded more tightly ([`PlaceKind`]), and that is what keeps others working; this stops a loop without end.
pub(crate) const CALLS_PER_SECOND_DEFAULT: u32 = 5000;
/// So many seconds' worth of calls may come at once: a program that takes over a day's work of another.
pub(crate) const BURST_S: u32 = 10;
/// Calls that move a device, work on a picture or write one out come so many times slower.
pub(crate) const COSTLY_SHARE: u32 = 10;
/// So many seconds' worth of those may come at once: a stack of papers that is handed in picture by picture.
pub(crate) const COSTLY_BURST_S: u32 = 10;
/// Clients that are kept in mind; beyond that those are forgotten who ask for nothing.
const CLIENTS_MAX: usize = 256;
/// A client that goes on asking too much stands in the log so often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// The token of this number.
    Token(i64),
    /// The shim of this name.
    Shim(&'static str),
}

/// What is noted of one client.
#[derive(Default)]
struct Account {
    calls: Option<Instant>,
    costly: Option<Instant>,
    /// Places held, by kind.
    held: [u16; PlaceKind::ALL.len()],
    told_at: Option<Instant>,
}

impl Account {
    fn is_at_rest(&self, now: Instant) -> bool {
        let is_even = |even: Option<Instant>| even.is_none_or(|even| even <= now);
        is_even(self.calls) && is_even(self.costly) && self.held.iter().all(|held| *held == 0)
    }
}

/// What each client has asked for. In memory only.
#[derive(Debug)]
pub(crate) struct Clients {
    calls: Pace,
    costly: Pace,
    accounts: Mutex<Accounts>,
}

#[derive(Default)]
struct Accounts(HashMap<Client, Account>);

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("count", &self.0.len()).finish()
    }
}

impl Clients {
    /// Nobody has asked for anything yet.
    pub(crate) fn new(calls_per_second: u32) -> Self {
        let costly = (calls_per_second / COSTLY_SHARE).max(1);
        Self {
            calls: Pace::new(calls_per_second, calls_per_second.saturating_mul(BURST_S)),
            costly: Pace::new(costly, costly.saturating_mul(COSTLY_BURST_S)),
            accounts: Mutex::default(),
        }
    }

    /// Lets a call in; the place is its own until its answer is out. `name` is for the log.
    pub(crate) fn enter(
        self: &Arc<Self>,
        client: Client,
        name: &str,
        now: Instant,
    ) -> Result<Place, Problem> {
        {
            let mut accounts = self.lock();
            accounts.make_room(now);
            let account = accounts.0.entry(client).or_default();
            if let Err(wait) = self.calls.step(&mut account.calls, now) {
                account.tell(name, now);
                return Err(too_often(wait));
            }
        }
        self.take(client, PlaceKind::Call)
    }

    /// Lets the call do something costly.
    pub(crate) fn spend(&self, client: Client, name: &str, now: Instant) -> Result<(), Problem> {
        let mut accounts = self.lock();
        let account = accounts.0.entry(client).or_default();
        self.costly.step(&mut account.costly, now).map_err(|wait| {
            account.tell(name, now);
            too_often(wait)
        })
    }

    /// A place of this kind.
    pub(crate) fn take(self: &Arc<Self>, client: Client, kind: PlaceKind) -> Result<Place, Problem> {
        let mut accounts = self.lock();
        let held = &mut accounts.0.entry(client).or_default().held[kind as usize];
        if *held >= kind.max() {
            let detail = format!("at most {} {} of one client at once", kind.max(), kind.what());
            let full = Problem::new(Code::TooMany, detail).with_advice(FULL);
            return Err(Problem { retry_after_s: Some(kind.retry_after_s()), ..full });
        }
        *held += 1;
        drop(accounts);
        Ok(Place { clients: self.clone(), client, kind })
    }

    fn give_back(&self, client: Client, kind: PlaceKind) {
        if let Some(account) = self.lock().0.get_mut(&client) {
            let held = &mut account.held[kind as usize];
            *held = held.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    fn make_room(&mut self, now: Instant) {
        if self.0.len() >= CLIENTS_MAX {
            self.0.retain(|_, account| !account.is_at_rest(now));
        }
    }
}

impl Account {
    fn tell(&mut self, name: &str, now: Instant) {
        if self.told_at.is_none_or(|told| now.saturating_duration_since(told) >= TOLD_EVERY) {
            self.told_at = Some(now);
            tracing::warn!(client = name, "a client calls too often and is told to wait");
        }
    }
}

fn too_often(time: Duration) -> Problem {
    wait(time).with_advice(TOO_OFTEN)
}

/// Sends a call away for so long.
pub(crate) fn wait(time: Duration) -> Problem {
    let whole_s = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    Problem { retry_after_s: Some(whole_s.max(1)), ..Problem::from(Code::TooMany) }
}

const TOO_OFTEN: Advice = Advice {
    what: ["该程序调用过于频繁。", "This program calls too often."],
    remedy: [
        "请等待 Retry-After 所示的秒数后再试；反复出现时请联系该程序的开发方。其他程序不受影响。",
        "Wait for as many seconds as `Retry-After` says; if it goes on, tell the program's makers. Other programs are served.",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    const WILD: Client = Client::Token(1);
    const OTHER: Client = Client::Token(2);

    fn clients() -> Arc<Clients> {
        Arc::new(Clients::new(100))
    }

    #[test]
    fn who_calls_too_often_is_told_how_long_to_wait_and_others_are_let_in() {
        let (clients, now) = (clients(), Instant::now());
        for _ in 0..1000 {
            clients.enter(WILD, "wild", now).unwrap();
        }
        let problem = clients.enter(WILD, "wild", now).unwrap_err();
        assert_eq!(problem.code, Code::TooMany);
        let wait = Duration::from_secs(problem.retry_after_s.unwrap());
        clients.enter(OTHER, "other", now).unwrap();
        clients.enter(Client::Shim("wild"), "wild", now).unwrap();
        clients.enter(WILD, "wild", now + wait).unwrap();
    }

    #[test]
    fn costly_calls_are_counted_by_themselves() {
        let (clients, now) = (clients(), Instant::now());
        assert!((0..100).all(|_| clients.spend(WILD, "wild", now).is_ok()));
        let problem = clients.spend(WILD, "wild", now).unwrap_err();
        assert!(clients.enter(WILD, "wild", now).is_ok() && clients.spend(OTHER, "other", now).is_ok());
        let wait = Duration::from_secs(problem.retry_after_s.unwrap());
        clients.spend(WILD, "wild", now + wait).unwrap();
    }

    #[test]
    fn places_are_given_back_and_each_kind_has_its_own() {
        let clients = clients();
        for kind in PlaceKind::ALL {
            let held: Vec<_> = (0..kind.max()).map(|_| clients.take(WILD, kind).unwrap()).collect();
            let problem = clients.take(WILD, kind).unwrap_err();
            assert_eq!((problem.code, problem.retry_after_s.is_some()), (Code::TooMany, true), "{kind:?}");
            assert!(clients.take(OTHER, kind).is_ok(), "{kind:?}");
            drop(held);
            assert!(clients.take(WILD, kind).is_ok(), "{kind:?}");
        }
    }

    #[test]
    fn who_asks_for_nothing_is_forgotten_and_who_holds_something_is_not() {
        let (clients, now) = (clients(), Instant::now());
        let held = clients.take(WILD, PlaceKind::Listener).unwrap();
        for id in 10..10 + CLIENTS_MAX as i64 {
            clients.enter(Client::Token(id), "many", now).unwrap();
        }
        let late = now + Duration::from_secs(60);
        clients.enter(OTHER, "other", late).unwrap();
        let accounts = clients.lock();
        assert!(accounts.0.len() < 4 && accounts.0.contains_key(&WILD), "{}", accounts.0.len());
        drop(accounts);
        drop(held);
    }
}
