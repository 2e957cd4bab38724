//! Nothing personal lies in the clear in any file, and nothing erased lies anywhere.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use yidang_model::{Digest, Material, Subject};

use super::papers::*;
use super::world::{World, file_paper};
use crate::storage::{KeyPurpose, Keyring};
use crate::{Archive, Look, LookVerb};

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// What a search looks for, by its first two bytes, so that one pass over a file is enough for all of it.
struct Wanted {
    begins: Vec<bool>,
    forms: Vec<Vec<u8>>,
}

impl Wanted {
    /// Each secret as it is, as hexadecimal, and as base64 at any of the three places a group can begin.
    fn new(secrets: &[Vec<u8>]) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            forms.extend([secret.clone(), hex::encode(secret).into(), hex::encode_upper(secret).into()]);
            for shift in 0..3 {
                let encoded = STANDARD.encode([vec![0; shift], secret.clone()].concat());
                // The first and last group mix in what stands beside.
                forms.push(encoded.as_bytes()[4..encoded.len() - 4].to_vec());
            }
        }
        let mut begins = vec![false; 1 << 16];
        for form in &forms {
            begins[usize::from(form[0]) << 8 | usize::from(form[1])] = true;
        }
        Self { begins, forms }
    }

    fn are_in(&self, bytes: &[u8]) -> bool {
        let mut last = 0;
        for (at, byte) in bytes.iter().enumerate() {
            last = (last << 8 | usize::from(*byte)) & 0xFFFF;
            if self.begins[last] && at > 0 && self.forms.iter().any(|form| bytes[at - 1..].starts_with(form))
            {
                return true;
            }
        }
        false
    }
}

/// No file, and no file's name, has any of these bytes in it, in whatever form.
pub(super) fn assert_nowhere(world: &World, secrets: &[Vec<u8>], when: &str) {
    let mut files = Vec::new();
    files_under(&world.data_dir(), &mut files);
    files_under(&world.keys_dir(), &mut files);
    assert!(files.len() >= 4, "{files:?}");
    let wanted = Wanted::new(secrets);
    for file in files {
        // Folders too: blobs of old stores lie in folders named by the first digits of their names.
        let name = file.strip_prefix(world.folder()).unwrap().to_string_lossy().replace('/', "");
        assert!(!wanted.are_in(&std::fs::read(&file).unwrap()), "found in {name} {when}");
        assert!(!wanted.are_in(name.as_bytes()), "found in the name {name} {when}");
    }
}

/// What must be nowhere once the person with paper 1 is forgotten: the plain digest, the middle of the
/// sealed blob, the wrapped key of the holder and the bare key of the epoch that wrapped it.
pub(super) fn secrets_of_keys(archive: &Archive, sealed_blob: &[u8]) -> Vec<Vec<u8>> {
    let stores = &archive.shared.stores;
    let holder = stores.keys.holder(stores.keys.subject_tag(&resident(1))).unwrap().unwrap();
    vec![
        Digest::of(&picture(1)).as_bytes().to_vec(),
        sealed_blob[1000..1064].to_vec(),
        holder.secret.expose().to_vec(),
        stores.keys.wrapped_for_tests(holder.id),
        stores.keys.epoch_secret_for_tests().expose().to_vec(),
    ]
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A word for each place that can hold one, found nowhere else.
const NAME: &str = "Ming Example";
const CASE: &str = "CASE-RECOGNISABLE";
const ISSUER: &str = "Bureau of Recognisable Papers";
const KIND: &str = "kind_recognisable";
const OPERATOR: &str = "Operator Recognisable";
const PURPOSE: &str = "purpose-recognisable";
const SLOT: &str = "slot-recognisable";
const NUMBER: &str = "NUMBER-RECOGNISABLE";
const CLIENT: &str = "client-recognisable";
const BASIS: &str = "basis-recognisable";
const REASON: &str = "reason-recognisable";
const COUNTER: &str = "counter-recognisable";
const STAGE_NOTE: &str = "stage-note-recognisable";

fn recognisable_paper(who: &Subject) -> Material {
    let some = |word: &str| Some(word.to_owned());
    Material {
        kind: yidang_model::Kind::new(KIND).unwrap(),
        note: Some(format!("for {NAME}")),
        case: some(CASE),
        issuer: some(ISSUER),
        slot: some(SLOT),
        document_number: some(NUMBER),
        operator: some(OPERATOR),
        counter: COUNTER.to_owned(),
        ..shared_paper(1, &[who.clone(), resident(2)])
    }
}

/// Everything that can be done about a person, with all of these words.
fn do_everything(archive: &Archive, who: &Subject) {
    let by = crate::Actor { client: CLIENT.to_owned(), operator: Some(OPERATOR.to_owned()) };
    let stage = crate::Stage {
        note: format!("{STAGE_NOTE} {}", who.value()).into_bytes(),
        by: by.clone(),
        idempotency: Some(crate::Idempotency { key: who.value().into(), request: NAME.into() }),
        ..stage_of(1, &[1])
    };
    archive.stage(stage.clone()).unwrap();
    let mut filing = filing_of(recognisable_paper(who), &[1]);
    filing.by = by.clone();
    filing.purpose = Some(PURPOSE.to_owned());
    archive.file(filing).unwrap();
    // One that stays unfiled, and one that was thrown away.
    for id in [2, 3] {
        archive.stage(crate::Stage { id: capture(id), idempotency: None, ..stage.clone() }).unwrap();
    }
    archive.discard(capture(3), &by).unwrap();
    let look = Look {
        verb: LookVerb::Opened,
        basis: BASIS.to_owned(),
        purpose: Some(PURPOSE.to_owned()),
        case: Some(CASE.to_owned()),
        by: by.clone(),
        ..look_at(who, &[1])
    };
    archive.record(look).unwrap();
    let mut request = erasure_of_person(1, who);
    request.reason = REASON.to_owned();
    request.by = by;
    archive.request_erasure(request).unwrap();
}

#[test]
fn nothing_personal_lies_in_the_clear() {
    let world = World::new();
    let archive = world.open();
    let who = resident(123);
    do_everything(&archive, &who);
    let words = [
        who.value(),
        NAME,
        CASE,
        ISSUER,
        KIND,
        OPERATOR,
        PURPOSE,
        SLOT,
        NUMBER,
        CLIENT,
        BASIS,
        REASON,
        COUNTER,
        STAGE_NOTE,
    ];
    let mut secrets: Vec<Vec<u8>> = words.iter().flat_map(|w| [w.as_bytes().to_vec(), utf16(w)]).collect();
    secrets.push(Digest::of(&picture(1)).as_bytes().to_vec());
    secrets.push(picture(1)[..64].to_vec());
    assert_nowhere(&world, &secrets, "while open");
    drop(archive);
    assert_nowhere(&world, &secrets, "when closed");
}

#[test]
fn the_search_finds_what_is_there() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    let found = |needle: &[u8]| {
        let secrets = [needle.to_vec()];
        let search = std::panic::AssertUnwindSafe(|| assert_nowhere(&world, &secrets, ""));
        std::panic::catch_unwind(search).is_err()
    };
    let tag = archive.shared.stores.keys.subject_tag(&resident(1));
    assert!(found(&tag.0), "the index has the tag");
    let name = archive.shared.stores.keys.blob_name(&Digest::of(&picture(1)));
    assert!(found(&name.0), "a blob's name stands before it");
    assert!(found(material_id(1).to_string().as_bytes()), "the ledger has the identifier");
}

#[test]
fn what_was_erased_is_found_in_no_file() {
    let world = World::new();
    let archive = world.open();
    file_paper(&archive, 1, &[resident(1)]).unwrap();
    file_paper(&archive, 2, &[resident(2)]).unwrap();
    let stores = &archive.shared.stores;
    let name = stores.keys.blob_name(&Digest::of(&picture(1)));
    let sealed = stores.blobs.get(name).unwrap().unwrap();
    let mut secrets = secrets_of_keys(&archive, &sealed);
    secrets.push(stores.keys.subject_tag(&resident(1)).0.to_vec());
    secrets.push(name.0.to_vec());
    let wrapped = [secrets[3].clone()];
    let there =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assert_nowhere(&world, &wrapped, "")));
    assert!(there.is_err(), "the wrapped key can be found before");
    archive.back_up().unwrap();
    // As if the keyring had been damaged before, and moved aside.
    let (copy, aside) = (world.data_dir().join("backup/keyring.db"), world.data_dir().join("damaged/1"));
    let holds_key = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(wrapped[0].len()).any(|window| window == wrapped[0])
    };
    assert!(holds_key(&copy), "the copy has the wrapped key before");
    std::fs::create_dir_all(&aside).unwrap();
    std::fs::copy(&copy, aside.join("keyring.db")).unwrap();
    archive.erase_now(erasure_of_person(1, &resident(1))).unwrap();
    assert_nowhere(&world, &secrets, "while open");
    drop(archive);
    assert_nowhere(&world, &secrets, "when closed");
    let keyring = crate::sqlite::SqliteKeyring::open(&world.data_dir()).unwrap();
    assert_eq!(keyring.count(KeyPurpose::Holder).unwrap(), 1);
}

#[test]
fn errors_and_debug_forms_name_nobody() {
    let world = World::new();
    let archive = world.open();
    let filing = filing_of(shared_paper(1, &[resident(1)]), &[1]);
    let shown = [
        format!("{:?}", stage_of(1, &[1])),
        format!("{:?}", look_at(&resident(1), &[1])),
        format!("{:?}", erasure_of_person(1, &resident(1))),
        format!("{:?}", clerk()),
        format!("{:?}", archive),
        format!("{} {0:?}", archive.file(filing).unwrap_err()),
        format!("{} {0:?}", crate::ArchiveError::BlobUnknown { digest: Digest::of(b"x") }),
    ];
    for text in shown {
        for secret in [resident(1).value(), "Okoye", "asked for it", "housing", &Digest::of(b"x").to_string()]
        {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
