use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn seal() -> Seal {
    Seal::for_repository(&CourierSecret::new([7; 32]).public(), [9; 32]).unwrap()
}

/// A parcel of blobs of these lengths.
fn parcel(lengths: &[usize]) -> Vec<u8> {
    let mut writer = ParcelWriter::begin(Vec::new(), &seal()).unwrap();
    for (number, length) in lengths.iter().enumerate() {
        writer.record(Tag::Blob, &vec![number as u8; *length]).unwrap();
    }
    writer.finish().unwrap()
}

fn opened(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ParcelError> {
    let mut input = Cursor::new(bytes);
    let seal = Seal::at_repository(read_header(&mut input)?, &CourierSecret::new([7; 32]))?;
    let mut reader = ParcelReader::new(input, &seal)?;
    let mut blobs = Vec::new();
    while let Some(record) = reader.record()? {
        assert_eq!(record.tag, Tag::Blob);
        blobs.push(record.bytes);
    }
    Ok(blobs)
}

#[test]
fn what_was_put_in_comes_out_whatever_its_length() {
    // One that ends with a chunk, one that ends just before and just after it.
    let edge = CHUNK_LENGTH - 2 * RECORD_HEAD_LENGTH;
    for lengths in [&[][..], &[0], &[1], &[edge - 1], &[edge], &[edge + 1], &[3, 200_000, 0, 65_536]] {
        let bytes = parcel(lengths);
        let blobs = opened(&bytes).unwrap();
        assert_eq!(blobs.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
        assert!(blobs.iter().enumerate().all(|(n, blob)| blob.iter().all(|b| *b == n as u8)));
        let bound: u64 = lengths.iter().map(|length| sealed_length_max(*length)).sum();
        assert!(bytes.len() as u64 <= HEADER_LENGTH as u64 + bound + sealed_length_max(0));
    }
}

#[test]
fn another_repository_and_another_agent_cannot_open_it() {
    let bytes = parcel(&[10]);
    let header = read_header(&mut Cursor::new(&bytes)).unwrap();
    let other = Seal::at_repository(header, &CourierSecret::new([8; 32]));
    assert!(matches!(other, Err(ParcelError::Foreign)));
    assert!(matches!(Seal::at_agent(header, "agent-1", "key"), Err(ParcelError::Unknown)));
    let receipt = ParcelWriter::begin(Vec::new(), &Seal::for_agent("agent-1", "key", [1; 32])).unwrap();
    let receipt = receipt.finish().unwrap();
    let header = read_header(&mut Cursor::new(&receipt)).unwrap();
    assert!(matches!(Seal::at_agent(header, "agent-2", "key"), Err(ParcelError::Foreign)));
    let rest = || Cursor::new(&receipt[HEADER_LENGTH..]);
    let wrong = Seal::at_agent(header, "agent-1", "other").unwrap();
    assert!(matches!(ParcelReader::new(rest(), &wrong).unwrap().drain(), Err(ParcelError::Damaged)));
    let right = Seal::at_agent(header, "agent-1", "key").unwrap();
    ParcelReader::new(rest(), &right).unwrap().drain().unwrap();
}

#[test]
fn chunks_of_two_parcels_do_not_go_together() {
    let bytes = parcel(&[CHUNK_LENGTH * 2]);
    let mut other = ParcelWriter::begin(
        Vec::new(),
        &Seal::for_repository(&CourierSecret::new([7; 32]).public(), [10; 32]).unwrap(),
    )
    .unwrap();
    other.record(Tag::Blob, &vec![0; CHUNK_LENGTH * 2]).unwrap();
    let other = other.finish().unwrap();
    let at = HEADER_LENGTH + CHUNK_LENGTH + TAG_LENGTH;
    let mixed = [&bytes[..at], &other[at..]].concat();
    assert!(matches!(opened(&mixed), Err(ParcelError::Damaged)));
    let without_one = [&bytes[..HEADER_LENGTH], &bytes[at..]].concat();
    assert!(matches!(opened(&without_one), Err(ParcelError::Damaged)));
    assert!(matches!(opened(&bytes[..at]), Err(ParcelError::Damaged)), "cut between two chunks");
    assert!(matches!(opened(&[&bytes[..], b"x"].concat()), Err(ParcelError::Damaged)));
}

#[test]
fn what_is_something_else_or_newer_is_told_apart() {
    assert!(matches!(
        opened(b"PK\x03\x04 and so on, long enough for a header of ours, and more"),
        Err(ParcelError::Unknown)
    ));
    assert!(matches!(opened(b""), Err(ParcelError::Unknown)));
    assert!(matches!(opened(&parcel(&[])[..20]), Err(ParcelError::Damaged)));
    let mut newer = parcel(&[]);
    newer[4] = VERSION + 1;
    assert!(matches!(opened(&newer), Err(ParcelError::Newer)));
}

#[test]
fn a_key_is_its_text_and_none_is_no_key() {
    let key = CourierSecret::new([7; 32]).public();
    assert_eq!(CourierKey::parse(&format!(" {key}\n")), Some(key));
    for text in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
        assert_eq!(CourierKey::parse(text), None, "{text}");
    }
    assert!(Seal::for_repository(&CourierKey([0; 32]), [9; 32]).is_none(), "a key that everybody knows");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_is_changed_or_cut_anywhere_does_not_open(
        at in any::<prop::sample::Index>(), change in 1..=255_u8, cut in any::<prop::sample::Index>(),
    ) {
        let whole = parcel(&[100, 66_000, 3]);
        let mut changed = whole.clone();
        changed[at.index(whole.len())] ^= change;
        prop_assert!(opened(&changed).is_err());
        prop_assert!(opened(&whole[..cut.index(whole.len())]).is_err());
    }
}

/// A repository of an earlier version takes a newer window's parcel, and the other way round.
#[test]
fn heads_of_another_version_are_read() {
    let parcel = r#"{"agent":"a","key":"k","epoch":"e","first":1,"part":1,"feed_after":0"#;
    let older: ParcelHead = serde_json::from_str(&format!("{parcel}}}")).unwrap();
    assert_eq!(older.known, []);
    assert_eq!(serde_json::to_string(&older).unwrap(), format!("{parcel}}}"));
    assert!(serde_json::from_str::<ParcelHead>(&format!("{parcel},\"of_a_newer_one\":[1]}}")).is_ok());
    let receipt = r#"{"agent":"a","epoch":"e""#;
    let older: ReceiptHead = serde_json::from_str(&format!("{receipt}}}")).unwrap();
    assert_eq!((&older.known[..], &older.head), (&[][..], &None));
    assert!(serde_json::from_str::<ReceiptHead>(&format!("{receipt},\"of_a_newer_one\":{{}}}}")).is_ok());
}
