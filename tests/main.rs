//! The one integration binary. Each module is one promise, kept with real parts.

mod support {
    //! What the tests stand on: real services, started and stopped by them.
    pub(crate) mod pcscd;
}

/// An ID card is read through the real pcscd, whatever happens on the way.
mod card_over_pcsc;
/// Crates depend on each other in one direction only.
mod house;
