//! The structures of `linux/videodev2.h`, as far as a capture device is concerned, as they lie in memory on 64-bit
//! Linux. Every bit pattern is a value of every one of them.

use std::mem::{offset_of, size_of};

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`, `V4L2_MEMORY_MMAP`.
pub(crate) const CAPTURE: u32 = 1;
pub(crate) const MEMORY_MAPPED: u32 = 1;

/// Of [`Capability::device_caps`].
pub(crate) const CAN_CAPTURE: u32 = 0x1;
pub(crate) const CAN_STREAM: u32 = 0x0400_0000;

/// Of [`FrameSize::kind`] and [`FrameInterval::kind`]; 2 and 3 are ranges.
pub(crate) const DISCRETE: u32 = 1;

/// Of [`Buffer::flags`].
pub(crate) const FRAME_DAMAGED: u32 = 0x40;
pub(crate) const CLOCK_MASK: u32 = 0xE000;
pub(crate) const CLOCK_MONOTONIC: u32 = 0x2000;

/// Of [`Query::flags`].
pub(crate) const DISABLED: u32 = 0x01;
pub(crate) const GRABBED: u32 = 0x02;
pub(crate) const READ_ONLY: u32 = 0x04;
pub(crate) const INACTIVE: u32 = 0x10;
pub(crate) const WRITE_ONLY: u32 = 0x40;

/// Of [`Pixels::quantization`] and [`Pixels::colorspace`].
pub(crate) const FULL_RANGE: u32 = 1;
pub(crate) const DEFAULT_RANGE: u32 = 0;
pub(crate) const COLORSPACE_JPEG: u32 = 7;

/// `struct v4l2_capability`.
#[repr(C)]
pub(crate) struct Capability {
    pub(crate) driver: [u8; 16],
    pub(crate) card: [u8; 32],
    pub(crate) bus_info: [u8; 32],
    pub(crate) version: u32,
    pub(crate) capabilities: u32,
    pub(crate) device_caps: u32,
    pub(crate) reserved: [u32; 3],
}

/// `struct v4l2_fmtdesc`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct FormatDescription {
    pub(crate) index: u32,
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) description: [u8; 32],
    pub(crate) pixel_format: u32,
    pub(crate) mbus_code: u32,
    pub(crate) reserved: [u32; 3],
}

/// `struct v4l2_frmsizeenum`: `size` is width and height, or their smallest, largest and step each.
#[repr(C)]
#[derive(Default)]
pub(crate) struct FrameSize {
    pub(crate) index: u32,
    pub(crate) pixel_format: u32,
    pub(crate) kind: u32,
    pub(crate) size: [u32; 6],
    pub(crate) reserved: [u32; 2],
}

/// `struct v4l2_fract`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fraction {
    pub(crate) numerator: u32,
    pub(crate) denominator: u32,
}

/// `struct v4l2_frmivalenum`: one interval in seconds, or the shortest, the longest and the step.
#[repr(C)]
#[derive(Default)]
pub(crate) struct FrameInterval {
    pub(crate) index: u32,
    pub(crate) pixel_format: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) kind: u32,
    pub(crate) intervals: [Fraction; 3],
    pub(crate) reserved: [u32; 2],
}

/// `struct v4l2_pix_format`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixel_format: u32,
    pub(crate) field: u32,
    pub(crate) line_bytes: u32,
    pub(crate) image_bytes: u32,
    pub(crate) colorspace: u32,
    pub(crate) private: u32,
    pub(crate) flags: u32,
    pub(crate) encoding: u32,
    pub(crate) quantization: u32,
    pub(crate) transfer: u32,
}

/// `struct v4l2_format`. The union holds pointers elsewhere, so it is aligned to eight bytes.
#[repr(C)]
pub(crate) struct Format {
    pub(crate) kind: u32,
    pub(crate) aligned: u32,
    pub(crate) pixels: Pixels,
    pub(crate) rest: [u64; 19],
}

/// `struct v4l2_streamparm` with `struct v4l2_captureparm`.
#[repr(C)]
pub(crate) struct StreamParameters {
    pub(crate) kind: u32,
    pub(crate) capability: u32,
    pub(crate) mode: u32,
    pub(crate) interval: Fraction,
    pub(crate) rest: [u32; 46],
}

/// `struct v4l2_requestbuffers`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct RequestBuffers {
    pub(crate) count: u32,
    pub(crate) kind: u32,
    pub(crate) memory: u32,
    pub(crate) capabilities: u32,
    pub(crate) flags: u32,
}

/// `struct v4l2_buffer`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Buffer {
    pub(crate) index: u32,
    pub(crate) kind: u32,
    pub(crate) used_bytes: u32,
    pub(crate) flags: u32,
    pub(crate) field: u32,
    pub(crate) aligned: u32,
    /// Seconds and microseconds.
    pub(crate) stamp: [i64; 2],
    pub(crate) timecode: [u32; 4],
    pub(crate) sequence: u32,
    pub(crate) memory: u32,
    /// Of mapped memory: where to map it.
    pub(crate) offset: u64,
    pub(crate) length_bytes: u32,
    pub(crate) reserved: [u32; 3],
}

/// `struct v4l2_queryctrl`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Query {
    pub(crate) id: u32,
    pub(crate) kind: u32,
    pub(crate) name: [u8; 32],
    pub(crate) min: i32,
    pub(crate) max: i32,
    pub(crate) step: i32,
    pub(crate) default: i32,
    pub(crate) flags: u32,
    pub(crate) reserved: [u32; 2],
}

/// `struct v4l2_querymenu`, which is packed.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Menu {
    pub(crate) id: u32,
    pub(crate) index: u32,
    pub(crate) name: [u8; 32],
    pub(crate) reserved: u32,
}

/// `struct v4l2_control`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Value {
    pub(crate) id: u32,
    pub(crate) value: i32,
}

// What the kernel's own header says (x86-64 and arm64 alike).
const _: () = {
    assert!(size_of::<Capability>() == 104);
    assert!(size_of::<FormatDescription>() == 64);
    assert!(size_of::<FrameSize>() == 44);
    assert!(size_of::<FrameInterval>() == 52);
    assert!(size_of::<Pixels>() == 48);
    assert!(size_of::<Format>() == 208 && offset_of!(Format, pixels) == 8);
    assert!(size_of::<StreamParameters>() == 204 && offset_of!(StreamParameters, interval) == 12);
    assert!(size_of::<RequestBuffers>() == 20);
    assert!(size_of::<Buffer>() == 88 && offset_of!(Buffer, stamp) == 24);
    assert!(offset_of!(Buffer, sequence) == 56 && offset_of!(Buffer, offset) == 64);
    assert!(offset_of!(Buffer, length_bytes) == 72);
    assert!(size_of::<Query>() == 68 && offset_of!(Query, flags) == 56);
    assert!(size_of::<Menu>() == 44);
    assert!(size_of::<Value>() == 8);
};
