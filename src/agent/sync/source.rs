//! What the worker needs of the archive.

use yidang_archive::{
    Actor, Archive, ArchiveError, Change, ChangeWhat, Erasure, ErasureRequest, ErasureTarget, HoldTarget,
    LiftHold, PlaceHold, Refiling, WentElsewhere,
};
use yidang_model::{Digest, ErasureId, HoldId, Kind, Material, MaterialId, Subject};

/// Client name under which the repository's decisions are carried out.
const REPOSITORY: &str = "repository";

/// What is known here of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// It is about this material.
    Material(MaterialId),
    /// It is about a person, or nothing tells any more.
    Person,
}

/// Where the repository says that a material belongs.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) holders: Vec<Subject>,
    pub(super) kind: Kind,
    pub(super) case: Option<String>,
}

impl Place {
    fn is_of(&self, material: &Material) -> bool {
        let same_holders = self.holders.len() == material.holders.len()
            && self.holders.iter().all(|holder| material.holders.contains(holder));
        let same_case = self.case.is_none() || self.case == material.case;
        same_holders && same_case && self.kind == material.kind
    }
}

/// By what a material stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StandsBy {
    /// The ledger entry.
    pub(super) sequence: u64,
    /// Whether this window put it right with that, and not the repository.
    pub(super) put_right_here: bool,
}

/// Why the repository holds something, and for whom.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) reason: String,
    pub(super) case: Option<String>,
    pub(super) operator: Option<String>,
}

/// The archive as far as the worker needs it. All calls block.
pub(super) trait Source: Send + Sync {
    /// Sequence of the last ledger entry.
    fn head(&self) -> Result<u64, ArchiveError>;
    /// The ledger's name, and sequence and hash of its last entry.
    fn anchor(&self) -> Result<(String, u64, [u8; 32]), ArchiveError>;
    /// The hash of the entry in that place; `None` where there is none.
    fn hash_at(&self, sequence: u64) -> Result<Option<[u8; 32]>, ArchiveError>;
    /// Whether the ledger has that entry in that place, or tells behind it that it was made anew.
    fn accounts_for(&self, sequence: u64, hash: [u8; 32]) -> Result<bool, ArchiveError>;
    /// Enters that holds may be missing, as this ledger is not all that it was.
    fn doubt_holds(&self) -> Result<(), ArchiveError>;
    /// At most `limit` changes after that sequence, in order.
    fn changes(&self, after: u64, limit: usize) -> Result<Vec<Change>, ArchiveError>;
    /// The plain bytes of one of a material's pictures.
    fn blob(&self, of: MaterialId, digest: &Digest) -> Result<Vec<u8>, ArchiveError>;
    /// Carries out what the repository decided, and enters what went there. Done already, or nothing to do, is
    /// fine. `false`: it waits for a hold, or until the holds are confirmed.
    fn erase(
        &self,
        id: ErasureId,
        target: ErasureTarget,
        elsewhere: WentElsewhere,
    ) -> Result<bool, ArchiveError>;
    /// Puts a material right as the repository has it, if it still stands by that ledger entry; `false` if it was put right
    /// meanwhile. Not held here, or right already, is fine.
    fn refile(&self, id: MaterialId, place: Place, only_at: u64) -> Result<bool, ArchiveError>;
    /// By which ledger entry a material stands; `None` if it is not here.
    fn stands_by(&self, id: MaterialId) -> Result<Option<StandsBy>, ArchiveError>;
    /// Takes down a refusal. Nothing asked for here, or decided already, is fine.
    fn refuse(&self, id: ErasureId) -> Result<(), ArchiveError>;
    /// Disposes of the originals of these as the repository decided about papers of this kind, if it says so. Not held here,
    /// of another kind here, or gone already, is fine, and so is what waits for a hold or a damaged ledger.
    fn drop_originals(&self, materials: &[MaterialId], kind: Option<&Kind>) -> Result<(), ArchiveError>;
    /// Takes down that the repository keeps the originals of this one. Nothing asked for here is fine.
    fn keep_originals(&self, id: MaterialId) -> Result<(), ArchiveError>;
    /// Places the repository's hold. A material that is not held here, or a hold that stands already, is fine.
    fn hold(&self, id: HoldId, target: HoldTarget, order: Order) -> Result<(), ArchiveError>;
    /// Lifts the repository's hold. One that does not stand here is fine.
    fn lift(&self, id: HoldId) -> Result<(), ArchiveError>;
    /// Whether a material is known to be gone at the repository, and only a hold keeps it here.
    fn is_held_alone(&self, id: MaterialId) -> Result<bool, ArchiveError>;
    /// Whether a material is on file here.
    fn has(&self, id: MaterialId) -> Result<bool, ArchiveError>;
    /// What an erasure that was asked for or carried out here is about.
    fn target_of(&self, id: ErasureId) -> Result<Known, ArchiveError>;
    /// The entry by which the ledger was last made anew; 0: it never was.
    fn rebuilt_at(&self) -> Result<u64, ArchiveError>;
}

impl Source for Archive {
    fn head(&self) -> Result<u64, ArchiveError> {
        Archive::head(self)
    }

    fn anchor(&self) -> Result<(String, u64, [u8; 32]), ArchiveError> {
        let (sequence, hash) = Archive::anchor(self)?;
        Ok((self.store_id().to_owned(), sequence, hash))
    }

    fn hash_at(&self, sequence: u64) -> Result<Option<[u8; 32]>, ArchiveError> {
        Archive::entry_hash(self, sequence)
    }

    fn accounts_for(&self, sequence: u64, hash: [u8; 32]) -> Result<bool, ArchiveError> {
        Archive::accounts_for(self, sequence, hash)
    }

    fn doubt_holds(&self) -> Result<(), ArchiveError> {
        Archive::doubt_holds(self, &Actor { client: REPOSITORY.to_owned(), operator: None })
    }

    fn changes(&self, after: u64, limit: usize) -> Result<Vec<Change>, ArchiveError> {
        Archive::changes(self, after, limit)
    }

    fn blob(&self, of: MaterialId, digest: &Digest) -> Result<Vec<u8>, ArchiveError> {
        Archive::blob(self, of, digest)
    }

    fn erase(
        &self,
        id: ErasureId,
        target: ErasureTarget,
        elsewhere: WentElsewhere,
    ) -> Result<bool, ArchiveError> {
        // Whom it is about, an item that was carried out once does not say any more.
        let asks_again = matches!(target, ErasureTarget::Holder(_)) && self.is_erasure_request_lost(id)?;
        let done = match self.erasure(id)? {
            Some(_) if !asks_again => self.erase_with(id, elsewhere),
            _ => {
                let request = ErasureRequest {
                    id,
                    target,
                    reason: String::new(),
                    by: Actor { client: REPOSITORY.to_owned(), operator: None },
                    idempotency: None,
                    elsewhere_of: Vec::new(),
                };
                self.erase_now_with(request, elsewhere)
            }
        };
        match done {
            // Nothing of that person was ever filed here; or the material went with another erasure.
            Ok(_) | Err(ArchiveError::HolderUnknown | ArchiveError::MaterialErased) => Ok(true),
            // A hold keeps it, or may: it is entered, and goes when that is lifted, or known to be none.
            Err(ArchiveError::LegalHold | ArchiveError::HoldsUnproven) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn refile(&self, id: MaterialId, place: Place, only_at: u64) -> Result<bool, ArchiveError> {
        let refiling = Refiling {
            id,
            holders: Some(place.holders.clone()),
            kind: Some(place.kind.clone()),
            case: place.case.clone(),
            reason: String::new(),
            by: Actor { client: REPOSITORY.to_owned(), operator: None },
            idempotency: None,
            decided_elsewhere: true,
            only_at: Some(only_at),
        };
        match Archive::refile(self, refiling) {
            Ok(stored) => Ok(place.is_of(&stored.material)),
            Err(ArchiveError::MaterialUnknown | ArchiveError::MaterialErased) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn stands_by(&self, id: MaterialId) -> Result<Option<StandsBy>, ArchiveError> {
        let Some(stored) = self.material(id)? else { return Ok(None) };
        let last = Archive::changes(self, stored.sequence - 1, 1)?.pop();
        let put_right_here = last.is_some_and(|change| matches!(change.what, ChangeWhat::Refiled { .. }));
        Ok(Some(StandsBy { sequence: stored.sequence, put_right_here }))
    }

    fn refuse(&self, id: ErasureId) -> Result<(), ArchiveError> {
        match self.refuse_erasure(id) {
            Ok(_) | Err(ArchiveError::ErasureUnknown | ArchiveError::Invalid(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn is_held_alone(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        Ok(self.known_to_be_held_here_alone(id)? == Some(true))
    }

    fn drop_originals(&self, materials: &[MaterialId], kind: Option<&Kind>) -> Result<(), ArchiveError> {
        let by = Actor { client: REPOSITORY.to_owned(), operator: None };
        Archive::drop_originals(self, materials, kind, &by)
    }

    fn keep_originals(&self, id: MaterialId) -> Result<(), ArchiveError> {
        Archive::keep_originals(self, id)
    }

    fn hold(&self, id: HoldId, target: HoldTarget, order: Order) -> Result<(), ArchiveError> {
        let Order { reason, case, operator } = order;
        let by = Actor { client: REPOSITORY.to_owned(), operator };
        match self.place_hold(PlaceHold { id, target, reason, case, by, decided_elsewhere: true }) {
            Ok(_) | Err(ArchiveError::MaterialUnknown | ArchiveError::MaterialErased) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn lift(&self, id: HoldId) -> Result<(), ArchiveError> {
        let by = Actor { client: REPOSITORY.to_owned(), operator: None };
        match self.lift_hold(LiftHold { id, reason: String::new(), by, decided_elsewhere: true }) {
            Ok(()) | Err(ArchiveError::HoldUnknown) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn has(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        Ok(self.material(id)?.is_some())
    }

    fn target_of(&self, id: ErasureId) -> Result<Known, ArchiveError> {
        Ok(match self.erasure(id)? {
            None => Known::Nothing,
            Some(Erasure { target: Some(ErasureTarget::Material(material)), .. }) => {
                Known::Material(material)
            }
            Some(_) => Known::Person,
        })
    }

    fn rebuilt_at(&self) -> Result<u64, ArchiveError> {
        Archive::rebuilt_at(self)
    }
}
