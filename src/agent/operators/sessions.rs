//! Who sits at the window now: one clerk for each token. In memory only: a restart signs everyone out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use yidang_model::Timestamp;

use crate::owner::Owner;
use crate::{clock, random};

/// How long a session may last: a long working day.
pub(crate) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Clerks of whom it is known when they were last here.
const SEEN_MAX: usize = 1024;

/// How a clerk proved to be who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Pin,
    Assertion,
}

impl Way {
    /// The word in answers and in the ledger.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Assertion => "assertion",
        }
    }
}

/// Why a session ended, or was locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBecause {
    /// Somebody said so.
    Asked,
    /// Another clerk signed in.
    Switched,
    /// Nobody used it.
    Idle,
    /// Its day was over.
    Expired,
}

impl EndedBecause {
    /// The word in events and in the ledger.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Switched => "switched",
            Self::Idle => "idle",
            Self::Expired => "expired",
        }
    }
}

/// A session as its clerk sees it.
#[derive(Clone)]
pub(crate) struct Seat {
    /// What calls carry.
    pub(crate) id: String,
    pub(crate) owner: Owner,
    /// The token's name.
    pub(crate) client: String,
    pub(crate) operator: String,
    pub(crate) way: Way,
    pub(crate) is_locked: bool,
    pub(crate) signed_in_at: Timestamp,
    /// How long it may last yet.
    pub(crate) remaining: Duration,
    /// After how long it locks, unless it is used.
    pub(crate) locks_in: Duration,
}

/// A session that ended or was locked, and why.
#[derive(Clone)]
pub(crate) struct Ended {
    pub(crate) seat: Seat,
    pub(crate) because: EndedBecause,
}

impl Ended {
    /// Whether it is only locked.
    pub(crate) fn is_locked(&self) -> bool {
        self.because == EndedBecause::Idle
    }
}

/// A session that has begun.
pub(crate) struct Begun {
    pub(crate) seat: Seat,
    /// Whether it was there, and its clerk took it up again.
    pub(crate) is_resumed: bool,
    /// Whose place it took.
    pub(crate) former: Option<Ended>,
}

/// How a call stands that carries a session, or none.
pub(crate) enum Standing {
    /// It carries none.
    Absent,
    /// What it carries is none of this token's, or is over.
    Unknown,
    /// It is locked.
    Locked(Owner),
    /// It is open.
    Open(Owner, String),
}

struct Session {
    number: u64,
    id: String,
    client: String,
    operator: String,
    way: Way,
    began_at: Timestamp,
    ends: Instant,
    used: Instant,
    is_locked: bool,
}

#[derive(Default)]
struct Table {
    by_token: HashMap<i64, Session>,
    /// Sessions so far.
    count: u64,
    /// When clerks whose session is gone were last here.
    seen: HashMap<String, Instant>,
}

/// The sessions; at most one for each token.
pub(crate) struct Sessions {
    table: Mutex<Table>,
    idle_lock: Duration,
    /// Who was here before is not known.
    began: Instant,
}

impl Sessions {
    /// None yet. A session locks after so long without use.
    pub(crate) fn new(idle_lock: Duration) -> Self {
        Self { table: Mutex::default(), idle_lock, began: Instant::now() }
    }

    /// Begins a session for a clerk who proved to be who they are, or takes up the one this clerk has on the token,
    /// locked or not. Whoever else had one there is out.
    pub(crate) fn begin(&self, token: i64, client: &str, operator: &str, way: Way, now: Instant) -> Begun {
        let mut table = self.lock_table();
        table.count += 1;
        let number = table.count;
        if let Some(own) = table.by_token.get_mut(&token)
            && own.operator == operator
            && now < own.ends
        {
            (own.is_locked, own.used, own.ends, own.way) = (false, now, now + LIFETIME, way);
            return Begun { seat: self.seat(token, own, now), is_resumed: true, former: None };
        }
        let session = Session {
            number,
            id: hex::encode(random::bytes::<16>()),
            client: client.to_owned(),
            operator: operator.to_owned(),
            way,
            began_at: clock::now(),
            ends: now + LIFETIME,
            used: now,
            is_locked: false,
        };
        let seat = self.seat(token, &session, now);
        let former = table.by_token.insert(token, session);
        former.iter().for_each(|former| table.note(former));
        let former = former.map(|former| {
            let because = if now < former.ends { EndedBecause::Switched } else { EndedBecause::Expired };
            Ended { seat: self.seat(token, &former, now), because }
        });
        Begun { seat, is_resumed: false, former }
    }

    /// How a call stands that carries this session. One that nobody has used for long is locked, also where nobody has
    /// come round to locking it yet.
    pub(crate) fn standing(&self, token: i64, id: Option<&str>, now: Instant) -> Standing {
        let Some(id) = id else { return Standing::Absent };
        let table = self.lock_table();
        let own = table.by_token.get(&token).filter(|session| session.id == id && now < session.ends);
        match own {
            None => Standing::Unknown,
            Some(own) if self.is_idle(own, now) => Standing::Locked(own.owner(token)),
            Some(own) => Standing::Open(own.owner(token), own.operator.clone()),
        }
    }

    /// Whether whatever belongs to this owner may be shown now.
    pub(crate) fn is_open(&self, owner: Owner, now: Instant) -> bool {
        let Some(number) = owner.session else { return true };
        let table = self.lock_table();
        table
            .by_token
            .get(&owner.token)
            .is_some_and(|own| own.number == number && now < own.ends && !self.is_idle(own, now))
    }

    /// Notes that an open session is used.
    pub(crate) fn touch(&self, owner: Owner, now: Instant) {
        let mut table = self.lock_table();
        if let Some(own) = table.by_token.get_mut(&owner.token)
            && Some(own.number) == owner.session
            && !self.is_idle(own, now)
        {
            own.used = now;
        }
    }

    /// For how long this clerk has been away; `None`: the clerk sits at one of the tokens. Whoever was not here since the
    /// start has been away since then.
    pub(crate) fn away(&self, operator: &str, now: Instant) -> Option<Duration> {
        let table = self.lock_table();
        let own = || table.by_token.values().filter(|own| own.operator == operator && now < own.ends);
        if own().any(|own| !self.is_idle(own, now)) {
            return None;
        }
        let last = own().map(|own| own.used).chain(table.seen.get(operator).copied()).max();
        Some(now.saturating_duration_since(last.unwrap_or(self.began)))
    }

    /// The token's session, if this is it.
    pub(crate) fn seat_of(&self, token: i64, id: &str, now: Instant) -> Option<Seat> {
        let table = self.lock_table();
        let own = table.by_token.get(&token).filter(|own| own.id == id && now < own.ends)?;
        Some(self.seat(token, own, now))
    }

    /// Locks it. `None`: there is no such session; told once more, it is locked already.
    pub(crate) fn lock(&self, token: i64, id: &str, now: Instant) -> Option<(Seat, bool)> {
        let mut table = self.lock_table();
        let own = table.by_token.get_mut(&token).filter(|own| own.id == id && now < own.ends)?;
        let is_new = !std::mem::replace(&mut own.is_locked, true);
        Some((self.seat(token, own, now), is_new))
    }

    /// Ends it. `None`: there is no such session.
    pub(crate) fn end(&self, token: i64, id: &str, now: Instant) -> Option<Seat> {
        let mut table = self.lock_table();
        let seat =
            table.by_token.get(&token).filter(|own| own.id == id).map(|own| self.seat(token, own, now))?;
        if let Some(gone) = table.by_token.remove(&token) {
            table.note(&gone);
        }
        Some(seat)
    }

    /// Locks those that nobody used, and ends those whose day is over; tells each once.
    pub(crate) fn tidy(&self, now: Instant) -> Vec<Ended> {
        let mut table = self.lock_table();
        let mut told = Vec::new();
        let mut over = Vec::new();
        for (token, own) in &mut table.by_token {
            if now < own.ends && !own.is_locked && self.is_idle(own, now) {
                own.is_locked = true;
                told.push(Ended { seat: self.seat(*token, own, now), because: EndedBecause::Idle });
            }
        }
        table.by_token.retain(|token, own| {
            let is_over = now >= own.ends;
            if is_over {
                told.push(Ended { seat: self.seat(*token, own, now), because: EndedBecause::Expired });
                over.push((own.operator.clone(), own.used));
            }
            !is_over
        });
        over.into_iter().for_each(|(operator, used)| table.note_at(operator, used));
        told
    }

    fn is_idle(&self, session: &Session, now: Instant) -> bool {
        session.is_locked || now.saturating_duration_since(session.used) >= self.idle_lock
    }

    fn seat(&self, token: i64, session: &Session, now: Instant) -> Seat {
        let unused = now.saturating_duration_since(session.used);
        let is_locked = self.is_idle(session, now);
        Seat {
            id: session.id.clone(),
            owner: session.owner(token),
            client: session.client.clone(),
            operator: session.operator.clone(),
            way: session.way,
            is_locked,
            signed_in_at: session.began_at,
            remaining: session.ends.saturating_duration_since(now),
            locks_in: if is_locked { Duration::ZERO } else { self.idle_lock.saturating_sub(unused) },
        }
    }

    fn lock_table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn note(&mut self, gone: &Session) {
        self.note_at(gone.operator.clone(), gone.used);
    }

    fn note_at(&mut self, operator: String, used: Instant) {
        if self.seen.len() >= SEEN_MAX && !self.seen.contains_key(&operator) {
            let oldest = self.seen.iter().min_by_key(|(_, used)| **used).map(|(name, _)| name.clone());
            oldest.map(|name| self.seen.remove(&name));
        }
        let seen = self.seen.entry(operator).or_insert(used);
        *seen = used.max(*seen);
    }
}

impl Session {
    fn owner(&self, token: i64) -> Owner {
        Owner { token, session: Some(self.number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(600);

    fn begun(sessions: &Sessions, operator: &str, now: Instant) -> (Seat, Option<Ended>) {
        let begun = sessions.begin(1, "window", operator, Way::Pin, now);
        (begun.seat, begun.former)
    }

    fn is_open(sessions: &Sessions, seat: &Seat, now: Instant) -> bool {
        let standing = sessions.standing(1, Some(&seat.id), now);
        let open = matches!(&standing, Standing::Open(owner, _) if *owner == seat.owner);
        assert_eq!(open, sessions.is_open(seat.owner, now));
        open
    }

    #[test]
    fn another_clerk_on_the_token_puts_the_former_out() {
        let (sessions, now) = (Sessions::new(IDLE), Instant::now());
        let (first, former) = begun(&sessions, "a", now);
        assert!(former.is_none() && is_open(&sessions, &first, now));
        assert!(matches!(sessions.standing(2, Some(&first.id), now), Standing::Unknown), "another token's");
        let (second, former) = begun(&sessions, "b", now);
        let former = former.unwrap();
        assert_eq!((former.seat.operator.as_str(), former.because), ("a", EndedBecause::Switched));
        assert!(!is_open(&sessions, &first, now) && is_open(&sessions, &second, now));
        assert_ne!(first.owner, second.owner);
    }

    #[test]
    fn an_unused_session_locks_once_and_its_clerk_takes_it_up_again() {
        let (sessions, now) = (Sessions::new(IDLE), Instant::now());
        let (seat, _) = begun(&sessions, "a", now);
        let used = now + IDLE / 2;
        sessions.touch(seat.owner, used);
        assert!(is_open(&sessions, &seat, used + IDLE - Duration::from_millis(1)));
        let late = used + IDLE;
        // Before anyone came round to locking it; and using it does not open it again.
        assert!(!is_open(&sessions, &seat, late));
        sessions.touch(seat.owner, late);
        assert!(!is_open(&sessions, &seat, late));
        let told = sessions.tidy(late);
        assert_eq!(told.iter().map(|ended| ended.because).collect::<Vec<_>>(), [EndedBecause::Idle]);
        assert!(sessions.tidy(late).is_empty(), "told once");
        let (again, former) = begun(&sessions, "a", late);
        assert!(former.is_none() && again.id == seat.id && again.owner == seat.owner);
        assert!(is_open(&sessions, &again, late));
    }

    #[test]
    fn a_clerk_is_away_from_the_last_use_of_the_last_session_on() {
        let (sessions, now) = (Sessions::new(IDLE), Instant::now());
        let (seat, _) = begun(&sessions, "a", now);
        assert_eq!(sessions.away("a", now), None);
        // Locked for want of use, or by hand.
        assert_eq!(sessions.away("a", now + IDLE), Some(IDLE));
        let minute = Duration::from_secs(60);
        sessions.touch(seat.owner, now + minute);
        sessions.lock(1, &seat.id, now + minute);
        assert_eq!(sessions.away("a", now + minute * 3), Some(minute * 2));
        // Another sits down in the same place; and at a second token the first is back.
        begun(&sessions, "b", now + minute * 4);
        assert_eq!(sessions.away("a", now + minute * 5), Some(minute * 4));
        sessions.begin(2, "other", "a", Way::Pin, now + minute * 6);
        assert_eq!(sessions.away("a", now + minute * 7), None);
        sessions.tidy(now + LIFETIME + minute * 6);
        assert_eq!(sessions.away("a", now + LIFETIME + minute * 6), Some(LIFETIME));
        assert!(sessions.away("nobody", now + minute).is_some_and(|away| away <= minute * 2));
    }

    #[test]
    fn a_locked_session_can_be_ended_and_a_long_day_ends_it_too() {
        let (sessions, now) = (Sessions::new(IDLE), Instant::now());
        let (seat, _) = begun(&sessions, "a", now);
        assert!(sessions.lock(1, &seat.id, now).is_some_and(|(_, is_new)| is_new));
        assert!(sessions.lock(1, &seat.id, now).is_some_and(|(_, is_new)| !is_new));
        assert!(sessions.lock(2, &seat.id, now).is_none() && sessions.end(2, &seat.id, now).is_none());
        assert!(sessions.end(1, &seat.id, now).is_some() && sessions.end(1, &seat.id, now).is_none());
        let (seat, _) = begun(&sessions, "a", now);
        let told = sessions.tidy(now + LIFETIME);
        assert!(told.iter().any(|ended| ended.because == EndedBecause::Expired));
        assert!(sessions.seat_of(1, &seat.id, now).is_none());
    }
}
