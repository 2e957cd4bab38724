//! The portrait on a card, decoded by a program of the operator's.
//!
//! No free decoder of the compressed form (WLT) is known, so none comes with the agent. The program gets 1024
//! bytes on its standard input and writes a BMP, PNG or JPEG to its standard output. It is foreign code that
//! sees a face: it runs without network, environment and files of its own, in bounded time and memory, and
//! nothing of what it writes but the pixels goes on.

#[cfg(unix)]
mod child;
#[cfg(unix)]
mod sandbox;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use yidang_device::WLT_LENGTH_BYTES;
use yidang_imaging::PortraitError;
#[cfg(unix)]
use yidang_imaging::portrait;

/// Longest time the program gets.
pub(crate) const DECODED_WITHIN: Duration = Duration::from_secs(5);
/// Most it may write.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// The configured program.
pub(crate) struct PhotoDecoder {
    program: PathBuf,
    #[cfg(unix)]
    sandbox: sandbox::Sandbox,
}

/// Why there is no portrait. Quotes nothing of the photo.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(unix), allow(dead_code, reason = "no program is run there"))]
pub(crate) enum DecodeError {
    /// The program cannot be run.
    #[error("{0}")]
    NoDecoder(String),
    /// The card's photo has another length than a decoder takes.
    #[error("the card's photo has {0} bytes, not {WLT_LENGTH_BYTES}")]
    Length(usize),
    /// The system did not let it start, or be watched.
    #[error("the photo decoder cannot be run: {0}")]
    System(#[from] std::io::Error),
    /// It took too long and was killed.
    #[error("the photo decoder was not done within {} seconds", DECODED_WITHIN.as_secs())]
    Time,
    /// It wrote too much and was killed.
    #[error("the photo decoder wrote more than {OUTPUT_BYTES_MAX} bytes")]
    TooMuch,
    /// It said that it failed.
    #[error("the photo decoder failed: {0}")]
    Failed(std::process::ExitStatus),
    /// What it wrote is no portrait.
    #[error("the photo decoder's picture: {0}")]
    Picture(#[from] PortraitError),
}

impl PhotoDecoder {
    /// Finds out how far the system lets the program be shut in. Runs nothing of the operator's.
    pub(crate) fn new(program: PathBuf) -> Self {
        Self {
            program,
            #[cfg(unix)]
            sandbox: sandbox::Sandbox::find(),
        }
    }

    /// Why the program cannot be run; `None`: it can.
    pub(crate) fn absent(&self) -> Option<String> {
        why_not(&self.program)
    }

    /// What it is not kept from although it should be; `None`: nothing.
    pub(crate) fn exposed(&self) -> Option<&'static str> {
        #[cfg(unix)]
        return self.sandbox.lacks();
        #[cfg(not(unix))]
        return None;
    }

    /// Says once, at the start, what is wrong with it.
    pub(crate) fn warn(&self) {
        if let Some(reason) = self.absent() {
            tracing::warn!(%reason, "photos stay compressed");
        } else if let Some(reason) = self.exposed() {
            tracing::warn!(%reason, "the photo decoder is not shut in");
        }
    }

    /// The portrait as PNG. Blocks for at most [`DECODED_WITHIN`] and a moment; then nothing of the program is
    /// left running.
    #[cfg(unix)]
    pub(crate) fn decode(&self, photo_wlt: &[u8]) -> Result<Vec<u8>, DecodeError> {
        if let Some(reason) = self.absent() {
            return Err(DecodeError::NoDecoder(reason));
        }
        if photo_wlt.len() != WLT_LENGTH_BYTES {
            return Err(DecodeError::Length(photo_wlt.len()));
        }
        let folder = tempfile::tempdir()?;
        let mut command = self.sandbox.command(&self.program);
        command.env_clear().current_dir(folder.path());
        let bytes = child::output(command, photo_wlt, DECODED_WITHIN, OUTPUT_BYTES_MAX)?;
        Ok(portrait(&bytes)?)
    }

    #[cfg(not(unix))]
    pub(crate) fn decode(&self, _: &[u8]) -> Result<Vec<u8>, DecodeError> {
        Err(DecodeError::NoDecoder(self.absent().unwrap_or_default()))
    }
}

#[cfg(unix)]
fn why_not(program: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = std::fs::metadata(program);
    let shown = program.display();
    match found {
        Err(e) => Some(format!("photo decoder {shown}: {e}")),
        Ok(file) if !file.is_file() => Some(format!("photo decoder {shown}: not a program")),
        Ok(file) if file.permissions().mode() & 0o111 == 0 => {
            Some(format!("photo decoder {shown}: not executable; allow it with chmod +x"))
        }
        Ok(_) => None,
    }
}

#[cfg(not(unix))]
fn why_not(_: &Path) -> Option<String> {
    Some("photo decoders are run on Linux and macOS alone".to_owned())
}
