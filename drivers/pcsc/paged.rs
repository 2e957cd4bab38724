//! The paged form: the card as one stream, served in pages of 256 bytes by `FF B0 pp 00 00`.

use yidang_device::{DeviceCondition, DeviceError};
use yidang_idcard::content::CardData;
use yidang_idcard::pages::{self, PagesError};

use crate::condition::of_status;
use crate::exchange::{Exchange, Status, ask};

/// What came of trying this form.
pub(crate) enum Outcome {
    /// The card's content.
    Card(Box<CardData>),
    /// The reader does not know this form, or not for this card.
    Refused(Status),
}

/// Reads all pages. The stream's own head says how many there are; one that promises more than six is refused.
pub(crate) fn read(exchange: &mut dyn Exchange) -> Result<Outcome, DeviceError> {
    let mut gathered: Vec<Vec<u8>> = Vec::new();
    let mut count = 1;
    while gathered.len() < count {
        let number = gathered.len();
        let reply = ask(exchange, [0xFF, 0xB0, number as u8, 0x00, 0x00])?;
        if reply.status != Status::DONE {
            let condition = of_status(reply.status);
            if condition == DeviceCondition::CardNotSupported && number == 0 {
                return Ok(Outcome::Refused(reply.status));
            }
            // A form that was good for the first page cannot be unknown for the next.
            let condition = match condition {
                DeviceCondition::CardNotSupported => DeviceCondition::Protocol,
                other => other,
            };
            return Err(DeviceError::new(condition, format!("page {number}: {}", reply.status)));
        }
        if number == 0 {
            count = pages::count(&reply.data).map_err(broken)?;
        }
        gathered.push(reply.data);
    }
    pages::assemble(&gathered).map(|card| Outcome::Card(Box::new(card))).map_err(broken)
}

fn broken(error: PagesError) -> DeviceError {
    DeviceError::new(DeviceCondition::Protocol, error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use yidang_idcard::pages::PAGE_LENGTH_BYTES;

    use super::*;
    use crate::exchange::scripted::Script;

    pub(crate) fn stream() -> Vec<u8> {
        [[1, 0, 4, 0].as_slice(), &[b't'; 256], &[b'p'; 1024]].concat()
    }

    /// The stream as answers, each with its status word.
    pub(crate) fn pages(stream: &[u8]) -> Vec<Vec<u8>> {
        stream.chunks(PAGE_LENGTH_BYTES).map(|page| [page, &[0x90, 0x00]].concat()).collect()
    }

    fn failure(answers: Vec<Vec<u8>>) -> DeviceCondition {
        match read(&mut Script::new(answers)) {
            Ok(Outcome::Card(_)) => panic!("it was read"),
            Ok(Outcome::Refused(status)) => panic!("it was refused with {status}"),
            Err(error) => error.condition,
        }
    }

    #[test]
    fn the_stream_is_split_only_after_the_pages_are_put_together() {
        // The text's last four bytes are on the second page.
        let mut marked = stream();
        marked[4 + 252..4 + 256].copy_from_slice(b"LAST");
        let mut card = Script::new(pages(&marked));
        let Outcome::Card(data) = read(&mut card).unwrap() else { panic!("it is read") };
        assert_eq!(data.text[250..], *b"ttLAST");
        assert!(data.photo_wlt == [b'p'; 1024]);
        let asked: Vec<[u8; 5]> = (0..6).map(|page| [0xFF, 0xB0, page, 0, 0]).collect();
        assert_eq!(card.sent, asked);
    }

    #[test]
    fn a_reader_that_does_not_know_the_form_refuses_the_first_page() {
        for status in [0x6D00, 0x6A82, 0x6E00, 0x6B00] {
            let mut card = Script::new([u16::to_be_bytes(status).to_vec()]);
            let refused = matches!(read(&mut card), Ok(Outcome::Refused(Status(seen))) if seen == status);
            assert!(refused, "{status:04X}");
            assert_eq!(card.sent.len(), 1);
        }
    }

    #[test]
    fn a_wrong_status_is_an_error_on_every_page() {
        for (status, condition) in [
            (0x6F00, DeviceCondition::CardUnreadable),
            (0x6281, DeviceCondition::CardUnreadable),
            (0x1234, DeviceCondition::Protocol),
        ] {
            for page in 0..6 {
                let mut answers = pages(&stream());
                answers[page] = u16::to_be_bytes(status).to_vec();
                assert_eq!(failure(answers), condition, "{status:04X} on page {page}");
            }
        }
        let mut answers = pages(&stream());
        answers[3] = vec![0x6A, 0x82];
        assert_eq!(failure(answers), DeviceCondition::Protocol);
    }

    #[test]
    fn pages_cut_short_are_refused_wherever_they_end() {
        for page in 0..6 {
            let whole = pages(&stream());
            for kept in [0, 1, 3, 4, whole[page].len() - 3] {
                if kept + 2 == whole[page].len() {
                    continue;
                }
                let mut answers = whole.clone();
                answers[page].drain(kept..whole[page].len() - 2);
                assert_eq!(failure(answers), DeviceCondition::Protocol, "page {page} cut to {kept} bytes");
            }
        }
    }

    #[test]
    fn a_page_without_even_a_status_word_is_unreadable() {
        for page in 0..6 {
            for short in [vec![], vec![0x90]] {
                let mut answers = pages(&stream());
                answers[page] = short;
                assert_eq!(failure(answers), DeviceCondition::CardUnreadable);
            }
        }
    }

    #[test]
    fn hostile_lengths_do_not_make_it_read_on_for_ever() {
        for head in [[0xFF; 4], [0, 0, 0, 0], [0, 1, 0, 0], [0xFF, 0xFF, 0, 0], [1, 0, 4, 1], [4, 0, 1, 0]] {
            let mut hostile = stream();
            hostile[..4].copy_from_slice(&head);
            let mut card = Script::new(pages(&hostile).into_iter().cycle().take(300));
            assert!(read(&mut card).is_err(), "{head:02X?}");
            assert!(card.sent.len() <= 6);
        }
    }

    #[test]
    fn an_oversized_page_is_refused() {
        let mut answers = pages(&stream());
        answers[2] = [vec![0; PAGE_LENGTH_BYTES + 1], vec![0x90, 0x00]].concat();
        assert_eq!(failure(answers), DeviceCondition::Protocol);
    }
}
