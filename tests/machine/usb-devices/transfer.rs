//! USB/IP messages, as far as `vhci_hcd` sends and expects them. All integers are big-endian.

use std::io::{self, Read};

/// Bytes of a message without its data, either way.
const HEADER_BYTES: usize = 48;
/// Largest transfer taken; usbfs allows 16 MiB in all.
const LENGTH_MAX: usize = 1 << 20;

const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;

/// How a transfer ended, as the kernel's error numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Done,
    /// The endpoint is halted: -EPIPE.
    Stall,
    /// It was taken back: -ECONNRESET.
    TakenBack,
}

impl Status {
    const fn number(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Stall => -32,
            Self::TakenBack => -104,
        }
    }
}

/// A transfer the host wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) sequence: u32,
    /// With the direction in the top bit, as descriptors write it; 0 and 0x80 are control.
    pub(crate) endpoint: u8,
    /// Bytes to send, or room for those to receive.
    pub(crate) length: usize,
    /// Of a control transfer.
    pub(crate) setup: [u8; 8],
    /// What the host sends.
    pub(crate) data: Vec<u8>,
}

/// What the host says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Submit(Transfer),
    /// Take an earlier transfer back.
    Unlink {
        sequence: u32,
        of: u32,
    },
}

impl Message {
    /// The next message; an error when the plug was pulled.
    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        stream.read_exact(&mut header)?;
        let (words, _) = header.as_chunks::<4>();
        let word = |at: usize| u32::from_be_bytes(words[at]);
        let sequence = word(1);
        match word(0) {
            SUBMIT => {
                let to_host = word(3) == 1;
                let length = word(6) as usize;
                if length > LENGTH_MAX {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a transfer above 1 MiB"));
                }
                let mut data = vec![0; if to_host { 0 } else { length }];
                stream.read_exact(&mut data)?;
                let endpoint = word(4) as u8 | if to_host { 0x80 } else { 0 };
                let mut setup = [0; 8];
                setup.copy_from_slice(&header[40..]);
                Ok(Self::Submit(Transfer { sequence, endpoint, length, setup, data }))
            }
            UNLINK => Ok(Self::Unlink { sequence, of: word(5) }),
            other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("USB/IP command {other}"))),
        }
    }
}

/// Says how a transfer ended: so many bytes were moved, these of them towards the host.
pub(crate) fn submitted(sequence: u32, status: Status, moved: usize, to_host: &[u8]) -> Vec<u8> {
    message(SUBMITTED, sequence, [status.number(), moved as i32], to_host)
}

/// Says whether a transfer could be taken back; one that had ended already could not.
pub(crate) fn unlinked(sequence: u32, taken_back: bool) -> Vec<u8> {
    let status = if taken_back { Status::TakenBack } else { Status::Done };
    message(UNLINKED, sequence, [status.number(), 0], &[])
}

fn message(command: u32, sequence: u32, result: [i32; 2], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + data.len());
    // Device, direction and endpoint are the host's to know in answers.
    for word in [command, sequence, 0, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    for word in result {
        bytes.extend(word.to_be_bytes());
    }
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend(data);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(words: [u32; 7], setup: [u8; 8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.resize(40, 0);
        bytes.extend(setup);
        bytes
    }

    #[test]
    fn a_transfer_is_read_with_its_data_and_its_direction() {
        let out = [header([SUBMIT, 7, 1, 0, 2, 0, 3], [0; 8]), vec![1, 2, 3]].concat();
        let wanted = Transfer { sequence: 7, endpoint: 2, length: 3, setup: [0; 8], data: vec![1, 2, 3] };
        assert_eq!(Message::read(&mut out.as_slice()).unwrap(), Message::Submit(wanted));

        let setup = [0x80, 6, 0, 1, 0, 0, 18, 0];
        let input = header([SUBMIT, 8, 1, 1, 0, 0, 18], setup);
        let wanted = Transfer { sequence: 8, endpoint: 0x80, length: 18, setup, data: vec![] };
        assert_eq!(Message::read(&mut input.as_slice()).unwrap(), Message::Submit(wanted));

        let unlink = header([UNLINK, 9, 1, 0, 0, 8, 0], [0; 8]);
        assert_eq!(Message::read(&mut unlink.as_slice()).unwrap(), Message::Unlink { sequence: 9, of: 8 });
    }

    #[test]
    fn a_foreign_or_endless_message_is_refused() {
        let foreign = header([9, 1, 0, 0, 0, 0, 0], [0; 8]);
        let endless = header([SUBMIT, 1, 0, 1, 1, 0, u32::MAX], [0; 8]);
        for bytes in [foreign, endless, vec![0; 10]] {
            assert!(Message::read(&mut bytes.as_slice()).is_err());
        }
    }

    #[test]
    fn an_answer_names_status_and_length() {
        let answer = submitted(7, Status::Stall, 2, &[5, 6]);
        assert_eq!(answer.len(), 50);
        assert_eq!(answer[..8], [0, 0, 0, 3, 0, 0, 0, 7]);
        assert_eq!(answer[20..28], [0xFF, 0xFF, 0xFF, 0xE0, 0, 0, 0, 2]);
        assert_eq!(answer[48..], [5, 6]);
        assert_eq!(unlinked(7, true)[20..24], (-104i32).to_be_bytes());
        assert_eq!(unlinked(7, false)[20..24], [0; 4]);
    }
}
