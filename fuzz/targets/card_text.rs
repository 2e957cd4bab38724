//! A text block, and an appended address behind it, as a reader gives them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yidang_device::RawCard;
use yidang_idcard::IdCard;
use yidang_idcard::text::{CardText, decode_new_address};
use yidang_model::{Date, Origin};

fuzz_target!(|data: &[u8]| {
    let mut text = [0; 256];
    let (block, address) = data.split_at(data.len().min(256));
    text[..block.len()].copy_from_slice(block);
    let _ = decode_new_address(address);
    let raw = RawCard {
        text,
        photo_wlt: vec![],
        new_address: Some(address.to_vec()),
        sam_id: text.first_chunk().copied(),
        chip_serial: None,
        photo: None,
        fingerprint: data.first_chunk().into_iter().copied().collect(),
        origin: Origin::Device,
    };
    let today = Date::from_digits("20260101");
    if let Ok(card) = IdCard::from_raw(&raw, today) {
        let _ = card.subject();
        for (i, warning) in card.warnings.iter().enumerate() {
            assert!(!card.warnings[..i].contains(warning), "a warning stands twice");
        }
    }
    // What is whole text is written back to text that reads the same.
    if let Ok(read) = CardText::decode(&text)
        && !read.damaged
        && let Ok(block) = read.encode()
    {
        assert!(CardText::decode(&block) == Ok(read), "written text reads differently");
    }
});
