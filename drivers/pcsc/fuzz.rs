//! Profiles, and readings by them from a reader that answers anything, for the fuzzer. Only with the feature
//! `fuzz`.

use yidang_device::{
    Access, Cancel, CardReader as _, DeviceCondition, DeviceError, DeviceListing, RawCard, ReadWish,
};
use yidang_idcard::SamReader;
use yidang_model::Origin;

use crate::exchange::Exchange;
use crate::profile::{Form, Profile, Source};
use crate::profile_file;
use crate::reading;
use crate::tunnel::Tunnel;

/// A profile that holds.
pub struct WrittenProfile(Profile);

/// Reads a profile; the error is what the operator sees.
pub fn parse(text: &str) -> Result<WrittenProfile, String> {
    let profile = profile_file::parse("fuzzed", Source::BuiltIn, text);
    profile.map(WrittenProfile).map_err(|reason| reason.to_string())
}

impl WrittenProfile {
    /// Whether it is for this reader and this card.
    pub fn matches(&self, reader: &str, atr: &[u8]) -> bool {
        let card = self.0.atrs.is_empty() || self.0.atrs.iter().any(|pattern| pattern.matches(atr));
        self.0.name_literals(reader).is_some() && card
    }

    /// A reading from a reader whose answers these are, in turn.
    pub fn read(&self, answers: &mut dyn Iterator<Item = Vec<u8>>) -> Result<RawCard, DeviceError> {
        let answers: Vec<_> = answers.collect();
        let mut exchange = Answers(answers.into_iter());
        match &self.0.form {
            Form::Paged(form) => reading::paged(&mut exchange, form, true, self.0.chip_serial),
            Form::Bare => Err(reading::why_not(&mut exchange, true, "bare")),
            Form::Tunnel(form) => {
                let listing = DeviceListing { id: "f".into(), name: "f".into(), access: Access::Granted };
                let tunnel = Tunnel::new(&mut exchange, *form);
                let wish = ReadWish { fingerprint: true };
                SamReader::new(tunnel, listing, Origin::Device).read(wish, &Cancel::new())
            }
        }
    }
}

struct Answers(std::vec::IntoIter<Vec<u8>>);

impl Exchange for Answers {
    fn send(&mut self, _: &[u8]) -> Result<Vec<u8>, DeviceError> {
        self.0.next().ok_or_else(|| DeviceError::new(DeviceCondition::Lost, "no more answers"))
    }
}
