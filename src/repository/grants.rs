//! Grants: which agent may fetch which pictures, for a short while. In memory only; a restart ends them all.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use yidang_model::{Digest, Image, Material, MaterialId, MediaType};
use yidang_sync::limits::GRANT_LIFETIME_S;

use crate::limits::{GRANTED_PICTURES_MAX, GRANTS_PER_AGENT_MAX};
use crate::secrets::{fingerprint, random};
use crate::state::AgentNumber;

/// A picture that a grant opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) digest: Digest,
    pub(crate) material: MaterialId,
    pub(crate) media_type: MediaType,
    pub(crate) size_bytes: u64,
}

struct Grant {
    agent: AgentNumber,
    /// By the monotonic clock: setting the machine's clock neither prolongs nor ends it.
    ends: Instant,
    /// Sorted by digest.
    pictures: Vec<Granted>,
}

#[derive(Default)]
struct Held {
    grants: HashMap<[u8; 32], Grant>,
    /// Oldest first; all last equally long, so this is also the order in which they end.
    order: VecDeque<[u8; 32]>,
    pictures: usize,
}

/// All grants that hold.
#[derive(Default)]
pub(crate) struct Grants(Mutex<Held>);

impl Grants {
    /// Grants the pictures of these materials to an agent; the secret that goes to it.
    pub(crate) fn give(&self, agent: AgentNumber, materials: &[Material]) -> String {
        let mut pictures: Vec<Granted> = Vec::new();
        for material in materials {
            for image in material.pages.iter().flat_map(|p| [&p.image, &p.original]) {
                let Image { digest, media_type, size_bytes, .. } = *image;
                pictures.push(Granted { digest, material: material.id, media_type, size_bytes });
            }
        }
        pictures.sort_unstable_by_key(|p| (p.digest, p.material));
        pictures.dedup();
        pictures.shrink_to_fit();
        let secret = hex::encode(random::<32>());
        let key = fingerprint(secret.as_bytes());
        let now = Instant::now();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.make_room(agent, pictures.len(), now);
        held.pictures += pictures.len();
        held.order.push_back(key);
        held.grants.insert(key, Grant { agent, ends: now + Duration::from_secs(GRANT_LIFETIME_S), pictures });
        secret
    }

    /// Where this grant finds a picture; `None` when it is unknown, over, or another agent's, an empty list
    /// when it does not cover the picture.
    pub(crate) fn find(&self, agent: AgentNumber, secret: &str, digest: &Digest) -> Option<Vec<Granted>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = held.grants.get(&fingerprint(secret.as_bytes()))?;
        if grant.agent != agent || grant.ends <= Instant::now() {
            return None;
        }
        let first = grant.pictures.partition_point(|p| p.digest < *digest);
        Some(grant.pictures[first..].iter().take_while(|p| p.digest == *digest).copied().collect())
    }
}

impl Grants {
    /// Takes a material's pictures out of every grant: they were given for a dossier it is not in any more.
    pub(crate) fn withdraw(&self, material: MaterialId) {
        self.withdraw_where(|picture| picture.material == material);
    }

    /// Takes these pictures of a material out of every grant: they are disposed of.
    pub(crate) fn withdraw_pictures(&self, material: MaterialId, digests: &[Digest]) {
        self.withdraw_where(|picture| picture.material == material && digests.contains(&picture.digest));
    }

    fn withdraw_where(&self, goes: impl Fn(&Granted) -> bool) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut withdrawn = 0;
        for grant in held.grants.values_mut() {
            let before = grant.pictures.len();
            grant.pictures.retain(|picture| !goes(picture));
            withdrawn += before - grant.pictures.len();
        }
        held.pictures -= withdrawn;
    }
}

impl Held {
    fn make_room(&mut self, agent: AgentNumber, coming: usize, now: Instant) {
        while let Some(oldest) = self.order.front().copied() {
            let over = self.grants.get(&oldest).is_none_or(|g| g.ends <= now);
            if !over && self.pictures + coming <= GRANTED_PICTURES_MAX {
                break;
            }
            self.remove(&oldest);
        }
        let own = |held: &Self, key: &[u8; 32]| held.grants.get(key).is_some_and(|g| g.agent == agent);
        if self.order.iter().filter(|key| own(self, key)).count() >= GRANTS_PER_AGENT_MAX
            && let Some(oldest) = self.order.iter().copied().find(|key| own(self, key))
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &[u8; 32]) {
        self.order.retain(|other| other != key);
        if let Some(gone) = self.grants.remove(key) {
            self.pictures -= gone.pictures.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_has_so_many_grants_and_no_more() {
        let grants = Grants::default();
        let first = grants.give(1, &[]);
        let other = grants.give(2, &[]);
        let digest = Digest::of(b"picture");
        assert_eq!(grants.find(1, &first, &digest), Some(Vec::new()));
        assert_eq!(grants.find(2, &first, &digest), None);
        for _ in 0..GRANTS_PER_AGENT_MAX {
            grants.give(1, &[]);
        }
        assert_eq!(grants.find(1, &first, &digest), None);
        assert_eq!(grants.find(2, &other, &digest), Some(Vec::new()));
        let held = grants.0.lock().unwrap();
        assert_eq!(
            (held.grants.len(), held.order.len()),
            (GRANTS_PER_AGENT_MAX + 1, GRANTS_PER_AGENT_MAX + 1)
        );
    }
}
