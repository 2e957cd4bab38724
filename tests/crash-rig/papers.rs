//! What was acknowledged, kept outside of what is cut.

/// A small picture that decoders take.
const PICTURE: &[u8] = include_bytes!("../../fixtures/desk/small.jpg");
/// So much may stand behind its end, where decoders do not look.
const TAIL_BYTES_MAX: u64 = 20_000;
/// From this number on so much does: a dozen fill a segment.
const LARGE_FROM: u64 = 1 << 32;
const LARGE_TAIL_BYTES: usize = 6 << 20;

/// Whether something has been taken away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    No,
    /// It was asked for, and no answer came.
    Maybe,
    Yes,
}

/// Where a paper may stand: whose it is, and in which case.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) person: u32,
    pub(crate) case: String,
}

impl std::fmt::Display for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "with person {} in {}", self.person, self.case)
    }
}

/// A paper that was filed.
pub(crate) struct Paper {
    pub(crate) id: String,
    pub(crate) number: u64,
    /// Where it may stand: one place, and a second one where a refiling was not answered.
    pub(crate) views: Vec<View>,
    pub(crate) gone: Gone,
    /// Whether what is cut is known to have it.
    pub(crate) is_acknowledged: bool,
    /// Whether somebody is at work on it.
    pub(crate) is_taken: bool,
}

/// A capture that was not filed.
pub(crate) struct Capture {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) gone: Gone,
    /// Whether somebody is at work on it.
    pub(crate) is_taken: bool,
}

/// All of it.
#[derive(Default)]
pub(crate) struct Papers {
    pub(crate) papers: Vec<Paper>,
    pub(crate) captures: Vec<Capture>,
    /// Erasures that were entered, by identifier, and what each takes away.
    pub(crate) erasures: Vec<(String, Vec<String>)>,
    numbers: u64,
    persons: u32,
}

impl Papers {
    /// A number that no picture has yet.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The same for a large picture.
    pub(crate) fn next_large_number(&mut self) -> u64 {
        LARGE_FROM + self.next_number()
    }

    /// Somebody who has no paper yet.
    pub(crate) fn next_person(&mut self) -> u32 {
        self.persons += 1;
        self.persons
    }

    /// How many people there have been.
    pub(crate) fn persons(&self) -> u32 {
        self.persons
    }

    pub(crate) fn paper(&mut self, id: &str) -> Option<&mut Paper> {
        self.papers.iter_mut().rev().find(|paper| paper.id == id)
    }

    pub(crate) fn capture(&mut self, id: &str) -> Option<&mut Capture> {
        self.captures.iter_mut().find(|capture| capture.id == id)
    }

    /// Papers that must be there.
    pub(crate) fn kept(&self) -> usize {
        self.papers.iter().filter(|p| p.is_acknowledged && p.gone == Gone::No).count()
    }
}

/// The case under which a picture is filed.
pub(crate) fn case_of(number: u64) -> String {
    format!("K{number}")
}

/// The picture that was filed under a case, or under one that took its place.
pub(crate) fn number_in(case: &str) -> Option<u64> {
    case.strip_prefix('K')?.split('-').next()?.parse().ok()
}

/// The case that takes a case's place.
pub(crate) fn corrected(case: &str) -> String {
    format!("{case}-2")
}

/// A picture of its own for each number; its length differs too.
pub(crate) fn picture(number: u64) -> Vec<u8> {
    let mut random = crate::random::Random::new(number);
    let length = random.below(TAIL_BYTES_MAX);
    let mut bytes = PICTURE.to_vec();
    bytes.extend(number.to_be_bytes());
    bytes.extend((0..length).map(|_| (random.next() >> 56) as u8));
    if number >= LARGE_FROM {
        bytes.resize(bytes.len() + LARGE_TAIL_BYTES, 0);
    }
    bytes
}
