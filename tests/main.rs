//! The one integration binary. Each module is one promise, kept with real parts.

mod support {
    //! What the tests stand on: real services, started and stopped by them.
    pub(crate) mod agent;
    pub(crate) mod cards;
    pub(crate) mod pcscd;
    pub(crate) mod proxy;
    pub(crate) mod repository;
}

/// Nothing is left behind, however often cards are read and pcscd dies.
mod card_endurance;
/// An ID card is read through the real pcscd, whatever happens on the way.
mod card_over_pcsc;
/// A new reader model is a file, whatever way it reaches its security module.
mod card_profiles;
/// What was acknowledged survives SIGKILL at any moment.
mod crash;
/// Crates depend on each other in one direction only.
mod house;
/// Every paper arrives once, whatever the network does.
mod network;
/// A paper shown once at one window is there at every window.
mod two_windows;
/// One window's whole transaction, and everything that may go wrong with it.
mod window;
