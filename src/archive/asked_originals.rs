//! Untouched originals that are to go and are still here: the repository decides it where there is one, and what it has
//! decided may have to wait for a hold.
//!
//! | entry | what it says | what ends it |
//! |---|---|---|
//! | `originals_requested` | the repository was asked | its decision: `originals_disposed`, or `originals_refused` |
//! | `originals_deferred` | it decided that they go, and something keeps them here | `originals_disposed`, once nothing does; or `originals_refused` |
//!
//! An erasure of the paper ends either. What was decided is about a kind of paper, and the deferral keeps it; one that does not,
//! because it was not told or an older version wrote it, is about the paper as it was then. Which papers wait stands in the index. A request counts only for the paper as it was
//! found: putting that right ends it, and a hold ends it for good, by an `originals_refused` of whoever lifts the hold. So what
//! was left out of the change feed once is never in it again, and a paper that is still due is asked about anew.

use std::collections::{BTreeMap, btree_map};

use yidang_model::{Kind, MaterialId};

use crate::caller::Actor;
use crate::disposal::{Disposal, DuePaper, check_disposal};
use crate::doubt::Doubt;
use crate::entry::{OpenEntry, Plain, damaged_entry, refs_of, seal_entry};
use crate::held::{is_row_held, tells_every_hold};
use crate::originals::is_any_in_doubt;
use crate::plan::{Answer, Draft, Plan, Planner, Request};
use crate::proof::doubt;
use crate::rebuild::skip_damaged;
use crate::record::{NoPersonal, Office, Refs, Text};
use crate::scribe::Scribe;
use crate::storage::{AwaitedOriginals, Entry, IndexChange, MaterialRow, Verb};
use crate::stores::Stores;
use crate::{Archive, ArchiveError};

/// A request that was made so long ago, in milliseconds, is made again: its answer may have been lost with an enrolment.
const ASKED_AGAIN_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Stands for the entry of a paper that cannot be read.
const UNREAD: u64 = 0;
/// Why a request is at an end that no repository has refused.
const HOLD: &str = "hold";
/// Why a deferral is at an end though nothing has gone: it was decided for another kind of paper.
const KIND: &str = "kind";

/// A paper whose originals the repository is to be asked about.
pub(crate) struct AskedOriginals {
    pub(crate) paper: DuePaper,
    by: Actor,
}

impl Archive {
    /// Asks the repository, which reads it in the change feed, to have the untouched originals of these papers disposed of
    /// everywhere. Of which papers it is asked now, or was lately: those that are on file with originals of their own and
    /// stand by the entry they were found to, that no hold keeps and that it has not decided about. Durable when it returns;
    /// nothing goes yet.
    pub fn request_originals(&self, disposal: Disposal) -> Result<Vec<MaterialId>, ArchiveError> {
        check_disposal(&disposal)?;
        let ids: Vec<MaterialId> = disposal.papers.iter().map(|paper| paper.id).collect();
        let ask = |paper| Request::AskOriginals(Box::new(AskedOriginals { paper, by: disposal.by.clone() }));
        let answers = self.shared.writer.ask_many(disposal.papers.into_iter().map(ask).collect());
        let mut asked = Vec::with_capacity(ids.len());
        for (id, answer) in ids.into_iter().zip(answers) {
            if !matches!(answer?, Answer::Count(0)) {
                asked.push(id);
            }
        }
        Ok(asked)
    }

    /// Whether the originals of this paper are to go, and wait for the repository's answer or for what keeps them here; not
    /// of one that the repository was asked about long ago, or before the paper was put right.
    pub fn awaits_originals(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        let stores = self.caught_up();
        let stands_by = stores.index.material(id)?.map(|row| row.sequence);
        Ok(still_awaited(stores, id, stands_by)?.is_some())
    }

    /// Whether the repository has decided that the originals of this paper go, and something keeps them here.
    pub fn are_originals_decided(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        Ok(self.caught_up().index.awaits_originals(id)?.is_some_and(|awaited| awaited.decided))
    }

    /// Enters that the repository will not have the originals of this paper disposed of. Nothing asked, or decided
    /// already, is fine.
    pub fn keep_originals(&self, id: MaterialId) -> Result<(), ArchiveError> {
        self.shared.writer.ask(Request::KeepOriginals { id }).map(drop)
    }

    /// Disposes of the untouched originals of these papers as the repository decided, as far as they are here and of the
    /// kind it was decided for, where that is known. What a hold keeps, or cannot be told from what something else needs
    /// while the ledger is damaged, waits: it goes with the lifting of the hold or a later sweep. So does a paper that is
    /// not on file while the ledger is damaged: its entry may be among those that do not open. Durable when it returns.
    pub fn drop_originals(
        &self,
        materials: &[MaterialId],
        kind: Option<&Kind>,
        by: &Actor,
    ) -> Result<(), ArchiveError> {
        by.check()?;
        // Read through here, where nobody has to wait for it.
        self.tells_every_blob()?;
        let (materials, kind, by) = (materials.to_vec(), kind.cloned(), by.clone());
        let drop_them = move |scribe: &mut Scribe| {
            scribe.drop_originals(&materials, kind.as_ref(), &by)?;
            Ok(Answer::Count(0))
        };
        self.shared.writer.ask_alone(drop_them).map(drop)
    }
}

/// What they wait for, of a paper that stands by this entry.
fn still_awaited(
    stores: &Stores,
    id: MaterialId,
    stands_by: Option<u64>,
) -> Result<Option<AwaitedOriginals>, ArchiveError> {
    let Some(awaited) = stores.index.awaits_originals(id)? else { return Ok(None) };
    if awaited.decided {
        return Ok(Some(awaited));
    }
    let Some(entry) = stores.ledger.get_many(&[awaited.sequence])?.pop() else { return Ok(None) };
    let since = stores.clock.now().plus_millis(-ASKED_AGAIN_MS);
    let found_by = refs_of(&entry)?.entries.first().copied();
    Ok((entry.content.at > since && found_by == stands_by).then_some(awaited))
}

impl AskedOriginals {
    pub(crate) fn plan(&self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let (stores, DuePaper { id, stands_by }) = (planner.stores, self.paper);
        let nothing = || Ok(Plan::Answer(Answer::Count(0)));
        let Some(row) = stores.index.material(id)?.filter(|row| row.sequence == stands_by) else {
            return nothing();
        };
        if row.originals_disposed || is_row_held(stores, &row)? {
            return nothing();
        }
        let filed = stores.filed_as_recorded(&row)?;
        if !filed.is_some_and(|(stored, _)| stored.has_originals()) {
            return nothing();
        }
        if let Some(awaited) = still_awaited(stores, id, Some(row.sequence))? {
            return Ok(Plan::Answer(Answer::Count(u64::from(!awaited.decided))));
        }
        let (refs, office) = entry_of(&[(id, row.sequence)], &self.by, false);
        let draft = draft(planner, Verb::OriginalsRequested, refs, office)?;
        Ok(Plan::Write(Box::new(draft)))
    }
}

fn entry_of(papers: &[(MaterialId, u64)], by: &Actor, elsewhere: bool) -> (Refs, Office) {
    let refs = Refs {
        materials: papers.iter().map(|(id, _)| Text(*id)).collect(),
        entries: papers.iter().map(|(_, sequence)| *sequence).collect(),
        elsewhere,
        ..Refs::default()
    };
    let basis = Some("retention".to_owned());
    (refs, Office { basis, count: papers.len() as u64, ..Office::of(by) })
}

fn draft(planner: &Planner<'_>, verb: Verb, refs: Refs, office: Office) -> Result<Draft, ArchiveError> {
    let stores = planner.stores;
    let change = IndexChange::OriginalsAwaited(awaited_in(planner.sequence, verb, &refs));
    let plain = Plain { verb, refs, office, personal: NoPersonal {}, slots: &[], idempotency: None };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    Ok(Draft::of(entry, change, Answer::Count(1)))
}

/// Enters the repository's refusal.
pub(crate) fn plan_keeping(id: MaterialId, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    if planner.stores.index.awaits_originals(id)?.is_none_or(|awaited| awaited.decided) {
        return Ok(Plan::Answer(Answer::Count(0)));
    }
    Ok(Plan::Write(Box::new(keeping(id, None, Office::default(), planner)?)))
}

fn keeping(
    material: MaterialId,
    deferral: Option<u64>,
    office: Office,
    planner: &Planner<'_>,
) -> Result<Draft, ArchiveError> {
    let stores = planner.stores;
    let entries = deferral.into_iter().collect();
    let plain = Plain {
        verb: Verb::OriginalsRefused,
        refs: Refs { material: Some(Text(material)), entries, ..Refs::default() },
        office,
        personal: NoPersonal {},
        slots: &[],
        idempotency: None,
    };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    Ok(Draft::of(entry, IndexChange::OriginalsKept { material, deferral }, Answer::Count(1)))
}

/// What an `originals_requested` or `originals_deferred` entry says.
pub(crate) fn awaited_by(entry: &Entry, refs: &Refs) -> Vec<AwaitedOriginals> {
    awaited_in(entry.sequence, entry.content.verb, refs)
}

fn awaited_in(sequence: u64, verb: Verb, refs: &Refs) -> Vec<AwaitedOriginals> {
    let decided = verb == Verb::OriginalsDeferred;
    refs.materials.iter().map(|id| AwaitedOriginals { material: id.0, sequence, decided }).collect()
}

/// The paper of an `originals_requested` entry, and its kind when it was made. `None` once that is no request any more:
/// answered, made anew, or overtaken by a hold, by putting the paper right or by forgetting it. The index must have come as
/// far as the entry.
pub(crate) fn asked_about(
    stores: &Stores,
    opened: &OpenEntry,
) -> Result<Option<(MaterialId, Kind)>, ArchiveError> {
    let (Some(id), Some(sequence)) = (opened.refs.materials.first(), opened.refs.entries.first()) else {
        return Ok(None);
    };
    if stores.is_erased(id.0)? {
        return Ok(None);
    }
    let awaited = stores.index.awaits_originals(id.0)?;
    let open = awaited.filter(|awaited| awaited.sequence == opened.sequence && !awaited.decided);
    if stores.lag.surely(open)?.is_none() {
        return Ok(None);
    }
    let row = stores.index.material(id.0)?.filter(|row| row.sequence == *sequence);
    let Some(row) = row else { return Ok(None) };
    if is_row_held(stores, &row)? {
        return Ok(None);
    }
    let filed = stores.ledger.get_many(&[*sequence])?.pop();
    let filed = filed.map(|entry| crate::entry::open_beneath(&stores.veil, &stores.keys, &entry)?.filed());
    let material = skip_damaged(filed.transpose())?.flatten().flatten();
    Ok(material.map(|(material, _)| (id.0, material.kind)))
}

impl Scribe {
    fn drop_originals(
        &mut self,
        materials: &[MaterialId],
        kind: Option<&Kind>,
        by: &Actor,
    ) -> Result<(), ArchiveError> {
        let stores = self.stores.clone();
        let doubt = doubt(&stores)?;
        let is_proven = tells_every_hold(&stores)?;
        let (mut going, mut waiting): (Vec<MaterialRow>, Vec<(MaterialId, u64)>) = Default::default();
        for id in materials {
            let row = stores.index.material(*id)?;
            let stands_by = match &row {
                Some(row) if row.originals_disposed => continue,
                Some(row)
                    if is_proven && !is_row_held(&stores, row)? && !is_any_in_doubt(&stores, doubt, row)? =>
                {
                    if going.iter().all(|known| known.id != row.id) && is_of_kind(&stores, row, kind)? {
                        going.push(row.clone());
                    }
                    continue;
                }
                Some(row) => row.sequence,
                // Never here; or forgotten; or one whose entry cannot be read.
                None if doubt != Doubt::All || stores.is_erased(*id)? => continue,
                None => UNREAD,
            };
            if !is_deferred(&stores, *id, kind)? {
                waiting.push((*id, stands_by));
            }
        }
        if !waiting.is_empty() {
            let (refs, office) = entry_of(&waiting, by, true);
            let office = Office { kind: kind.map(|kind| kind.as_str().to_owned()), ..office };
            self.write_alone(|planner| draft(planner, Verb::OriginalsDeferred, refs, office))?;
        }
        self.dispose_of_rows(&going, by, true).map(drop)
    }

    /// Disposes of what the repository has decided, as far as nothing keeps it any more. What was decided of a paper that
    /// is not on file stays: should its entry be found again, it counts. What was decided for another kind of paper is at an
    /// end: the repository can be asked about it as it is now.
    pub(crate) fn drop_awaited_originals(&mut self, by: &Actor) -> Result<(), ArchiveError> {
        let stores = self.stores.clone();
        let mut decided = stores.index.awaited_originals()?;
        decided.retain(|one| one.decided);
        if decided.is_empty() || !tells_every_hold(&stores)? {
            return Ok(());
        }
        let doubt = doubt(&stores)?;
        // Many papers may have been deferred by one entry.
        let mut kinds: BTreeMap<u64, Option<Kind>> = BTreeMap::new();
        let (mut going, mut overtaken): (Vec<MaterialRow>, Vec<AwaitedOriginals>) = Default::default();
        for one in decided {
            let Some(row) = stores.index.material(one.material)? else { continue };
            if row.originals_disposed || is_row_held(&stores, &row)? || is_any_in_doubt(&stores, doubt, &row)?
            {
                continue;
            }
            let kind = match kinds.entry(one.sequence) {
                btree_map::Entry::Occupied(known) => known.into_mut(),
                btree_map::Entry::Vacant(unknown) => {
                    let Some(kind) = skip_damaged(decided_for(&stores, one.sequence))? else { continue };
                    unknown.insert(kind)
                }
            };
            let stands = match kind {
                Some(kind) => is_of_kind(&stores, &row, Some(kind))?,
                None => row.sequence < one.sequence,
            };
            if stands { going.push(row) } else { overtaken.push(one) }
        }
        for AwaitedOriginals { material, sequence, .. } in overtaken {
            let office = Office { basis: Some(KIND.to_owned()), ..Office::of(by) };
            self.write_alone(|planner| keeping(material, Some(sequence), office, planner))?;
        }
        self.dispose_of_rows(&going, by, true).map(drop)
    }

    /// Ends the requests about papers that a hold keeps, before it is lifted: they were passed over meanwhile.
    pub(crate) fn end_held_requests(&mut self, by: &Actor) -> Result<(), ArchiveError> {
        let stores = self.stores.clone();
        for awaited in stores.index.awaited_originals()?.iter().filter(|one| !one.decided) {
            let Some(row) = stores.index.material(awaited.material)? else { continue };
            if is_row_held(&stores, &row)? {
                let office = Office { basis: Some(HOLD.to_owned()), ..Office::of(by) };
                self.write_alone(|planner| keeping(awaited.material, None, office, planner))?;
            }
        }
        Ok(())
    }
}

/// Whether this decision waits here already. One that is told with its kind counts in place of one that was about another,
/// or nobody knows which.
fn is_deferred(stores: &Stores, id: MaterialId, kind: Option<&Kind>) -> Result<bool, ArchiveError> {
    let Some(known) = stores.index.awaits_originals(id)?.filter(|awaited| awaited.decided) else {
        return Ok(false);
    };
    let Some(kind) = kind else { return Ok(true) };
    let decided_for = skip_damaged(decided_for(stores, known.sequence))?.flatten();
    Ok(decided_for.as_ref() == Some(kind))
}

/// The kind of paper that this deferral is about; `None`: it does not say.
fn decided_for(stores: &Stores, deferral: u64) -> Result<Option<Kind>, ArchiveError> {
    let (_, opened) = stores.entry(deferral)?.ok_or_else(|| damaged_entry(deferral))?;
    let kind = opened.office.kind.as_deref().map(Kind::new).transpose();
    kind.map_err(|_| damaged_entry(deferral))
}

/// Whether the decision was about such a paper: one that was put right here since, and of which the repository has not
/// heard, has another term.
fn is_of_kind(stores: &Stores, row: &MaterialRow, kind: Option<&Kind>) -> Result<bool, ArchiveError> {
    let Some(kind) = kind else { return Ok(true) };
    let filed = stores.filed_as_recorded(row)?;
    let is_so = filed.is_none_or(|(stored, _)| stored.material.kind == *kind);
    if !is_so {
        tracing::info!(material = %row.id, "its originals stay: what was decided is about another kind of paper");
    }
    Ok(is_so)
}
