//! The one integration binary. Each module is one promise, kept with real parts.

mod support {
    //! What the tests stand on: real services, started and stopped by them.
    pub(crate) mod agent;
    pub(crate) mod pcscd;
}

/// An ID card is read through the real pcscd, whatever happens on the way.
mod card_over_pcsc;
/// What was acknowledged survives SIGKILL at any moment.
mod crash;
/// Crates depend on each other in one direction only.
mod house;
/// One window's whole transaction, and everything that may go wrong with it.
mod window;
