//! Asking the ledger who did what. The question is a look like any other, and is entered before it is answered.

use std::collections::{HashMap, HashSet};
use std::fmt;

use yidang_model::{ErasureId, MaterialId, Subject, Timestamp};

use crate::backup::is_whole;
use crate::caller::{NAME_CHARS_MAX, too_long};
use crate::entry::{OpenEntry, Plain, SlotKey, open_beneath, seal_entry};
use crate::plan::{Answer, Draft, Plan, Planner, Request};
use crate::rebuild::skip_damaged;
use crate::record::{FiledPersonal, HoldPersonal, LookPersonal, NoPersonal, Office, Refs};
use crate::storage::{Entry, EntryHash, KeyId, Verb};
use crate::stores::{ENTRIES_AT_A_TIME, Stores};
use crate::{Actor, Archive, ArchiveError};

/// Most lines of one answer; a higher limit is cut to it.
pub const AUDIT_LINES_MAX: u64 = 100_000;

/// Whom or what an audit is about.
#[derive(Clone, PartialEq, Eq)]
pub enum AuditOf {
    /// Everything done with this person's dossier and papers, and with those that were thought to be theirs.
    Person(Subject),
    /// Everything this clerk did.
    Operator(String),
    /// Dossiers opened on another basis than the card, and those taken out as packages.
    WithoutCard,
}

impl fmt::Debug for AuditOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person(_) => "Person(…)",
            Self::Operator(_) => "Operator(…)",
            Self::WithoutCard => "WithoutCard",
        })
    }
}

/// A question to the ledger.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// Whom or what it is about.
    pub of: AuditOf,
    /// From this instant on, by the clock of this machine.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// At most so many lines.
    pub limit: u64,
    /// Who asks.
    pub by: Actor,
}

/// One ledger entry, as an auditor sees it. What was sealed for people who are forgotten is not in it.
#[derive(Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its place in the ledger.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub verb: Verb,
    /// The clerk, where the window software said.
    pub operator: Option<String>,
    /// Name of the client's token.
    pub client: String,
    /// On what basis, of a look.
    pub basis: Option<String>,
    /// What for; why, of a refiling or a hold.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Materials it was about.
    pub materials: Vec<MaterialId>,
}

impl fmt::Debug for AuditLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLine")
            .field("sequence", &self.sequence)
            .field("verb", &self.verb)
            .finish_non_exhaustive()
    }
}

/// How an audit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditEnd {
    /// Lines told.
    pub lines: u64,
    /// Whether there are more than were wanted.
    pub truncated: bool,
    /// `false` for a person under whose number nothing can be read: never filed for here, mistyped, or forgotten.
    /// Which of them, the ledger cannot tell.
    pub known: bool,
    /// Places in the ledger, as far as it was read, whose entries are missing, cannot be read, or are not what was entered
    /// there; where a person is asked about, also entries that are sealed for somebody whose key is lost. Any of them may be
    /// about what was asked.
    pub unproven: u64,
    /// How many of these are places in which it was noted that the ledger is an older one than was known: what had been entered
    /// behind it is lost, and nobody can say how much that was. No check finds it any more, and no rebuild.
    pub put_back: u64,
}

/// Why an audit may lack something, in the words that every program says it with.
pub fn told_unproven(unproven: u64, put_back: u64) -> String {
    let mut told = Vec::new();
    if unproven > put_back {
        let places = unproven - put_back;
        told.push(format!(
            "{places} places in the ledger are missing, cannot be read, or are sealed with lost keys"
        ));
    }
    if put_back > 0 {
        told.push(format!(
            "{put_back} times the ledger was found cut off, or an older copy of it in its place, and what had been entered behind \
             that is lost"
        ));
    }
    format!("{}: the answer may lack them", told.join("; "))
}

impl Archive {
    /// Goes through the ledger from its beginning and tells what the question is about, in order; `tell` returns
    /// `false` to stop. The question is entered, durably, before anything is told, and is not among the answer.
    /// `progress` hears entries read and entries in all. An entry that is damaged is left out, logged and counted;
    /// [`Archive::verify`] names it.
    ///
    /// Memory grows with one person's papers and with the number of people who are forgotten, and with nothing else.
    pub fn audit(
        &self,
        query: AuditQuery,
        progress: &mut dyn FnMut(u64, u64),
        tell: &mut dyn FnMut(AuditLine) -> bool,
    ) -> Result<AuditEnd, ArchiveError> {
        let entered = match self.shared.writer.ask(Request::Audit(Box::new(PreparedAudit::new(&query)?)))? {
            Answer::Sequence(sequence) => sequence,
            _ => return Err(ArchiveError::Defect),
        };
        let stores = &self.shared.stores;
        let mut walk = Walk::new(stores, &query)?;
        let known = walk.key.is_some() || !matches!(query.of, AuditOf::Person(_));
        let limit = query.limit.min(AUDIT_LINES_MAX);
        let mut end = AuditEnd { lines: 0, truncated: false, known, unproven: 0, put_back: 0 };
        let mut seen = Seen::default();
        while seen.at + 1 < entered {
            let entries = stores.ledger.after(seen.at, ENTRIES_AT_A_TIME)?;
            if entries.is_empty() {
                break;
            }
            for entry in entries.iter().filter(|entry| entry.sequence < entered) {
                let missing = seen.go_on_to(entry);
                let line = skip_damaged(walk.line(entry))?;
                let is_harmed = line.is_none() || !seen.is_whole;
                let was_put_back = entry.content.verb == Verb::HoldsDoubted && missing == 0 && !is_harmed;
                end.unproven += missing + u64::from(is_harmed || was_put_back);
                end.put_back += u64::from(was_put_back);
                let Some(line) = line.flatten() else { continue };
                end.truncated = end.lines == limit;
                if end.truncated {
                    return Ok(end);
                }
                end.lines += 1;
                if !tell(line) {
                    return Ok(AuditEnd { truncated: true, ..end });
                }
            }
            progress(seen.at, entered - 1);
            if entries.iter().any(|entry| entry.sequence >= entered) {
                break;
            }
        }
        end.unproven += entered - 1 - seen.at + walk.sealed.for_lost_keys();
        Ok(end)
    }
}

/// How far the ledger has been read.
#[derive(Default)]
struct Seen {
    /// The last entry.
    at: u64,
    hash: EntryHash,
    /// Whether it is what was entered there, behind what stands before it.
    is_whole: bool,
}

impl Seen {
    /// How many places before this entry are empty.
    fn go_on_to(&mut self, entry: &Entry) -> u64 {
        let missing = entry.sequence - self.at - 1;
        self.is_whole = is_whole(entry) && (missing > 0 || entry.previous == self.hash);
        (self.at, self.hash) = (entry.sequence, entry.hash);
        missing
    }
}

/// A question that is within bounds.
pub(crate) struct PreparedAudit {
    by: Actor,
    who: Option<Subject>,
    /// What was asked, for the office: it stays when people are forgotten, so it names none of them.
    asked: String,
}

impl PreparedAudit {
    fn new(query: &AuditQuery) -> Result<Self, ArchiveError> {
        query.by.check()?;
        let (who, asked) = match &query.of {
            AuditOf::Person(who) => (Some(who.clone()), "person".to_owned()),
            AuditOf::Operator(name) if name.is_empty() || too_long(name, NAME_CHARS_MAX) => {
                return Err(ArchiveError::Invalid("the name of an operator is 1 to 128 characters long"));
            }
            AuditOf::Operator(name) => (None, format!("operator {name}")),
            AuditOf::WithoutCard => (None, "no_card".to_owned()),
        };
        Ok(Self { by: query.by.clone(), who, asked })
    }

    pub(crate) fn plan(&self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let stores = planner.stores;
        // Someone nothing is known of gets no key for having been asked about.
        let key = match &self.who {
            Some(who) => planner.known_holder(stores.keys.subject_tag(who))?,
            None => None,
        };
        let slots: Vec<SlotKey<'_>> =
            key.into_iter().map(|key| SlotKey { key, subject: self.who.as_ref() }).collect();
        let plain = Plain {
            verb: Verb::Audited,
            refs: Refs::default(),
            office: Office { basis: Some(self.asked.clone()), ..Office::of(&self.by) },
            personal: NoPersonal {},
            slots: &slots,
            idempotency: None,
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        Ok(Plan::Write(Box::new(Draft::of(entry, None, Answer::Sequence(planner.sequence)))))
    }
}

/// A question on its way through the ledger.
struct Walk<'a> {
    stores: &'a Stores,
    query: &'a AuditQuery,
    /// The key of the person it is about; `None` for another question, and for someone nothing is known of.
    key: Option<KeyId>,
    /// That person's papers, as of the entry before.
    theirs: HashSet<MaterialId>,
    /// Erasures of them or of their papers: what became of one is entered without a word about whom it was of.
    erasures: HashSet<ErasureId>,
    sealed: Sealed,
}

/// What is sealed for people whose keys are gone.
#[derive(Default)]
struct Sealed {
    /// Entries of each of these keys.
    entries: HashMap<KeyId, u64>,
    /// Keys that an erasure deleted.
    forgotten: HashSet<KeyId>,
}

impl Sealed {
    fn see(&mut self, opened: &OpenEntry) {
        // A capture is sealed for nobody.
        if opened.verb == Verb::Staged {
            return;
        }
        for (key, subject) in opened.slot_keys.iter().zip(&opened.subjects) {
            if opened.verb == Verb::Erased && opened.refs.whole_holder {
                self.forgotten.insert(*key);
            }
            if subject.is_none() {
                *self.entries.entry(*key).or_default() += 1;
            }
        }
    }

    /// How many of them no erasure accounts for.
    fn for_lost_keys(&self) -> u64 {
        self.entries.iter().filter(|(key, _)| !self.forgotten.contains(key)).map(|(_, count)| count).sum()
    }
}

impl<'a> Walk<'a> {
    fn new(stores: &'a Stores, query: &'a AuditQuery) -> Result<Self, ArchiveError> {
        let key = match &query.of {
            AuditOf::Person(who) => stores.keys.holder(stores.keys.subject_tag(who))?.map(|key| key.id),
            _ => None,
        };
        let key = key.filter(|key| !stores.veil.covers_key(*key));
        let (theirs, erasures, sealed) = (HashSet::new(), HashSet::new(), Sealed::default());
        Ok(Self { stores, query, key, theirs, erasures, sealed })
    }

    /// What an entry says, if it is one of those asked for.
    fn line(&mut self, entry: &Entry) -> Result<Option<AuditLine>, ArchiveError> {
        let opened = match &self.query.of {
            AuditOf::WithoutCard if !matches!(entry.content.verb, Verb::Opened | Verb::Exported) => {
                return Ok(None);
            }
            _ => open_beneath(&self.stores.veil, &self.stores.keys, entry)?,
        };
        let wanted = match &self.query.of {
            AuditOf::Person(_) => {
                self.sealed.see(&opened);
                self.key.is_some() && self.is_theirs(&opened)
            }
            AuditOf::Operator(name) => opened.office.operator.as_ref() == Some(name),
            AuditOf::WithoutCard => true,
        };
        let at = entry.content.at;
        let in_time = self.query.since.is_none_or(|since| at >= since)
            && self.query.until.is_none_or(|until| at < until);
        if !wanted || !in_time {
            return Ok(None);
        }
        line_of(entry, &opened).map(Some)
    }

    /// Whether an entry is about that person, or about a paper that is theirs when it comes.
    fn is_theirs(&mut self, opened: &OpenEntry) -> bool {
        let named = self.key.is_some_and(|key| opened.slot_keys.contains(&key));
        let about = |id: &MaterialId| self.theirs.contains(id);
        let known = materials_of(opened).iter().any(about);
        if let (Verb::Filed | Verb::Refiled, Some(id)) = (opened.verb, opened.refs.material) {
            if named {
                self.theirs.insert(id.0);
            } else {
                self.theirs.remove(&id.0);
            }
        }
        let erasure = opened.refs.erasure.map(|id| id.0);
        if let (true, Verb::ErasureRequested, Some(id)) = (named || known, opened.verb, erasure) {
            self.erasures.insert(id);
        }
        // A look at a joint paper in another holder's dossier is a look at theirs.
        named || known || erasure.is_some_and(|id| self.erasures.contains(&id))
    }
}

fn materials_of(opened: &OpenEntry) -> Vec<MaterialId> {
    opened.refs.material.iter().chain(&opened.refs.materials).map(|id| id.0).collect()
}

fn line_of(entry: &Entry, opened: &OpenEntry) -> Result<AuditLine, ArchiveError> {
    let (purpose, case) = match opened.verb {
        Verb::Looked | Verb::Opened | Verb::Exported => opened
            .personal::<LookPersonal>()?
            .map_or((None, None), |personal| (personal.purpose, personal.case)),
        Verb::Filed | Verb::Refiled => {
            let case = opened.filed()?.and_then(|(material, _)| material.case);
            let personal = opened.personal::<FiledPersonal>()?;
            (personal.and_then(|personal| personal.reason.or(personal.purpose)), case)
        }
        Verb::Held | Verb::HoldLifted => opened
            .personal::<HoldPersonal>()?
            .map_or((None, None), |personal| (Some(personal.reason), personal.case)),
        _ => (None, None),
    };
    Ok(AuditLine {
        sequence: entry.sequence,
        at: entry.content.at,
        verb: opened.verb,
        operator: opened.office.operator.clone(),
        client: opened.office.client.clone(),
        basis: opened.office.basis.clone(),
        purpose,
        case,
        materials: materials_of(opened),
    })
}
