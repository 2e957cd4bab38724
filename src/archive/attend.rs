//! Entering who sat at the window: clerks signing in and out, and those who tried and could not.

use crate::caller::{TEXT_CHARS_MAX, too_long};
use crate::entry::{Plain, seal_entry};
use crate::plan::{Answer, Draft, Plan, Planner, Request};
use crate::record::{NoPersonal, Office, Refs};
use crate::storage::Verb;
use crate::{Actor, Archive, ArchiveError};

/// What became of a clerk's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttendanceVerb {
    /// It began, or was taken up again after it was locked.
    SignedIn,
    /// It ended.
    SignedOut,
    /// It was locked.
    Locked,
    /// Its clerk took over the captures that another had left.
    TookOver,
    /// It did not begin: who asked for it could not prove to be that clerk.
    Refused,
}

/// A clerk's coming or going. About no citizen: it stays when people are forgotten.
#[derive(Clone, Debug)]
pub struct Attendance {
    /// What happened.
    pub verb: AttendanceVerb,
    /// The clerk, and the client that the session belongs to.
    pub by: Actor,
    /// How it was proved, or why it ended; from whom was taken over, and why.
    pub basis: String,
    /// Of a refusal: how many there were in a row. Of captures: how many they are.
    pub count: u64,
}

impl Archive {
    /// Enters it; its sequence, durable when it returns.
    pub fn attend(&self, attendance: Attendance) -> Result<u64, ArchiveError> {
        attendance.by.check()?;
        if too_long(&attendance.basis, TEXT_CHARS_MAX) {
            return Err(ArchiveError::Invalid("the basis is too long"));
        }
        match self.shared.writer.ask(Request::Attend(Box::new(PreparedAttendance(attendance))))? {
            Answer::Sequence(sequence) => Ok(sequence),
            _ => Err(ArchiveError::Defect),
        }
    }
}

/// One that is within bounds.
pub(crate) struct PreparedAttendance(Attendance);

impl PreparedAttendance {
    pub(crate) fn plan(&self, planner: &Planner<'_>) -> Result<Plan, ArchiveError> {
        let (stores, Attendance { verb, by, basis, count }) = (planner.stores, &self.0);
        let verb = match verb {
            AttendanceVerb::SignedIn => Verb::SignedIn,
            AttendanceVerb::SignedOut => Verb::SignedOut,
            AttendanceVerb::Locked => Verb::SessionLocked,
            AttendanceVerb::TookOver => Verb::TakenOver,
            AttendanceVerb::Refused => Verb::SignInRefused,
        };
        let plain = Plain {
            verb,
            refs: Refs::default(),
            office: Office { basis: Some(basis.clone()), count: *count, ..Office::of(by) },
            personal: NoPersonal {},
            slots: &[],
            idempotency: None,
        };
        let entry = seal_entry(&stores.keys, stores.clock.as_ref(), plain)?;
        Ok(Plan::Write(Box::new(Draft::of(entry, None, Answer::Sequence(planner.sequence)))))
    }
}
