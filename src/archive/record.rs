//! The stored format of a ledger entry's body, versions 1 and 2, which differ in the suite that sealed it alone: the only types of this crate that are serialised.
//!
//! A body is JSON. `refs` is in the clear and holds random identifiers only. `office` is sealed under the
//! store's office key: what the office must still read when a person is forgotten. `personal` is sealed under
//! a data key of this entry, and each slot holds that data key and one holder's subject, sealed under that
//! holder's key: to forget one holder takes nothing from the others and leaves nothing of that holder
//! readable. Where a record speaks of a holder, it says the slot's number, from 0.
//!
//! Fields are only ever added, with a default; anything else is a new version.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use yidang_model::{CaptureId, Digest, ErasureId, HoldId, MaterialId, Subject, SubjectType};
use zeroize::Zeroizing;

use crate::blob_format::BlobKey;
use crate::storage::{KeyId, Secret, Tag};

/// Stored as its text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map(Self).map_err(|_| D::Error::custom("not the text form it should be"))
    }
}

/// Stored as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64.encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        BASE64.decode(text.as_bytes()).map(Self).map_err(|_| D::Error::custom("not base64"))
    }
}

/// A key, stored as base64 inside something sealed.
#[derive(Clone, Debug)]
pub(crate) struct SecretBytes(pub(crate) Secret);

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64.encode(self.0.expose())))
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Zeroizing::new(Bytes::deserialize(deserializer)?.0);
        Secret::from_slice(&bytes).map(Self).ok_or_else(|| D::Error::custom("a key has 16 or 32 bytes"))
    }
}

macro_rules! stored_as_hex {
    ($module:ident, $name:ident) => {
        pub(crate) mod $module {
            use super::*;

            pub(crate) fn serialize<S: Serializer>(name: &$name, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&name.to_hex())
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                $name::from_hex(&String::deserialize(deserializer)?)
                    .ok_or_else(|| D::Error::custom("not hexadecimal of the right length"))
            }
        }
    };
}

stored_as_hex!(key_id_hex, KeyId);
stored_as_hex!(tag_hex, Tag);

/// A body as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) refs: Refs,
    pub(crate) office: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) personal: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) slots: Vec<Slot>,
}

/// One holder's way into `personal`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Slot {
    #[serde(with = "key_id_hex")]
    pub(crate) key: KeyId,
    pub(crate) sealed: Bytes,
}

/// What may stand in the clear: random identifiers, a sweeping date, and whether a person is meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refs {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) material: Option<Text<MaterialId>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) staged: Vec<StagedRef>,
    /// Milliseconds since 1970; of a staged set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<i64>,
    /// Milliseconds since 1970; of an erasure that waits for a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decided_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) erasure: Option<Text<ErasureId>>,
    /// Of a refiling: the material's `filed` entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold: Option<Text<HoldId>>,
    /// Of a refiling or a hold: the repository decided it, so it is nothing to tell it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) elsewhere: bool,
    /// Looked at, held, or erased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) materials: Vec<Text<MaterialId>>,
    /// Of an erasure: papers whose predecessor goes, each with the one whose place it takes from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) relinked: Vec<(Text<MaterialId>, Text<MaterialId>)>,
    /// Of disposed originals: the `filed` or `refiled` entry of each of `materials`. Of refused ones: the deferral that is
    /// at an end with it. Of a rebuild: first and last place of each stretch that is lost. Of confirmed holds: of each stretch
    /// that could not be read then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entries: Vec<u64>,
    /// Of a rebuild: entries that were changed or follow from none before, and stay as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) breaks: Vec<u64>,
    /// Of a rebuild: the place in which somebody else remembers another entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) anchored: Option<u64>,
    /// Of a rebuild, or of doubted holds: holds that stood by an index and that nothing in the ledger tells of any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) holds: Vec<Text<HoldId>>,
    /// Of an erasure or a hold: a person is meant, the one whose key the only slot names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) whole_holder: bool,
}

/// A staged set and the key that is deleted when it is used up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StagedRef {
    pub(crate) id: Text<CaptureId>,
    #[serde(with = "key_id_hex")]
    pub(crate) key: KeyId,
}

/// Inside `office`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Office {
    pub(crate) client: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) basis: Option<String>,
    /// How many blobs, pages or materials it was about.
    #[serde(default)]
    pub(crate) count: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) shared_kept: Vec<Text<Digest>>,
    /// Of an erasure: how many pictures something may need that could not be read when the tombstone was set.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) unproven: u64,
    /// Of deferred originals: the kind of paper they were decided for, where it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// Of a rebuild: no blob that was there then was stored later than this; of a repair: when the blob was stored again. In
    /// milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stored_until: Option<i64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Inside a slot.
#[derive(Serialize, Deserialize)]
pub(crate) struct SlotContents {
    pub(crate) data_key: SecretBytes,
    /// Absent in the slot of a staged set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<SubjectRecord>,
}

/// Whom a slot belongs to.
#[derive(Serialize, Deserialize)]
pub(crate) struct SubjectRecord {
    #[serde(rename = "type")]
    pub(crate) subject_type: String,
    pub(crate) value: String,
}

impl SubjectRecord {
    pub(crate) fn of(subject: &Subject) -> Self {
        Self { subject_type: subject.subject_type().as_str().to_owned(), value: subject.value().to_owned() }
    }

    pub(crate) fn to_subject(&self) -> Option<Subject> {
        Subject::new(SubjectType::from_str(&self.subject_type).ok()?, &self.value).ok()
    }
}

/// A blob and how to open it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BlobRecord {
    pub(crate) digest: Text<Digest>,
    #[serde(with = "key_id_hex")]
    pub(crate) key_id: KeyId,
    pub(crate) key: SecretBytes,
}

impl BlobRecord {
    pub(crate) fn new(digest: Digest, key: &BlobKey) -> Self {
        Self { digest: Text(digest), key_id: key.id, key: SecretBytes(key.secret.clone()) }
    }

    pub(crate) fn blob_key(&self) -> BlobKey {
        BlobKey { id: self.key_id, secret: self.key.0.clone() }
    }
}

/// Inside `personal` of `staged`.
#[derive(Serialize, Deserialize)]
pub(crate) struct StagedPersonal {
    pub(crate) note: Bytes,
    /// In the order handed in; a digest may come twice.
    pub(crate) blobs: Vec<BlobRecord>,
}

/// Inside `personal` of `filed` and `refiled`.
#[derive(Serialize, Deserialize)]
pub(crate) struct FiledPersonal {
    pub(crate) material: crate::material_record::MaterialRecord,
    /// Kept because it cannot be computed again once one of the holders is forgotten.
    #[serde(with = "tag_hex")]
    pub(crate) filing: Tag,
    /// Each once.
    pub(crate) blobs: Vec<BlobRecord>,
    /// For each page, the place among the `filed` entry's staged sets of the one it was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) page_sets: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    /// Whether the originals were disposed of before it was put right: they are not among `blobs`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) originals_disposed: bool,
    /// Why it was put right, in a `refiled` entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Inside `personal` of `looked`, `opened` and `exported`.
#[derive(Serialize, Deserialize)]
pub(crate) struct LookPersonal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) case: Option<String>,
}

/// Inside `personal` of `erasure_requested`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ErasurePersonal {
    pub(crate) reason: String,
}

/// Inside `personal` of `held` and `hold_lifted`.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldPersonal {
    pub(crate) reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) case: Option<String>,
}

/// Inside `personal` of an entry whose slots say everything.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoPersonal {}

/// Plain JSON of something that is sealed next; wiped when dropped.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Option<Zeroizing<Vec<u8>>> {
    serde_json::to_vec(value).ok().map(Zeroizing::new)
}

/// Reads [`to_json`]'s bytes; `None` if they are something else. The reader's message is dropped: it may
/// quote what it read.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}
