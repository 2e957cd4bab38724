//! Reading without a security module's session: pages, and why a card cannot be read.

use yidang_device::{DeviceCondition, DeviceError, RawCard};
use yidang_model::Origin;

use crate::exchange::{Exchange, Status, ask};
use crate::paged::{self, Outcome};
use crate::profile::PagedForm;

/// Reads the card in pages, or says why this card on this reader cannot be read. `certain`: the reader is
/// known to have a module; `serial`: the chip is asked for its serial as well.
pub(crate) fn paged(
    exchange: &mut dyn Exchange,
    form: &PagedForm,
    certain: bool,
    serial: bool,
) -> Result<RawCard, DeviceError> {
    match paged::read(exchange, form)? {
        Outcome::Card(data) => Ok(RawCard {
            text: data.text,
            photo_wlt: data.photo_wlt,
            new_address: None,
            sam_id: None,
            // The reading is whole without it, so whatever goes wrong here does not spoil it.
            chip_serial: if serial { chip_serial(exchange).ok().flatten() } else { None },
            photo: None,
            fingerprint: vec![],
            origin: Origin::Device,
        }),
        // A reader that is known to have a module refused this card.
        Outcome::Refused(status) => {
            Err(why_not(exchange, !certain, &format!("paged form refused, {status}")))
        }
    }
}

/// The chip's serial, which an ID card tells without proof; `None` when the answer is another.
pub(crate) fn chip_serial(exchange: &mut dyn Exchange) -> Result<Option<[u8; 8]>, DeviceError> {
    let reply = ask(exchange, [0x00, 0x36, 0x00, 0x00, 0x08])?;
    Ok(if reply.status == Status::DONE { reply.data.try_into().ok() } else { None })
}

/// Tells an ID card on a reader that may lack a security module from a card of another kind: only the former
/// answers the serial command. The serial itself stays out of the error.
pub(crate) fn why_not(exchange: &mut dyn Exchange, may_lack_module: bool, seen: &str) -> DeviceError {
    match chip_serial(exchange) {
        Err(error) => error,
        Ok(Some(_)) if may_lack_module => {
            DeviceError::new(DeviceCondition::NoSecurityModule, format!("an ID card's chip answers, {seen}"))
        }
        Ok(_) => DeviceError::new(DeviceCondition::CardNotSupported, seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::scripted::Script;

    fn read(card: &mut Script, certain: bool) -> Result<RawCard, DeviceError> {
        paged(card, &paged::tests::form(), certain, true)
    }

    fn tried(answers: Vec<Vec<u8>>) -> DeviceCondition {
        read(&mut Script::new(answers), false).err().unwrap().condition
    }

    fn bare(answers: Vec<Vec<u8>>) -> DeviceCondition {
        why_not(&mut Script::new(answers), true, "a test").condition
    }

    fn serial() -> Vec<u8> {
        b"12345678\x90\x00".to_vec()
    }

    #[test]
    fn an_id_card_without_a_module_is_named_as_such() {
        assert_eq!(bare(vec![serial()]), DeviceCondition::NoSecurityModule);
        for refusal in [[0x6D, 0x00], [0x6A, 0x82], [0x6E, 0x00], [0x6A, 0x81], [0x69, 0x82]] {
            assert_eq!(tried(vec![refusal.to_vec(), serial()]), DeviceCondition::NoSecurityModule);
        }
    }

    #[test]
    fn a_card_of_another_kind_is_named_as_such() {
        let refusal = || vec![0x6D, 0x00];
        assert_eq!(tried(vec![refusal(), refusal()]), DeviceCondition::CardNotSupported);
        assert_eq!(bare(vec![refusal()]), DeviceCondition::CardNotSupported);
        let refused = read(&mut Script::new(vec![refusal(), serial()]), true).err().unwrap();
        assert_eq!(refused.condition, DeviceCondition::CardNotSupported);
        // Eight bytes are the serial; seven are something else's.
        let short = b"1234567\x90\x00".to_vec();
        assert_eq!(tried(vec![refusal(), short]), DeviceCondition::CardNotSupported);
    }

    #[test]
    fn a_card_that_leaves_before_the_question_why_is_not_blamed() {
        assert_eq!(tried(vec![vec![0x6D, 0x00]]), DeviceCondition::CardRemoved);
        assert_eq!(bare(vec![vec![]]), DeviceCondition::CardUnreadable);
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
            let card = read(&mut Script::new(answers), true).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(card.chip_serial, wanted);
            assert!(card.text == [b't'; 256] && card.photo_wlt == [b'p'; 1024]);
        }
        let card = read(&mut Script::new(pages()), true).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(card.chip_serial, None);
    }
}
