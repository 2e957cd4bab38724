//! What an ATR lets one guess. ATRs of contactless cards are made up by the reader, so none of this is proof.

/// The card name of a storage card (PC/SC part 3) by which a reader announces the paged form.
const PAGED_FORM_NAME: [u8; 2] = [0x90, 0x00];
/// Place of the card name in a storage card's ATR.
const NAME_AT: std::ops::Range<usize> = 13..15;
/// The application data of an ID card's answer to the type-B request; readers without a security module
/// show it as the historical bytes.
const TYPE_B_ID_CARD: [u8; 3] = [0xD1, 0x03, 0x86];
/// Start of a storage card's ATR up to and including the registered identifier of PC/SC.
const STORAGE_CARD: [u8; 12] = [0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06];
/// Standard and card name that ordinary readers give an ID card: ISO 14443 B part 3, name FF B0.
const UNNAMED_TYPE_B: [u8; 3] = [0x07, 0xFF, 0xB0];

/// What an ATR suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// The reader serves the card in the paged form.
    PagedForm,
    /// An ID card on a reader that has no security module.
    NoModule,
    /// Nothing.
    None,
}

impl Hint {
    pub(crate) fn of(atr: &[u8]) -> Self {
        if atr.get(NAME_AT) == Some(&PAGED_FORM_NAME) {
            return Self::PagedForm;
        }
        let type_b = atr.get(4..7) == Some(&TYPE_B_ID_CARD);
        let unnamed = atr.starts_with(&STORAGE_CARD) && atr.get(12..15) == Some(&UNNAMED_TYPE_B);
        if type_b || unnamed { Self::NoModule } else { Self::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_atrs_are_told_apart() {
        let paged = [STORAGE_CARD.as_slice(), &[0x07, 0x90, 0x00, 0, 0, 0, 0, 0xDF]].concat();
        assert_eq!(Hint::of(&paged), Hint::PagedForm);
        let plain = [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0x00, 0x80, 0x80, 0x00, 0x58];
        assert_eq!(Hint::of(&plain), Hint::NoModule);
        let unnamed = [STORAGE_CARD.as_slice(), &[0x07, 0xFF, 0xB0, 0, 0, 0, 0, 0x20]].concat();
        assert_eq!(Hint::of(&unnamed), Hint::NoModule);
        assert_eq!(Hint::of(&[0x3B, 0x86, 0x80, 0x01, 0x80, 0x4F, 0x03, 0xF0, 0x01, 0x00, 0x3A]), Hint::None);
    }

    #[test]
    fn a_short_atr_suggests_nothing() {
        for length in 0..14 {
            assert_eq!(Hint::of(&STORAGE_CARD[..length.min(12)]), Hint::None);
        }
    }
}
