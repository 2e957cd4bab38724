//! The vocabulary every other crate speaks.
//!
//! Nothing here does I/O, reads a clock or draws a random number: instants and identifiers are handed in.
//! No type here derives `Serialize`; the wire, the API and the stored formats have types of their own.

mod date;
mod digest;
mod escaped;
mod id;
mod material;
mod origin;
mod subject;
mod timestamp;

pub use date::Date;
pub use digest::{Digest, HashedBytes};
pub use escaped::escaped;
pub use id::{CaptureId, ErasureId, HoldId, IdError, MaterialId};
pub use material::{Image, Kind, KindError, Material, MediaType, Page, Presentation, Quad, Status};
pub use origin::Origin;
pub use subject::{Subject, SubjectError, SubjectType, check_digit};
pub use timestamp::{Timestamp, TimestampError};
