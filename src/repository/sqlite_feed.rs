//! The agents' feeds in SQLite: who is told of an erasure, a refiling, a disposal of originals or a hold, and in what
//! order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, Row, Transaction, params};
use yidang_model::{ErasureId, HoldId, MaterialId};

use crate::sqlite_state::{fixed, put_contact, signed};
use crate::state::{
    AgentNumber, ErasureOutcome, FeedRow, FeedWhat, HoldOutcome, OriginalsOutcome, PlannedOriginals,
    RefilingOutcome, StateError, StateFault, Tag,
};

/// Puts an erasure onto the feeds. The whole is one transaction, and sequences are counted on the agent's own
/// row in it: none becomes visible before a smaller one, and none is left out.
pub(crate) fn announce_erasure(
    t: &Transaction<'_>,
    outcome: &ErasureOutcome<'_>,
) -> Result<Vec<(AgentNumber, u64)>, StateError> {
    let mut told = concerned_by(t, outcome)?;
    if let Some(requester) = outcome.requester {
        for agent in same_window(t, requester)? {
            told.entry(agent).or_default();
        }
    }
    // Every name, to each of them: by what one window was told, a repository that was put back knows all of it.
    let names = told.values().flatten();
    let all: BTreeSet<MaterialId> = outcome.materials.iter().chain(names).copied().collect();
    let mut heads = Vec::with_capacity(told.len());
    for agent in told.into_keys() {
        let about = ("erased", outcome.id.as_bytes());
        if !was_told(t, agent, about)? {
            heads.push((agent, append(t, agent, about, &all, Some(&outcome.personal))?));
        }
    }
    Ok(heads)
}

/// Forgets what the state had about what an erasure took.
pub(crate) fn forget_erased(t: &Transaction<'_>, outcome: &ErasureOutcome<'_>) -> Result<(), StateError> {
    for material in outcome.materials {
        t.prepare_cached("DELETE FROM uploads WHERE material = ?1")?.execute(params![material.as_bytes()])?;
    }
    if let Some(holder) = outcome.holder {
        t.execute("DELETE FROM contacts WHERE subject = ?1", params![holder])?;
    }
    t.execute("UPDATE erasures SET request = NULL WHERE id = ?1", params![outcome.id.as_bytes()])?;
    Ok(())
}

/// Whether an agent's feed has an item of this kind about this.
fn was_told(
    t: &Transaction<'_>,
    agent: AgentNumber,
    (what, id): (&str, &[u8; 16]),
) -> Result<bool, StateError> {
    let sql = "SELECT 1 FROM feed WHERE agent = ?1 AND what = ?2 AND erasure = ?3";
    Ok(t.prepare_cached(sql)?.exists(params![agent, what, id])?)
}

/// Puts an erasure that was told of once onto the feed of an agent that has not heard of it.
pub(crate) fn tell_erased(
    t: &Transaction<'_>,
    agent: AgentNumber,
    id: ErasureId,
    materials: &[MaterialId],
    personal: &[u8],
) -> Result<Option<u64>, StateError> {
    let about = ("erased", id.as_bytes());
    if was_told(t, agent, about)? {
        return Ok(None);
    }
    let all = materials.iter().copied().collect();
    append(t, agent, about, &all, Some(personal)).map(Some)
}

/// Keeps a decision that the state had lost, and every name of what it is about.
pub(crate) fn keep_decision(
    t: &Transaction<'_>,
    agent: AgentNumber,
    id: ErasureId,
    decision: &[u8],
    names: &[MaterialId],
) -> Result<(), StateError> {
    let sql = "INSERT OR IGNORE INTO decisions (id, agent, decision) VALUES (?1, ?2, ?3)";
    t.execute(sql, params![id.as_bytes(), agent, decision])?;
    let sql = "INSERT OR IGNORE INTO decided_names (material, decision_id) VALUES (?1, ?2)";
    let mut statement = t.prepare_cached(sql)?;
    for name in names {
        statement.execute(params![name.as_bytes(), id.as_bytes()])?;
    }
    Ok(())
}

/// Puts a refiling onto the feeds of those who filed the material, with where it belongs, and of those whose
/// windows had a dossier open in which it was.
pub(crate) fn finish_refiling(
    t: &Transaction<'_>,
    outcome: &RefilingOutcome<'_>,
) -> Result<Vec<(AgentNumber, u64)>, StateError> {
    let stored = outcome.stored.as_bytes();
    let filed = names_given(t, outcome.stored)?;
    let mut told: BTreeSet<AgentNumber> = filed.keys().copied().collect();
    told.extend(same_window(t, outcome.requester)?);
    for person in outcome.shown_for {
        told.extend(openers(t, person)?);
    }
    let mut heads = Vec::with_capacity(told.len());
    for agent in told {
        let own = filed.get(&agent);
        let mut all = own.cloned().unwrap_or_default();
        all.insert(outcome.stored);
        let personal = own.map(|_| &outcome.personal[..]);
        heads.push((agent, append(t, agent, ("refiled", stored), &all, personal)?));
        if own.is_some() {
            outcome.holders.iter().try_for_each(|holder| put_contact(t, agent, holder))?;
        }
    }
    Ok(heads)
}

/// Puts a disposal of originals onto the feeds of those who filed the material, and of whoever asked.
pub(crate) fn finish_originals(
    t: &Transaction<'_>,
    outcome: &OriginalsOutcome,
) -> Result<Vec<(AgentNumber, u64)>, StateError> {
    let PlannedOriginals { stored, agent: requester, named, .. } = outcome.planned;
    let mut told = names_given(t, stored)?;
    for agent in same_window(t, requester)? {
        told.entry(agent).or_default().insert(named);
    }
    let mut heads = Vec::with_capacity(told.len());
    for (agent, mut all) in told {
        all.insert(stored);
        let personal = Some(&outcome.personal[..]);
        heads.push((agent, append(t, agent, ("originals_disposed", stored.as_bytes()), &all, personal)?));
    }
    let mut pass_on = t.prepare_cached(
        "UPDATE uploads SET material = ?3 WHERE material = ?1 AND digest = ?2
         AND EXISTS (SELECT 1 FROM committed WHERE agent = uploads.agent AND stored = ?3)",
    )?;
    let mut forget = t.prepare_cached("DELETE FROM uploads WHERE material = ?1 AND digest = ?2")?;
    for (digest, needing) in &outcome.gone {
        for other in needing {
            pass_on.execute(params![stored.as_bytes(), digest, other.as_bytes()])?;
        }
        forget.execute(params![stored.as_bytes(), digest])?;
    }
    t.execute("DELETE FROM planned_originals WHERE material = ?1", params![stored.as_bytes()])?;
    Ok(heads)
}

/// Tells one agent, which has filed the material since.
pub(crate) fn tell_originals(
    t: &Transaction<'_>,
    agent: AgentNumber,
    stored: MaterialId,
    personal: &[u8],
) -> Result<u64, StateError> {
    let mut all = names_given(t, stored)?.remove(&agent).unwrap_or_default();
    all.insert(stored);
    append(t, agent, ("originals_disposed", stored.as_bytes()), &all, Some(personal))
}

/// This agent; and every later one at its counter whose code was made for that counter, which is the same window enrolled
/// anew. One that chose the counter's name itself is nobody's successor.
fn same_window(connection: &Connection, agent: AgentNumber) -> Result<Vec<AgentNumber>, StateError> {
    let sql = "SELECT ?1 UNION SELECT later.number FROM agents AS earlier
               JOIN agents AS later ON later.counter = earlier.counter AND later.number > earlier.number
               WHERE earlier.number = ?1 AND later.counter_named = 1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(params![agent], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Everyone who committed this material, under whatever name; no later agents of theirs.
pub(crate) fn committers(
    connection: &Connection,
    material: MaterialId,
) -> Result<Vec<AgentNumber>, StateError> {
    let sql = "SELECT agent FROM committed WHERE material = ?1
               UNION SELECT agent FROM committed WHERE stored = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(params![material.as_bytes()], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The other way round: this agent and the earlier ones whose window it is.
pub(crate) fn numbers_of_window(
    connection: &Connection,
    agent: AgentNumber,
) -> Result<BTreeSet<AgentNumber>, StateError> {
    let sql = "SELECT ?1 UNION SELECT earlier.number FROM agents AS later
               JOIN agents AS earlier ON earlier.counter = later.counter AND earlier.number < later.number
               WHERE later.number = ?1 AND later.counter_named = 1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(params![agent], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Begins the feed of an agent that has just enrolled with what the earlier numbers of its window did not carry out,
/// oldest first. What several of them were told comes once, as late as the latest was told, under every name.
pub(crate) fn inherit(t: &Transaction<'_>, agent: AgentNumber) -> Result<(), StateError> {
    let sql = "SELECT what, erasure, personal, materials FROM feed
               JOIN agents ON agents.number = feed.agent
               WHERE feed.agent = ?1 AND sequence > feed_done ORDER BY sequence";
    let mut statement = t.prepare_cached(sql)?;
    let (mut told, mut latest) = (BTreeMap::new(), HashMap::new());
    for earlier in numbers_of_window(t, agent)? {
        let mut rows = statement.query(params![earlier])?;
        while let Some(row) = rows.next()? {
            let mut materials: BTreeSet<MaterialId> =
                material_ids(row.get_ref(3)?.as_blob().unwrap_or_default())?.collect();
            // Sealed once for all who were told: equal bytes are the same news.
            let news: (String, [u8; 16], Option<Vec<u8>>) = (row.get(0)?, fixed(row, 1)?, row.get(2)?);
            let place = told.last_key_value().map_or(0, |(place, _)| place + 1);
            if let Some(before) = latest.insert(news.clone(), place)
                && let Some((_, names)) = told.remove(&before)
            {
                materials.extend(names);
            }
            told.insert(place, (news, materials));
        }
    }
    for ((what, id, personal), materials) in told.into_values() {
        append(t, agent, (&what, &id), &materials, personal.as_deref())?;
    }
    Ok(())
}

/// Everyone whose window committed the material on file, under the names it was given there.
fn names_given(
    t: &Transaction<'_>,
    stored: MaterialId,
) -> Result<BTreeMap<AgentNumber, BTreeSet<MaterialId>>, StateError> {
    let mut filed: BTreeMap<AgentNumber, BTreeSet<MaterialId>> = BTreeMap::new();
    let mut statement = t.prepare_cached("SELECT agent, material FROM committed WHERE stored = ?1")?;
    let mut rows = statement.query(params![stored.as_bytes()])?;
    while let Some(row) = rows.next()? {
        let name = MaterialId::from_bytes(fixed(row, 1)?);
        for agent in same_window(t, row.get(0)?)? {
            filed.entry(agent).or_default().insert(name);
        }
    }
    Ok(filed)
}

/// Puts a hold onto the feeds of those who have such papers, or had the dossier open.
pub(crate) fn announce_hold(
    t: &Transaction<'_>,
    outcome: &HoldOutcome,
) -> Result<Vec<(AgentNumber, u64)>, StateError> {
    let concerned = ErasureOutcome {
        id: ErasureId::from_bytes(*outcome.id.as_bytes()),
        requester: None,
        materials: outcome.material.as_slice(),
        holder: outcome.holder,
        shown_for: &[],
        personal: Vec::new(),
    };
    let mut told = concerned_by(t, &concerned)?;
    let about = ("held", outcome.id.as_bytes());
    let mut heads = Vec::with_capacity(told.len());
    while let Some((agent, own)) = told.pop_first() {
        if !was_told(t, agent, about)? {
            let all: BTreeSet<MaterialId> = outcome.material.into_iter().chain(own).collect();
            heads.push((agent, append(t, agent, about, &all, Some(&outcome.personal))?));
        }
    }
    Ok(heads)
}

/// Enters that an agent was told of a hold, where its window's numbers have no such item: an order it carries out long since.
pub(crate) fn keep_told_hold(
    t: &Transaction<'_>,
    agent: AgentNumber,
    id: HoldId,
) -> Result<Option<u64>, StateError> {
    let about = ("held", id.as_bytes());
    for number in numbers_of_window(t, agent)? {
        if was_told(t, number, about)? {
            return Ok(None);
        }
    }
    append(t, agent, about, &BTreeSet::new(), None).map(Some)
}

/// Tells those whose windows were told of a hold that it is lifted.
pub(crate) fn announce_lifted(
    t: &Transaction<'_>,
    id: HoldId,
) -> Result<Vec<(AgentNumber, u64)>, StateError> {
    let held = "SELECT agent FROM feed WHERE what = 'held' AND erasure = ?1";
    let told = windows_of(t, held, id.as_bytes())?;
    let about = ("hold_lifted", id.as_bytes());
    let mut heads = Vec::with_capacity(told.len());
    for agent in told {
        if !was_told(t, agent, about)? {
            heads.push((agent, append(t, agent, about, &BTreeSet::new(), None)?));
        }
    }
    Ok(heads)
}

/// Holds that stand as far as the agents know.
pub(crate) fn holds_told(connection: &Connection) -> Result<Vec<HoldId>, StateError> {
    let sql = "SELECT DISTINCT erasure FROM feed AS f WHERE what = 'held' AND NOT EXISTS
               (SELECT 1 FROM feed WHERE agent = f.agent AND what = 'hold_lifted' AND erasure = f.erasure)";
    let mut statement = connection.prepare_cached(sql)?;
    let ids = statement.query_map([], |row| fixed(row, 0).map(HoldId::from_bytes))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Puts an item onto an agent's feed; its sequence. The count is on the agent's own row.
fn append(
    t: &Transaction<'_>,
    agent: AgentNumber,
    (what, id): (&str, &[u8; 16]),
    materials: &BTreeSet<MaterialId>,
    personal: Option<&[u8]>,
) -> Result<u64, StateError> {
    let materials: Vec<u8> = materials.iter().flat_map(|m| *m.as_bytes()).collect();
    let sql = "UPDATE agents SET feed_head = feed_head + 1 WHERE number = ?1 RETURNING feed_head";
    let sequence: i64 = t.prepare_cached(sql)?.query_row(params![agent], |row| row.get(0))?;
    let sql = "INSERT INTO feed (agent, sequence, previous, erasure, materials, personal, what)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let row = params![agent, sequence, sequence - 1, id, materials, personal, what];
    t.prepare_cached(sql)?.execute(row)?;
    Ok(sequence.unsigned_abs())
}

/// Everyone whose window looked at this person's dossier.
fn openers(t: &Transaction<'_>, person: &Tag) -> Result<BTreeSet<AgentNumber>, StateError> {
    windows_of(t, "SELECT agent FROM contacts WHERE subject = ?1 AND opened_at IS NOT NULL", person)
}

/// The agents that this statement finds about a person or a hold, each with the later ones of its window.
fn windows_of(t: &Transaction<'_>, sql: &str, about: &[u8]) -> Result<BTreeSet<AgentNumber>, StateError> {
    let mut statement = t.prepare_cached(sql)?;
    let mut rows = statement.query(params![about])?;
    let mut agents = BTreeSet::new();
    while let Some(row) = rows.next()? {
        agents.extend(same_window(t, row.get(0)?)?);
    }
    Ok(agents)
}

/// Everyone whose window committed one of the materials, under the names they were given there, filed for or looked at the
/// person, or looked at a dossier in which the materials were.
fn concerned_by(
    t: &Transaction<'_>,
    outcome: &ErasureOutcome<'_>,
) -> Result<BTreeMap<AgentNumber, BTreeSet<MaterialId>>, StateError> {
    let mut told: BTreeMap<AgentNumber, BTreeSet<MaterialId>> = BTreeMap::new();
    for material in outcome.materials {
        for (agent, names) in names_given(t, *material)? {
            told.entry(agent).or_default().extend(names);
        }
    }
    if let Some(holder) = outcome.holder {
        for agent in windows_of(t, "SELECT agent FROM contacts WHERE subject = ?1", &holder)? {
            told.entry(agent).or_default();
        }
    }
    for person in outcome.shown_for {
        for agent in openers(t, person)? {
            told.entry(agent).or_default();
        }
    }
    Ok(told)
}

pub(crate) fn read(
    t: &Transaction<'_>,
    agent: AgentNumber,
    after: u64,
    limit: usize,
) -> Result<(Vec<FeedRow>, u64), StateError> {
    let sql = "SELECT feed_head FROM agents WHERE number = ?1";
    let head: i64 = t.prepare_cached(sql)?.query_row(params![agent], |row| row.get(0))?;
    let sql = "SELECT sequence, previous, erasure, materials, personal, what FROM feed
               WHERE agent = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3";
    let mut statement = t.prepare_cached(sql)?;
    let mut rows = statement.query(params![agent, signed(after), signed(limit as u64)])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(item(row)?);
    }
    Ok((items, head.unsigned_abs()))
}

/// The names in an item.
fn material_ids(bytes: &[u8]) -> Result<impl Iterator<Item = MaterialId>, StateError> {
    let (ids, []) = bytes.as_chunks::<16>() else {
        return Err(StateError::new(StateFault::Damaged, "a feed item's materials do not hold together"));
    };
    Ok(ids.iter().copied().map(MaterialId::from_bytes))
}

fn item(row: &Row<'_>) -> Result<FeedRow, StateError> {
    let what = match row.get_ref(5)?.as_str().unwrap_or_default() {
        "erased" => FeedWhat::Erased(ErasureId::from_bytes(fixed(row, 2)?)),
        "refiled" => FeedWhat::Refiled,
        "originals_disposed" => FeedWhat::OriginalsDisposed,
        "held" => FeedWhat::Held(HoldId::from_bytes(fixed(row, 2)?)),
        "hold_lifted" => FeedWhat::HoldLifted(HoldId::from_bytes(fixed(row, 2)?)),
        _ => return Err(StateError::new(StateFault::Damaged, "a feed item is about nothing there is")),
    };
    Ok(FeedRow {
        sequence: row.get::<_, i64>(0)?.unsigned_abs(),
        previous: row.get::<_, i64>(1)?.unsigned_abs(),
        what,
        materials: material_ids(row.get_ref(3)?.as_blob().unwrap_or_default())?.collect(),
        personal: row.get(4)?,
    })
}

/// Feeds whose items are not 1, 2, 3 … up to their head.
pub(crate) fn gaps(connection: &Connection) -> Result<Vec<String>, StateError> {
    let sql = "SELECT a.name FROM agents a LEFT JOIN feed f ON f.agent = a.number GROUP BY a.number
               HAVING COUNT(f.sequence) <> a.feed_head OR COALESCE(MAX(f.sequence), 0) <> a.feed_head";
    let mut statement = connection.prepare(sql)?;
    let lines =
        statement.query_map([], |row| Ok(format!("feed of {}: has gaps", row.get::<_, String>(0)?)))?;
    Ok(lines.collect::<Result<_, _>>()?)
}
