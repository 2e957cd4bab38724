//! Parcels and receipts: what goes between a window without a network and the repository, on a stick.
//!
//! A file is a header in the clear and then chunks of AES-256-GCM in the STREAM construction, so that what is cut,
//! changed, reordered or put together of two does not open. The header says for whom it is and holds nothing about
//! anyone. Inside is a row of [`Record`]s.
//!
//! A parcel's key comes of X25519 between a pair made for it alone and the repository's courier key: nobody but the
//! repository opens it. Its head holds the agent's bearer key, as a request's header does within TLS: nobody but the
//! agent can have made it. A receipt's key comes of that bearer key.

mod open;
mod seal;

use std::io;

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::limits::{BLOB_SIZE_MAX, COMMIT_BODY_MAX};
use crate::wire::{CommitAnswer, HeadAnswer, LedgerAnchor, RepositoryHead};

pub use open::{ParcelReader, read_header};
pub use seal::ParcelWriter;

/// Length of the header in bytes.
pub const HEADER_LENGTH: usize = 56;
/// Plain bytes in a chunk; the last may be shorter.
const CHUNK_LENGTH: usize = 64 << 10;
/// What sealing adds to a chunk.
const TAG_LENGTH: usize = 16;
/// What stands before a record: its tag and its length.
const RECORD_HEAD_LENGTH: usize = 5;
/// Bytes of a head.
const HEAD_LENGTH_MAX: usize = 64 << 10;
/// Bytes of a page of news: an erasure of a person names every material.
const NEWS_LENGTH_MAX: usize = 16 << 20;
/// Bytes of a commit's answer.
const ANSWER_LENGTH_MAX: usize = 1 << 20;

const MAGIC: [u8; 4] = *b"YDcp";
const VERSION: u8 = 1;

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a window to the repository.
    Parcel,
    /// From the repository to a window.
    Receipt,
}

/// Why a file is not taken. Free of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// It is something else.
    #[error("this is no such file")]
    Unknown,
    /// A newer version made it.
    #[error("a newer version made this")]
    Newer,
    /// It is meant for somebody else.
    #[error("this is meant for another window or another repository")]
    Foreign,
    /// It was cut, changed, or put together.
    #[error("this is damaged or was cut off")]
    Damaged,
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The clear beginning of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which way it goes.
    pub way: Way,
    /// Tells for whom.
    to: [u8; 16],
    /// The public half of the pair made for it, or what makes a receipt's key its own.
    fresh: [u8; 32],
}

impl Header {
    /// Reads it.
    pub fn parse(bytes: &[u8; HEADER_LENGTH]) -> Result<Self, ParcelError> {
        let (front, rest) = bytes.split_at(8);
        if front[..4] != MAGIC {
            return Err(ParcelError::Unknown);
        }
        let way = match front[4..] {
            [VERSION, 1, 0, 0] => Way::Parcel,
            [VERSION, 2, 0, 0] => Way::Receipt,
            [version, ..] if version > VERSION => return Err(ParcelError::Newer),
            _ => return Err(ParcelError::Damaged),
        };
        let (mut to, mut fresh) = ([0; 16], [0; 32]);
        to.copy_from_slice(&rest[..16]);
        fresh.copy_from_slice(&rest[16..]);
        Ok(Self { way, to, fresh })
    }

    /// Writes it.
    pub fn to_bytes(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5] = match self.way {
            Way::Parcel => 1,
            Way::Receipt => 2,
        };
        bytes[8..24].copy_from_slice(&self.to);
        bytes[24..].copy_from_slice(&self.fresh);
        bytes
    }
}

/// The repository's secret half, which opens parcels.
pub struct CourierSecret(StaticSecret);

/// The repository's public half, to which parcels are sealed: 64 hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CourierKey([u8; 32]);

impl CourierSecret {
    /// Of 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// Its public half.
    pub fn public(&self) -> CourierKey {
        CourierKey(PublicKey::from(&self.0).to_bytes())
    }
}

impl CourierKey {
    /// Of its text; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        let mut key = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(digits.as_chunks::<2>().0) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
        }
        Some(Self(key))
    }

    fn short(&self) -> [u8; 16] {
        short(&[b"yidang courier key 1\0", &self.0])
    }
}

impl std::fmt::Display for CourierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for CourierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CourierKey({self})")
    }
}

/// A header and the key of what follows it.
pub struct Seal {
    pub(crate) header: Header,
    key: Zeroizing<[u8; 32]>,
}

impl Seal {
    /// Of a parcel. `fresh` is 32 random bytes, used for this one alone. `None`: the courier key is no key.
    pub fn for_repository(courier: &CourierKey, fresh: [u8; 32]) -> Option<Self> {
        let pair = StaticSecret::from(fresh);
        let header =
            Header { way: Way::Parcel, to: courier.short(), fresh: PublicKey::from(&pair).to_bytes() };
        let shared = pair.diffie_hellman(&PublicKey::from(courier.0));
        shared.was_contributory().then(|| Self::of(header, shared.as_bytes(), &courier.0))
    }

    /// Of a receipt. `fresh` is 32 random bytes, used for this one alone.
    pub fn for_agent(agent: &str, bearer: &str, fresh: [u8; 32]) -> Self {
        let header = Header { way: Way::Receipt, to: agent_short(agent), fresh };
        Self::of(header, bearer.as_bytes(), agent.as_bytes())
    }

    /// Of a parcel that came.
    pub fn at_repository(header: Header, secret: &CourierSecret) -> Result<Self, ParcelError> {
        let courier = secret.public();
        if header.way != Way::Parcel {
            return Err(ParcelError::Unknown);
        }
        if header.to != courier.short() {
            return Err(ParcelError::Foreign);
        }
        let shared = secret.0.diffie_hellman(&PublicKey::from(header.fresh));
        if !shared.was_contributory() {
            return Err(ParcelError::Damaged);
        }
        Ok(Self::of(header, shared.as_bytes(), &courier.0))
    }

    /// Of a receipt that came.
    pub fn at_agent(header: Header, agent: &str, bearer: &str) -> Result<Self, ParcelError> {
        if header.way != Way::Receipt {
            return Err(ParcelError::Unknown);
        }
        if header.to != agent_short(agent) {
            return Err(ParcelError::Foreign);
        }
        Ok(Self::of(header, bearer.as_bytes(), agent.as_bytes()))
    }

    #[expect(clippy::expect_used, reason = "32 bytes are fewer than HKDF can give")]
    fn of(header: Header, secret: &[u8], to: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let stretched = Hkdf::<Sha256>::new(Some(b"yidang courier 1"), secret);
        let context = [&header.to_bytes()[..], to].concat();
        stretched.expand(&context, &mut *key).expect("a key of this length");
        Self { header, key }
    }
}

fn agent_short(agent: &str) -> [u8; 16] {
    short(&[b"yidang courier agent 1\0", agent.as_bytes()])
}

fn short(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}

/// Who sends a parcel, and where it belongs among this agent's. No `Debug`: the key is a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelHead {
    /// Name the repository gave the window.
    pub agent: String,
    /// Bearer key of its calls.
    pub key: String,
    /// Of its enrolment.
    pub epoch: String,
    /// Number of the first commit of everything that was packed with it; what came before is through, or was
    /// given up. A number of its own even where nothing waited.
    pub first: u64,
    /// Which file of those packed together, from 1.
    pub part: u32,
    /// Last feed item that has been carried out.
    pub feed_after: u64,
    /// What the agent knows of the repository's ledger, as [`HeadRequest`](crate::wire::HeadRequest) says it; none from an agent of
    /// an earlier version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<RepositoryHead>,
    /// The end of the agent's own ledger; absent from an agent of an earlier version, or where the ledger is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<ParcelAnchor>,
}

/// The end of a ledger, to be remembered where nothing else of it is but what the agent knows to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelAnchor {
    /// Its last entry.
    #[serde(flatten)]
    pub end: LedgerAnchor,
    /// The entry that the last receipt said to be remembered, and that this ledger has: a ledger that was put back to an earlier
    /// state and went on does not know of a later one, and its end must not take the place of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u64>,
}

/// Where a receipt belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptHead {
    /// The agent it is for.
    pub agent: String,
    /// Of its enrolment.
    pub epoch: String,
    /// What the parcel said to be known, which [`Self::head`] answers: the agent may know more by now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<RepositoryHead>,
    /// Whether the repository has that, and the end of its ledger with all in it that this receipt tells of; absent from a
    /// repository of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadAnswer>,
    /// What is remembered of the agent's ledger; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<LedgerAnchor>,
}

/// What a commit was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptAnswer {
    /// The commit's number.
    pub sequence: u64,
    /// As over the network.
    pub answer: CommitAnswer,
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// [`ParcelHead`] or [`ReceiptHead`], first of all.
    Head,
    /// A picture's bytes.
    Blob,
    /// The body of `POST /v1/commits`, byte for byte. Its pictures came before it.
    Commit,
    /// [`ReceiptAnswer`].
    Answer,
    /// [`FeedAnswer`](crate::wire::FeedAnswer).
    News,
    /// Nothing comes after it.
    End,
}

impl Tag {
    const ALL: [Self; 6] = [Self::Head, Self::Blob, Self::Commit, Self::Answer, Self::News, Self::End];

    /// The byte that stands for it, and its longest length.
    fn byte(self) -> (u8, usize) {
        match self {
            Self::Head => (b'H', HEAD_LENGTH_MAX),
            Self::Blob => (b'B', BLOB_SIZE_MAX),
            Self::Commit => (b'C', COMMIT_BODY_MAX),
            Self::Answer => (b'A', ANSWER_LENGTH_MAX),
            Self::News => (b'N', NEWS_LENGTH_MAX),
            Self::End => (b'E', 0),
        }
    }

    fn of(byte: u8) -> Option<(Self, usize)> {
        let tag = Self::ALL.into_iter().find(|tag| tag.byte().0 == byte)?;
        Some((tag, tag.byte().1))
    }
}

/// One thing in a parcel or a receipt.
pub struct Record {
    /// What it is.
    pub tag: Tag,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Bytes that a file grows by, at most, for a record of this length.
pub fn sealed_length_max(length: usize) -> u64 {
    let plain = length + RECORD_HEAD_LENGTH;
    (plain + (plain / CHUNK_LENGTH + 2) * TAG_LENGTH) as u64
}

#[cfg(test)]
mod tests;
