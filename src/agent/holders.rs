//! The dossiers that are open at this window. In memory only: a restart closes them all.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use yidang_model::{Material, MaterialId, Subject, Timestamp};

use crate::owner::Owner;
use crate::problem::{Code, Problem};
use crate::{clock, random};

/// A holder lasts this long from its last use.
pub(crate) const LIFETIME_MS: i64 = 15 * 60 * 1000;
/// An expired holder is remembered this long, so that its user is told that it expired.
const REMEMBERED_MS: i64 = 60 * 60 * 1000;
/// Most holders that one owner has open; beyond it its least recently used one is closed.
const OPEN_MAX: usize = 256;
/// Most materials of the repository remembered for one holder.
const REMOTE_MAX: usize = 2000;
/// Most erased materials remembered: far more than go while one answer of the repository is on its way.
const GONE_MAX: usize = 4096;

/// On what ground a dossier was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The person's own card lay on this window's reader.
    Card,
    /// Nothing but a number: papers may be filed, nothing seen.
    None,
    /// A stated ground that goes to a reviewer.
    Stated(&'static str),
}

impl Basis {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::None => "none",
            Self::Stated(word) => word,
        }
    }

    /// Whether it opens history.
    pub(crate) const fn may_read(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// An open dossier.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) id: String,
    pub(crate) subject: Subject,
    pub(crate) basis: Basis,
    pub(crate) purpose: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) expires_at: Timestamp,
}

/// A material that only the repository holds, and the grant its pictures may be fetched with.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) material: Material,
    pub(crate) grant: String,
}

struct Open {
    holder: Holder,
    owner: Owner,
    remote: HashMap<MaterialId, Remote>,
}

/// Every open dossier, each belonging to the token that opened it, and to the clerk's session on it.
#[derive(Default)]
pub(crate) struct Holders {
    open: Mutex<HashMap<String, Open>>,
    /// Erased lately, the oldest first. Changed only while `open` is held.
    gone: Mutex<VecDeque<MaterialId>>,
}

impl Holders {
    /// Opens a dossier, or prolongs the one this owner has open for the same person on the same ground.
    pub(crate) fn open(
        &self,
        owner: Owner,
        subject: Subject,
        basis: Basis,
        purpose: Option<String>,
        case: Option<String>,
    ) -> Holder {
        let now = clock::now();
        let mut open = self.lock();
        open.retain(|_, o| now < o.holder.expires_at.plus_millis(REMEMBERED_MS));
        let same = open.values_mut().find(|o| {
            o.owner == owner
                && o.holder.subject == subject
                && o.holder.basis == basis
                && o.holder.purpose == purpose
                && o.holder.case == case
                && now < o.holder.expires_at
        });
        if let Some(same) = same {
            same.holder.expires_at = now.plus_millis(LIFETIME_MS);
            return same.holder.clone();
        }
        let mine = || open.values().filter(|o| o.owner == owner);
        if mine().count() >= OPEN_MAX {
            let oldest = mine().min_by_key(|o| o.holder.expires_at).map(|o| o.holder.id.clone());
            oldest.map(|id| open.remove(&id));
        }
        let holder = Holder {
            id: hex::encode(random::bytes::<16>()),
            subject,
            basis,
            purpose,
            case,
            expires_at: now.plus_millis(LIFETIME_MS),
        };
        open.insert(holder.id.clone(), Open { holder: holder.clone(), owner, remote: HashMap::new() });
        holder
    }

    /// The owner's own open holder, prolonged by this use.
    pub(crate) fn get(&self, owner: Owner, id: &str) -> Result<Holder, Problem> {
        let now = clock::now();
        let mut open = self.lock();
        let found = open.get_mut(id).filter(|o| o.owner == owner).ok_or(Code::HolderUnknown)?;
        if now >= found.holder.expires_at {
            return Err(Code::HolderExpired.into());
        }
        found.holder.expires_at = now.plus_millis(LIFETIME_MS);
        Ok(found.holder.clone())
    }

    /// Ends a holder.
    pub(crate) fn close(&self, owner: Owner, id: &str) -> Result<(), Problem> {
        let mut open = self.lock();
        match open.get(id) {
            Some(found) if found.owner == owner => {
                open.remove(id);
                Ok(())
            }
            _ => Err(Code::HolderUnknown.into()),
        }
    }

    /// Ends every holder that was opened with a token, whoever it was: another clerk sits down.
    pub(crate) fn close_token(&self, token: i64) {
        self.lock().retain(|_, open| open.owner.token != token);
    }

    /// The owner's open holder, with the right to read, for any of these people; prolonged by this use.
    pub(crate) fn reading(&self, owner: Owner, people: &[Subject]) -> Option<Holder> {
        let now = clock::now();
        let mut open = self.lock();
        let found = open.values_mut().find(|o| {
            o.owner == owner
                && now < o.holder.expires_at
                && o.holder.basis.may_read()
                && people.contains(&o.holder.subject)
        })?;
        found.holder.expires_at = now.plus_millis(LIFETIME_MS);
        Some(found.holder.clone())
    }

    /// Remembers what the repository told about a holder, for the picture calls that follow; but not what it had
    /// erased while its answer was on the way.
    pub(crate) fn remember(&self, id: &str, materials: &[Material], grant: &str) {
        let mut open = self.lock();
        let Some(found) = open.get_mut(id) else { return };
        if found.remote.len() + materials.len() > REMOTE_MAX {
            found.remote.clear();
        }
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        for material in materials.iter().filter(|m| !gone.contains(&m.id)).take(REMOTE_MAX) {
            let remote = Remote { material: material.clone(), grant: grant.to_owned() };
            found.remote.insert(material.id, remote);
        }
    }

    /// A material of the repository that one of the owner's live, reading holders was told about.
    pub(crate) fn remote(&self, owner: Owner, id: MaterialId) -> Option<(Holder, Remote)> {
        let now = clock::now();
        let open = self.lock();
        open.values()
            .filter(|o| o.owner == owner && now < o.holder.expires_at && o.holder.basis.may_read())
            .find_map(|o| o.remote.get(&id).map(|r| (o.holder.clone(), r.clone())))
    }

    /// Drops what the repository told about a material, since it has been put right: it is to be asked again.
    pub(crate) fn drop_remote(&self, id: MaterialId) {
        for open in self.lock().values_mut() {
            open.remote.remove(&id);
        }
    }

    /// Forgets a material everywhere, since it was erased.
    pub(crate) fn forget(&self, id: MaterialId) {
        let mut open = self.lock();
        for open in open.values_mut() {
            open.remote.remove(&id);
        }
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if gone.len() == GONE_MAX {
            gone.pop_front();
        }
        gone.push_back(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yidang_model::SubjectType;

    fn subject(value: &str) -> Subject {
        Subject::new(SubjectType::Resident, value).unwrap()
    }

    #[test]
    fn a_holder_belongs_to_its_token() {
        let holders = Holders::default();
        let holder = holders.open(Owner::of_token(1), subject("11010519491231002X"), Basis::Card, None, None);
        assert!(holders.get(Owner::of_token(1), &holder.id).is_ok());
        assert_eq!(
            holders.get(Owner::of_token(2), &holder.id).err().map(|p| p.code),
            Some(Code::HolderUnknown)
        );
        assert!(holders.close(Owner::of_token(2), &holder.id).is_err());
        assert!(holders.close(Owner::of_token(1), &holder.id).is_ok());
        assert_eq!(
            holders.get(Owner::of_token(1), &holder.id).err().map(|p| p.code),
            Some(Code::HolderUnknown)
        );
    }

    #[test]
    fn the_same_card_keeps_its_holder_and_another_opens_a_new_one() {
        let holders = Holders::default();
        let first = holders.open(Owner::of_token(1), subject("11010519491231002X"), Basis::Card, None, None);
        let again = holders.open(Owner::of_token(1), subject("110105491231002"), Basis::Card, None, None);
        let other = holders.open(Owner::of_token(1), subject("440524188001010014"), Basis::Card, None, None);
        assert_eq!(first.id, again.id);
        assert_ne!(first.id, other.id);
    }

    #[test]
    fn an_expired_holder_says_so() {
        let holders = Holders::default();
        let holder = holders.open(Owner::of_token(1), subject("11010519491231002X"), Basis::Card, None, None);
        let past = clock::now().plus_millis(-1);
        holders.lock().get_mut(&holder.id).unwrap().holder.expires_at = past;
        assert_eq!(
            holders.get(Owner::of_token(1), &holder.id).err().map(|p| p.code),
            Some(Code::HolderExpired)
        );
        assert!(holders.reading(Owner::of_token(1), &[holder.subject]).is_none());
    }

    #[test]
    fn a_bare_number_opens_nothing_to_read() {
        let holders = Holders::default();
        let holder = holders.open(Owner::of_token(1), subject("11010519491231002X"), Basis::None, None, None);
        assert!(holders.get(Owner::of_token(1), &holder.id).is_ok());
        assert!(holders.reading(Owner::of_token(1), &[holder.subject]).is_none());
    }

    #[test]
    fn what_one_clerk_opened_is_not_the_next_ones() {
        let holders = Holders::default();
        let clerk = |session| Owner { token: 1, session: Some(session) };
        let holder = holders.open(clerk(1), subject("11010519491231002X"), Basis::Card, None, None);
        for other in [clerk(2), Owner::of_token(1)] {
            assert_eq!(holders.get(other, &holder.id).err().map(|p| p.code), Some(Code::HolderUnknown));
            assert!(holders.reading(other, std::slice::from_ref(&holder.subject)).is_none());
        }
        let others = holders.open(Owner::of_token(2), subject("11010519491231002X"), Basis::Card, None, None);
        holders.close_token(1);
        assert!(holders.get(clerk(1), &holder.id).is_err());
        assert!(holders.get(Owner::of_token(2), &others.id).is_ok());
    }
}
