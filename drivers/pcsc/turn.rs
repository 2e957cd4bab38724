//! Our turn with a reader: connected, and alone with it until the turn is over.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use pcsc::{Card, Context, Disposition, Protocols, ShareMode, Transaction};
use yidang_device::{DeviceError, Step};

use crate::condition::{Stage, of_error};
use crate::exchange::Exchange;
use crate::limits::Limits;
use crate::profile::{Carrier, Share};

/// Why a turn did not bring what was wanted.
pub(crate) enum Ended {
    /// Another program reset the card, or another card lies there, before our turn began.
    Changed,
    /// It did not begin.
    Unconnected(DeviceError),
    Failed(DeviceError),
}

impl Ended {
    fn of(error: pcsc::Error) -> Self {
        match error {
            pcsc::Error::ResetCard => Self::Changed,
            error => Self::Failed(of_error(error, Stage::Exchanging)),
        }
    }
}

/// Connects, waits until no other program is in the middle of something, does the work, and leaves everything
/// as it was. `atr` is that of the card the work is for.
pub(crate) fn take<T>(
    context: &Context,
    reader: &CStr,
    carrier: Carrier,
    atr: &[u8],
    limits: &Limits,
    work: impl FnOnce(&mut Turn<'_>) -> Result<T, DeviceError>,
) -> Result<T, Ended> {
    let mut card = connect(context, reader, carrier, limits).map_err(Ended::Unconnected)?;
    let result = in_turn(&mut card, carrier, atr, limits, work);
    // Dropping it would reset the card under other programs; what disconnecting fails on is gone anyway.
    drop(card.disconnect(Disposition::LeaveCard));
    result
}

fn connect(context: &Context, reader: &CStr, carrier: Carrier, limits: &Limits) -> Result<Card, DeviceError> {
    let (share, protocols) = match carrier {
        Carrier::Control { share: Share::Direct, .. } => (ShareMode::Direct, Protocols::UNDEFINED),
        Carrier::Transmit | Carrier::Control { share: Share::Shared, .. } => {
            (ShareMode::Shared, Protocols::T0 | Protocols::T1)
        }
    };
    // pcscd lets nobody connect either while another program is in the middle of something.
    let connected = limits.waiting_for_turn(|| context.connect(reader, share, protocols));
    connected.map_err(|e| of_error(e, Stage::Connecting))
}

fn in_turn<T>(
    card: &mut Card,
    carrier: Carrier,
    atr: &[u8],
    limits: &Limits,
    work: impl FnOnce(&mut Turn<'_>) -> Result<T, DeviceError>,
) -> Result<T, Ended> {
    let turn = limits.waiting_for_turn(|| card.transaction()).map_err(Ended::of)?;
    if !matches!(carrier, Carrier::Control { share: Share::Direct, .. }) {
        // The service may tell of a reset only here, at the first call of the turn.
        let status = turn.status2_owned().map_err(Ended::of)?;
        if status.atr() != atr {
            return Err(Ended::Changed);
        }
    }
    let buffer = vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED];
    work(&mut Turn { card: turn, carrier, buffer, limits }).map_err(Ended::Failed)
}

/// A reader that is ours until this is dropped.
pub(crate) struct Turn<'card> {
    card: Transaction<'card>,
    carrier: Carrier,
    buffer: Vec<u8>,
    limits: &'card Limits,
}

impl Exchange for Turn<'_> {
    fn send(&mut self, command: &[u8]) -> Result<Vec<u8>, DeviceError> {
        let Self { card, carrier, buffer, limits } = self;
        limits.check()?;
        let began = Instant::now();
        let answer = limits.command(|| match *carrier {
            Carrier::Transmit => card.transmit(command, buffer),
            Carrier::Control { code, .. } => card.control(pcsc::ctl_code(code.into()), command, buffer),
        });
        let answer = answer.map(<[u8]>::to_vec).map_err(|e| of_error(e, Stage::Exchanging));
        limits.tell(|| step(*carrier, command, &answer, began.elapsed()));
        answer
    }
}

/// What is told of an exchange: never what an answer says beyond its status word. An escape call's answer may
/// be a bare frame, whose last bytes are the card's.
fn step(carrier: Carrier, command: &[u8], answer: &Result<Vec<u8>, DeviceError>, took: Duration) -> Step {
    let received = answer.as_deref().unwrap_or_default();
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ");
    let (name, status) = match carrier {
        Carrier::Transmit => {
            let status = received.last_chunk::<2>().map(|word| hexadecimal(word));
            (hexadecimal(&command[..command.len().min(4)]), status)
        }
        Carrier::Control { code, .. } => (format!("escape {code}"), None),
    };
    let error = answer.as_ref().err().cloned();
    Step { command: name, sent: command.len(), received: received.len(), status, error, took }
}
