//! Questions and answers on the socket; the layout is in the crate's documentation.

use std::io::{self, Read, Write};

use crate::IfdCode;

const VERSION: u8 = 1;
const MAX_BODY_BYTES: u32 = 128 * 1024;

/// What pcscd wants of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Presence,
    PowerUp,
    PowerDown,
    Reset,
    Transmit,
    Control,
    Protocol,
}

impl Operation {
    const ALL: [Self; 7] = [
        Self::Presence,
        Self::PowerUp,
        Self::PowerDown,
        Self::Reset,
        Self::Transmit,
        Self::Control,
        Self::Protocol,
    ];

    const fn letter(self) -> u8 {
        match self {
            Self::Presence => b'P',
            Self::PowerUp => b'U',
            Self::PowerDown => b'D',
            Self::Reset => b'R',
            Self::Transmit => b'T',
            Self::Control => b'C',
            Self::Protocol => b'S',
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) operation: Operation,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: IfdCode,
    pub(crate) body: Vec<u8>,
}

impl Question {
    pub(crate) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let head = [VERSION, self.operation.letter()];
        write_message(stream, &head, &self.body)
    }

    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        let operation = Operation::ALL.into_iter().find(|operation| operation.letter() == head[1]);
        match (head[0], operation) {
            (VERSION, Some(operation)) => Ok(Self { operation, body: read_body(stream)? }),
            _ => Err(foreign()),
        }
    }
}

impl Answer {
    pub(crate) fn new(code: IfdCode, body: Vec<u8>) -> Self {
        Self { code, body }
    }

    pub(crate) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let [high, low] = (self.code as u16).to_be_bytes();
        write_message(stream, &[VERSION, high, low], &self.body)
    }

    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 3];
        stream.read_exact(&mut head)?;
        match (head[0], IfdCode::from_number(u16::from_be_bytes([head[1], head[2]]))) {
            (VERSION, Some(code)) => Ok(Self { code, body: read_body(stream)? }),
            _ => Err(foreign()),
        }
    }
}

/// One write per message: two would wait for each other's acknowledgement on other socket kinds, and a peer
/// killed between them would leave half a message.
fn write_message(stream: &mut impl Write, head: &[u8], body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MAX_BODY_BYTES);
    let length = length.ok_or_else(too_long)?;
    let message = [head, &length.to_be_bytes(), body].concat();
    stream.write_all(&message)
}

fn read_body(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_BODY_BYTES {
        return Err(too_long());
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a message body above 128 KiB")
}

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the peer speaks another protocol or version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_and_an_answer_survive_the_wire() {
        let question = Question { operation: Operation::Transmit, body: vec![0xFF, 0xB0, 0, 0, 0] };
        let mut bytes = Vec::new();
        question.write(&mut bytes).unwrap();
        assert_eq!(bytes, [1, b'T', 0, 0, 0, 5, 0xFF, 0xB0, 0, 0, 0]);
        assert_eq!(Question::read(&mut bytes.as_slice()).unwrap(), question);

        let answer = Answer::new(IfdCode::ResponseTimeout, vec![0x90]);
        let mut bytes = Vec::new();
        answer.write(&mut bytes).unwrap();
        assert_eq!(bytes, [1, 0x02, 0x65, 0, 0, 0, 1, 0x90]);
        assert_eq!(Answer::read(&mut bytes.as_slice()).unwrap(), answer);
    }

    #[test]
    fn a_foreign_peer_is_refused() {
        for bytes in [
            [2, b'T', 0, 0, 0, 0].as_slice(),
            &[1, b'X', 0, 0, 0, 0],
            &[1, b'T', 0xFF, 0, 0, 0],
            &[1, b'T', 0, 0, 0, 2, 7],
            &[1],
        ] {
            assert!(Question::read(&mut &*bytes).is_err(), "{bytes:?}");
        }
        for bytes in [[1, 0, 1, 0, 0, 0, 0].as_slice(), &[0, 0, 0, 0, 0, 0, 0], &[1, 0, 0, 0, 2, 0, 1]] {
            assert!(Answer::read(&mut &*bytes).is_err(), "{bytes:?}");
        }
    }
}
