//! Reading whatever card lies there, with the forms known.

use yidang_device::{DeviceCondition, DeviceError, RawCard};
use yidang_model::Origin;

use crate::atr::Hint;
use crate::exchange::{Exchange, Status, ask};
use crate::paged::{self, Outcome};

/// Reads the card, or says why this card on this reader cannot be read.
pub(crate) fn read(exchange: &mut dyn Exchange, atr: &[u8]) -> Result<RawCard, DeviceError> {
    let hint = Hint::of(atr);
    if hint == Hint::NoModule {
        return Err(why_not(exchange, hint, "the ATR is that of an ordinary contactless reader"));
    }
    // Asking for a page does no harm to a card that knows nothing of it, so no hint is needed to try.
    match paged::read(exchange)? {
        Outcome::Card(data) => Ok(RawCard {
            text: data.text,
            photo_wlt: data.photo_wlt,
            new_address: None,
            sam_id: None,
            // The reading is whole without it, so whatever goes wrong here does not spoil it.
            chip_serial: chip_serial(exchange).ok().flatten(),
            photo: None,
            origin: Origin::Device,
        }),
        Outcome::Refused(status) => Err(why_not(exchange, hint, &format!("paged form refused, {status}"))),
    }
}

/// The chip's serial, which an ID card tells without proof; `None` when the answer is another.
fn chip_serial(exchange: &mut dyn Exchange) -> Result<Option<[u8; 8]>, DeviceError> {
    let reply = ask(exchange, [0x00, 0x36, 0x00, 0x00, 0x08])?;
    Ok(if reply.status == Status::DONE { reply.data.try_into().ok() } else { None })
}

/// Tells an ID card on a reader without a security module from a card of another kind: only the former
/// answers the serial command.
fn why_not(exchange: &mut dyn Exchange, hint: Hint, seen: &str) -> DeviceError {
    match chip_serial(exchange) {
        Err(error) => error,
        // A reader that announces the paged form has a module; what it refused is this card.
        Ok(Some(_)) if hint != Hint::PagedForm => {
            DeviceError::new(DeviceCondition::NoSecurityModule, format!("an ID card's chip answers, {seen}"))
        }
        Ok(_) => DeviceError::new(DeviceCondition::CardNotSupported, seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::scripted::Script;

    const PLAIN_ID_CARD: [u8; 13] =
        [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0x00, 0x80, 0x80, 0x00, 0x58];
    const PAGED: [u8; 15] = [0x3B, 0x8F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x00];

    fn condition(atr: &[u8], answers: Vec<Vec<u8>>) -> DeviceCondition {
        read(&mut Script::new(answers), atr).err().unwrap().condition
    }

    fn serial() -> Vec<u8> {
        b"12345678\x90\x00".to_vec()
    }

    #[test]
    fn an_id_card_without_a_module_is_named_as_such() {
        assert_eq!(condition(&PLAIN_ID_CARD, vec![serial()]), DeviceCondition::NoSecurityModule);
        for refusal in [[0x6D, 0x00], [0x6A, 0x82], [0x6E, 0x00], [0x6A, 0x81], [0x69, 0x82]] {
            assert_eq!(condition(&[], vec![refusal.to_vec(), serial()]), DeviceCondition::NoSecurityModule);
        }
    }

    #[test]
    fn a_card_of_another_kind_is_named_as_such() {
        let refusal = || vec![0x6D, 0x00];
        assert_eq!(condition(&[], vec![refusal(), refusal()]), DeviceCondition::CardNotSupported);
        assert_eq!(condition(&PLAIN_ID_CARD, vec![refusal()]), DeviceCondition::CardNotSupported);
        assert_eq!(condition(&PAGED, vec![refusal(), serial()]), DeviceCondition::CardNotSupported);
        // Eight bytes are the serial; seven are something else's.
        let short = b"1234567\x90\x00".to_vec();
        assert_eq!(condition(&[], vec![refusal(), short]), DeviceCondition::CardNotSupported);
    }

    #[test]
    fn a_card_that_leaves_before_the_question_why_is_not_blamed() {
        assert_eq!(condition(&[], vec![vec![0x6D, 0x00]]), DeviceCondition::CardRemoved);
        assert_eq!(condition(&PLAIN_ID_CARD, vec![vec![]]), DeviceCondition::CardUnreadable);
    }

    #[test]
    fn a_reading_is_whole_without_the_serial() {
        let pages = || paged::tests::pages(&paged::tests::stream());
        for (last, wanted) in [
            (vec![0x6D, 0x00], None),
            (vec![], None),
            (serial(), Some(*b"12345678")),
            (vec![0x90, 0x00], None),
        ] {
            let mut answers = pages();
            answers.push(last);
            let card = read(&mut Script::new(answers), &PAGED).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(card.chip_serial, wanted);
            assert!(card.text == [b't'; 256] && card.photo_wlt == [b'p'; 1024]);
        }
        let card = read(&mut Script::new(pages()), &PAGED).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(card.chip_serial, None);
    }
}
