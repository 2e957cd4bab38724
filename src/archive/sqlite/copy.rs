//! Copies of databases that are not ours to open: even to read one, SQLite writes beside it.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::files::durable;

/// What a crash leaves beside a database and belongs to it. The shared memory is made anew.
const JOURNALS: [&str; 2] = ["-wal", "-journal"];

/// Copies a database of that name, journals included, into another folder, where nothing of that name is; `false` where
/// there is none. Nobody may be writing to it.
pub fn copy_database(from: &Path, name: &str, to: &Path) -> io::Result<bool> {
    if !copy(&from.join(name), &to.join(name))? {
        return Ok(false);
    }
    for journal in JOURNALS {
        let name = format!("{name}{journal}");
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(true)
}

fn copy(from: &Path, to: &Path) -> io::Result<bool> {
    let mut original = match File::open(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        original => original?,
    };
    io::copy(&mut original, &mut durable::create_private_file(to)?)?;
    Ok(true)
}
