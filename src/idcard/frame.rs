//! Frames between a host and a card reader's security module (SAM).
//!
//! ```text
//! host→SAM  AA AA AA 96 69 | length u16BE | command parameter | data | check
//! SAM→host  AA AA AA 96 69 | length u16BE | SW1 SW2 SW3       | data | check
//! ```
//! The length counts everything after itself; the check byte is the XOR of everything after the preamble
//! and before itself.

/// The five bytes every frame starts with.
pub const PREAMBLE: [u8; 5] = [0xAA, 0xAA, 0xAA, 0x96, 0x69];
/// Preamble and length.
pub const HEAD_LENGTH_BYTES: usize = PREAMBLE.len() + 2;
/// Longest announced length accepted: twice that of a reading with fingerprints (090A), which is the longest
/// known reply.
pub const LENGTH_MAX: usize = 0x1214;
/// Shortest length a reply can announce: three status bytes and the check byte.
pub const REPLY_LENGTH_MIN: usize = 4;
/// Shortest length a request can announce: command, parameter and the check byte.
pub const REQUEST_LENGTH_MIN: usize = 3;

/// What a host asks of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reset the module (`10 FF`).
    Reset,
    /// Self-test (`11 FF`).
    Status,
    /// The module's own number (`12 FF`).
    ModuleNumber,
    /// Look for a card in the field (`20 01`).
    Find,
    /// Select the card that was found (`20 02`).
    Select,
    /// Text and photo (`30 01`).
    ReadCard,
    /// Text, photo and fingerprints (`30 10`).
    ReadCardWithFingerprints,
    /// The newest appended address (`30 03`).
    ReadNewAddress,
    /// Another speed of the serial line (`60 nn`); it persists in the module, which needs 5 ms to change. Known for
    /// what reads requests: no session sends it, since other programs would look for the module in vain.
    SetSpeed(Speed),
    /// Largest radio frame, in bytes (`61 FF`, one data byte).
    SetRadioFrame(u8),
}

/// The serial speeds a module knows; 115200 is what it comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 115200 baud.
    Baud115200,
    /// 57600 baud.
    Baud57600,
    /// 38400 baud.
    Baud38400,
    /// 19200 baud.
    Baud19200,
    /// 9600 baud.
    Baud9600,
}

impl Command {
    /// Command and parameter.
    pub const fn code(self) -> [u8; 2] {
        match self {
            Self::Reset => [0x10, 0xFF],
            Self::Status => [0x11, 0xFF],
            Self::ModuleNumber => [0x12, 0xFF],
            Self::Find => [0x20, 0x01],
            Self::Select => [0x20, 0x02],
            Self::ReadCard => [0x30, 0x01],
            Self::ReadCardWithFingerprints => [0x30, 0x10],
            Self::ReadNewAddress => [0x30, 0x03],
            Self::SetSpeed(speed) => [0x60, speed as u8],
            Self::SetRadioFrame(_) => [0x61, 0xFF],
        }
    }

    /// The whole request frame.
    pub fn to_frame(self) -> Vec<u8> {
        let mut body = self.code().to_vec();
        if let Self::SetRadioFrame(size) = self {
            body.push(size);
        }
        encode(&body)
    }

    /// The command of a request's body, as a module under simulation sees it; `None` if it is none of these.
    pub fn from_body(body: &[u8]) -> Option<Self> {
        const PLAIN: [Command; 8] = [
            Command::Reset,
            Command::Status,
            Command::ModuleNumber,
            Command::Find,
            Command::Select,
            Command::ReadCard,
            Command::ReadCardWithFingerprints,
            Command::ReadNewAddress,
        ];
        const SPEEDS: [Speed; 5] =
            [Speed::Baud115200, Speed::Baud57600, Speed::Baud38400, Speed::Baud19200, Speed::Baud9600];
        match *body {
            [0x61, 0xFF, size] => Some(Self::SetRadioFrame(size)),
            [0x60, number] => SPEEDS.get(usize::from(number)).map(|&speed| Self::SetSpeed(speed)),
            [command, parameter] => PLAIN.into_iter().find(|plain| plain.code() == [command, parameter]),
            _ => None,
        }
    }
}

/// Puts preamble, length and check byte around a body: command, parameter and data, or three status bytes
/// and data. A body longer than [`LENGTH_MAX`] allows is cut.
pub fn encode(body: &[u8]) -> Vec<u8> {
    let body = &body[..body.len().min(LENGTH_MAX - 1)];
    let mut frame = Vec::with_capacity(HEAD_LENGTH_BYTES + body.len() + 1);
    frame.extend_from_slice(&PREAMBLE);
    frame.extend_from_slice(&((body.len() + 1) as u16).to_be_bytes());
    frame.extend_from_slice(body);
    let check = xor(&frame[PREAMBLE.len()..]);
    frame.push(check);
    frame
}

/// A reply of the module. Its data is personal when it answers a reading: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// SW1 and SW2: the card's own status on card errors, else zero; SW3: the module's.
    pub status: [u8; 3],
    /// What follows the status.
    pub data: Vec<u8>,
}

impl Reply {
    /// The whole reply frame.
    pub fn to_frame(&self) -> Vec<u8> {
        encode(&[&self.status[..], &self.data].concat())
    }

    /// The reply in exactly one whole frame.
    pub fn from_frame(frame: &[u8]) -> Result<Self, FrameError> {
        let body = decode(frame, REPLY_LENGTH_MIN)?;
        let (status, data) = body
            .split_first_chunk::<3>()
            .ok_or(FrameError::Length { announced: body.len() + 1, min: REPLY_LENGTH_MIN })?;
        Ok(Self { status: *status, data: data.to_vec() })
    }
}

/// Why bytes are no frame. Names lengths only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame does not start with the preamble.
    #[error("the frame does not start with the preamble")]
    Preamble,
    /// The announced length is below the smallest or above the largest possible.
    #[error("the frame announces {announced} bytes; {min} to {max} are possible", max = LENGTH_MAX)]
    Length {
        /// The length in the frame.
        announced: usize,
        /// The smallest possible.
        min: usize,
    },
    /// The frame is shorter or longer than the length in it says.
    #[error("the frame announces {announced} bytes and has {got}")]
    Size {
        /// The length in the frame.
        announced: usize,
        /// Bytes after the length.
        got: usize,
    },
    /// The check byte is wrong.
    #[error("the frame's check byte is wrong")]
    Checksum,
}

/// The body of exactly one whole frame, in either direction; `length_min` is [`REPLY_LENGTH_MIN`] or
/// [`REQUEST_LENGTH_MIN`].
pub fn decode(frame: &[u8], length_min: usize) -> Result<&[u8], FrameError> {
    let rest = frame.strip_prefix(&PREAMBLE).ok_or(FrameError::Preamble)?;
    let Some((&length, after)) = rest.split_first_chunk::<2>() else {
        return Err(FrameError::Size { announced: 0, got: 0 });
    };
    let announced = usize::from(u16::from_be_bytes(length));
    if announced < length_min || announced > LENGTH_MAX {
        return Err(FrameError::Length { announced, min: length_min });
    }
    if after.len() != announced {
        return Err(FrameError::Size { announced, got: after.len() });
    }
    match after.split_last() {
        Some((&check, body)) if xor(&length) ^ xor(body) == check => Ok(body),
        _ => Err(FrameError::Checksum),
    }
}

fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |check, byte| check ^ byte)
}

/// Finds replies in a stream that arrives in pieces of any size.
///
/// Bytes that are no preamble are skipped. A frame with an impossible length or a wrong check byte is
/// reported, and the search goes on one byte after its start, so a frame hidden behind garbage that looks
/// like a preamble is still found. Holds at most one frame beyond what was last fed.
#[derive(Default)]
pub struct FrameReader {
    pending: Vec<u8>,
}

impl FrameReader {
    /// A reader that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole reply among the bytes fed so far; `None` until there is one. Call it until it gives
    /// `None` after every [`feed`](Self::feed).
    pub fn next_reply(&mut self) -> Option<Result<Reply, FrameError>> {
        let start = self.preamble_start();
        self.pending.drain(..start);
        let head = self.pending.get(..HEAD_LENGTH_BYTES)?;
        let announced = usize::from(u16::from_be_bytes([head[5], head[6]]));
        if !(REPLY_LENGTH_MIN..=LENGTH_MAX).contains(&announced) {
            self.pending.drain(..1);
            return Some(Err(FrameError::Length { announced, min: REPLY_LENGTH_MIN }));
        }
        let whole = HEAD_LENGTH_BYTES + announced;
        let reply = Reply::from_frame(self.pending.get(..whole)?);
        self.pending.drain(..if reply.is_ok() { whole } else { 1 });
        Some(reply)
    }

    /// Forgets what is pending, as after a request that ran out of time.
    pub fn clear(&mut self) {
        self.pending.clear();
    }

    /// Where the next preamble, or the beginning of one that is still arriving, starts.
    fn preamble_start(&self) -> usize {
        (0..self.pending.len())
            .find(|&at| {
                let seen = &self.pending[at..];
                let compared = seen.len().min(PREAMBLE.len());
                seen[..compared] == PREAMBLE[..compared]
            })
            .unwrap_or(self.pending.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hexed(frame: Vec<u8>) -> String {
        hex::encode_upper(frame)
    }

    #[test]
    fn requests_are_the_published_frames() {
        for (command, rest) in [
            (Command::Reset, "000310FFEC"),
            (Command::Status, "000311FFED"),
            (Command::ModuleNumber, "000312FFEE"),
            (Command::Find, "0003200122"),
            (Command::Select, "0003200221"),
            (Command::ReadCard, "0003300132"),
            (Command::ReadCardWithFingerprints, "0003301023"),
            (Command::ReadNewAddress, "0003300330"),
            (Command::SetSpeed(Speed::Baud115200), "0003600063"),
            (Command::SetSpeed(Speed::Baud57600), "0003600162"),
            (Command::SetSpeed(Speed::Baud38400), "0003600261"),
            (Command::SetSpeed(Speed::Baud19200), "0003600360"),
            (Command::SetSpeed(Speed::Baud9600), "0003600467"),
            (Command::SetRadioFrame(0x50), "000461FF50CA"),
        ] {
            let frame = command.to_frame();
            let body = decode(&frame, REQUEST_LENGTH_MIN).unwrap();
            assert_eq!(Command::from_body(body), Some(command));
            assert_eq!(hexed(frame), format!("AAAAAA9669{rest}"));
        }
        for body in [&[][..], &[0x20], &[0x20, 0x03], &[0x60, 0x05], &[0x61, 0xFF], &[0x20, 0x01, 0x00]] {
            assert_eq!(Command::from_body(body), None);
        }
    }

    #[test]
    fn replies_are_the_published_frames() {
        for (status, data, rest) in [
            (0x9F, vec![0; 4], "000800009F0000000097"),
            (0x80, vec![], "000400008084"),
            (0x90, vec![0; 8], "000C00009000000000000000009C"),
            (0x41, vec![], "000400004145"),
            (0x91, vec![], "000400009195"),
            (0x66, vec![], "000400006662"),
        ] {
            let reply = Reply { status: [0, 0, status], data };
            let frame = reply.to_frame();
            assert!(Reply::from_frame(&frame) == Ok(reply));
            assert_eq!(hexed(frame), format!("AAAAAA9669{rest}"));
        }
    }

    #[test]
    fn broken_frames_are_told_apart() {
        let good = Command::Find.to_frame();
        let error = |frame: &[u8]| decode(frame, REQUEST_LENGTH_MIN).unwrap_err();
        assert_eq!(error(&good[1..]), FrameError::Preamble);
        assert_eq!(error(&good[..9]), FrameError::Size { announced: 3, got: 2 });
        assert_eq!(error(&[&good[..], &[0]].concat()), FrameError::Size { announced: 3, got: 4 });
        let mut wrong = good.clone();
        wrong[9] ^= 1;
        assert_eq!(error(&wrong), FrameError::Checksum);
        let mut huge = good.clone();
        huge[5] = 0xFF;
        assert_eq!(error(&huge), FrameError::Length { announced: 0xFF03, min: 3 });
    }

    #[test]
    fn a_frame_is_found_behind_garbage_and_a_false_start() {
        let reply = Reply { status: [0, 0, 0x90], data: vec![1, 2, 3] };
        let mut reader = FrameReader::new();
        reader.feed(&[0x00, 0xAA, 0xAA, 0xAA, 0x96, 0x69, 0xFF, 0xFF, 0xAA, 0xAA]);
        reader.feed(&reply.to_frame());
        let length = FrameError::Length { announced: 0xFFFF, min: 4 };
        assert!(reader.next_reply() == Some(Err(length)));
        assert!(reader.next_reply() == Some(Ok(reply)));
        assert!(reader.next_reply().is_none());
        assert!(reader.pending.is_empty());
    }

    #[test]
    fn a_wrong_check_byte_is_reported_and_the_next_frame_found() {
        let reply = Reply { status: [0, 0, 0x80], data: vec![] };
        let mut damaged = reply.to_frame();
        damaged[9] ^= 0x40;
        let mut reader = FrameReader::new();
        reader.feed(&damaged);
        reader.feed(&reply.to_frame());
        assert!(reader.next_reply() == Some(Err(FrameError::Checksum)));
        assert!(reader.next_reply() == Some(Ok(reply)));
    }

    #[test]
    fn a_frame_within_a_false_start_of_a_possible_length_is_found() {
        let reply = Reply { status: [0, 0, 0x90], data: vec![1, 2, 3] };
        // What looks like a frame of 20 bytes ends within the one after it.
        let false_start = [&PREAMBLE[..], &[0x00, 0x14, 0x55]].concat();
        let mut reader = FrameReader::new();
        reader.feed(&[&false_start[..], &reply.to_frame(), &[0; 8]].concat());
        assert!(reader.next_reply() == Some(Err(FrameError::Checksum)));
        assert!(reader.next_reply() == Some(Ok(reply)));
    }

    /// Every reply in a stream, found the slow way: a frame is tried at each place.
    fn replies_in(stream: &[u8]) -> Vec<Reply> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at < stream.len() {
            let length =
                stream.get(at + 5..at + 7).map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
            let frame = length.and_then(|length| stream.get(at..at + HEAD_LENGTH_BYTES + length));
            match frame.map(Reply::from_frame) {
                Some(Ok(reply)) => {
                    at += HEAD_LENGTH_BYTES + reply.data.len() + REPLY_LENGTH_MIN;
                    found.push(reply);
                }
                _ => at += 1,
            }
        }
        found
    }

    proptest! {
        // Long byte strings are slow to draw in an unoptimised build.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn frames_arrive_whole_however_the_stream_is_cut(
            replies in proptest::collection::vec(
                (any::<[u8; 3]>(), proptest::collection::vec(any::<u8>(), 0..80)), 1..6),
            garbage in proptest::collection::vec(0u8..0xAA, 0..20),
            cuts in proptest::collection::vec(1usize..40, 1..50),
        ) {
            let replies: Vec<Reply> =
                replies.into_iter().map(|(status, data)| Reply { status, data }).collect();
            let stream: Vec<u8> =
                replies.iter().flat_map(|r| [garbage.clone(), r.to_frame()].concat()).collect();
            let (mut reader, mut found, mut at) = (FrameReader::new(), Vec::new(), 0);
            for cut in cuts.into_iter().cycle() {
                if at == stream.len() {
                    break;
                }
                let end = stream.len().min(at + cut);
                reader.feed(&stream[at..end]);
                at = end;
                while let Some(reply) = reader.next_reply() {
                    found.push(reply.unwrap());
                }
            }
            prop_assert!(found == replies);
        }

        #[test]
        fn no_frame_among_false_starts_is_lost_or_made_up(
            pieces in proptest::collection::vec(
                (0..4_u8, proptest::collection::vec(prop_oneof![Just(0xAAu8), Just(0), any::<u8>()], 0..24)), 1..12),
            cut in 1_usize..40,
        ) {
            let mut stream: Vec<u8> = pieces
                .into_iter()
                .flat_map(|(kind, piece)| match kind {
                    0 => piece,
                    1 => [&PREAMBLE[..], &[0, 4 + piece.len() as u8 * 3], &piece].concat(),
                    _ => Reply { status: [0, 0, kind], data: piece }.to_frame(),
                })
                .collect();
            // Whatever a false start announces has come by then.
            stream.resize(stream.len() + HEAD_LENGTH_BYTES + LENGTH_MAX, 0);
            let (mut reader, mut found) = (FrameReader::new(), Vec::new());
            for piece in stream.chunks(cut) {
                reader.feed(piece);
                found.extend(std::iter::from_fn(|| reader.next_reply()).flatten());
            }
            prop_assert!(found == replies_in(&stream));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_never_pile_up(
            pieces in proptest::collection::vec(proptest::collection::vec(
                prop_oneof![Just(0xAAu8), Just(0x96), Just(0x69), any::<u8>()], 0..600), 0..12),
        ) {
            let mut reader = FrameReader::new();
            for piece in pieces {
                reader.feed(&piece);
                while reader.next_reply().is_some() {}
                prop_assert!(reader.pending.len() <= HEAD_LENGTH_BYTES + LENGTH_MAX);
            }
        }
    }
}
