//! One reader's own connection to the PC/SC service.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pcsc::{Card, Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State, Transaction};
use yidang_device::{Cancel, DeviceCondition, DeviceError, Presence, RawCard};

use crate::condition::{Stage, of_error};
use crate::driver::{establish, reader_names};
use crate::exchange::Exchange;
use crate::reading;

/// How long the service may take to notice that a card is gone (pcscd polls every 400 ms).
const NOTICED_WITHIN: Duration = Duration::from_millis(600);

/// What ends a reading early. Shared with the caller, who may have given it up.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) cancel: Cancel,
    pub(crate) until: Instant,
    /// Raised while another program's turn with the card must be waited for.
    pub(crate) waits_for_turn: Arc<AtomicBool>,
}

impl Limits {
    fn check(&self) -> Result<(), DeviceError> {
        if self.cancel.is_cancelled() {
            return Err(DeviceError::new(DeviceCondition::Cancelled, "between two commands"));
        }
        if Instant::now() >= self.until {
            return Err(DeviceError::new(DeviceCondition::Timeout, "the reading takes too long"));
        }
        Ok(())
    }
}

/// A context of its own, because one that waits for a card blocks every other call on it.
pub(crate) struct Session {
    context: Context,
    reader: CString,
    state: ReaderState,
}

impl Session {
    /// Connects to the service and finds the reader of this name.
    pub(crate) fn open(id: &str) -> Result<Self, DeviceError> {
        let context = establish(Scope::User)?;
        let reader = reader_names(&context)?
            .into_iter()
            .find(|name| name.to_string_lossy() == id)
            .ok_or_else(|| DeviceError::new(DeviceCondition::NotFound, format!("no reader named {id}")))?;
        let state = ReaderState::new(reader.clone(), State::UNAWARE);
        Ok(Self { context, reader, state })
    }

    /// Waits until presence differs from `last` or the slice is over.
    pub(crate) fn presence(&mut self, last: Presence, slice: Duration) -> Result<Presence, DeviceError> {
        let until = Instant::now() + slice;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match look(&self.context, &mut self.state, left)? {
                seen if seen != last || left.is_zero() => return Ok(seen),
                _ => {}
            }
        }
    }

    /// Reads the card, a second time where that helps.
    pub(crate) fn read(&self, limits: &Limits) -> Result<RawCard, DeviceError> {
        let first = match self.attempt(limits) {
            Err(error) if error.condition == DeviceCondition::CardUnreadable => error,
            ended => return ended,
        };
        match self.attempt(limits) {
            // There was a card at the first attempt.
            Err(e) if e.condition == DeviceCondition::NoCard => Err(removed(&first)),
            // The service may not know yet that the card is gone, and then calls it unreadable.
            Err(e) if e.condition == DeviceCondition::CardUnreadable && self.card_leaves()? => {
                Err(removed(&e))
            }
            ended => ended,
        }
    }

    /// Connects to the card that lies there, reads it, and leaves it as it was. Another program may reset the
    /// card between our connecting and our turn, time and again: then we connect anew, as long as time allows.
    fn attempt(&self, limits: &Limits) -> Result<RawCard, DeviceError> {
        loop {
            limits.check()?;
            let mut card = self.connect(limits)?;
            let result = in_turn(&mut card, limits);
            // Dropping it would reset the card under other programs; what disconnecting fails on is gone anyway.
            drop(card.disconnect(Disposition::LeaveCard));
            match result {
                Err(Ended::Reset) => {}
                Err(Ended::Failed(error)) => return Err(error),
                Ok(card) => return Ok(card),
            }
        }
    }

    fn connect(&self, limits: &Limits) -> Result<Card, DeviceError> {
        // pcscd lets nobody connect either while another program is in the middle of something.
        limits.waits_for_turn.store(true, Ordering::SeqCst);
        let connected = self.context.connect(&self.reader, ShareMode::Shared, Protocols::T0 | Protocols::T1);
        limits.waits_for_turn.store(false, Ordering::SeqCst);
        connected.map_err(|e| of_error(e, Stage::Connecting))
    }

    /// Whether the service notices within its polling time that no card is there.
    fn card_leaves(&self) -> Result<bool, DeviceError> {
        let until = Instant::now() + NOTICED_WITHIN;
        let mut state = ReaderState::new(self.reader.clone(), State::UNAWARE);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match look(&self.context, &mut state, left)? {
                Presence::Absent => return Ok(true),
                Presence::Present if left.is_zero() => return Ok(false),
                Presence::Present => {}
            }
        }
    }
}

fn removed(seen: &DeviceError) -> DeviceError {
    DeviceError::new(DeviceCondition::CardRemoved, seen.detail.clone())
}

/// Waits for a change of the reader's state, whatever it is, or the end of the span; the presence then.
fn look(context: &Context, state: &mut ReaderState, span: Duration) -> Result<Presence, DeviceError> {
    match context.get_status_change(span, std::slice::from_mut(state)) {
        Ok(()) => state.sync_current_state(),
        Err(pcsc::Error::Timeout) => {}
        Err(e) => return Err(of_error(e, Stage::Waiting)),
    }
    let seen = state.event_state();
    if seen.contains(State::PRESENT) {
        Ok(Presence::Present)
    } else if seen.contains(State::EMPTY) {
        Ok(Presence::Absent)
    } else {
        Err(DeviceError::new(DeviceCondition::Lost, format!("PC/SC: reader state {:04X}", seen.bits())))
    }
}

/// Why a turn brought no card's content.
enum Ended {
    /// Another program reset the card before our turn began.
    Reset,
    Failed(DeviceError),
}

impl Ended {
    fn of(error: pcsc::Error) -> Self {
        match error {
            pcsc::Error::ResetCard => Self::Reset,
            error => Self::Failed(of_error(error, Stage::Exchanging)),
        }
    }
}

/// Waits until no other program is in the middle of something with the card, and reads it.
fn in_turn(card: &mut Card, limits: &Limits) -> Result<RawCard, Ended> {
    limits.waits_for_turn.store(true, Ordering::SeqCst);
    let begun = card.transaction();
    limits.waits_for_turn.store(false, Ordering::SeqCst);
    let turn = begun.map_err(Ended::of)?;
    // The service may tell of a reset only here, at the first call of the turn.
    let atr = turn.status2_owned().map_err(Ended::of)?.atr().to_vec();
    let buffer = vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED];
    reading::read(&mut Turn { card: turn, buffer, limits }, &atr).map_err(Ended::Failed)
}

/// A card that is ours until this is dropped.
struct Turn<'card> {
    card: Transaction<'card>,
    buffer: Vec<u8>,
    limits: &'card Limits,
}

impl Exchange for Turn<'_> {
    fn send(&mut self, command: &[u8]) -> Result<Vec<u8>, DeviceError> {
        self.limits.check()?;
        let answer = self.card.transmit(command, &mut self.buffer);
        answer.map(<[u8]>::to_vec).map_err(|e| of_error(e, Stage::Exchanging))
    }
}
