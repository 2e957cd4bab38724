//! https on this machine's own addresses: an authority of this PC alone, which can vouch for no other name, and a
//! certificate that it renews by itself.

mod authority;
mod leaf;
mod nss;
mod system;
mod trust;

pub(crate) use authority::Authority;
pub use authority::AuthorityError;
pub(crate) use leaf::acceptor;
pub(crate) use trust::{TrustPlace, TrustState, places};
