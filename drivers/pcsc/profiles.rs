//! All profiles there are, and which of them a reader is spoken to by.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::profile::{Profile, Source};
use crate::profile_file::parse;

/// Compiled in, by name.
const BUILT_IN: [(&str, &str); 3] =
    [("paged", include_str!("profiles/paged.toml")), ("bare", include_str!("profiles/bare.toml")), UNKNOWN];
const UNKNOWN: (&str, &str) = ("unknown", include_str!("profiles/unknown.toml"));
/// Most profiles in a folder, and the longest file.
const FILES_MAX: usize = 256;
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A profile, or the folder of them, that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct ProfileError {
    /// The file or folder.
    pub file: String,
    /// What is wrong, with line and key.
    pub reason: String,
}

/// The built-in profiles and those of a folder.
#[derive(Clone, Debug)]
pub struct Profiles {
    all: Vec<Arc<Profile>>,
    /// For readers none of them is for; a folder may replace the built-in one for every reader.
    last_resort: Arc<Profile>,
}

/// The profile a reader is spoken to by, and why this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) profile: Arc<Profile>,
    /// The pattern that matched the reader's name.
    reader: Option<String>,
    /// The pattern that matched the card's ATR.
    atr: Option<String>,
}

impl Choice {
    /// Whether the reader was recognised; if not, the form is only tried.
    pub(crate) fn is_certain(&self) -> bool {
        self.reader.is_some() || self.atr.is_some()
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Profile { name, source, .. } = &*self.profile;
        write!(f, "profile {name}, {source}, ")?;
        match (&self.reader, &self.atr) {
            (Some(reader), Some(atr)) => write!(f, "reader name like \"{reader}\", ATR like {atr}"),
            (Some(reader), None) => write!(f, "reader name like \"{reader}\""),
            (None, Some(atr)) => write!(f, "ATR like {atr}"),
            (None, None) => write!(f, "for want of a better one"),
        }
    }
}

impl Default for Profiles {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Profiles {
    /// The profiles that are compiled in.
    ///
    /// # Panics
    /// Never: a test parses each of them.
    pub fn built_in() -> Self {
        let built_in = |name: &str, text| match parse(name, Source::BuiltIn, text) {
            Ok(profile) => Arc::new(profile),
            Err(reason) => panic!("the built-in profile {name}: {reason}"),
        };
        let all = BUILT_IN.map(|(name, text)| built_in(name, text)).into();
        let (name, text) = UNKNOWN;
        Self { all, last_resort: built_in(name, text) }
    }

    /// The built-in profiles and every `*.toml` of a folder; a file named like a built-in profile replaces it.
    /// Blocks on the file system. One bad file is an error of the whole.
    pub fn with_folder(folder: &Path) -> Result<Self, ProfileError> {
        let mut profiles = Self::built_in();
        let failed = |file: &Path, reason: String| ProfileError { file: file.display().to_string(), reason };
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|e| failed(folder, e.to_string()))?;
        let mut files: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        if files.len() > FILES_MAX {
            return Err(failed(folder, format!("more than {FILES_MAX} profiles")));
        }
        for file in files {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = read(&file).map_err(|reason| failed(&file, reason))?;
            let profile =
                parse(&name, Source::Folder, &text).map_err(|reason| failed(&file, reason.to_string()))?;
            profiles.all.retain(|built_in| built_in.name != name);
            profiles.all.push(Arc::new(profile));
        }
        Ok(profiles)
    }

    /// Whether a card's ATR may change the choice for a reader of this name.
    pub(crate) fn depends_on_atr(&self, reader: &str) -> bool {
        let by_name = |profile: &Profile| profile.name_literals(reader);
        let without = by_name(&self.choose(reader, &[]).profile);
        self.all.iter().any(|profile| !profile.atrs.is_empty() && by_name(profile) >= without)
    }

    /// The most specific profile for a reader of this name with a card of this ATR; an empty one: no card.
    /// The reader's name counts before the ATR, and a file of the folder before a built-in profile.
    pub(crate) fn choose(&self, reader: &str, atr: &[u8]) -> Choice {
        let best = self.all.iter().filter_map(|profile| Fit::of(profile, reader, atr)).max_by_key(Fit::rank);
        match best {
            Some(Fit { profile, reader, atr, .. }) => {
                let spelled = |(literals, text): (usize, String)| (literals > 0).then_some(text);
                Choice {
                    profile: Arc::clone(profile),
                    reader: reader.and_then(spelled),
                    atr: atr.and_then(spelled),
                }
            }
            None => Choice { profile: Arc::clone(&self.last_resort), reader: None, atr: None },
        }
    }
}

/// A profile that is for a reader, and by which patterns: how much each spells out, and its text.
struct Fit<'a> {
    profile: &'a Arc<Profile>,
    reader: Option<(usize, String)>,
    atr: Option<(usize, String)>,
}

impl<'a> Fit<'a> {
    fn of(profile: &'a Arc<Profile>, reader: &str, atr: &[u8]) -> Option<Self> {
        let names = profile.readers.iter().filter(|pattern| pattern.matches(reader));
        let name = names.map(|pattern| (pattern.literals(), pattern.to_string())).max();
        let atrs = profile.atrs.iter().filter(|pattern| pattern.matches(atr));
        let card = atrs.map(|pattern| (pattern.literals(), pattern.to_string())).max();
        let is_for_it =
            (profile.readers.is_empty() || name.is_some()) && (profile.atrs.is_empty() || card.is_some());
        is_for_it.then_some(Self { profile, reader: name, atr: card })
    }

    fn rank(&self) -> (usize, usize, Source, std::cmp::Reverse<&'a str>) {
        let literals = |pattern: &Option<(usize, String)>| pattern.as_ref().map_or(0, |(count, _)| *count);
        let name = std::cmp::Reverse(self.profile.name.as_str());
        (literals(&self.reader), literals(&self.atr), self.profile.source, name)
    }
}

fn read(file: &Path) -> Result<String, String> {
    let found = fs::metadata(file).map_err(|e| e.to_string())?;
    // A pipe would be waited for without end.
    if !found.is_file() {
        return Err("no ordinary file".to_owned());
    }
    if found.len() > FILE_BYTES_MAX {
        return Err(format!("longer than {FILE_BYTES_MAX} bytes"));
    }
    fs::read_to_string(file).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGED_ATR: [u8; 20] =
        [0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 3, 6, 7, 0x90, 0, 0, 0, 0, 0, 0xDF];
    const PLAIN_ATR: [u8; 13] = [0x3B, 0x88, 0x80, 0x01, 0xD1, 0x03, 0x86, 0x05, 0, 0x80, 0x80, 0, 0x58];
    const UNNAMED_ATR: [u8; 20] =
        [0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0, 0, 3, 6, 7, 0xFF, 0xB0, 0, 0, 0, 0, 0x20];

    fn chosen(profiles: &Profiles, reader: &str, atr: &[u8]) -> String {
        profiles.choose(reader, atr).profile.name.clone()
    }

    #[test]
    fn known_atrs_are_told_apart() {
        let profiles = Profiles::built_in();
        for (atr, wanted) in [
            (PAGED_ATR.as_slice(), "paged"),
            (&PLAIN_ATR, "bare"),
            (&UNNAMED_ATR, "bare"),
            (&[0x3B, 0x86, 0x80, 0x01, 0x80, 0x4F, 0x03, 0xF0, 0x01, 0x00, 0x3A], "unknown"),
            (&[], "unknown"),
        ] {
            assert_eq!(chosen(&profiles, "Some Reader 00 00", atr), wanted, "{atr:02X?}");
        }
        assert!(profiles.choose("x", &PAGED_ATR).is_certain());
        assert!(!profiles.choose("x", &[]).is_certain());
        for length in 0..13 {
            assert_eq!(chosen(&profiles, "x", &UNNAMED_ATR[..length]), "unknown");
        }
    }

    #[test]
    fn the_most_specific_profile_wins_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("acme.toml", "[match]\nreaders = [\"ACME*\", \"*\"]\n[bare]\n");
        write("acme-idr.toml", "[match]\nreaders = [\"ACME IDR*\"]\n[bare]\n");
        write("acme-card.toml", "[match]\nreaders = [\"ACME IDR*\"]\natrs = [\"3B 8F *\"]\n[bare]\n");
        write("unknown.toml", "[transmit]\nheader = \"FF 00 00 00\"\n");
        write("notes.txt", "no profile");
        let profiles = Profiles::with_folder(folder.path()).unwrap();
        assert_eq!(chosen(&profiles, "ACME X 00 00", &[]), "acme");
        assert_eq!(chosen(&profiles, "ACME IDR 00 00", &PLAIN_ATR), "acme-idr");
        assert_eq!(chosen(&profiles, "ACME IDR 00 00", &PAGED_ATR), "acme-card");
        // The name counts first: a configured reader stays as configured whatever a card looks like.
        assert_eq!(chosen(&profiles, "ACME X 00 00", &PAGED_ATR), "acme");
        assert_eq!(chosen(&profiles, "Other", &PAGED_ATR), "paged");
        for (reader, depends) in [("ACME X 00 00", false), ("ACME IDR 00 00", true), ("Other", true)] {
            assert_eq!(profiles.depends_on_atr(reader), depends, "{reader}");
        }
        assert_eq!(
            profiles.choose("ACME IDR 00 00", &PAGED_ATR).to_string(),
            "profile acme-card, from the folder, reader name like \"ACME IDR*\", ATR like 3B 8F *"
        );
        let replaced = profiles.all.iter().filter(|profile| profile.name == "unknown").count();
        assert_eq!(replaced, 1, "a file replaces the built-in profile of its name");
    }

    #[test]
    fn a_bad_file_and_a_missing_folder_are_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("new.toml"), "[bare]\nkolour = 1\n").unwrap();
        let error = Profiles::with_folder(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("new.toml") && error.contains("line 2") && error.contains("kolour"),
            "{error}"
        );
        fs::write(folder.path().join("new.toml"), vec![b'#'; 70_000]).unwrap();
        assert!(Profiles::with_folder(folder.path()).unwrap_err().reason.contains("longer than"));
        let missing = folder.path().join("missing");
        assert!(Profiles::with_folder(&missing).unwrap_err().file.contains("missing"));
    }
}
