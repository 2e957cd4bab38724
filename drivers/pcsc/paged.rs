//! The paged form: the card as one stream, served in pages by a command that carries the page's number.

use yidang_device::{DeviceCondition, DeviceError, TEXT_LENGTH_BYTES, WLT_LENGTH_BYTES};
use yidang_idcard::content::{CardData, ContentError, Header};

use crate::condition::of_status;
use crate::exchange::{Exchange, Status, ask};
use crate::profile::PagedForm;

/// What came of trying this form.
pub(crate) enum Outcome {
    /// The card's content.
    Card(Box<CardData>),
    /// The reader does not know this form, or not for this card.
    Refused(Status),
}

/// Reads all pages. The stream's own head says how long it is; one that promises more pages than the form has
/// is refused.
pub(crate) fn read(exchange: &mut dyn Exchange, form: &PagedForm) -> Result<Outcome, DeviceError> {
    let mut stream = Vec::new();
    let mut wanted = TEXT_LENGTH_BYTES + WLT_LENGTH_BYTES;
    for number in 0..form.pages {
        let mut command = form.command;
        command[form.page_at] = number as u8;
        let reply = ask(exchange, command)?;
        if reply.status != Status::DONE {
            return refused(number, reply.status);
        }
        if number == 0 && form.lengths {
            wanted = Header::parse(&reply.data).map_err(broken)?.total_length();
            let pages = wanted.div_ceil(form.page_bytes);
            if pages > form.pages {
                return Err(protocol(format!("{pages} pages are announced where {} are known", form.pages)));
            }
        }
        let last = stream.len() + form.page_bytes >= wanted;
        let length = reply.data.len();
        if !last && length != form.page_bytes {
            return Err(protocol(format!("page {number} has {length} bytes instead of {}", form.page_bytes)));
        }
        stream.extend(reply.data);
        if last {
            return whole(&stream, form).map(|card| Outcome::Card(Box::new(card))).map_err(broken);
        }
    }
    Err(protocol(format!("{} pages hold no whole card", form.pages)))
}

fn refused(number: usize, status: Status) -> Result<Outcome, DeviceError> {
    let condition = of_status(status);
    if condition == DeviceCondition::CardNotSupported && number == 0 {
        return Ok(Outcome::Refused(status));
    }
    // A form that was good for the first page cannot be unknown for the next.
    let condition = match condition {
        DeviceCondition::CardNotSupported => DeviceCondition::Protocol,
        other => other,
    };
    Err(DeviceError::new(condition, format!("page {number}: {status}")))
}

/// The stream's card; bytes after it are left alone.
fn whole(stream: &[u8], form: &PagedForm) -> Result<CardData, ContentError> {
    if form.lengths {
        return CardData::parse(stream);
    }
    let needed = TEXT_LENGTH_BYTES + WLT_LENGTH_BYTES;
    let short = ContentError::TooShort { got: stream.len(), needed };
    let (text, rest) = stream.split_first_chunk::<TEXT_LENGTH_BYTES>().ok_or(short)?;
    let photo = rest.get(..WLT_LENGTH_BYTES).ok_or(short)?;
    Ok(CardData { text: *text, photo_wlt: photo.to_vec(), fingerprint: None })
}

fn broken(error: ContentError) -> DeviceError {
    protocol(error.to_string())
}

fn protocol(detail: String) -> DeviceError {
    DeviceError::new(DeviceCondition::Protocol, detail)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::exchange::scripted::Script;

    const PAGE_LENGTH_BYTES: usize = 256;

    pub(crate) fn form() -> PagedForm {
        PagedForm { command: [0xFF, 0xB0, 0, 0, 0], page_at: 2, pages: 6, page_bytes: 256, lengths: true }
    }

    pub(crate) fn stream() -> Vec<u8> {
        [[1, 0, 4, 0].as_slice(), &[b't'; 256], &[b'p'; 1024]].concat()
    }

    /// The stream as answers, each with its status word.
    pub(crate) fn pages(stream: &[u8]) -> Vec<Vec<u8>> {
        stream.chunks(PAGE_LENGTH_BYTES).map(|page| [page, &[0x90, 0x00]].concat()).collect()
    }

    fn failure(answers: Vec<Vec<u8>>) -> DeviceCondition {
        match read(&mut Script::new(answers), &form()) {
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
        let Outcome::Card(data) = read(&mut card, &form()).unwrap() else { panic!("it is read") };
        assert_eq!(data.text[250..], *b"ttLAST");
        assert!(data.photo_wlt == [b'p'; 1024]);
        let asked: Vec<[u8; 5]> = (0..6).map(|page| [0xFF, 0xB0, page, 0, 0]).collect();
        assert_eq!(card.sent, asked);
    }

    #[test]
    fn a_reader_that_does_not_know_the_form_refuses_the_first_page() {
        for status in [0x6D00, 0x6A82, 0x6E00, 0x6B00] {
            let mut card = Script::new([u16::to_be_bytes(status).to_vec()]);
            let refused =
                matches!(read(&mut card, &form()), Ok(Outcome::Refused(Status(seen))) if seen == status);
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
            assert!(read(&mut card, &form()).is_err(), "{head:02X?}");
            assert!(card.sent.len() <= 6);
        }
    }

    #[test]
    fn an_oversized_page_is_refused() {
        let mut answers = pages(&stream());
        answers[2] = [vec![0; PAGE_LENGTH_BYTES + 1], vec![0x90, 0x00]].concat();
        assert_eq!(failure(answers), DeviceCondition::Protocol);
    }

    #[test]
    fn another_command_page_length_and_head_are_data() {
        let other = PagedForm {
            command: [0x80, 0xCA, 0, 0, 0],
            page_at: 3,
            pages: 7,
            page_bytes: 200,
            lengths: false,
        };
        let whole = stream();
        let answers = whole[4..].chunks(200).map(|page| [page, &[0x90, 0x00]].concat());
        let mut card = Script::new(answers);
        let Ok(Outcome::Card(data)) = read(&mut card, &other) else { panic!("it is read") };
        assert!(data.text == [b't'; 256] && data.photo_wlt == [b'p'; 1024]);
        let asked: Vec<[u8; 5]> = (0..7).map(|page| [0x80, 0xCA, 0, page, 0]).collect();
        assert_eq!(card.sent, asked);

        // The last page is short by a byte; then the form has a page too few.
        let mut answers: Vec<Vec<u8>> =
            whole[4..].chunks(200).map(|page| [page, &[0x90, 0x00]].concat()).collect();
        answers[6].remove(0);
        assert!(read(&mut Script::new(answers), &other).is_err());
        let few = PagedForm { pages: 6, ..other };
        let answers = whole[4..].chunks(200).map(|page| [page, &[0x90, 0x00]].concat());
        assert_eq!(
            read(&mut Script::new(answers), &few).err().map(|e| e.condition),
            Some(DeviceCondition::Protocol)
        );
    }
}
