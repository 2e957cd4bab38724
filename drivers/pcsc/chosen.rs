//! The profile a reader is spoken to by at the moment.

use std::sync::{Arc, Mutex, PoisonError};

use crate::profile::Profile;
use crate::profiles::{Choice, Profiles};

/// Shared between a reader and its thread, which chooses anew when the card in the reader changes.
#[derive(Clone)]
pub(crate) struct Chosen {
    reader: Arc<str>,
    profiles: Arc<Profiles>,
    choice: Arc<Mutex<Choice>>,
    /// Whether a card may change the choice.
    depends_on_atr: bool,
}

impl Chosen {
    /// By the reader's name alone, as without a card.
    pub(crate) fn new(reader: &str, profiles: Arc<Profiles>) -> Self {
        let choice = Arc::new(Mutex::new(profiles.choose(reader, &[])));
        let depends_on_atr = profiles.depends_on_atr(reader);
        Self { reader: reader.into(), profiles, choice, depends_on_atr }
    }

    /// Chooses by a card's ATR as well; whether that made it another profile.
    pub(crate) fn choose(&self, atr: &[u8]) -> bool {
        let new = self.profiles.choose(&self.reader, atr);
        let mut choice = self.choice.lock().unwrap_or_else(PoisonError::into_inner);
        let other = !Arc::ptr_eq(&new.profile, &choice.profile);
        *choice = new;
        other
    }

    pub(crate) const fn depends_on_atr(&self) -> bool {
        self.depends_on_atr
    }

    pub(crate) fn reader(&self) -> &str {
        &self.reader
    }

    pub(crate) fn get(&self) -> Choice {
        self.choice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn profile(&self) -> Arc<Profile> {
        self.get().profile
    }

    /// Whether the reader was recognised.
    pub(crate) fn is_certain(&self) -> bool {
        self.get().is_certain()
    }
}
