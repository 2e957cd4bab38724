//! Writing a parcel or a receipt.

use std::io::{self, Write};

use aead_stream::EncryptorBE32;
use aes_gcm::{Aes256Gcm, KeyInit as _};

use super::{CHUNK_LENGTH, RECORD_HEAD_LENGTH, Seal, Tag};

/// Where sealed bytes go as records come. What is not finished does not open.
pub struct ParcelWriter<W> {
    out: W,
    sealer: EncryptorBE32<Aes256Gcm>,
    plain: Vec<u8>,
}

impl<W: Write> ParcelWriter<W> {
    /// Writes the header.
    pub fn begin(mut out: W, seal: &Seal) -> io::Result<Self> {
        out.write_all(&seal.header.to_bytes())?;
        // The key is this file's alone, so its nonces may count from nothing.
        let sealer = EncryptorBE32::from_aead(Aes256Gcm::new((&*seal.key).into()), &Default::default());
        Ok(Self { out, sealer, plain: Vec::with_capacity(2 * CHUNK_LENGTH) })
    }

    /// Writes a record. Longer than its tag allows is an error.
    pub fn record(&mut self, tag: Tag, bytes: &[u8]) -> io::Result<()> {
        let (byte, length_max) = tag.byte();
        let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= length_max);
        let length = length.ok_or(io::ErrorKind::InvalidInput)?;
        let mut head = [byte; RECORD_HEAD_LENGTH];
        head[1..].copy_from_slice(&length.to_be_bytes());
        self.plain(&head)?;
        self.plain(bytes)
    }

    /// Where it is written.
    pub fn out_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes the end.
    pub fn finish(mut self) -> io::Result<W> {
        self.record(Tag::End, &[])?;
        let Self { mut out, sealer, mut plain } = self;
        sealer.encrypt_last_in_place(b"", &mut plain).map_err(io::Error::other)?;
        out.write_all(&plain)?;
        Ok(out)
    }

    fn plain(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // A full chunk waits until it is certain that it is not the last.
            if self.plain.len() == CHUNK_LENGTH {
                self.sealer.encrypt_next_in_place(b"", &mut self.plain).map_err(io::Error::other)?;
                self.out.write_all(&self.plain)?;
                self.plain.clear();
            }
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK_LENGTH - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }
}
