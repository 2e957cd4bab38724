//! The tunnel form: the security module's frames, carried in commands or in escape calls.

use std::time::{Duration, Instant};

use yidang_device::{Cancel, DeviceCondition, DeviceError};
use yidang_idcard::SamTransport;
use yidang_idcard::frame::{HEAD_LENGTH_BYTES, PREAMBLE, REQUEST_LENGTH_MIN, decode};

use crate::condition::of_status;
use crate::exchange::{Exchange, Reply, Status, gather, split};
use crate::profile::{FrameParts, LengthForm, TunnelForm, Wrapping};

/// The class bit of every command of a chain but the last (ISO 7816-4).
pub(crate) const CHAINED: u8 = 0x10;

/// A way to a security module for as long as it is our turn. An answer is there as soon as the request is
/// sent: PC/SC gives both in one call.
pub(crate) struct Tunnel<'turn> {
    exchange: &'turn mut dyn Exchange,
    form: TunnelForm,
    opened: Instant,
    answer: Vec<u8>,
}

impl<'turn> Tunnel<'turn> {
    pub(crate) fn new(exchange: &'turn mut dyn Exchange, form: TunnelForm) -> Self {
        Self { exchange, form, opened: Instant::now(), answer: Vec::new() }
    }
}

impl SamTransport for Tunnel<'_> {
    fn send(&mut self, request: &[u8]) -> Result<(), DeviceError> {
        let sent = outgoing(request, self.form.parts)?;
        self.answer.clear();
        let received = match self.form.wrapping {
            None => self.exchange.send(&sent)?,
            Some(wrapping) => {
                let reply = carry(self.exchange, wrapping, &sent)?;
                if reply.status != Status::DONE {
                    return Err(DeviceError::new(
                        of_status(reply.status),
                        format!("tunnel: {}", reply.status),
                    ));
                }
                reply.data
            }
        };
        if received.is_empty() {
            return Err(DeviceError::new(DeviceCondition::Protocol, "the tunnel brought an empty answer"));
        }
        self.answer = incoming(received, self.form.parts);
        Ok(())
    }

    fn receive(&mut self, _timeout: Duration, _cancel: &Cancel) -> Result<Vec<u8>, DeviceError> {
        if self.answer.is_empty() {
            return Err(DeviceError::new(DeviceCondition::Timeout, "the answer has no more bytes"));
        }
        Ok(std::mem::take(&mut self.answer))
    }

    fn clock(&self) -> Duration {
        self.opened.elapsed()
    }
}

/// Sends bytes in one command, or in a chain of them, and gathers the answer.
fn carry(exchange: &mut dyn Exchange, wrapping: Wrapping, sent: &[u8]) -> Result<Reply, DeviceError> {
    let [class, instruction, p1, p2] = wrapping.header;
    let le: &[u8] = match (wrapping.le, wrapping.length) {
        (false, _) => &[],
        (true, LengthForm::Short { .. }) => &[0],
        (true, LengthForm::Extended) => &[0, 0],
    };
    let (links, last) = match wrapping.length {
        LengthForm::Extended => (&[][..], sent),
        LengthForm::Short { chunk } => sent.split_at((sent.len().saturating_sub(1) / chunk) * chunk),
    };
    if let LengthForm::Short { chunk } = wrapping.length {
        for link in links.chunks(chunk) {
            let head = [class | CHAINED, instruction, p1, p2, link.len() as u8];
            let reply = split(exchange.send(&[&head, link].concat())?)?;
            if reply.status != Status::DONE {
                return Ok(reply);
            }
        }
    }
    let length = match wrapping.length {
        LengthForm::Short { .. } => vec![last.len() as u8],
        LengthForm::Extended => [&[0][..], &(last.len() as u16).to_be_bytes()].concat(),
    };
    let answer = split(exchange.send(&[&wrapping.header, &length[..], last, le].concat())?)?;
    gather(exchange, answer, wrapping.get_response)
}

/// The parts of a request that go over the tunnel.
fn outgoing(request: &[u8], parts: FrameParts) -> Result<Vec<u8>, DeviceError> {
    let broken =
        |e: &dyn std::fmt::Display| DeviceError::new(DeviceCondition::Protocol, format!("request: {e}"));
    let body = decode(request, REQUEST_LENGTH_MIN).map_err(|e| broken(&e))?;
    let mut sent = Vec::with_capacity(request.len());
    if parts.preamble {
        sent.extend_from_slice(&PREAMBLE);
    }
    if parts.length {
        sent.extend_from_slice(&request[PREAMBLE.len()..HEAD_LENGTH_BYTES]);
    }
    sent.extend_from_slice(body);
    if parts.check {
        sent.extend(request.last());
    }
    Ok(sent)
}

/// A whole reply frame, with the parts made up that did not come over the tunnel.
fn incoming(received: Vec<u8>, parts: FrameParts) -> Vec<u8> {
    if parts == FrameParts::ALL {
        return received;
    }
    let mut frame = received;
    if parts.preamble && frame.starts_with(&PREAMBLE) {
        frame.drain(..PREAMBLE.len());
    }
    if !parts.length {
        let length = frame.len() + usize::from(!parts.check);
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        frame.splice(..0, length.to_be_bytes());
    }
    if !parts.check {
        let check = frame.iter().fold(0, |check, byte| check ^ byte);
        frame.push(check);
    }
    frame.splice(..0, PREAMBLE);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yidang_idcard::frame::{Command, Reply as SamReply};

    use super::*;
    use crate::exchange::scripted::Script;
    use crate::profile::Carrier;

    const WRAPPING: Wrapping = Wrapping {
        header: [0x80, 0x00, 0x01, 0x02],
        length: LengthForm::Short { chunk: 255 },
        le: true,
        get_response: [0x00, 0xC0, 0, 0],
    };

    fn form(wrapping: Option<Wrapping>, parts: FrameParts) -> TunnelForm {
        TunnelForm { carrier: Carrier::Transmit, wrapping, parts }
    }

    fn found() -> Vec<u8> {
        SamReply { status: [0, 0, 0x9F], data: vec![0; 4] }.to_frame()
    }

    /// What is sent for `20 01`, and the reply that comes of these answers.
    fn exchanged(
        form: TunnelForm,
        answers: Vec<Vec<u8>>,
    ) -> (Vec<Vec<u8>>, Result<Vec<u8>, DeviceCondition>) {
        let mut script = Script::new(answers);
        let mut tunnel = Tunnel::new(&mut script, form);
        let sent = tunnel.send(&Command::Find.to_frame());
        let reply = sent.and_then(|()| tunnel.receive(Duration::ZERO, &Cancel::new()));
        (script.sent, reply.map_err(|e| e.condition))
    }

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|word| u8::from_str_radix(word, 16).unwrap()).collect()
    }

    #[test]
    fn a_frame_goes_in_a_short_an_extended_or_no_command() {
        let done = || vec![[found(), vec![0x90, 0x00]].concat()];
        let (sent, reply) = exchanged(form(Some(WRAPPING), FrameParts::ALL), done());
        assert_eq!(sent, [hex("80 00 01 02 0A AA AA AA 96 69 00 03 20 01 22 00")]);
        assert_eq!(reply, Ok(found()));
        let quiet = Wrapping { le: false, ..WRAPPING };
        let (sent, _) = exchanged(form(Some(quiet), FrameParts::ALL), done());
        assert_eq!(sent, [hex("80 00 01 02 0A AA AA AA 96 69 00 03 20 01 22")]);
        let extended = Wrapping { length: LengthForm::Extended, ..WRAPPING };
        let (sent, reply) = exchanged(form(Some(extended), FrameParts::ALL), done());
        assert_eq!(sent, [hex("80 00 01 02 00 00 0A AA AA AA 96 69 00 03 20 01 22 00 00")]);
        assert_eq!(reply, Ok(found()));
        let (sent, reply) = exchanged(form(None, FrameParts::ALL), vec![found()]);
        assert_eq!((sent, reply), (vec![Command::Find.to_frame()], Ok(found())));
    }

    #[test]
    fn a_long_frame_goes_in_a_chain_and_a_long_answer_is_fetched() {
        let chained = Wrapping { length: LengthForm::Short { chunk: 4 }, ..WRAPPING };
        let reply = found();
        let answers = vec![
            vec![0x90, 0x00],
            vec![0x90, 0x00],
            [&reply[..9], &[0x61, 0x06]].concat(),
            [&reply[9..], &[0x90, 0x00]].concat(),
        ];
        let (sent, seen) = exchanged(form(Some(chained), FrameParts::ALL), answers);
        assert_eq!(
            sent,
            [
                hex("90 00 01 02 04 AA AA AA 96"),
                hex("90 00 01 02 04 69 00 03 20"),
                hex("80 00 01 02 02 01 22 00"),
                hex("00 C0 00 00 06"),
            ]
        );
        assert_eq!(seen, Ok(reply));
        // A frame that fits exactly is no chain.
        let exact = Wrapping { length: LengthForm::Short { chunk: 10 }, ..WRAPPING };
        assert_eq!(exchanged(form(Some(exact), FrameParts::ALL), vec![]).0.len(), 1);
    }

    #[test]
    fn a_chain_that_is_refused_and_statuses_have_their_conditions() {
        let chained = Wrapping { length: LengthForm::Short { chunk: 4 }, ..WRAPPING };
        for (wrapping, answer, wanted) in [
            (chained, vec![0x68, 0x84], DeviceCondition::CardNotSupported),
            (WRAPPING, vec![0x6D, 0x00], DeviceCondition::CardNotSupported),
            (WRAPPING, vec![0x6F, 0x00], DeviceCondition::CardUnreadable),
            (WRAPPING, vec![0x63, 0x00], DeviceCondition::CardUnreadable),
            (WRAPPING, vec![0x12, 0x34], DeviceCondition::Protocol),
            (WRAPPING, vec![0x90, 0x00], DeviceCondition::Protocol),
            (WRAPPING, vec![0x90], DeviceCondition::CardUnreadable),
            (WRAPPING, vec![], DeviceCondition::CardUnreadable),
        ] {
            let (sent, reply) = exchanged(form(Some(wrapping), FrameParts::ALL), vec![answer.clone()]);
            assert_eq!((sent.len(), reply), (1, Err(wanted)), "{answer:02X?}");
        }
        let (_, reply) = exchanged(form(None, FrameParts::ALL), vec![vec![]]);
        assert_eq!(reply, Err(DeviceCondition::Protocol));
    }

    fn all_parts() -> impl Iterator<Item = FrameParts> {
        (0..8).map(|bits| FrameParts { preamble: bits & 1 != 0, length: bits & 2 != 0, check: bits & 4 != 0 })
    }

    /// A frame without the parts that do not go over.
    fn stripped(frame: &[u8], parts: FrameParts) -> Vec<u8> {
        let mut kept = Vec::new();
        kept.extend(frame[..5].iter().filter(|_| parts.preamble));
        kept.extend(frame[5..7].iter().filter(|_| parts.length));
        kept.extend(&frame[7..frame.len() - 1]);
        kept.extend(frame[frame.len() - 1..].iter().filter(|_| parts.check));
        kept
    }

    #[test]
    fn parts_that_do_not_go_over_are_made_up_again() {
        for parts in all_parts() {
            let (sent, reply) = exchanged(form(None, parts), vec![stripped(&found(), parts)]);
            assert_eq!(sent, [stripped(&Command::Find.to_frame(), parts)], "{parts:?}");
            assert_eq!(reply, Ok(found()), "{parts:?}");
        }
    }

    #[test]
    fn damage_is_not_hidden_where_the_check_byte_comes_over() {
        let without_length = FrameParts { length: false, ..FrameParts::ALL };
        let mut damaged = stripped(&found(), without_length);
        damaged[7] ^= 1;
        let (_, reply) = exchanged(form(None, without_length), vec![damaged]);
        assert!(SamReply::from_frame(&reply.unwrap()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_answer_is_taken_without_panic(answer in proptest::collection::vec(any::<u8>(), 0..600)) {
            for parts in all_parts() {
                let _ = exchanged(form(None, parts), vec![answer.clone()]);
                let _ = exchanged(form(Some(WRAPPING), parts), vec![answer.clone()]);
            }
        }
    }
}
