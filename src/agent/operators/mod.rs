//! The clerks who sit at this window: how they prove it, and their sessions.
//!
//! A clerk signs in by a local PIN, or the window system says who it is with an assertion signed by a registered key.
//! Who may is kept in `DATA_DIR/operators.db`; the sessions are in memory, and a restart ends them.

mod assertion;
mod error;
mod need;
mod pin;
mod public_key;
mod seal;
mod sessions;
mod store;

pub(crate) use assertion::ASSERTION_LENGTH_MAX;
pub use error::OperatorError;
pub(crate) use error::{Reason, SignInRefusal};
pub(crate) use need::{IDLE_LOCK_DEFAULT, TAKE_OVER_DEFAULT};
pub use need::{OperatorNeed, OperatorRules};
pub(crate) use pin::PIN_LENGTH_MAX;
pub(crate) use public_key::PublicKey;
pub(crate) use sessions::{Ended, EndedBecause, Seat, Sessions, Standing, Way};
pub(crate) use store::Operators;
