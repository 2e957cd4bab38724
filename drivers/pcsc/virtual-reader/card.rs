//! Cards, as a reader shows them.

/// Bytes of one page of the paged form.
const PAGE_BYTES: usize = 256;
/// ATR of a storage card (PC/SC part 3) of the type-B family, without its check byte. Bytes 13 and 14 are the
/// card's name; 90 00 there is how the paged form announces itself.
const ATR_WITH_MODULE: [u8; 19] =
    [0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 0x03, 0x06, 0x07, 0x90, 0x00, 0, 0, 0, 0];
/// ATR an ordinary contactless reader makes up for an ID card, without its check byte: the historical bytes
/// are the card's answer to the type-B request.
const ATR_WITHOUT_MODULE: [u8; 12] = [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0x00, 0x80, 0x80, 0x00];
/// ATR of a card of another kind, without its check byte.
const ATR_OF_ANOTHER_KIND: [u8; 9] = [0x3B, 0x85, 0x80, 0x01, 0x54, 0x45, 0x53, 0x54, 0x31];

const DONE: [u8; 2] = [0x90, 0x00];
const INSTRUCTION_UNKNOWN: [u8; 2] = [0x6D, 0x00];
const NOT_FOUND: [u8; 2] = [0x6A, 0x82];

/// A card as its reader shows it.
#[derive(Clone)]
pub struct Card {
    pub(crate) atr: Vec<u8>,
    /// The paged form's stream; `None` on a reader that knows nothing of pages.
    stream: Option<Vec<u8>>,
    chip_serial: Option<[u8; 8]>,
    /// What a security module reads of it; `None`: nothing.
    pub(crate) content: Option<Content>,
}

/// What a security module reads of a card.
#[derive(Clone)]
pub struct Content {
    /// The text block.
    pub text: [u8; 256],
    /// The compressed photo.
    pub photo_wlt: Vec<u8>,
    /// The newest appended address, 70 bytes.
    pub new_address: Option<Vec<u8>>,
    /// The fingers' blocks, at most two; empty: none.
    pub fingerprint: Vec<[u8; 512]>,
}

impl Card {
    /// An ID card on a reader with a security module, served in the paged form.
    pub fn with_module(text: &[u8; 256], photo_wlt: &[u8], chip_serial: [u8; 8]) -> Self {
        let lengths = [[0x01, 0x00], (photo_wlt.len() as u16).to_be_bytes()].concat();
        Self::with_module_stream([&lengths, text.as_slice(), photo_wlt].concat(), chip_serial)
    }

    /// A reader with a security module that serves this stream, whatever it is, in pages.
    pub fn with_module_stream(stream: Vec<u8>, chip_serial: [u8; 8]) -> Self {
        let (stream, chip_serial) = (Some(stream), Some(chip_serial));
        Self { atr: checked(&ATR_WITH_MODULE), stream, chip_serial, content: None }
    }

    /// An ID card on an ordinary contactless reader: its chip answers, its content does not.
    pub fn without_module(chip_serial: [u8; 8]) -> Self {
        let chip_serial = Some(chip_serial);
        Self { atr: checked(&ATR_WITHOUT_MODULE), stream: None, chip_serial, content: None }
    }

    /// An ID card for a reader with a [`Module`](crate::Module), which reads this of it.
    pub fn with_content(content: Content, chip_serial: [u8; 8]) -> Self {
        Self { content: Some(content), ..Self::without_module(chip_serial) }
    }

    /// A card of another kind, such as a bus card.
    pub fn of_another_kind() -> Self {
        Self { atr: checked(&ATR_OF_ANOTHER_KIND), stream: None, chip_serial: None, content: None }
    }

    /// The answer to reset.
    pub fn atr(&self) -> &[u8] {
        &self.atr
    }

    /// The answer to one command: R-APDU to C-APDU.
    pub fn answer(&self, command: &[u8]) -> Vec<u8> {
        match (command, &self.stream, self.chip_serial) {
            ([0xFF, 0xB0, page, 0x00, 0x00], Some(stream), _) => {
                match stream.chunks(PAGE_BYTES).nth(usize::from(*page)) {
                    Some(bytes) => [bytes, &DONE].concat(),
                    None => NOT_FOUND.to_vec(),
                }
            }
            ([0x00, 0x36, 0x00, 0x00, 0x08], _, Some(serial)) => [serial.as_slice(), &DONE].concat(),
            _ => INSTRUCTION_UNKNOWN.to_vec(),
        }
    }
}

/// An ATR with its check byte: the exclusive or of everything after the first.
fn checked(atr: &[u8]) -> Vec<u8> {
    let check = atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte);
    [atr, &[check]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_up_atrs_carry_their_check_byte() {
        let card = Card::without_module([0; 8]);
        // As published for an ID card on an ordinary reader.
        assert_eq!(card.atr, [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0, 0x80, 0x80, 0, 0x58]);
        let card = Card::with_module(&[0; 256], &[0; 1024], [0; 8]);
        assert_eq!(card.atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte), 0);
        assert_eq!(card.atr[13..15], [0x90, 0x00]);
    }

    #[test]
    fn a_card_serves_its_stream_in_pages() {
        let card = Card::with_module(&[b't'; 256], &[b'p'; 1024], *b"12345678");
        let pages: Vec<Vec<u8>> = (0..6).map(|page| card.answer(&[0xFF, 0xB0, page, 0, 0])).collect();
        assert_eq!(pages.iter().map(|page| page.len() - 2).sum::<usize>(), 4 + 256 + 1024);
        assert_eq!(pages[0][..5], [1, 0, 4, 0, b't']);
        assert_eq!(pages[5], [b'p', b'p', b'p', b'p', 0x90, 0x00]);
        assert_eq!(card.answer(&[0xFF, 0xB0, 6, 0, 0]), NOT_FOUND);
        assert_eq!(card.answer(&[0x00, 0x36, 0, 0, 8]), *b"12345678\x90\x00");
    }
}
