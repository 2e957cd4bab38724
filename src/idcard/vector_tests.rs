//! The published synthetic replies, whole and mutated, from the line to the card's fields.

use yidang_device::{RawCard, WLT_LENGTH_BYTES};
use yidang_model::{Date, Origin};

use crate::content::{CardData, ContentError};
use crate::frame::{FrameReader, Reply};
use crate::text::{DocumentType, TextError, decode_new_address};
use crate::{IdCard, ModuleNumber, Warning, vectors};

/// The reply to `30 01` and those to `30 10`, with and without fingers.
fn replies(kind: DocumentType) -> [(CardData, Reply); 3] {
    let mut photo_wlt = b"WLf\0".to_vec();
    photo_wlt.resize(WLT_LENGTH_BYTES, 0);
    [None, Some(vectors::fingerprint().to_vec()), Some(vec![])].map(|fingerprint| {
        let card = CardData { text: vectors::text(kind), photo_wlt: photo_wlt.clone(), fingerprint };
        let reply = Reply { status: [0, 0, 0x90], data: card.to_bytes() };
        (card, reply)
    })
}

fn parsed(reply: &Reply, like: &CardData) -> Result<CardData, ContentError> {
    match like.fingerprint {
        Some(_) => CardData::parse_with_fingerprint(&reply.data),
        None => CardData::parse(&reply.data),
    }
}

fn interpreted(data: CardData) -> Result<IdCard, TextError> {
    let raw = RawCard {
        text: data.text,
        photo_wlt: data.photo_wlt,
        new_address: None,
        sam_id: None,
        chip_serial: None,
        photo: None,
        fingerprint: data.fingerprint.unwrap_or_default(),
        origin: Origin::Device,
    };
    IdCard::from_raw(&raw, Date::new(2026, 1, 1))
}

#[test]
fn every_published_reply_reads_from_the_line() {
    for kind in DocumentType::ALL {
        for (card, reply) in replies(kind) {
            let mut line = FrameReader::new();
            for piece in reply.to_frame().chunks(64) {
                assert!(line.next_reply().is_none());
                line.feed(piece);
            }
            let Some(Ok(arrived)) = line.next_reply() else { panic!("{} does not arrive", kind.as_str()) };
            let read = parsed(&arrived, &card).unwrap();
            assert!(read == card, "{} differs", kind.as_str());
            assert_eq!(interpreted(read).unwrap().document_type, kind);
        }
    }
}

/// What each card must say, field by field.
type Said = [Option<&'static str>; 8];

const SAID: [(DocumentType, Said); 4] = [
    (
        DocumentType::Resident,
        [
            Some("样本甲"),
            None,
            Some("2"),
            Some("01"),
            None,
            Some("11010519491231002X"),
            Some("北京市公安局朝阳分局"),
            None,
        ],
    ),
    (
        DocumentType::Foreigner2017,
        [
            Some("样本乙"),
            Some("SPECIMEN, TEST PERSON"),
            Some("2"),
            None,
            Some("CAN"),
            Some("CAN110081080319"),
            None,
            None,
        ],
    ),
    (
        DocumentType::Foreigner2023,
        [
            Some("样本丙"),
            Some("SPECIMEN, TEST PERSON WITH A LONG NAME"),
            Some("2"),
            None,
            Some("CAN"),
            Some("931586198001010028"),
            None,
            None,
        ],
    ),
    (
        DocumentType::Hmt,
        [
            Some("测试丁"),
            None,
            Some("1"),
            None,
            None,
            Some("810000209901010010"),
            Some("某市公安局某某分局"),
            Some("H00000000"),
        ],
    ),
];

#[test]
fn every_published_card_says_what_it_was_made_with() {
    for (kind, said) in SAID {
        let [(card, _), ..] = replies(kind);
        let card = interpreted(card).unwrap();
        let says = [
            &card.name,
            &card.name_en,
            &card.sex_code,
            &card.ethnicity_code,
            &card.nationality,
            &card.id_number,
            &card.issuer,
            &card.pass_number,
        ];
        assert_eq!(says.map(|field| field.as_deref()), said, "{}", kind.as_str());
        assert_eq!(card.long_term, kind == DocumentType::Resident);
        assert!(card.warnings.iter().all(|warning| *warning == Warning::Expired), "{:?}", card.warnings);
    }
}

#[test]
fn a_changed_bit_anywhere_in_a_reply_is_noticed() {
    for kind in DocumentType::ALL {
        for (_, reply) in replies(kind) {
            let mut frame = reply.to_frame();
            for at in 0..frame.len() {
                let bit = 1 << (at % 8);
                frame[at] ^= bit;
                assert!(Reply::from_frame(&frame).is_err(), "byte {at} of {}", kind.as_str());
                frame[at] ^= bit;
            }
        }
    }
}

#[test]
fn lengths_that_lie_behind_a_right_check_byte_are_refused_or_change_nothing_before_them() {
    for (card, reply) in replies(DocumentType::Resident) {
        let header = if card.fingerprint.is_some() { 6 } else { 4 };
        for (at, bit) in (0..header).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut lying = reply.clone();
            lying.data[at] ^= 1 << bit;
            if let Ok(read) = parsed(&lying, &card) {
                assert!(at >= 2, "another length of the text passes");
                assert!(read.text == card.text && card.photo_wlt.starts_with(&read.photo_wlt));
            }
        }
        for cut in [0, 3, 5, 6, 261, 262, 1283, 1285, reply.data.len() - 1] {
            let mut short = reply.clone();
            short.data.truncate(cut.min(reply.data.len() - 1));
            let error = parsed(&short, &card).err();
            assert!(matches!(error, Some(ContentError::TooShort { .. })), "{cut}: {error:?}");
        }
    }
}

#[test]
fn the_type_is_told_by_byte_248_alone() {
    // The name of the 2017 card starts with a Latin letter, as old samples tell it by.
    for (kind, flag) in
        DocumentType::ALL.into_iter().flat_map(|kind| (0..=u8::MAX).map(move |flag| (kind, flag)))
    {
        let [(mut card, _), ..] = replies(kind);
        card.text[248] = flag;
        let read = interpreted(card.clone()).map(|card| card.document_type);
        let known = match flag {
            b' ' => Some(DocumentType::Resident),
            b'I' => Some(DocumentType::Foreigner2017),
            b'Y' => Some(DocumentType::Foreigner2023),
            b'J' => Some(DocumentType::Hmt),
            _ => None,
        };
        assert_eq!(read.ok(), known, "{} with the flag {flag:02X}", kind.as_str());
        card.text[249] = 1;
        assert_eq!(interpreted(card).err(), Some(TextError::UnknownType(0x0100 | u16::from(flag))));
    }
}

#[test]
fn the_published_replies_of_the_module_read_as_published() {
    let reply = |text: &str| Reply::from_frame(&hex::decode(text).unwrap()).unwrap();
    let number = reply("AAAAAA9669001400009005000100 09B8320105BE1200ADC5B11163".replace(' ', "").as_str());
    let number = ModuleNumber(number.data.try_into().unwrap());
    assert_eq!(number.to_string(), "05.01-20101129-0001228293-0296863149");
    let blank = "2000".repeat(23);
    let address =
        reply(&format!("AAAAAA9669004A0000901753AC4E025E1D6733963A534B6DD58BB06540573300F753{blank}9B"));
    assert_eq!(address.data.len(), 70);
    assert_eq!(decode_new_address(&address.data), ("北京市朝阳区测试新址3号".to_owned(), false));
    for (status, check) in
        [(0x10, 0x14), (0x21, 0x25), (0x32, 0x36), (0x41, 0x45), (0x66, 0x62), (0x81, 0x85)]
    {
        let frame = Reply { status: [0, 0, status], data: vec![] }.to_frame();
        assert_eq!(frame[7..], [0, 0, status, check]);
    }
}
