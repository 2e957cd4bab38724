//! Untouched originals that are to go and are still here: the repository decides it where there is one, and what it has
//! decided may have to wait for a hold.
//!
//! | entry | what it says | what ends it |
//! |---|---|---|
//! | `originals_requested` | the repository was asked | its decision: `originals_disposed`, or `originals_refused` |
//! | `originals_deferred` | it decided that they go, and something keeps them here | `originals_disposed`, once nothing does |
//!
//! An erasure of the paper ends either. Which papers wait stands in the index.

use yidang_model::{Kind, MaterialId, Timestamp};

use crate::caller::Actor;
use crate::disposal::{Disposal, DuePaper, check_disposal};
use crate::entry::{OpenEntry, Plain, seal_entry};
use crate::hold::is_row_held;
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

/// A paper whose originals the repository is to be asked about.
pub(crate) struct AskedOriginals {
    pub(crate) paper: DuePaper,
    by: Actor,
}

impl Archive {
    /// Asks the repository, which reads it in the change feed, to have the untouched originals of these papers disposed of
    /// everywhere. Of which papers it is asked now, or was lately: those that are on file with originals of their own and
    /// stand by the entry they were found to, and that no hold keeps. Durable when it returns; nothing goes yet.
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
    /// of one that the repository was asked about long ago.
    pub fn awaits_originals(&self, id: MaterialId) -> Result<bool, ArchiveError> {
        let stores = self.caught_up();
        let Some(awaited) = stores.index.awaits_originals(id)? else { return Ok(false) };
        is_fresh(stores, &awaited, stores.clock.now())
    }

    /// Enters that the repository will not have the originals of this paper disposed of. Nothing asked, or decided
    /// already, is fine.
    pub fn keep_originals(&self, id: MaterialId) -> Result<(), ArchiveError> {
        self.shared.writer.ask(Request::KeepOriginals { id }).map(drop)
    }

    /// Disposes of the untouched originals of these papers as the repository decided, as far as they are here. What a hold
    /// keeps, or cannot be told from what something else needs while the ledger is damaged, waits: it goes with the lifting
    /// of the hold or a later sweep. Durable when it returns.
    pub fn drop_originals(&self, materials: &[MaterialId], by: &Actor) -> Result<(), ArchiveError> {
        by.check()?;
        // Read through here, where nobody has to wait for it.
        self.tells_every_blob()?;
        let (materials, by) = (materials.to_vec(), by.clone());
        let drop_them = move |scribe: &mut Scribe| {
            scribe.drop_originals(&materials, &by)?;
            Ok(Answer::Count(0))
        };
        self.shared.writer.ask_alone(drop_them).map(drop)
    }
}

fn is_fresh(stores: &Stores, awaited: &AwaitedOriginals, now: Timestamp) -> Result<bool, ArchiveError> {
    let since = now.plus_millis(-ASKED_AGAIN_MS);
    let entry = stores.ledger.get_many(&[awaited.sequence])?.pop();
    Ok(awaited.decided || entry.is_some_and(|entry| entry.content.at > since))
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
        if let Some(awaited) = stores.index.awaits_originals(id)?
            && is_fresh(stores, &awaited, stores.clock.now())?
        {
            return Ok(Plan::Answer(Answer::Count(1)));
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
    let (stores, sequence) = (planner.stores, planner.sequence);
    let decided = verb == Verb::OriginalsDeferred;
    let awaited = refs.materials.iter().map(|id| AwaitedOriginals { material: id.0, sequence, decided });
    let change = IndexChange::OriginalsAwaited(awaited.collect());
    let plain = Plain { verb, refs, office, personal: NoPersonal {}, slots: &[], idempotency: None };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    Ok(Draft::of(entry, change, Answer::Count(1)))
}

/// Enters the repository's refusal.
pub(crate) fn plan_keeping(id: MaterialId, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
    let stores = planner.stores;
    if stores.index.awaits_originals(id)?.is_none_or(|awaited| awaited.decided) {
        return Ok(Plan::Answer(Answer::Count(0)));
    }
    let plain = Plain {
        verb: Verb::OriginalsRefused,
        refs: Refs { material: Some(Text(id)), ..Refs::default() },
        office: Office::default(),
        personal: NoPersonal {},
        slots: &[],
        idempotency: None,
    };
    let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
    Ok(Plan::Write(Box::new(Draft::of(entry, IndexChange::OriginalsKept(id), Answer::Count(1)))))
}

/// What an `originals_requested` or `originals_deferred` entry says.
pub(crate) fn awaited_by(entry: &Entry, refs: &Refs) -> Vec<AwaitedOriginals> {
    let (sequence, decided) = (entry.sequence, entry.content.verb == Verb::OriginalsDeferred);
    refs.materials.iter().map(|id| AwaitedOriginals { material: id.0, sequence, decided }).collect()
}

/// The paper of an `originals_requested` entry, and its kind when it was made; `None` once it is forgotten.
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
    let filed = stores.ledger.get_many(&[*sequence])?.pop();
    let filed = filed.map(|entry| crate::entry::open_beneath(&stores.veil, &stores.keys, &entry)?.filed());
    let material = skip_damaged(filed.transpose())?.flatten().flatten();
    Ok(material.map(|(material, _)| (id.0, material.kind)))
}

impl Scribe {
    fn drop_originals(&mut self, materials: &[MaterialId], by: &Actor) -> Result<(), ArchiveError> {
        let stores = self.stores.clone();
        let doubt = doubt(&stores)?;
        let (mut going, mut waiting): (Vec<MaterialRow>, Vec<(MaterialId, u64)>) = Default::default();
        for id in materials {
            let row = stores.index.material(*id)?.filter(|row| !row.originals_disposed);
            let Some(row) = row.filter(|row| going.iter().all(|known| known.id != row.id)) else { continue };
            if !is_row_held(&stores, &row)? && !is_any_in_doubt(&stores, doubt, &row)? {
                going.push(row);
            } else if !stores.index.awaits_originals(*id)?.is_some_and(|awaited| awaited.decided) {
                waiting.push((*id, row.sequence));
            }
        }
        if !waiting.is_empty() {
            let (refs, office) = entry_of(&waiting, by, true);
            self.write_alone(|planner| draft(planner, Verb::OriginalsDeferred, refs, office))?;
        }
        self.dispose_of_rows(&going, by, true).map(drop)
    }

    /// Disposes of what the repository has decided, as far as nothing keeps it any more.
    pub(crate) fn drop_awaited_originals(&mut self, by: &Actor) -> Result<(), ArchiveError> {
        let awaited = self.stores.index.awaited_originals()?;
        let decided: Vec<MaterialId> =
            awaited.iter().filter(|one| one.decided).map(|one| one.material).collect();
        if decided.is_empty() { Ok(()) } else { self.drop_originals(&decided, by) }
    }
}
