//! The entropy-coded data of one scan (ITU-T T.81, annexes F and G), walked without making pixels of it.
//!
//! Huffman codes fall back into step after a loss, so a decoder sees nothing wrong: it comes out with too few
//! blocks and paints the rest. Counting every block of every scan against the bytes is what tells.

use crate::jpeg_huffman::{Bits, END_OF_BLOCK, Table};

/// Whole bytes that may be left over before a restart or the end. Common webcams leave up to ten
/// ("extraneous bytes before marker", as libjpeg warns of them) in pictures with nothing wrong.
const SPARE_BYTES_MAX: usize = 16;
/// Longest difference of two DC values of an 8-bit picture, in bits (table F.1).
const DC_SIZE_MAX: u8 = 11;
/// The mean of a block is at most this far from the middle, in units of the DC coefficient.
const DC_MAX: i64 = 1024;

const RESTART_0: u8 = 0xd0;

/// What a scan says of the coefficients it carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// All 64, once.
    Sequential,
    /// The DC coefficients without their `low` lowest bits.
    DcFirst { low: u32 },
    /// One more bit of each DC coefficient.
    DcRefine,
    /// AC coefficients `from..=to` without some of their bits.
    AcFirst { from: u32, to: u32 },
    /// One more bit of the AC coefficients `from..=to`.
    AcRefine { from: u32, to: u32 },
}

/// A component's part in a scan.
pub(crate) struct Part<'a> {
    pub(crate) dc: Option<&'a Table>,
    pub(crate) ac: Option<&'a Table>,
    /// Quantiser of the DC coefficient.
    pub(crate) dc_step: i64,
    /// Blocks in one row of all of its blocks.
    pub(crate) stride: usize,
    /// Blocks across and down in one MCU; 1 x 1 where the component stands alone in the scan.
    pub(crate) blocks: (usize, usize),
    /// For each block, a bit for each coefficient known not to be zero; empty for sequential pictures.
    pub(crate) nonzero: &'a mut [u64],
}

/// One scan.
pub(crate) struct Scan<'a> {
    pub(crate) pass: Pass,
    pub(crate) parts: Vec<Part<'a>>,
    /// MCUs across and down.
    pub(crate) mcus: (usize, usize),
    /// MCUs between restart markers; zero: there are none.
    pub(crate) restart_interval: usize,
}

/// What is carried from block to block, until a restart.
#[derive(Default)]
struct Carried {
    /// The last DC coefficient of each part.
    dc: [i64; 4],
    /// Blocks still covered by an end of band.
    band_ends: u32,
}

/// Walks a scan whose data start at `at`; where the marker behind it stands, `None` where anything is missing,
/// left over, or not a code.
pub(crate) fn walk(bytes: &[u8], mut at: usize, scan: &mut Scan<'_>) -> Option<usize> {
    let (across, down) = scan.mcus;
    let total = across * down;
    let interval = if scan.restart_interval == 0 { total } else { scan.restart_interval };
    let mut done = 0;
    let mut restart = 0;
    loop {
        let until = total.min(done + interval);
        let mut bits = Bits::new(bytes, at);
        let mut carried = Carried::default();
        for mcu in done..until {
            walk_mcu(&mut bits, scan, (mcu % across, mcu / across), &mut carried)?;
            if bits.is_overrun() {
                return None;
            }
        }
        if carried.band_ends != 0 {
            return None;
        }
        at = bits.end(SPARE_BYTES_MAX)?;
        while *bytes.get(at + 1)? == 0xff {
            at += 1;
        }
        done = until;
        let is_restart = bytes[at + 1] == RESTART_0 + restart;
        match (done < total, is_restart) {
            (true, true) => at += 2,
            (true, false) => return None,
            // Some encoders close the last interval with a restart too.
            (false, true) if scan.restart_interval != 0 => return Some(at + 2),
            (false, _) => return Some(at),
        }
        restart = (restart + 1) % 8;
    }
}

fn walk_mcu(
    bits: &mut Bits<'_>,
    scan: &mut Scan<'_>,
    (x, y): (usize, usize),
    carried: &mut Carried,
) -> Option<()> {
    for (index, part) in scan.parts.iter_mut().enumerate() {
        let (wide, high) = part.blocks;
        for block in 0..wide * high {
            match scan.pass {
                Pass::Sequential => {
                    walk_dc(bits, part, 0, &mut carried.dc[index])?;
                    walk_sequential_ac(bits, part.ac?)?;
                }
                Pass::DcFirst { low } => walk_dc(bits, part, low, &mut carried.dc[index])?,
                Pass::DcRefine => bits.pass(1),
                Pass::AcFirst { from, to } => {
                    let at = (y * high + block / wide) * part.stride + x * wide + block % wide;
                    walk_ac_first(
                        bits,
                        part.ac?,
                        (from, to),
                        part.nonzero.get_mut(at)?,
                        &mut carried.band_ends,
                    )?;
                }
                Pass::AcRefine { from, to } => {
                    let at = (y * high + block / wide) * part.stride + x * wide + block % wide;
                    walk_ac_refine(
                        bits,
                        part.ac?,
                        (from, to),
                        part.nonzero.get_mut(at)?,
                        &mut carried.band_ends,
                    )?;
                }
            }
        }
    }
    Some(())
}

/// A DC coefficient; `None` too where the sum of the differences leaves what an 8-bit picture can hold, as it
/// does sooner or later when some are lost.
#[inline]
fn walk_dc(bits: &mut Bits<'_>, part: &Part<'_>, low: u32, dc: &mut i64) -> Option<()> {
    let size = bits.symbol(part.dc?)?;
    if size > DC_SIZE_MAX {
        return None;
    }
    let value = i64::from(bits.take(u32::from(size)));
    let is_negative = size > 0 && value >> (size - 1) == 0;
    *dc += if is_negative { value - (1 << size) + 1 } else { value };
    let step = part.dc_step << low;
    (dc.abs() * step <= DC_MAX + 2 * step).then_some(())
}

#[inline]
fn walk_sequential_ac(bits: &mut Bits<'_>, table: &Table) -> Option<()> {
    let mut at = 1;
    while at < 64 {
        at += bits.step(table)?;
    }
    (at == 64 || at >= END_OF_BLOCK).then_some(())
}

fn walk_ac_first(
    bits: &mut Bits<'_>,
    table: &Table,
    (from, to): (u32, u32),
    nonzero: &mut u64,
    band_ends: &mut u32,
) -> Option<()> {
    if *band_ends > 0 {
        *band_ends -= 1;
        return Some(());
    }
    let mut at = from;
    while at <= to {
        let symbol = bits.symbol(table)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        match (run, size) {
            (15, 0) => at += 16,
            (_, 0) => {
                *band_ends = (1 << run) - 1 + bits.take(run);
                return Some(());
            }
            _ => {
                at += run;
                if at > to {
                    return None;
                }
                bits.pass(size);
                *nonzero |= 1 << at;
                at += 1;
            }
        }
    }
    Some(())
}

fn walk_ac_refine(
    bits: &mut Bits<'_>,
    table: &Table,
    (from, to): (u32, u32),
    nonzero: &mut u64,
    band_ends: &mut u32,
) -> Option<()> {
    let mut at = from;
    if *band_ends == 0 {
        while at <= to {
            let symbol = bits.symbol(table)?;
            let (run, size) = (u32::from(symbol >> 4), symbol & 15);
            match size {
                0 if run < 15 => {
                    *band_ends = (1 << run) + bits.take(run);
                    break;
                }
                0 => {}
                1 => bits.pass(1),
                _ => return None,
            }
            at = pass_zeros(bits, *nonzero, at, to, run);
            // A run of 16 zeros may go to the end of the band; a new coefficient must stand inside it.
            if size == 1 {
                if at > to {
                    return None;
                }
                *nonzero |= 1 << at;
            }
            at += 1;
        }
    }
    if *band_ends > 0 {
        *band_ends -= 1;
        if at <= to {
            let band = (u64::MAX << at) & (u64::MAX >> (63 - to));
            bits.pass((*nonzero & band).count_ones());
        }
    }
    Some(())
}

/// Passes `run` coefficients that are still zero, and a bit of correction for each other on the way; where the
/// next zero stands.
fn pass_zeros(bits: &mut Bits<'_>, nonzero: u64, mut at: u32, to: u32, mut run: u32) -> u32 {
    while at <= to {
        if nonzero >> at & 1 == 1 {
            bits.pass(1);
        } else if run == 0 {
            break;
        } else {
            run -= 1;
        }
        at += 1;
    }
    at
}
