//! One reader's own connection to the PC/SC service.

use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pcsc::{Context, ReaderState, Scope, State};
use yidang_device::{
    CardReader, DeviceCondition, DeviceError, Examination, ModuleReport, Presence, RawCard, ReadWish, Steps,
};
use yidang_idcard::frame::Command;
use yidang_idcard::{SamLimits, SamReader};
use yidang_model::Origin;

use crate::chosen::Chosen;
use crate::condition::{Stage, of_error};
use crate::driver::{establish, listing, reader_names};
use crate::limits::Limits;
use crate::profile::{Carrier, Form, PresenceBy, Profile, Share, TunnelForm};
use crate::reading;
use crate::tunnel::Tunnel;
use crate::turn::{self, Ended, Turn};

/// How long the service may take to notice that a card is gone (pcscd polls every 400 ms).
pub(crate) const NOTICED_WITHIN: Duration = Duration::from_millis(600);
/// Longest wait for a card before it begins anew.
pub(crate) const WAIT: Duration = Duration::from_secs(10);
/// Pause between two questions to a module whether a card lies there; as long as pcscd's own.
const LOOKS_EVERY: Duration = Duration::from_millis(400);

/// What a security module's session knows, between our turns.
type Module = SamReader<()>;

/// A context of its own, because one that waits for a card blocks every other call on it.
pub(crate) struct Session {
    context: Context,
    reader: CString,
    state: ReaderState,
    chosen: Chosen,
    /// The module behind the tunnel in use.
    module: Option<Module>,
    /// When the module was last asked whether a card lies there, and what it said.
    looked: Option<(Instant, Presence)>,
}

impl Session {
    /// Connects to the service and finds the reader of this name.
    pub(crate) fn open(chosen: Chosen) -> Result<Self, DeviceError> {
        let id = chosen.reader();
        let context = establish(Scope::User)?;
        let reader = reader_names(&context)?
            .into_iter()
            .find(|name| name.to_string_lossy() == id)
            .ok_or_else(|| DeviceError::new(DeviceCondition::NotFound, format!("no reader named {id}")))?;
        let state = ReaderState::new(reader.clone(), State::UNAWARE);
        Ok(Self { context, reader, state, chosen, module: None, looked: None })
    }

    /// The connection, to interrupt it while it waits.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Chooses the profile by what lies there now; that profile, and the card's ATR (empty: no card).
    fn choose(&mut self) -> Result<(Arc<Profile>, Vec<u8>), DeviceError> {
        let profile = self.chosen.profile();
        let direct = matches!(profile.form.carrier(), Carrier::Control { share: Share::Direct, .. });
        if direct && !self.chosen.depends_on_atr() {
            return Ok((profile, Vec::new()));
        }
        let mut state = ReaderState::new(self.reader.clone(), State::UNAWARE);
        let presence = look(&self.context, &mut state, Duration::ZERO)?;
        let atr = if presence == Presence::Present { state.atr().to_vec() } else { Vec::new() };
        if self.chosen.choose(&atr) {
            (self.module, self.looked) = (None, None);
        }
        Ok((self.chosen.profile(), atr))
    }

    /// Waits until presence differs from `last` or the span is over; a module is asked once.
    pub(crate) fn presence(
        &mut self,
        last: Presence,
        span: Duration,
        limits: &mut Limits,
    ) -> Result<Presence, DeviceError> {
        let until = Instant::now() + span;
        let (profile, atr) = self.choose()?;
        limits.hold_to(profile.limits);
        if let (PresenceBy::Find, Form::Tunnel(form)) = (profile.presence, &profile.form) {
            return self.presence_by_find(*form, &atr, last, limits);
        }
        loop {
            let left = whole_milliseconds(until.saturating_duration_since(Instant::now()));
            match look(&self.context, &mut self.state, left)? {
                seen if seen != last || left.is_zero() => {
                    if seen != last {
                        // What came may be for another profile, and the listing says which.
                        self.choose()?;
                    }
                    return Ok(seen);
                }
                _ => {}
            }
        }
    }

    /// Asks the module, but no more often than it is worth, whoever asks us how often.
    fn presence_by_find(
        &mut self,
        form: TunnelForm,
        atr: &[u8],
        last: Presence,
        limits: &Limits,
    ) -> Result<Presence, DeviceError> {
        if let Some((at, seen)) = self.looked {
            let again = at + LOOKS_EVERY;
            if seen != last {
                return Ok(seen);
            }
            if limits.cancel.sleep(again.saturating_duration_since(Instant::now())) {
                return Err(DeviceError::new(DeviceCondition::Cancelled, "while waiting for a card"));
            }
        }
        let seen = self.probe(form, atr, last, limits)?;
        self.looked = Some((Instant::now(), seen));
        Ok(seen)
    }

    /// Asks the module once whether a card lies there.
    fn probe(
        &mut self,
        form: TunnelForm,
        atr: &[u8],
        last: Presence,
        limits: &Limits,
    ) -> Result<Presence, DeviceError> {
        let Self { context, reader, module, chosen, .. } = self;
        let asked = turn::take(context, reader, form.carrier, atr, limits, |turn| {
            with_module(module, chosen, form, turn, limits, |sam| {
                sam.wait(last, Duration::ZERO, &limits.cancel)
            })
        });
        match asked {
            Ok(presence) => Ok(presence),
            Err(Ended::Unconnected(e)) if e.condition == DeviceCondition::NoCard => Ok(Presence::Absent),
            Err(Ended::Unconnected(error) | Ended::Failed(error)) => Err(error),
            // The next look is soon.
            Err(Ended::Changed) => Ok(last),
        }
    }

    /// Reads the card, a second time where that helps. Pages have no fingerprint.
    pub(crate) fn read(&mut self, wish: ReadWish, limits: &mut Limits) -> Result<RawCard, DeviceError> {
        self.looked = None;
        let first = match self.attempt(wish, limits) {
            Err(error) if error.condition == DeviceCondition::CardUnreadable => error,
            ended => return ended,
        };
        let profile = self.chosen.profile();
        let last = match profile.form {
            // The module's session has tried twice by itself.
            Form::Tunnel(_) => first,
            Form::Paged(_) | Form::Bare => match self.attempt(wish, limits) {
                // There was a card at the first attempt.
                Err(e) if e.condition == DeviceCondition::NoCard => return Err(removed(&first)),
                Err(e) if e.condition == DeviceCondition::CardUnreadable => e,
                ended => return ended,
            },
        };
        // The service may not know yet that the card is gone, and then calls it unreadable.
        if profile.presence == PresenceBy::State && self.card_leaves()? {
            return Err(removed(&last));
        }
        Err(last)
    }

    /// Connects to the card that lies there, reads it, and leaves it as it was. Another program may reset the
    /// card between our connecting and our turn, time and again: then we connect anew, as long as time allows.
    fn attempt(&mut self, wish: ReadWish, limits: &mut Limits) -> Result<RawCard, DeviceError> {
        let mut connected_in_vain = false;
        loop {
            limits.check()?;
            let (profile, atr) = self.choose()?;
            limits.hold_to(profile.limits);
            let Self { context, reader, module, chosen, .. } = self;
            let limits = &*limits;
            let carrier = profile.form.carrier();
            let read = turn::take(context, reader, carrier, &atr, limits, |turn| match &profile.form {
                Form::Paged(form) => reading::paged(turn, form, chosen.is_certain(), profile.chip_serial),
                Form::Bare => {
                    Err(reading::why_not(turn, true, "the reader is one without a security module"))
                }
                Form::Tunnel(form) => {
                    let read = |sam: &mut SamReader<Tunnel<'_>>| sam.read(wish, &limits.cancel);
                    let mut card = with_module(module, chosen, *form, turn, limits, read)?;
                    if profile.chip_serial {
                        card.chip_serial = reading::chip_serial(turn).ok().flatten();
                    }
                    Ok(card)
                }
            });
            match read {
                Err(Ended::Changed) => {}
                Err(Ended::Unconnected(error))
                    if error.condition == DeviceCondition::CardUnreadable && !connected_in_vain =>
                {
                    connected_in_vain = true;
                }
                Err(Ended::Unconnected(error) | Ended::Failed(error)) => return Err(error),
                Ok(card) => return Ok(card),
            }
        }
    }

    /// Asks the module, where there is a way to it, and reads the card.
    pub(crate) fn examine(&mut self, limits: &mut Limits) -> Result<Examination, DeviceError> {
        let steps = Steps::default();
        limits.record(steps.clone());
        let (profile, atr) = self.choose()?;
        let module = match &profile.form {
            Form::Tunnel(form) => Some(self.module_report(*form, &atr, limits)),
            Form::Paged(_) | Form::Bare => None,
        };
        let reading = self.read(ReadWish::default(), limits).map(drop);
        let atr = (!atr.is_empty()).then_some(atr);
        Ok(Examination { atr, module, steps: steps.take(), reading })
    }

    fn module_report(&mut self, form: TunnelForm, atr: &[u8], limits: &Limits) -> ModuleReport {
        let Self { context, reader, module, chosen, .. } = self;
        let asked = turn::take(context, reader, form.carrier, atr, limits, |turn| {
            with_module(module, chosen, form, turn, limits, |sam| {
                let command = limits.times().command;
                sam.self_test(command, &limits.cancel)?;
                let reply = sam.ask(Command::ModuleNumber, command, &limits.cancel)?;
                Ok(reply.data.first_chunk().copied())
            })
        });
        match asked {
            Ok(number) => ModuleReport { self_test: Ok(()), number },
            Err(Ended::Changed) => {
                let error = DeviceError::new(DeviceCondition::Busy, "another program reset the card");
                ModuleReport { self_test: Err(error), number: None }
            }
            Err(Ended::Unconnected(error) | Ended::Failed(error)) => {
                ModuleReport { self_test: Err(error), number: None }
            }
        }
    }

    /// The chip's serial of the card that lies there, which an ID card tells any contactless reader.
    pub(crate) fn chip_serial(&mut self, limits: &mut Limits) -> Result<Option<[u8; 8]>, DeviceError> {
        loop {
            limits.check()?;
            let (profile, atr) = self.choose()?;
            limits.hold_to(profile.limits);
            let carrier = Carrier::Transmit;
            match turn::take(&self.context, &self.reader, carrier, &atr, limits, |turn| {
                reading::chip_serial(turn)
            }) {
                Err(Ended::Changed) => {}
                Err(Ended::Unconnected(error) | Ended::Failed(error)) => return Err(error),
                Ok(serial) => return Ok(serial),
            }
        }
    }

    /// Whether the service notices within its polling time that no card is there.
    fn card_leaves(&self) -> Result<bool, DeviceError> {
        let until = Instant::now() + NOTICED_WITHIN;
        let mut state = ReaderState::new(self.reader.clone(), State::UNAWARE);
        loop {
            let left = whole_milliseconds(until.saturating_duration_since(Instant::now()));
            match look(&self.context, &mut state, left)? {
                Presence::Absent => return Ok(true),
                Presence::Present if left.is_zero() => return Ok(false),
                Presence::Present => {}
            }
        }
    }
}

/// Lets the module's session work over this turn's tunnel; what it learnt stays for the next turn.
fn with_module<T>(
    module: &mut Option<Module>,
    chosen: &Chosen,
    form: TunnelForm,
    turn: &mut Turn<'_>,
    limits: &Limits,
    work: impl FnOnce(&mut SamReader<Tunnel<'_>>) -> Result<T, DeviceError>,
) -> Result<T, DeviceError> {
    let session = module.take().unwrap_or_else(|| SamReader::new((), listing(chosen), Origin::Device));
    let command = limits.times().command;
    let times = SamLimits { short: command, read: command, address: command, reading: limits.left() };
    let (mut session, ()) = session.with_limits(times).over(Tunnel::new(turn, form));
    session.record(limits.steps());
    let done = work(&mut session);
    session.record(None);
    let (session, _tunnel) = session.over(());
    *module = Some(session);
    done
}

fn removed(seen: &DeviceError) -> DeviceError {
    DeviceError::new(DeviceCondition::CardRemoved, seen.detail.clone())
}

/// The service counts in milliseconds: a shorter wait would be none, again and again.
const fn whole_milliseconds(span: Duration) -> Duration {
    Duration::from_millis(span.as_millis() as u64)
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
