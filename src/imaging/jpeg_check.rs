//! Whether a JPEG is all there: every scan is walked to its last block, and every coefficient must have come.
//!
//! The decoder notices when a single scan has too few blocks or bytes left over, which is what losses come to. It is
//! asked first, and this walk is for what it leaves open: pictures of several scans, and spare bytes.

use crate::jpeg::{
    DEFINE_HUFFMAN, DEFINE_QUANTISERS, DEFINE_RESTART, END_OF_IMAGE, START_OF_FRAME_PROGRESSIVE,
    START_OF_IMAGE, START_OF_SCAN, segment,
};
use crate::jpeg_huffman::Table;
use crate::jpeg_scan::{Part, Pass, Scan, walk};
use crate::{ImageError, jpeg};

/// A colour component, and what the scans so far told of it.
struct Component {
    id: u8,
    across: usize,
    down: usize,
    quantiser: usize,
    /// For each coefficient, how many of its lowest bits have not come; [`ABSENT`]: none has.
    missing: [u8; 64],
    nonzero: Vec<u64>,
}

const ABSENT: u8 = u8::MAX;

#[derive(Default)]
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    /// First value of each quantisation table.
    dc_steps: [i64; 4],
}

struct Frame {
    is_progressive: bool,
    width: usize,
    height: usize,
    components: Vec<Component>,
    /// The largest sampling factors.
    across: usize,
    down: usize,
}

/// Checks a JPEG from its start to its end marker; what comes after that does not matter.
///
/// # Errors
/// `Damaged`.
pub(crate) fn check(bytes: &[u8]) -> Result<(), ImageError> {
    run(bytes).ok_or(ImageError::Damaged)
}

fn run(bytes: &[u8]) -> Option<()> {
    let mut tables = Tables { dc_steps: [1; 4], ..Tables::default() };
    let mut frame = None;
    let mut restart_interval = 0;
    let mut at = 2;
    loop {
        let segment = segment(bytes, at)?;
        at = segment.end;
        match segment.marker {
            marker if jpeg::is_start_of_frame(marker) => {
                if frame.is_some() {
                    return None;
                }
                frame = Some(Frame::read(marker, segment.body)?);
            }
            DEFINE_HUFFMAN => tables.read_huffman(segment.body)?,
            DEFINE_QUANTISERS => tables.read_quantisers(segment.body)?,
            DEFINE_RESTART => {
                restart_interval = usize::from(u16::from_be_bytes(segment.body.try_into().ok()?))
            }
            START_OF_SCAN => {
                let mut scan = frame.as_mut()?.scan(segment.body, &tables, restart_interval)?;
                at = walk(bytes, at, &mut scan)?;
            }
            END_OF_IMAGE => {
                let is_whole = frame?.components.iter().all(|c| c.missing == [0; 64]);
                return is_whole.then_some(());
            }
            START_OF_IMAGE => return None,
            _ => {}
        }
    }
}

impl Tables {
    fn read_huffman(&mut self, mut body: &[u8]) -> Option<()> {
        while let [place, rest @ ..] = body {
            let counts = rest.first_chunk::<16>()?;
            let end = 16 + counts.iter().map(|c| usize::from(*c)).sum::<usize>();
            let table = Table::new(counts, rest.get(16..end)?)?;
            let class = if place >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *class.get_mut(usize::from(place & 15))? = Some(table);
            body = &rest[end..];
        }
        Some(())
    }

    fn read_quantisers(&mut self, mut body: &[u8]) -> Option<()> {
        while let [place, rest @ ..] = body {
            let is_wide = place >> 4 != 0;
            let first = match rest {
                [high, low, ..] if is_wide => u16::from_be_bytes([*high, *low]),
                [value, ..] => u16::from(*value),
                [] => return None,
            };
            *self.dc_steps.get_mut(usize::from(place & 15))? = i64::from(first.max(1));
            body = rest.get(if is_wide { 128 } else { 64 }..)?;
        }
        Some(())
    }
}

impl Frame {
    fn read(marker: u8, body: &[u8]) -> Option<Self> {
        let [_, h1, h0, w1, w0, _, list @ ..] = body else { return None };
        let side = |high, low| usize::from(u16::from_be_bytes([high, low]));
        let mut components = Vec::new();
        for entry in list.as_chunks::<3>().0 {
            let [id, factors, quantiser] = *entry;
            let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return None;
            }
            let quantiser = usize::from(quantiser);
            components.push(Component {
                id,
                across,
                down,
                quantiser,
                missing: [ABSENT; 64],
                nonzero: vec![],
            });
        }
        let mut frame = Self {
            is_progressive: marker == START_OF_FRAME_PROGRESSIVE,
            width: side(*w1, *w0),
            height: side(*h1, *h0),
            across: components.iter().map(|c| c.across).max()?,
            down: components.iter().map(|c| c.down).max()?,
            components,
        };
        if frame.is_progressive {
            let (across, down) = frame.mcus();
            for component in &mut frame.components {
                component.nonzero = vec![0; across * component.across * down * component.down];
            }
        }
        Some(frame)
    }

    /// MCUs across and down, where all components share a scan.
    fn mcus(&self) -> (usize, usize) {
        (self.width.div_ceil(8 * self.across), self.height.div_ceil(8 * self.down))
    }

    /// The scan that a header of this frame starts; `None` too where it does not go on from the scans before it.
    fn scan<'a>(&'a mut self, body: &[u8], tables: &'a Tables, restart_interval: usize) -> Option<Scan<'a>> {
        let (count, rest) = body.split_first()?;
        let (list, [from, to, approximation]) = rest.split_last_chunk::<3>()?;
        let (list, []) = list.as_chunks::<2>() else { return None };
        if list.len() != usize::from(*count) || list.is_empty() {
            return None;
        }
        let (high, low) = (approximation >> 4, approximation & 15);
        let pass = if self.is_progressive { pass(*from, *to, high, low)? } else { Pass::Sequential };
        let is_alone = list.len() == 1;
        if !is_alone && matches!(pass, Pass::AcFirst { .. } | Pass::AcRefine { .. }) {
            return None;
        }
        let (band, before, after) = match pass {
            Pass::Sequential => (0..=63, ABSENT, 0),
            _ => (usize::from(*from)..=usize::from(*to), if high == 0 { ABSENT } else { high }, low),
        };
        let (mut mcus, size) = (self.mcus(), (self.width, self.height));
        let (across_max, down_max) = (self.across, self.down);
        let mut parts = Vec::new();
        let mut components = self.components.iter_mut();
        // Components stand in a scan in the order of the frame (B.2.3).
        for [id, places] in list {
            let component = components.find(|c| c.id == *id)?;
            for missing in &mut component.missing[band.clone()] {
                if std::mem::replace(missing, after) != before {
                    return None;
                }
            }
            let stride = mcus.0 * component.across;
            let mut blocks = (component.across, component.down);
            if is_alone {
                mcus = (
                    (size.0 * component.across).div_ceil(8 * across_max),
                    (size.1 * component.down).div_ceil(8 * down_max),
                );
                blocks = (1, 1);
            }
            parts.push(Part {
                dc: tables.dc.get(usize::from(places >> 4))?.as_ref(),
                ac: tables.ac.get(usize::from(places & 15))?.as_ref(),
                dc_step: *tables.dc_steps.get(component.quantiser)?,
                stride,
                blocks,
                nonzero: &mut component.nonzero,
            });
        }
        Some(Scan { pass, parts, mcus, restart_interval })
    }
}

fn pass(from: u8, to: u8, high: u8, low: u8) -> Option<Pass> {
    // Refining brings one bit; the first bits say how many are left out (G.1.1.1.2).
    let is_first = high == 0;
    if to > 63 || from > to || low > 13 || (!is_first && high != low + 1) || (from == 0 && to != 0) {
        return None;
    }
    let (from, to, low) = (u32::from(from), u32::from(to), u32::from(low));
    Some(match (from, is_first) {
        (0, true) => Pass::DcFirst { low },
        (0, false) => Pass::DcRefine,
        (_, true) => Pass::AcFirst { from, to },
        (_, false) => Pass::AcRefine { from, to },
    })
}
