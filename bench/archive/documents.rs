//! Documents that nobody ever wrote: random bytes, so that nothing on the way can make them smaller, filed for
//! invented people.

use yidang_archive::{Actor, Filing, Stage};
use yidang_model::{
    CaptureId, HashedBytes, Image, Kind, Material, MaterialId, MediaType, Origin, Page, Status, Subject,
    SubjectType, Timestamp, check_digit,
};

/// How many people the documents are spread over.
const PEOPLE: u32 = 500;
const NOW: Timestamp = Timestamp::from_millis(1_795_500_000_000);
const FORTNIGHT_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// One document.
pub(crate) struct Document {
    number: u32,
    pub(crate) bytes: HashedBytes,
}

impl Document {
    /// Its bytes differ from run to run, its number decides whose it is.
    ///
    /// # Panics
    /// If the operating system has no randomness.
    pub(crate) fn new(number: u32, size_bytes: usize) -> Self {
        let mut bytes = vec![0; size_bytes];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self::of(number, bytes)
    }

    /// Of these bytes.
    pub(crate) fn of(number: u32, bytes: Vec<u8>) -> Self {
        Self { number, bytes: HashedBytes::new(bytes) }
    }

    /// Taking it in, as one picture.
    pub(crate) fn stage(self) -> Stage {
        Stage {
            id: CaptureId::from_bytes(self.id()),
            blobs: vec![self.bytes.into_bytes()],
            note: Vec::new(),
            expires_at: NOW.plus_millis(FORTNIGHT_MS),
            by: clerk(),
            idempotency: None,
        }
    }

    /// Filing it once it was taken in.
    pub(crate) fn filing(&self) -> Filing {
        Filing { from: vec![CaptureId::from_bytes(self.id())], ..self.filing_with_bytes() }
    }

    /// Filing it with its bytes beside it.
    pub(crate) fn filing_with_bytes(&self) -> Filing {
        let image = Image {
            digest: self.bytes.digest(),
            size_bytes: self.bytes.as_ref().len() as u64,
            media_type: MediaType::Jpeg,
            width: 1240,
            height: 1754,
        };
        let page = Page {
            image: image.clone(),
            original: image,
            corners: None,
            confidence: 0.0,
            about: Vec::new(),
            captured_at: NOW,
        };
        Filing {
            material: self.material(page),
            from: Vec::new(),
            page_sets: Vec::new(),
            may_fork: false,
            by: clerk(),
            purpose: None,
            idempotency: None,
        }
    }

    /// The same for somebody else.
    pub(crate) fn filing_of(&self, who: Subject) -> Filing {
        let mut filing = self.filing_with_bytes();
        filing.material.holders = vec![who];
        filing
    }

    fn material(&self, page: Page) -> Material {
        Material {
            id: MaterialId::from_bytes(self.id()),
            holders: vec![someone(self.number % PEOPLE)],
            kind: Kind::new("form").expect("a word"),
            pages: vec![page],
            case: Some(format!("case-{}", self.number)),
            item: None,
            slot: None,
            issued_on: None,
            valid_until: None,
            issuer: None,
            document_number: None,
            presented_as: None,
            original_seen: None,
            note: None,
            captured_at: NOW,
            filed_at: NOW,
            counter: "bench".to_owned(),
            operator: None,
            status: Status::Current,
            origin: Origin::Simulated,
            duplicate_of: None,
            supersedes: None,
        }
    }

    fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&self.number.to_be_bytes());
        id
    }
}

pub(crate) fn clerk() -> Actor {
    Actor { client: "bench".to_owned(), operator: None }
}

/// Someone of an area that does not exist, another one for each number below ten million.
pub(crate) fn someone(number: u32) -> Subject {
    let (year, month, day) =
        (1920 + number / 240_000 % 100, number / 20_000 % 12 + 1, number / 1000 % 20 + 1);
    let seventeen = format!("000000{year}{month:02}{day:02}{:03}", number % 1000);
    let last = check_digit(&seventeen).expect("seventeen digits");
    Subject::new(SubjectType::Resident, &format!("{seventeen}{last}")).expect("a number")
}
