//! Memory that the kernel writes frames to.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::io::{Errno, Result};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::ioctl;
use crate::layout::{Buffer, CAPTURE, MEMORY_MAPPED};

/// One of the kernel's buffers, mapped. The kernel writes to it only while it is queued, which is from
/// [`queue`](Self::queue) until the kernel hands it out; in between its content belongs to this process.
pub(crate) struct Mapped {
    start: NonNull<u8>,
    length_bytes: usize,
    index: u32,
}

// SAFETY: the memory belongs to this value alone and is bound to no thread.
unsafe impl Send for Mapped {}

impl Mapped {
    /// Maps the buffer of this number.
    pub(crate) fn new(node: BorrowedFd<'_>, index: u32) -> Result<Self> {
        let mut buffer = description(index);
        ioctl::query_buffer(node, &mut buffer)?;
        let length_bytes = buffer.length_bytes as usize;
        // SAFETY: a new mapping at a place the kernel chooses; it touches no memory that is in use.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                length_bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                node,
                buffer.offset,
            )?
        };
        let start = NonNull::new(start.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { start, length_bytes, index })
    }

    /// Gives it to the kernel to fill.
    pub(crate) fn queue(&mut self, node: BorrowedFd<'_>) -> Result<()> {
        ioctl::queue(node, &mut description(self.index))
    }

    /// Its whole content. The caller has it from the kernel and has not queued it since.
    pub(crate) fn content(&mut self) -> &mut [u8] {
        // SAFETY: the mapping lives as long as `self` and has this length. The kernel writes to it only while it is
        // queued, and the stream asks for the content of a buffer only between taking it out and queuing it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length_bytes) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: this is the mapping made in `new`; no reference to it outlives `self`.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length_bytes) };
    }
}

/// What names a buffer to the kernel.
pub(crate) fn description(index: u32) -> Buffer {
    Buffer { index, kind: CAPTURE, memory: MEMORY_MAPPED, ..Buffer::default() }
}

/// Reads a frame of this length in the buffer it lies in and overwrites it there, so that it can be in no later frame.
/// `None` where the length is not one the buffer can hold; then all of it is overwritten.
pub(crate) fn read_once<T>(
    content: &mut [u8],
    used_bytes: usize,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    let Some(frame) = content.get_mut(..used_bytes) else {
        content.fill(0);
        return None;
    };
    let outcome = read(frame);
    frame.fill(0);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(content: &mut [u8], used_bytes: usize) -> Option<Vec<u8>> {
        read_once(content, used_bytes, |frame| Some(frame.to_vec()))
    }

    #[test]
    fn a_short_frame_is_followed_by_nothing_of_a_long_one() {
        let mut buffer = vec![0; 1000];
        buffer[..900].fill(7);
        assert_eq!(bytes(&mut buffer, 900), Some(vec![7; 900]));
        buffer[..10].fill(9);
        // The camera says that there is more than it sent.
        let frame = bytes(&mut buffer, 500).expect("the buffer is longer");
        assert_eq!((&frame[..10], &frame[10..]), (&[9; 10][..], &[0; 490][..]));
        assert_eq!(buffer, [0; 1000]);
    }

    #[test]
    fn a_frame_that_is_passed_over_is_overwritten_too() {
        let mut buffer = vec![7; 100];
        assert_eq!(read_once(&mut buffer, 60, |_| None::<()>), None);
        assert_eq!((&buffer[..60], &buffer[60..]), (&[0; 60][..], &[7; 40][..]));
    }

    #[test]
    fn a_length_beyond_the_buffer_gives_nothing_and_clears_it() {
        let mut buffer = vec![7; 100];
        assert_eq!(bytes(&mut buffer, 101), None);
        assert_eq!(buffer, [0; 100]);
    }
}
