//! Bringing the papers of a dead PC home: its disk is read with the office's recovery key, and what had not reached the
//! repository is filed at this window as it was filed there.

mod dead;
mod left;
mod run;
mod survey;

pub(crate) use dead::Dead;
pub(crate) use left::{Left, LeftThing, Reason};
pub(crate) use run::{Recover, Told, What};
pub(crate) use survey::Survey;
