//! What agent and repository tell each other: the first byte chooses the message, the rest is its JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use yidang_model::{Material, Subject};
use yidang_sync::wire::{
    BlobSize, CommitAnswer, CommitRequest, EnrolAnswer, EnrolRequest, Entry, FeedAnswer, FeedQuery, Health,
    MaterialsAnswer, MaterialsRequest, MissingAnswer, MissingRequest, Problem, WireMaterial, WireSubject,
};

/// What is read is written to what reads the same.
fn read<T: DeserializeOwned + Serialize + PartialEq>(json: &[u8]) -> Option<T> {
    let message: T = serde_json::from_slice(json).ok()?;
    let written = serde_json::to_vec(&message).expect("a message is written");
    let again: T = serde_json::from_slice(&written).expect("a written message is read");
    assert!(again == message, "a message reads differently once it was written");
    Some(message)
}

fn material(wire: WireMaterial) {
    if let Ok(material) = Material::try_from(wire) {
        let there = WireMaterial::from(&material);
        assert!(Material::try_from(there) == Ok(material), "a material does not survive the wire");
    }
}

fn subject(wire: &WireSubject) {
    if let Ok(subject) = Subject::try_from(wire) {
        assert!(Subject::try_from(&WireSubject::from(&subject)) == Ok(subject), "a subject changes");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, json)) = data.split_first() else { return };
    match kind % 13 {
        0 => {
            for entry in read::<CommitRequest>(json).into_iter().flat_map(|request| request.entries) {
                match entry {
                    Entry::Filed { material: wire, .. } => material(*wire),
                    Entry::ErasureRequested(entry) => entry.holder.iter().for_each(subject),
                }
            }
        }
        1 => read::<MaterialsAnswer>(json).into_iter().flat_map(|a| a.materials).for_each(material),
        2 => read::<MaterialsRequest>(json).iter().for_each(|request| subject(&request.subject)),
        3 => drop(read::<FeedAnswer>(json)),
        4 => drop(read::<FeedQuery>(json)),
        5 => drop(read::<CommitAnswer>(json)),
        6 => drop(read::<MissingRequest>(json)),
        7 => drop(read::<MissingAnswer>(json)),
        8 => drop(read::<EnrolRequest>(json)),
        9 => drop(read::<EnrolAnswer>(json)),
        10 => drop(read::<Health>(json)),
        11 => drop(read::<BlobSize>(json)),
        _ => drop(read::<Problem>(json)),
    }
});
