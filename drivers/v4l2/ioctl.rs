//! The kernel's calls. Each is one line of safe code for the rest of the driver.
#![allow(unsafe_code)]

use std::os::fd::AsFd;

use rustix::io::Result;
use rustix::ioctl::{Getter, Setter, Updater, ioctl, opcode};

use crate::layout::{
    Buffer, CAPTURE, Capability, Format, FormatDescription, FrameInterval, FrameSize, Menu, Query,
    RequestBuffers, StreamParameters, Value,
};

const GROUP: u8 = b'V';

macro_rules! calls {
    ($($(#[$doc:meta])* $function:ident($structure:ty) = $number:literal;)*) => {
        $($(#[$doc])*
        pub(crate) fn $function(node: impl AsFd, value: &mut $structure) -> Result<()> {
            const CALL: rustix::ioctl::Opcode = opcode::read_write::<$structure>(GROUP, $number);
            // SAFETY: behind this number the kernel reads and writes one such structure, whose size is part of the
            // number, and keeps no pointer to it; every bit pattern it may leave there is a value.
            unsafe { ioctl(node, Updater::<CALL, $structure>::new(value)) }
        })*
    };
}

calls! {
    /// VIDIOC_ENUM_FMT.
    enumerate_format(FormatDescription) = 2;
    /// VIDIOC_S_FMT.
    set_format(Format) = 5;
    /// VIDIOC_REQBUFS.
    request_buffers(RequestBuffers) = 8;
    /// VIDIOC_QUERYBUF.
    query_buffer(Buffer) = 9;
    /// VIDIOC_QBUF.
    queue(Buffer) = 15;
    /// VIDIOC_DQBUF.
    dequeue(Buffer) = 17;
    /// VIDIOC_G_PARM.
    get_parameters(StreamParameters) = 21;
    /// VIDIOC_S_PARM.
    set_parameters(StreamParameters) = 22;
    /// VIDIOC_G_CTRL.
    get_control(Value) = 27;
    /// VIDIOC_S_CTRL.
    set_control(Value) = 28;
    /// VIDIOC_QUERYCTRL.
    query_control(Query) = 36;
    /// VIDIOC_QUERYMENU.
    query_menu(Menu) = 37;
    /// VIDIOC_ENUM_FRAMESIZES.
    enumerate_size(FrameSize) = 74;
    /// VIDIOC_ENUM_FRAMEINTERVALS.
    enumerate_interval(FrameInterval) = 75;
}

/// VIDIOC_QUERYCAP.
pub(crate) fn capability(node: impl AsFd) -> Result<Capability> {
    const CALL: rustix::ioctl::Opcode = opcode::read::<Capability>(GROUP, 0);
    // SAFETY: behind this number the kernel fills one such structure, of which every bit pattern is a value.
    unsafe { ioctl(node, Getter::<CALL, Capability>::new()) }
}

/// VIDIOC_STREAMON.
pub(crate) fn start(node: impl AsFd) -> Result<()> {
    const CALL: rustix::ioctl::Opcode = opcode::write::<u32>(GROUP, 18);
    // SAFETY: behind this number the kernel reads one integer.
    unsafe { ioctl(node, Setter::<CALL, u32>::new(CAPTURE)) }
}

/// VIDIOC_STREAMOFF.
pub(crate) fn stop(node: impl AsFd) -> Result<()> {
    const CALL: rustix::ioctl::Opcode = opcode::write::<u32>(GROUP, 19);
    // SAFETY: behind this number the kernel reads one integer.
    unsafe { ioctl(node, Setter::<CALL, u32>::new(CAPTURE)) }
}
