//! Reading a card through a security module (SAM): what to ask in which order, and when to try again.

use std::time::Duration;

use yidang_device::{
    Cancel, CardReader, DeviceCondition, DeviceError, DeviceListing, Examination, ModuleReport, Presence,
    RawCard, ReadWish, Step, Steps,
};
use yidang_model::Origin;

use crate::content::CardData;
use crate::frame::{Command, FrameError, FrameReader, Reply};
use crate::status;
use crate::text::NEW_ADDRESS_LENGTH_BYTES;

/// The way to a security module: a serial line, a USB device, a tunnel. It carries bytes and knows nothing
/// about frames beyond what its medium demands.
pub trait SamTransport: Send {
    /// Sends one whole request frame, after throwing away whatever has arrived unasked since the last one.
    fn send(&mut self, request: &[u8]) -> Result<(), DeviceError>;

    /// Bytes of the reply as they arrive, at least one, in pieces of any size. Blocks for at most `timeout`;
    /// nothing in that time is [`DeviceCondition::Timeout`]. Ends early when `cancel` is raised.
    fn receive(&mut self, timeout: Duration, cancel: &Cancel) -> Result<Vec<u8>, DeviceError>;

    /// Time since a fixed moment. The session reads no clock of its own.
    fn clock(&self) -> Duration;
}

/// How long the module may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamLimits {
    /// To find a card, to select it, and for the module's own number.
    pub short: Duration,
    /// To read text and photo; a second more with the fingerprint.
    pub read: Duration,
    /// To read the newest address.
    pub address: Duration,
    /// For a whole reading, second try included.
    pub reading: Duration,
}

impl SamLimits {
    /// What suits a module on a line of its own: 1, 5, 2 and 15 seconds.
    pub const USUAL: Self = Self {
        short: Duration::from_secs(1),
        read: Duration::from_secs(5),
        address: Duration::from_secs(2),
        reading: Duration::from_secs(15),
    };
}

/// How much longer than text and photo alone a fingerprint takes at most.
const FINGERPRINT_TAKES: Duration = Duration::from_secs(1);
/// Pause between two looks for a card.
const POLL_PERIOD: Duration = Duration::from_millis(250);

/// What the session knows about the field. Modules with "protective design" find a card only until it was
/// read; from then on it answers the question for its newest address, and nothing else tells that it is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Nothing is known: a card that another program read may lie there.
    Unknown,
    /// Empty at the last look.
    Empty,
    /// A card was found that was not read since.
    Found,
    /// A card lies there that was read.
    Read,
}

/// A card reader with a security module behind any transport.
pub struct SamReader<T> {
    transport: T,
    listing: DeviceListing,
    origin: Origin,
    limits: SamLimits,
    frames: FrameReader,
    field: Field,
    /// A card was found within the reading that is under way.
    found_in_reading: bool,
    module_number: Option<[u8; 16]>,
    /// The exchanges of an examination that is under way.
    steps: Option<Steps>,
}

impl<T> SamReader<T> {
    /// A reader over an open transport.
    pub fn new(transport: T, listing: DeviceListing, origin: Origin) -> Self {
        let (limits, frames) = (SamLimits::USUAL, FrameReader::new());
        let (field, found_in_reading) = (Field::Unknown, false);
        let (module_number, steps) = (None, None);
        Self { transport, listing, origin, limits, frames, field, found_in_reading, module_number, steps }
    }

    /// The reader with other time limits than the usual ones.
    pub fn with_limits(self, limits: SamLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same session over another transport, and the transport it had; for media that are ours only for
    /// one call at a time. Between two calls the transport may be anything, `()` for one.
    pub fn over<U>(self, transport: U) -> (SamReader<U>, T) {
        let Self {
            transport: old,
            listing,
            origin,
            limits,
            frames,
            field,
            found_in_reading,
            module_number,
            steps,
        } = self;
        let session = SamReader {
            transport,
            listing,
            origin,
            limits,
            frames,
            field,
            found_in_reading,
            module_number,
            steps,
        };
        (session, old)
    }

    /// From now on every exchange is told there, or no more.
    pub fn record(&mut self, steps: Option<Steps>) {
        self.steps = steps;
    }

    /// The transport.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }
}

impl<T: SamTransport> SamReader<T> {
    /// Asks the module whether it works (`11 FF`), as a probe for a port's speed does. A module that answers
    /// that it does not work is an error as well.
    pub fn self_test(&mut self, timeout: Duration, cancel: &Cancel) -> Result<(), DeviceError> {
        let reply = self.ask(Command::Status, timeout, cancel)?;
        if reply.status[2] == status::SUCCESS { Ok(()) } else { Err(status::error(reply.status)) }
    }

    /// Sends a command and waits for its reply, whatever its status. Bytes that are no frame are skipped; a
    /// broken reply, or one that breaks off, is [`DeviceCondition::Protocol`].
    pub fn ask(&mut self, command: Command, limit: Duration, cancel: &Cancel) -> Result<Reply, DeviceError> {
        let began = self.transport.clock();
        let reply = self.exchange(command, limit, cancel);
        let took = self.transport.clock().saturating_sub(began);
        if let Some(steps) = &self.steps {
            steps.push(step(command, &reply, took));
        }
        reply
    }

    fn exchange(&mut self, command: Command, limit: Duration, cancel: &Cancel) -> Result<Reply, DeviceError> {
        not_cancelled(cancel)?;
        if matches!(command, Command::SetSpeed(_)) {
            return Err(protocol("a module's speed is never changed".to_owned()));
        }
        self.frames.clear();
        let deadline = self.transport.clock() + limit;
        self.transport.send(&command.to_frame())?;
        let mut arrived = 0;
        loop {
            let left = deadline.saturating_sub(self.transport.clock());
            let received =
                if left.is_zero() { Err(out_of_time()) } else { self.transport.receive(left, cancel) };
            let bytes = match received {
                Err(e) if e.condition == DeviceCondition::Timeout && arrived > 0 => {
                    return Err(protocol(format!("a reply broke off after {arrived} bytes")));
                }
                other => other?,
            };
            arrived += bytes.len();
            self.frames.feed(&bytes);
            if let Some(reply) = self.reply_among_the_arrived() {
                return reply.map_err(|e| protocol(e.to_string()));
            }
        }
    }

    /// The first whole reply; the last error when there is none and nothing is left to wait for.
    fn reply_among_the_arrived(&mut self) -> Option<Result<Reply, FrameError>> {
        let mut broken = None;
        while let Some(reply) = self.frames.next_reply() {
            match reply {
                Ok(reply) => return Some(Ok(reply)),
                Err(error) => broken = Some(error),
            }
        }
        // An impossible length is noise that looked like a preamble: the reply may still come.
        broken.filter(|error| *error == FrameError::Checksum).map(Err)
    }

    /// Whether a card lies there, without reading it.
    fn probe(&mut self, cancel: &Cancel) -> Result<Presence, DeviceError> {
        if self.field == Field::Read && self.answers_for_its_address(self.limits.short, cancel)? {
            return Ok(Presence::Present);
        }
        if self.find(self.limits.short, cancel)? {
            self.field = Field::Found;
            return Ok(Presence::Present);
        }
        let read_elsewhere =
            self.field == Field::Unknown && self.answers_for_its_address(self.limits.short, cancel)?;
        self.field = if read_elsewhere { Field::Read } else { Field::Empty };
        Ok(if read_elsewhere { Presence::Present } else { Presence::Absent })
    }

    fn find(&mut self, limit: Duration, cancel: &Cancel) -> Result<bool, DeviceError> {
        let reply = self.ask(Command::Find, limit, cancel)?;
        match reply.status[2] {
            status::FOUND | status::SUCCESS => Ok(true),
            status::FIND_FAILED => Ok(false),
            _ => Err(status::error(reply.status)),
        }
    }

    /// The sign of life of a card that was read.
    fn answers_for_its_address(&mut self, limit: Duration, cancel: &Cancel) -> Result<bool, DeviceError> {
        let reply = self.ask(Command::ReadNewAddress, limit, cancel)?;
        Ok(matches!(reply.status[2], status::SUCCESS | status::NO_CONTENT))
    }

    /// One pass: find, select, read, newest address, module number.
    fn attempt(
        &mut self,
        wish: ReadWish,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<RawCard, DeviceError> {
        let data = if self.find(self.limit(self.limits.short, deadline), cancel)? {
            self.field = Field::Found;
            self.found_in_reading = true;
            let reply = self.ask(Command::Select, self.limit(self.limits.short, deadline), cancel)?;
            if reply.status[2] != status::SUCCESS {
                return Err(status::error(reply.status));
            }
            self.read_content(wish, deadline, cancel)?
        } else if self.field == Field::Empty {
            return Err(status::error([0, 0, status::FIND_FAILED]));
        } else {
            // The module may refuse to find a card it has read, and yet read it again.
            self.read_content_unfound(wish, deadline, cancel)?
        };
        let new_address = self.read_new_address(deadline, cancel)?;
        self.field = Field::Read;
        Ok(RawCard {
            text: data.text,
            photo_wlt: data.photo_wlt,
            new_address,
            sam_id: self.module_number(deadline, cancel)?,
            chip_serial: None,
            photo: None,
            fingerprint: data.fingerprint.unwrap_or_default(),
            origin: self.origin,
        })
    }

    fn read_content(
        &mut self,
        wish: ReadWish,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<CardData, DeviceError> {
        if wish.fingerprint {
            let limit = self.limit(self.limits.read + FINGERPRINT_TAKES, deadline);
            let reply = self.ask(Command::ReadCardWithFingerprints, limit, cancel)?;
            match reply.status[2] {
                status::SUCCESS => {
                    return CardData::parse_with_fingerprint(&reply.data)
                        .map_err(|e| protocol(e.to_string()));
                }
                // A module that has no such command, or does not give fingerprints to everybody.
                status::COMMAND | status::FORBIDDEN => {}
                _ => return Err(status::error(reply.status)),
            }
        }
        let reply = self.ask(Command::ReadCard, self.limit(self.limits.read, deadline), cancel)?;
        if reply.status[2] != status::SUCCESS {
            return Err(status::error(reply.status));
        }
        CardData::parse(&reply.data).map_err(|e| protocol(e.to_string()))
    }

    fn read_content_unfound(
        &mut self,
        wish: ReadWish,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<CardData, DeviceError> {
        let error = match self.read_content(wish, deadline, cancel) {
            Err(e) if is_about_the_card(e.condition) => e,
            other => return other,
        };
        if self.answers_for_its_address(self.limit(self.limits.address, deadline), cancel)? {
            return Err(error);
        }
        let condition =
            if self.found_in_reading { DeviceCondition::CardRemoved } else { DeviceCondition::NoCard };
        Err(DeviceError::new(condition, format!("SAM status {:02X}", status::FIND_FAILED)))
    }

    fn read_new_address(
        &mut self,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<Option<Vec<u8>>, DeviceError> {
        let reply = self.ask(Command::ReadNewAddress, self.limit(self.limits.address, deadline), cancel)?;
        match reply.status[2] {
            status::SUCCESS => {
                let address = reply.data.get(..NEW_ADDRESS_LENGTH_BYTES);
                let address = address
                    .ok_or_else(|| protocol(format!("an appended address of {} bytes", reply.data.len())))?;
                let blank = address.chunks_exact(2).all(|unit| unit == [b' ', 0]);
                Ok((!blank).then(|| address.to_vec()))
            }
            // An older module does not know the command.
            status::NO_CONTENT | status::COMMAND | status::FORBIDDEN => Ok(None),
            _ => Err(status::error(reply.status)),
        }
    }

    /// The module's number, asked for once. A reading does not fail for want of it.
    fn module_number(
        &mut self,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<Option<[u8; 16]>, DeviceError> {
        if self.module_number.is_none() {
            self.module_number =
                match self.ask(Command::ModuleNumber, self.limit(self.limits.short, deadline), cancel) {
                    Ok(reply) if reply.status[2] == status::SUCCESS => reply.data.first_chunk().copied(),
                    Err(e) if matches!(e.condition, DeviceCondition::Cancelled | DeviceCondition::Lost) => {
                        return Err(e);
                    }
                    _ => None,
                };
        }
        Ok(self.module_number)
    }

    fn limit(&self, limit: Duration, deadline: Duration) -> Duration {
        limit.min(deadline.saturating_sub(self.transport.clock()))
    }
}

impl<T: SamTransport> CardReader for SamReader<T> {
    fn listing(&self) -> DeviceListing {
        self.listing.clone()
    }

    fn wait(&mut self, last: Presence, timeout: Duration, cancel: &Cancel) -> Result<Presence, DeviceError> {
        let deadline = self.transport.clock() + timeout;
        loop {
            not_cancelled(cancel)?;
            let presence = self.probe(cancel)?;
            let left = deadline.saturating_sub(self.transport.clock());
            if presence != last || left.is_zero() {
                return Ok(presence);
            }
            cancel.sleep(left.min(POLL_PERIOD));
        }
    }

    fn read(&mut self, wish: ReadWish, cancel: &Cancel) -> Result<RawCard, DeviceError> {
        not_cancelled(cancel)?;
        let deadline = self.transport.clock() + self.limits.reading;
        self.found_in_reading = false;
        let mut outcome = self.attempt(wish, deadline, cancel);
        if outcome.as_ref().is_err_and(|e| is_worth_a_second_try(e.condition)) {
            outcome = self.attempt(wish, deadline, cancel);
        }
        if outcome.is_err() {
            // The next look asks both ways.
            self.field = Field::Unknown;
        }
        outcome
    }

    fn examine(&mut self, cancel: &Cancel) -> Examination {
        let steps = Steps::default();
        self.record(Some(steps.clone()));
        let self_test = self.self_test(self.limits.short, cancel);
        // Asked for anew, so that it stands among the steps.
        self.module_number = None;
        let deadline = self.transport.clock() + self.limits.short;
        let number = self.module_number(deadline, cancel).ok().flatten();
        let reading = self.read(ReadWish::default(), cancel).map(drop);
        self.record(None);
        let module = Some(ModuleReport { self_test, number });
        Examination { atr: None, module, steps: steps.take(), reading }
    }
}

/// What is told of an exchange: never the reply's data.
fn step(command: Command, reply: &Result<Reply, DeviceError>, took: Duration) -> Step {
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ");
    let received = reply.as_ref().map_or(0, |reply| reply.to_frame().len());
    Step {
        command: hexadecimal(&command.code()),
        sent: command.to_frame().len(),
        received,
        status: reply.as_ref().ok().map(|reply| hexadecimal(&reply.status)),
        error: reply.as_ref().err().cloned(),
        took,
    }
}

/// Conditions a second try is known to cure: a card moved, a damaged or a lost reply.
const fn is_worth_a_second_try(condition: DeviceCondition) -> bool {
    matches!(
        condition,
        DeviceCondition::CardUnreadable
            | DeviceCondition::CardNotAuthentic
            | DeviceCondition::Timeout
            | DeviceCondition::Protocol
    )
}

/// Conditions that an empty field may show as well.
const fn is_about_the_card(condition: DeviceCondition) -> bool {
    matches!(
        condition,
        DeviceCondition::CardUnreadable
            | DeviceCondition::CardNotAuthentic
            | DeviceCondition::CardNotSupported
            | DeviceCondition::NoCard
            | DeviceCondition::Protocol
    )
}

fn not_cancelled(cancel: &Cancel) -> Result<(), DeviceError> {
    if cancel.is_cancelled() {
        return Err(DeviceError::new(DeviceCondition::Cancelled, "before the next command"));
    }
    Ok(())
}

fn out_of_time() -> DeviceError {
    DeviceError::new(DeviceCondition::Timeout, "no reply from the security module")
}

fn protocol(detail: String) -> DeviceError {
    DeviceError::new(DeviceCondition::Protocol, detail)
}

#[cfg(test)]
#[path = "sam_tests.rs"]
mod tests;
