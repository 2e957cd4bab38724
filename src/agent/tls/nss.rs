//! The databases of Chromium and Firefox on Linux, one for each account or profile. `certutil` of `libnss3-tools` knows
//! how they are written.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::authority::{Authority, NAME_BEGINS};
use super::trust::{TrustState, same_certificate};
use crate::failure::Failure;

/// Below a home: the database of all browsers of Chromium's kind.
const CHROMIUM: [&str; 2] = [".pki/nssdb", "snap/chromium/current/.pki/nssdb"];
/// Below a home: folders of Firefox profiles.
const FIREFOX: [&str; 2] = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox"];
/// Most homes and profiles that are looked into.
const FOLDERS_MAX: usize = 1000;
/// May vouch for web sites, and for nothing else.
const TRUST: &str = "C,,";

/// The databases there are, below a root.
pub(super) fn databases(root: &Path) -> Vec<PathBuf> {
    let mut homes = folders_in(&root.join("home"));
    homes.push(root.join("root"));
    let mut found = Vec::new();
    for home in homes {
        found.extend(CHROMIUM.iter().map(|place| home.join(place)));
        found.extend(FIREFOX.iter().flat_map(|place| folders_in(&home.join(place))));
    }
    found.retain(|folder| is_own(&folder.join("cert9.db")));
    found.sort();
    found
}

/// A file, and no link: whoever owns a home could have it lead to somebody else's.
fn is_own(file: &Path) -> bool {
    std::fs::symlink_metadata(file).is_ok_and(|file| file.is_file())
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten().take(FOLDERS_MAX);
    listed
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

pub(super) fn look(folder: &Path, authority: &Authority) -> TrustState {
    match certutil(folder, &["-L", "-a", "-n", &authority.name]) {
        Ok(shown) => {
            let text = String::from_utf8_lossy(&shown.stdout);
            let is_there = shown.status.success() && same_certificate(&text, &authority.pem);
            if is_there { TrustState::Trusted } else { TrustState::Missing }
        }
        Err(failure) => TrustState::Unknown(failure.cause),
    }
}

pub(super) fn install(folder: &Path, authority: &Authority) -> Result<(), Failure> {
    if look(folder, authority) == TrustState::Trusted {
        return Ok(());
    }
    remove(folder)?;
    let file = authority.file.display().to_string();
    let added = certutil(folder, &["-A", "-a", "-n", &authority.name, "-t", TRUST, "-i", &file])?;
    went_well(folder, &added)
}

pub(super) fn remove(folder: &Path) -> Result<bool, Failure> {
    let listed = certutil(folder, &["-L"])?;
    went_well(folder, &listed)?;
    let text = String::from_utf8_lossy(&listed.stdout);
    let ours: Vec<String> = text.lines().filter_map(name_in).collect();
    for name in &ours {
        went_well(folder, &certutil(folder, &["-D", "-n", name])?)?;
    }
    Ok(!ours.is_empty())
}

/// A name of ours in a line of the list; what it is trusted for follows.
fn name_in(line: &str) -> Option<String> {
    let digits = line.strip_prefix(NAME_BEGINS)?.split_whitespace().next()?;
    Some(format!("{NAME_BEGINS}{digits}"))
}

fn certutil(folder: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    let database = format!("sql:{}", folder.display());
    let asked = Command::new("certutil").args(arguments).args(["-d", &database]).output();
    asked.map_err(|error| {
        let cause = format!("certutil: {error}");
        Failure::new("certutil_missing", cause, "install the package libnss3-tools, which has certutil")
    })
}

fn went_well(folder: &Path, done: &Output) -> Result<(), Failure> {
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let cause = format!("{}: {}", folder.display(), said.trim());
    Err(Failure::new("trust_not_writable", cause, "run the command as the database's owner, or as root"))
}
