//! Card content cut into 256-byte pages, as some PC/SC readers serve it (`FF B0 pp 00 00`).
//!
//! The pages are one stream: header, text, photo. The text therefore ends in the second page, and may only
//! be cut out after the pages are joined.

use yidang_device::TEXT_LENGTH_BYTES;

use crate::content::{CardData, ContentError, Header};

/// Length of every page but the last.
pub const PAGE_LENGTH_BYTES: usize = 256;

/// Why pages do not make a card. Names lengths only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PagesError {
    /// A page before the last has another length than 256. Pages count from 0, as in the command.
    #[error("page {page} has {length} bytes")]
    PageLength {
        /// Which page.
        page: usize,
        /// Its length.
        length: usize,
    },
    /// The joined pages are no card content.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// How many pages there are in all, told from the first one.
pub fn count(first_page: &[u8]) -> Result<usize, PagesError> {
    Ok(Header::parse(first_page)?.total_length().div_ceil(PAGE_LENGTH_BYTES))
}

/// Joins the pages, first page first. Pages beyond those the header asks for, and bytes after the content in
/// the last page, are left alone.
pub fn assemble(pages: &[Vec<u8>]) -> Result<CardData, PagesError> {
    let wanted = count(pages.first().map_or(&[], Vec::as_slice))?;
    let mut stream = Vec::with_capacity(wanted * PAGE_LENGTH_BYTES);
    for (number, page) in pages.iter().take(wanted).enumerate() {
        if number + 1 < wanted && page.len() != PAGE_LENGTH_BYTES {
            return Err(PagesError::PageLength { page: number, length: page.len() });
        }
        stream.extend_from_slice(page);
    }
    Ok(CardData::parse(&stream)?)
}

/// Cuts a card's content into pages. A photo longer than 1024 bytes is cut there.
pub fn split(text: &[u8; TEXT_LENGTH_BYTES], photo: &[u8]) -> Vec<Vec<u8>> {
    let card = CardData { text: *text, photo_wlt: photo.to_vec(), fingerprint: None };
    card.to_bytes().chunks(PAGE_LENGTH_BYTES).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yidang_device::WLT_LENGTH_BYTES;

    use super::*;

    fn whole_card() -> ([u8; TEXT_LENGTH_BYTES], Vec<u8>) {
        let text = std::array::from_fn(|i| i as u8);
        (text, (0..WLT_LENGTH_BYTES).map(|i| (i / 3) as u8).collect())
    }

    #[test]
    fn a_whole_card_is_six_pages_and_the_text_ends_in_the_second() {
        let (text, photo) = whole_card();
        let pages = split(&text, &photo);
        let lengths: Vec<usize> = pages.iter().map(Vec::len).collect();
        assert_eq!(lengths, [256, 256, 256, 256, 256, 4]);
        assert_eq!(pages[1][..4], text[252..]);
        assert_eq!(count(&pages[0]), Ok(6));
        let card = assemble(&pages).unwrap_or_else(|e| panic!("{e}"));
        assert!(card.text == text && card.photo_wlt == photo);
    }

    #[test]
    fn padding_in_the_last_page_and_pages_after_it_are_left_alone() {
        let (text, photo) = whole_card();
        let mut pages = split(&text, &photo);
        pages[5].resize(256, 0xAA);
        pages.push(vec![0xBB; 9]);
        assert!(assemble(&pages).is_ok_and(|card| card.text == text && card.photo_wlt == photo));
    }

    #[test]
    fn missing_and_short_pages_are_refused() {
        let (text, photo) = whole_card();
        let pages = split(&text, &photo);
        let missing = assemble(&pages[..5]).err();
        assert_eq!(missing, Some(ContentError::TooShort { got: 1280, needed: 1284 }.into()));
        let mut short = pages.clone();
        short[2].pop();
        assert_eq!(assemble(&short).err(), Some(PagesError::PageLength { page: 2, length: 255 }));
        assert_eq!(assemble(&[]).err(), Some(ContentError::TooShort { got: 0, needed: 4 }.into()));
    }

    proptest! {
        // Long byte strings are slow to draw in an unoptimised build.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn cutting_and_joining_gives_the_card_back(
            text in proptest::array::uniform32(any::<[u8; 8]>()),
            photo in proptest::collection::vec(any::<u8>(), 0..=WLT_LENGTH_BYTES),
        ) {
            let mut block = [0; TEXT_LENGTH_BYTES];
            block.copy_from_slice(&text.concat());
            let card = assemble(&split(&block, &photo));
            prop_assert!(card.is_ok_and(|card| card.text == block && card.photo_wlt == photo));
        }

        #[test]
        fn arbitrary_pages_never_panic(
            pages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..9),
        ) {
            let _ = assemble(&pages);
        }
    }
}
