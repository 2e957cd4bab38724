//! Reading a parcel or a receipt.

use std::io::{self, Read};

use aead_stream::DecryptorBE32;
use aes_gcm::{Aes256Gcm, KeyInit as _};

use super::{
    CHUNK_LENGTH, HEADER_LENGTH, Header, ParcelError, RECORD_HEAD_LENGTH, Record, Seal, TAG_LENGTH, Tag,
};

/// Reads the header that a file begins with.
pub fn read_header(input: &mut impl Read) -> Result<Header, ParcelError> {
    let mut bytes = Vec::new();
    input.take(HEADER_LENGTH as u64).read_to_end(&mut bytes)?;
    // What is cut within its header may still be told from what never was one.
    let Ok(bytes) = <[u8; HEADER_LENGTH]>::try_from(&bytes[..]) else {
        let cut = bytes.len() >= 4 && bytes[..4] == super::MAGIC;
        return Err(if cut { ParcelError::Damaged } else { ParcelError::Unknown });
    };
    Header::parse(&bytes)
}

/// Gives records as they come, each only when the bytes it is made of have been found to be what was written. That
/// nothing is missing is known at the end.
pub struct ParcelReader<R> {
    input: R,
    opener: Option<DecryptorBE32<Aes256Gcm>>,
    /// The sealed chunk that comes next.
    ahead: Vec<u8>,
    plain: Vec<u8>,
    /// Bytes of `plain` that have been given.
    given: usize,
}

impl<R: Read> ParcelReader<R> {
    /// For what follows the header.
    pub fn new(mut input: R, seal: &Seal) -> Result<Self, ParcelError> {
        let opener = DecryptorBE32::from_aead(Aes256Gcm::new((&*seal.key).into()), &Default::default());
        let ahead = chunk(&mut input)?;
        Ok(Self { input, opener: Some(opener), ahead, plain: Vec::new(), given: 0 })
    }

    /// The next record; `None` at the end.
    pub fn record(&mut self) -> Result<Option<Record>, ParcelError> {
        let head = self.bytes(RECORD_HEAD_LENGTH)?;
        let (tag, length_max) = Tag::of(head[0]).ok_or(ParcelError::Damaged)?;
        let mut length = [0; 4];
        length.copy_from_slice(&head[1..]);
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| ParcelError::Damaged)?;
        if length > length_max {
            return Err(ParcelError::Damaged);
        }
        if tag != Tag::End {
            return Ok(Some(Record { tag, bytes: self.bytes(length)? }));
        }
        if self.given < self.plain.len() || self.opener.is_some() {
            return Err(ParcelError::Damaged);
        }
        Ok(None)
    }

    /// Reads the rest and keeps nothing of it: an error if it is not whole.
    pub fn drain(mut self) -> Result<(), ParcelError> {
        while self.record()?.is_some() {}
        Ok(())
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>, ParcelError> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            if self.given == self.plain.len() {
                self.open_next()?;
            }
            let now = (length - bytes.len()).min(self.plain.len() - self.given);
            bytes.extend_from_slice(&self.plain[self.given..self.given + now]);
            self.given += now;
        }
        Ok(bytes)
    }

    fn open_next(&mut self) -> Result<(), ParcelError> {
        let next = chunk(&mut self.input)?;
        let mut plain = std::mem::replace(&mut self.ahead, next);
        if self.ahead.is_empty() {
            let opener = self.opener.take().ok_or(ParcelError::Damaged)?;
            opener.decrypt_last_in_place(b"", &mut plain).map_err(|_| ParcelError::Damaged)?;
        } else {
            let opener = self.opener.as_mut().ok_or(ParcelError::Damaged)?;
            opener.decrypt_next_in_place(b"", &mut plain).map_err(|_| ParcelError::Damaged)?;
        }
        if plain.is_empty() {
            return Err(ParcelError::Damaged);
        }
        (self.plain, self.given) = (plain, 0);
        Ok(())
    }
}

/// The next sealed chunk; empty where there is none.
fn chunk(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(CHUNK_LENGTH + TAG_LENGTH);
    input.take((CHUNK_LENGTH + TAG_LENGTH) as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
