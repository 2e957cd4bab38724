//! The half that pcscd loads: the C interface of an IFD handler, version 3.0 (pcsc-lite, `ifdhandler.h`).
//!
//! pcscd calls it from several threads, one call at a time per reader. A panic here would take pcscd down
//! with it, so nothing in this file can: locks survive poisoning and every length is checked.
#![allow(unsafe_code, non_snake_case)]

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, c_char, c_long, c_ulong};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::IfdCode;
use crate::wire::{Answer, Operation, Question};

/// Longest time pcscd may stand still because a test forgot a hanging card.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

const TAG_SLOT_THREAD_SAFE: c_ulong = 0x0FAC;
const TAG_THREAD_SAFE: c_ulong = 0x0FAD;
const TAG_SLOTS_NUMBER: c_ulong = 0x0FAE;
const TAG_SIMULTANEOUS_ACCESS: c_ulong = 0x0FAF;
const POWER_UP: c_ulong = 500;
const POWER_DOWN: c_ulong = 501;
const RESET: c_ulong = 502;
/// Longest ATR in ISO 7816-3, and the size of pcscd's buffer for it.
const MAX_ATR_BYTES: usize = 33;
/// Readers one loaded handler may serve, as pcscd wants to know.
const MAX_READERS: u8 = 16;

static READERS: Mutex<BTreeMap<c_ulong, Arc<Link>>> = Mutex::new(BTreeMap::new());

/// The way to the test process that serves one reader.
struct Link {
    socket: PathBuf,
    stream: Mutex<Option<UnixStream>>,
}

impl Link {
    /// Asks, over the connection of the last question where it still stands.
    fn ask(&self, question: &Question) -> Result<Answer, IfdCode> {
        let mut stream = hold(&self.stream);
        let mut connected = match stream.take() {
            Some(connected) => connected,
            None => self.connect().map_err(|_| IfdCode::CardAbsent)?,
        };
        let answer =
            question.write(&mut connected).and_then(|()| Answer::read(&mut connected)).map_err(|_| {
                match question.operation {
                    Operation::Presence => IfdCode::CardAbsent,
                    _ => IfdCode::CommunicationError,
                }
            })?;
        *stream = Some(connected);
        Ok(answer)
    }

    fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
        Ok(stream)
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks the reader behind a logical unit number.
fn ask(lun: c_ulong, operation: Operation, body: &[u8]) -> Result<Answer, IfdCode> {
    let link = hold(&READERS).get(&lun).cloned().ok_or(IfdCode::NoSuchDevice)?;
    link.ask(&Question { operation, body: body.to_vec() })
}

fn number(code: IfdCode) -> c_long {
    c_long::from(code as u16)
}

/// `SCARD_IO_HEADER`: which card protocol an APDU goes over.
#[repr(C)]
#[derive(Clone, Copy)]
struct ProtocolHeader {
    protocol: c_ulong,
    length: c_ulong,
}

/// Copies an answer into pcscd's buffer; `false` when it does not fit, and then nothing is written.
///
/// # Safety
/// `to` must be valid for writing `room` bytes.
unsafe fn copy_out(bytes: &[u8], to: *mut u8, room: usize) -> bool {
    if to.is_null() || bytes.len() > room {
        return false;
    }
    // SAFETY: the caller vouches for `room` bytes at `to`, `bytes` is no longer than that, and a Vec of ours
    // cannot overlap a buffer of pcscd's.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    true
}

// The functions below are called by pcscd alone, with the pointers `ifdhandler.h` promises: valid and
// exclusive for the call. Their names are the interface, so nothing else in the process may define them.

#[unsafe(no_mangle)]
unsafe extern "C" fn IFDHCreateChannelByName(lun: c_ulong, name: *const c_char) -> c_long {
    if name.is_null() {
        return number(IfdCode::CommunicationError);
    }
    // SAFETY: not null, and pcscd passes DEVICENAME as a terminated string.
    let name = unsafe { CStr::from_ptr(name) };
    let socket = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
    hold(&READERS).insert(lun, Arc::new(Link { socket, stream: Mutex::new(None) }));
    number(IfdCode::Success)
}

/// The older form, by number. pcscd looks for it even though every reader of ours has a name.
#[unsafe(no_mangle)]
extern "C" fn IFDHCreateChannel(_lun: c_ulong, _channel: c_ulong) -> c_long {
    number(IfdCode::NotSupported)
}

#[unsafe(no_mangle)]
extern "C" fn IFDHCloseChannel(lun: c_ulong) -> c_long {
    hold(&READERS).remove(&lun);
    number(IfdCode::Success)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn IFDHGetCapabilities(
    _lun: c_ulong,
    tag: c_ulong,
    length: *mut c_ulong,
    value: *mut u8,
) -> c_long {
    let answer = match tag {
        TAG_THREAD_SAFE | TAG_SLOTS_NUMBER => 1,
        TAG_SLOT_THREAD_SAFE => 0,
        TAG_SIMULTANEOUS_ACCESS => MAX_READERS,
        _ => return number(IfdCode::UnknownTag),
    };
    if length.is_null() || value.is_null() {
        return number(IfdCode::CommunicationError);
    }
    // SAFETY: both are not null, and every tag above has a value of one byte, which pcscd has room for.
    unsafe {
        *length = 1;
        *value = answer;
    }
    number(IfdCode::Success)
}

#[unsafe(no_mangle)]
extern "C" fn IFDHSetCapabilities(
    _lun: c_ulong,
    _tag: c_ulong,
    _length: c_ulong,
    _value: *const u8,
) -> c_long {
    number(IfdCode::NotSupported)
}

#[unsafe(no_mangle)]
extern "C" fn IFDHSetProtocolParameters(
    lun: c_ulong,
    _protocol: c_ulong,
    _flags: u8,
    _pts1: u8,
    _pts2: u8,
    _pts3: u8,
) -> c_long {
    match ask(lun, Operation::Protocol, &[]) {
        Ok(answer) => number(answer.code),
        Err(code) => number(code),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn IFDHPowerICC(
    lun: c_ulong,
    action: c_ulong,
    atr: *mut u8,
    atr_length: *mut c_ulong,
) -> c_long {
    let operation = match action {
        POWER_UP => Operation::PowerUp,
        POWER_DOWN => Operation::PowerDown,
        RESET => Operation::Reset,
        _ => return number(IfdCode::NotSupported),
    };
    let answer = match ask(lun, operation, &[]) {
        Ok(answer) if answer.code == IfdCode::Success => answer,
        Ok(_) | Err(_) => return number(IfdCode::PowerFailed),
    };
    // SAFETY: pcscd's buffer for an ATR always has MAX_ATR_BYTES.
    let fits = unsafe { copy_out(&answer.body, atr, MAX_ATR_BYTES) };
    if atr_length.is_null() || !fits {
        return number(IfdCode::PowerFailed);
    }
    // SAFETY: not null. The length is at most MAX_ATR_BYTES.
    unsafe { *atr_length = answer.body.len() as c_ulong };
    number(IfdCode::Success)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn IFDHTransmitToICC(
    lun: c_ulong,
    send_header: ProtocolHeader,
    command: *const u8,
    command_length: c_ulong,
    response: *mut u8,
    response_length: *mut c_ulong,
    receive_header: *mut ProtocolHeader,
) -> c_long {
    if command.is_null() || response_length.is_null() {
        return number(IfdCode::CommunicationError);
    }
    // SAFETY: not null, and pcscd passes the command with its length and the room for the answer.
    let (command, room) = unsafe {
        let room = *response_length as usize;
        *response_length = 0;
        (std::slice::from_raw_parts(command, command_length as usize), room)
    };
    let answer = match ask(lun, Operation::Transmit, command) {
        Ok(answer) if answer.code == IfdCode::Success => answer,
        Ok(answer) => return number(answer.code),
        Err(code) => return number(code),
    };
    // SAFETY: pcscd promises `room` bytes at `response`.
    if !unsafe { copy_out(&answer.body, response, room) } {
        return number(IfdCode::BufferTooSmall);
    }
    // SAFETY: `response_length` was checked above; the header is written only where there is one.
    unsafe {
        *response_length = answer.body.len() as c_ulong;
        if !receive_header.is_null() {
            *receive_header = send_header;
        }
    }
    number(IfdCode::Success)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn IFDHControl(
    lun: c_ulong,
    code: c_ulong,
    sent: *const u8,
    sent_length: c_ulong,
    received: *mut u8,
    received_room: c_ulong,
    received_length: *mut c_ulong,
) -> c_long {
    if received_length.is_null() {
        return number(IfdCode::CommunicationError);
    }
    // SAFETY: not null, and pcscd passes a place for the length.
    unsafe { *received_length = 0 };
    let sent = match (sent.is_null(), sent_length) {
        (_, 0) => &[],
        (true, _) => return number(IfdCode::CommunicationError),
        // SAFETY: not null, and pcscd passes what is sent with its length.
        (false, length) => unsafe { std::slice::from_raw_parts(sent, length as usize) },
    };
    let body = [&(code as u32).to_be_bytes(), sent].concat();
    let answer = match ask(lun, Operation::Control, &body) {
        Ok(answer) if answer.code == IfdCode::Success => answer,
        Ok(answer) => return number(answer.code),
        Err(code) => return number(code),
    };
    // SAFETY: pcscd promises `received_room` bytes at `received`.
    if !unsafe { copy_out(&answer.body, received, received_room as usize) } {
        return number(IfdCode::BufferTooSmall);
    }
    // SAFETY: not null, as checked above.
    unsafe { *received_length = answer.body.len() as c_ulong };
    number(IfdCode::Success)
}

#[unsafe(no_mangle)]
extern "C" fn IFDHICCPresence(lun: c_ulong) -> c_long {
    match ask(lun, Operation::Presence, &[]) {
        Ok(answer) => number(answer.code),
        Err(code) => number(code),
    }
}
