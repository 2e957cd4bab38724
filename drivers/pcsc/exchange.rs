//! Commands and answers, whatever carries them.

use std::fmt;

use yidang_device::{DeviceCondition, DeviceError};

/// Most pieces one answer may come in: sixteen of 256 bytes are more than any answer we ask for.
const MAX_PIECES: usize = 16;
/// GET RESPONSE (ISO 7816-4).
pub(crate) const GET_RESPONSE: [u8; 4] = [0x00, 0xC0, 0x00, 0x00];

/// Something that carries one command to a card and brings back the answer, status word included.
pub(crate) trait Exchange: Send {
    /// Sends a C-APDU and gives the R-APDU as it came, even if it is empty.
    fn send(&mut self, command: &[u8]) -> Result<Vec<u8>, DeviceError>;
}

/// The two bytes that end every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u16);

impl Status {
    pub(crate) const DONE: Self = Self(0x9000);
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {:04X}", self.0)
    }
}

/// A whole answer.
pub(crate) struct Reply {
    pub(crate) data: Vec<u8>,
    pub(crate) status: Status,
}

/// Sends a command without data and gathers its answer: fetches the rest where the card says there is more
/// (61xx), and asks again with the length the card wants (6Cxx), because PC/SC does neither.
pub(crate) fn ask(exchange: &mut dyn Exchange, command: [u8; 5]) -> Result<Reply, DeviceError> {
    let [class, instruction, p1, p2, _] = command;
    let mut answer = split(exchange.send(&command)?)?;
    if let [0x6C, wanted] = answer.status.0.to_be_bytes() {
        answer = split(exchange.send(&[class, instruction, p1, p2, wanted])?)?;
    }
    gather(exchange, answer, GET_RESPONSE)
}

/// Fetches what the card says there is more of an answer, by this command's CLA INS P1 P2.
pub(crate) fn gather(
    exchange: &mut dyn Exchange,
    mut answer: Reply,
    get_response: [u8; 4],
) -> Result<Reply, DeviceError> {
    let [class, instruction, p1, p2] = get_response;
    let mut data = answer.data;
    for _ in 0..MAX_PIECES {
        let [0x61, more] = answer.status.0.to_be_bytes() else {
            return Ok(Reply { data, status: answer.status });
        };
        answer = split(exchange.send(&[class, instruction, p1, p2, more])?)?;
        data.append(&mut answer.data);
    }
    Err(DeviceError::new(DeviceCondition::Protocol, format!("an answer in more than {MAX_PIECES} pieces")))
}

/// Takes the status word off. An answer too short to have one is what a card leaves behind that goes away.
pub(crate) fn split(mut answer: Vec<u8>) -> Result<Reply, DeviceError> {
    let length = answer.len();
    match (answer.pop(), answer.pop()) {
        (Some(low), Some(high)) => {
            Ok(Reply { data: answer, status: Status(u16::from_be_bytes([high, low])) })
        }
        _ => Err(DeviceError::new(
            DeviceCondition::CardUnreadable,
            format!("an answer of {length} bytes has no status word"),
        )),
    }
}

#[cfg(test)]
pub(crate) mod scripted {
    //! A card whose every answer is written down beforehand.

    use super::*;

    pub(crate) struct Script {
        answers: std::collections::VecDeque<Vec<u8>>,
        pub(crate) sent: Vec<Vec<u8>>,
    }

    impl Script {
        pub(crate) fn new(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
            Self { answers: answers.into_iter().collect(), sent: Vec::new() }
        }
    }

    impl Exchange for Script {
        fn send(&mut self, command: &[u8]) -> Result<Vec<u8>, DeviceError> {
            self.sent.push(command.to_vec());
            let end = || DeviceError::new(DeviceCondition::CardRemoved, "the script ends here");
            self.answers.pop_front().ok_or_else(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::scripted::Script;
    use super::*;

    const COMMAND: [u8; 5] = [0xFF, 0xB0, 2, 0, 0];

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        let mut card = Script::new([vec![0x61, 0x03], vec![1, 2, 0x61, 0x01], vec![3, 0x90, 0x00]]);
        let reply = ask(&mut card, COMMAND).unwrap();
        assert_eq!((reply.data, reply.status), (vec![1, 2, 3], Status::DONE));
        assert_eq!(card.sent[1..], [[0x00, 0xC0, 0, 0, 3], [0x00, 0xC0, 0, 0, 1]]);
    }

    #[test]
    fn a_wanted_length_is_given_once() {
        let mut card = Script::new([vec![0x6C, 0x04], vec![9, 0x90, 0x00]]);
        assert_eq!(ask(&mut card, COMMAND).unwrap().data, [9]);
        assert_eq!(card.sent[1], [0xFF, 0xB0, 2, 0, 4]);

        let mut card = Script::new([vec![0x6C, 0x04], vec![0x6C, 0x05]]);
        let reply = ask(&mut card, COMMAND).unwrap();
        assert_eq!((reply.data.len(), reply.status), (0, Status(0x6C05)));
        assert_eq!(card.sent.len(), 2);
    }

    #[test]
    fn an_answer_without_end_is_given_up() {
        let mut card = Script::new((0..100).map(|_| vec![0, 0x61, 0x00]));
        assert_eq!(ask(&mut card, COMMAND).err().unwrap().condition, DeviceCondition::Protocol);
        assert_eq!(card.sent.len(), 1 + MAX_PIECES);
    }

    #[test]
    fn an_answer_without_a_status_word_is_an_error() {
        for short in [vec![], vec![0x90]] {
            let error = ask(&mut Script::new([short]), COMMAND).err().unwrap();
            assert_eq!(error.condition, DeviceCondition::CardUnreadable);
        }
    }
}
