//! What is written behind the records of a segment, in whole blocks.

use std::io;

use super::segment::Segment;
use crate::files::direct::{BLOCK_BYTES, Blocks};

/// Gathers bytes and writes them when the blocks are full.
pub(super) struct Stream<'a> {
    segment: &'a Segment,
    blocks: &'a mut Blocks,
    /// Where the blocks go.
    offset: u64,
    /// How much of them is filled.
    filled: usize,
}

impl<'a> Stream<'a> {
    /// From that place on, the beginning of a block.
    pub(super) fn new(segment: &'a Segment, blocks: &'a mut Blocks, offset: u64) -> Self {
        Self { segment, blocks, offset, filled: 0 }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = &mut self.blocks.bytes_mut()[self.filled..];
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == self.blocks.bytes().len() {
                self.write()?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and zeros up to the next block.
    pub(super) fn end(mut self) -> io::Result<()> {
        let end = self.filled.next_multiple_of(BLOCK_BYTES);
        self.blocks.bytes_mut()[self.filled..end].fill(0);
        self.filled = end;
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.segment.write_blocks(self.offset, &self.blocks.bytes()[..self.filled])?;
        self.offset += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}
