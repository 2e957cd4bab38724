//! The one integration binary. Each module is one promise, kept with real parts.

mod support {
    //! What the tests stand on: real services, started and stopped by them.
    pub(crate) mod agent;
    pub(crate) mod pcscd;
    pub(crate) mod proxy;
    pub(crate) mod repository;
    #[path = "../../drivers/sam-serial/wire.rs"]
    #[allow(dead_code)]
    pub(crate) mod wire;
}

/// An ID card is read through the real pcscd, whatever happens on the way.
mod card_over_pcsc;
/// An ID card is read through a real terminal, by the port and the driver that the configuration names.
mod card_over_serial;
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
