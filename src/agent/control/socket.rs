//! Where the socket is, and how to name it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The socket in the data folder.
const FILE: &str = "control.sock";
/// Where Linux shows a process its open files.
const OPEN_FILES: &str = "/proc/self/fd";

/// The socket's path.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Binds or connects the socket. A socket's address holds 107 bytes of path (104 on some systems): under a
/// longer one it is named through the open folder, where the system has such names.
pub(super) fn reach<T>(data_dir: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = path(data_dir);
    if SocketAddr::from_pathname(&path).is_ok() {
        return act(&path);
    }
    let folder = File::open(data_dir)?;
    let short = Path::new(OPEN_FILES).join(folder.as_raw_fd().to_string());
    if !short.exists() {
        let reason = format!("{}: longer than a socket's address may be", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidFilename, reason));
    }
    act(&short.join(FILE))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn short_and_long_folders_both_have_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["short".to_owned(), "long".repeat(40)] {
            let data_dir = folder.path().join(name);
            std::fs::create_dir(&data_dir).unwrap();
            let listener = reach(&data_dir, |path| UnixListener::bind(path)).unwrap();
            assert!(path(&data_dir).exists());
            reach(&data_dir, |path| UnixStream::connect(path)).unwrap();
            listener.accept().unwrap();
        }
    }
}
