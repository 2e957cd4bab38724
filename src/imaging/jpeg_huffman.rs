//! Huffman codes and the bits they stand in (ITU-T T.81, annexes C and F), read only to be counted: a value's
//! bits are stepped over, not decoded.

/// Codes this long are found in one look; nearly all are shorter.
const FAST_BITS: u32 = 9;
/// How far an end of block moves: farther than any coefficient, so that one comparison tells the two apart.
pub(crate) const END_OF_BLOCK: u32 = 128;
/// Longest value of a coefficient of an 8-bit picture, in bits (table F.2).
const AC_SIZE_MAX: u8 = 10;

/// A step over one coefficient of a sequential scan: 5 bits of how many bits it takes, value included, and above
/// them how far it moves. Zero: look the slow way.
type Step = u16;

/// One Huffman table.
pub(crate) struct Table {
    /// By the next [`FAST_BITS`] bits: length and symbol of the code, or zero.
    fast: Box<[u16; 1 << FAST_BITS]>,
    steps: Box<[Step; 1 << FAST_BITS]>,
    /// For each length: one past the last code of that length, its bits at the top of 16.
    end: [u32; 17],
    /// For each length: what to add to a code to find its symbol.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// A table of `counts[i]` codes of `i + 1` bits; `None` where there are more codes than bits can tell apart.
    pub(crate) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let (mut fast, mut steps) = (Box::new([0; 1 << FAST_BITS]), Box::new([0; 1 << FAST_BITS]));
        let (mut end, mut offset) = ([0; 17], [0; 17]);
        let (mut code, mut next) = (0_u32, 0_usize);
        for length in 1..=16 {
            let count = usize::from(counts[length - 1]);
            offset[length] = next as i32 - code as i32;
            for symbol in symbols.get(next..next + count)? {
                if length as u32 <= FAST_BITS {
                    let spare = FAST_BITS - length as u32;
                    let from = (code as usize) << spare;
                    let to = from + (1 << spare);
                    fast.get_mut(from..to)?.fill((length as u16) << 8 | u16::from(*symbol));
                    steps.get_mut(from..to)?.fill(step(length as u16, *symbol));
                }
                code += 1;
            }
            next += count;
            if code > 1 << length {
                return None;
            }
            end[length] = code << (16 - length);
            code <<= 1;
        }
        Some(Self { fast, steps, end, offset, symbols: symbols.to_vec() })
    }

    /// Length and symbol of the code that starts these 16 bits.
    fn look(&self, bits: u32) -> Option<(u32, u8)> {
        let fast = self.fast[(bits >> (16 - FAST_BITS)) as usize];
        if fast != 0 {
            return Some((u32::from(fast >> 8), fast as u8));
        }
        let length = (FAST_BITS + 1..=16).find(|length| bits < self.end[*length as usize])?;
        let at = (bits >> (16 - length)) as i32 + self.offset[length as usize];
        Some((length, *self.symbols.get(usize::try_from(at).ok()?)?))
    }
}

fn step(length: u16, symbol: u8) -> Step {
    let (run, size) = (u16::from(symbol >> 4), symbol & 15);
    match (run, size) {
        (15, 0) => length | 16 << 5,
        (_, 0) => length | (END_OF_BLOCK as u16) << 5,
        (_, 1..=AC_SIZE_MAX) => (length + u16::from(size)) | (run + 1) << 5,
        _ => 0,
    }
}

/// The bits of entropy-coded data, stuffed zeros taken out. Behind the data come zeros without end, and
/// [`Bits::is_overrun`] says that some of them were used.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the top.
    buffer: u64,
    /// How many of them there are.
    count: u32,
    /// How many of those stand behind the data.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, count: 0, made_up: 0 }
    }

    /// Whether more was read than there is.
    pub(crate) fn is_overrun(&self) -> bool {
        self.count < self.made_up
    }

    /// Leaves at least 32 bits to look at.
    #[inline]
    fn refill(&mut self) {
        if self.count > 32 {
            return;
        }
        if let Some(four) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<4>) {
            let word = u32::from_be_bytes(*four);
            // No byte is 0xff: none of the complement's is zero.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.buffer |= u64::from(word) << (32 - self.count);
                self.count += 32;
                self.at += 4;
                return;
            }
        }
        self.refill_slowly();
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match next_byte(self.bytes, &mut self.at) {
                Some(byte) => byte,
                None => {
                    self.made_up += 8;
                    0
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn skip(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.count -= bits;
    }

    /// The value of the next `length` bits, at most 16.
    pub(crate) fn take(&mut self, length: u32) -> u32 {
        if length == 0 {
            return 0;
        }
        self.refill();
        let value = (self.buffer >> (64 - length)) as u32;
        self.skip(length);
        value
    }

    /// Steps over `length` bits, any number.
    pub(crate) fn pass(&mut self, mut length: u32) {
        while length > 0 {
            let now = length.min(16);
            self.take(now);
            length -= now;
        }
    }

    /// The symbol of the next code; `None` where no code starts so.
    pub(crate) fn symbol(&mut self, table: &Table) -> Option<u8> {
        self.refill();
        let (length, symbol) = table.look((self.buffer >> 48) as u32)?;
        self.skip(length);
        Some(symbol)
    }

    /// Steps over one coefficient of a sequential scan and says how far it moves; [`END_OF_BLOCK`] at the end.
    #[inline]
    pub(crate) fn step(&mut self, table: &Table) -> Option<u32> {
        self.refill();
        let mut found = table.steps[(self.buffer >> (64 - FAST_BITS)) as usize];
        if found == 0 {
            let (length, symbol) = table.look((self.buffer >> 48) as u32)?;
            found = step(length as u16, symbol);
            if found == 0 {
                return None;
            }
        }
        self.skip(u32::from(found & 31));
        Some(u32::from(found >> 5))
    }

    /// Ends the data here: where the marker behind it stands, if no more than `spare_max` whole bytes come before
    /// it and nothing is missing.
    pub(crate) fn end(self, spare_max: usize) -> Option<usize> {
        if self.is_overrun() {
            return None;
        }
        let mut at = self.at;
        let mut spare = ((self.count - self.made_up) / 8) as usize;
        while spare <= spare_max {
            if next_byte(self.bytes, &mut at).is_none() {
                return (at < self.bytes.len()).then_some(at);
            }
            spare += 1;
        }
        None
    }
}

/// The data byte at `at`, which moves behind it; `None` at a marker and at the end.
fn next_byte(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *bytes.get(*at)?;
    if byte == 0xff {
        if *bytes.get(*at + 1)? != 0 {
            return None;
        }
        *at += 1;
    }
    *at += 1;
    Some(byte)
}
