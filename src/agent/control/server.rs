//! The daemon's end.

use std::io::{self, Read as _, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::message::Line;
use super::{Outcome, Request, Workplace, socket};
use crate::failure::Failure;

/// Bytes of a request.
const REQUEST_BYTES_MAX: u64 = 16 << 10;
/// How long a request may take to arrive, and how long to pause when no connection can be taken.
const REQUEST_WAIT: Duration = Duration::from_secs(5);
/// How long an answer may wait for whoever asked to read on; a list may be read in a pager.
const READER_WAIT: Duration = Duration::from_secs(600);
/// Commands served at a time; more wait their turn.
const CONNECTIONS_MAX: usize = 8;

/// The listening socket; removed when dropped.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// The account this daemon runs as.
    account: u32,
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket could not be removed");
        }
    }
}

impl Control {
    /// Listens in this data folder, whose lock the caller holds: a socket left there belongs to nobody.
    pub(crate) fn bind(data_dir: &Path) -> io::Result<Self> {
        let path = socket::path(data_dir);
        // Where a folder lies, `remove_file` says only what it is.
        let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
        let why = |e: io::Error| match is_folder {
            true => io::Error::new(e.kind(), format!("{} is a folder: move it away", path.display())),
            false => io::Error::new(e.kind(), format!("{}: {e}", path.display())),
        };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(why(error)),
            _ => {}
        }
        let listener = socket::reach(data_dir, |path| UnixListener::bind(path))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let account = std::fs::symlink_metadata(&path)?.uid();
        Ok(Self { listener, path, account })
    }

    /// Answers until it is aborted. Work under way goes on; the process may end without waiting for it where
    /// [`Request::may_be_cut_off`].
    pub(crate) async fn serve(self, place: Arc<Workplace>) {
        let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let long = Arc::new(Mutex::new(()));
        loop {
            let Ok(turn) = turns.clone().acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) if self.is_admitted(&stream) => {
                    tokio::spawn(answer(stream, place.clone(), long.clone(), turn));
                }
                Ok(_) => tracing::warn!("another account tried the control socket"),
                Err(error) => {
                    tracing::warn!(%error, "a control connection could not be taken");
                    tokio::time::sleep(REQUEST_WAIT).await;
                }
            }
        }
    }

    /// The file's mode says the same, but not yet in the moment when the socket is made.
    fn is_admitted(&self, stream: &UnixStream) -> bool {
        stream.peer_cred().is_ok_and(|peer| peer.uid() == self.account || peer.uid() == 0)
    }
}

async fn answer(
    mut stream: UnixStream,
    place: Arc<Workplace>,
    long: Arc<Mutex<()>>,
    turn: OwnedSemaphorePermit,
) {
    let mut line = String::new();
    let mut lines = BufReader::new((&mut stream).take(REQUEST_BYTES_MAX));
    if !matches!(timeout(REQUEST_WAIT, lines.read_line(&mut line)).await, Ok(Ok(1..))) {
        return;
    }
    // What follows the line may have come along with it.
    let begun = lines.buffer().to_vec();
    // From here on it is blocking work.
    let Ok(stream) = stream.into_std() else { return };
    let request = serde_json::from_str::<Request>(&line).ok();
    drop(line);
    let may_be_cut_off = request.as_ref().is_none_or(Request::may_be_cut_off);
    let work = move || {
        if let Err(error) = converse(stream, request, begun, &place, &long) {
            tracing::debug!(%error, "a control connection ended early");
        }
        drop(turn);
    };
    if may_be_cut_off {
        // The runtime waits for its own threads when it ends, and a check may take an hour.
        if let Err(error) = std::thread::Builder::new().name("control".into()).spawn(work) {
            tracing::warn!(%error, "no thread for a control connection");
        }
    } else {
        tokio::task::spawn_blocking(work);
    }
}

fn converse(
    mut stream: std::os::unix::net::UnixStream,
    mut request: Option<Request>,
    begun: Vec<u8>,
    place: &Workplace,
    long: &Mutex<()>,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(READER_WAIT))?;
    if let Some(request) = &mut request {
        read_body(&mut stream, request, begun)?;
    }
    let outcome = match &request {
        Some(request) => carry_out(&mut stream, request, place, long),
        None => Err(Failure::new(
            "request_unknown",
            "the daemon does not know this request",
            "restart the daemon: it is of another version than the command",
        )),
    };
    send(&mut stream, &outcome.into())
}

/// Reads the bytes that follow a request's line, of which some may have come already.
fn read_body(
    stream: &mut std::os::unix::net::UnixStream,
    request: &mut Request,
    mut body: Vec<u8>,
) -> io::Result<()> {
    let size = request.body_bytes().ok_or(io::ErrorKind::InvalidData)?;
    stream.set_read_timeout(Some(REQUEST_WAIT))?;
    let missing = size.saturating_sub(body.len());
    body.reserve_exact(missing);
    let read = stream.take(missing as u64).read_to_end(&mut body)?;
    if read < missing || body.len() > size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    request.set_body(body);
    Ok(())
}

fn carry_out(
    stream: &mut std::os::unix::net::UnixStream,
    request: &Request,
    place: &Workplace,
    long: &Mutex<()>,
) -> Result<Outcome, Failure> {
    let only = request.is_long().then(|| long.try_lock());
    if let Some(Err(TryLockError::WouldBlock)) = only {
        let cause = "another command has long work under way";
        return Err(Failure::new("busy", cause, "try again when that has ended"));
    }
    place.carry_out(request, &mut |news| send(stream, &Line::News(news)))
}

fn send(stream: &mut std::os::unix::net::UnixStream, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    stream.write_all(&text)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixStream as Stream;

    use yidang_archive::{Archive, ArchiveOptions};

    use super::*;

    fn place(folder: &Path) -> Workplace {
        let (data_dir, keys_dir) = (folder.join("data"), folder.join("keys"));
        let archive = Archive::open(&ArchiveOptions { data_dir, keys_dir }).unwrap();
        Workplace {
            archive,
            sync: None,
            repository: None,
            counter: "window".into(),
            retention: Default::default(),
            card: None,
        }
    }

    /// The last line of an answer.
    fn answer_to(request: Option<Request>, place: &Workplace, long: &Mutex<()>) -> Line {
        let (ours, theirs) = Stream::pair().unwrap();
        converse(theirs, request, Vec::new(), place, long).unwrap();
        let last = BufReader::new(ours).lines().last().unwrap().unwrap();
        serde_json::from_str(&last).unwrap()
    }

    #[test]
    fn one_long_job_at_a_time_and_short_ones_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (place, long) = (place(folder.path()), Mutex::new(()));
        let held = long.lock().unwrap();
        let of = crate::control::AuditTopic::NoCard;
        let wish = crate::control::AuditWish { of, since: None, until: None, limit: 1 };
        for request in
            [Request::Verify { deep: false, repair: false }, Request::RebuildIndex, Request::Audit(wish)]
        {
            let Line::Failed(failure) = answer_to(Some(request), &place, &long) else { panic!("busy") };
            assert_eq!(failure.code, "busy");
        }
        assert!(matches!(answer_to(Some(Request::List), &place, &long), Line::Done(Outcome::Listed)));
        assert!(matches!(answer_to(Some(Request::Stats), &place, &long), Line::Done(Outcome::Stats(_))));
        drop(held);
        let Line::Done(Outcome::Verified(report)) =
            answer_to(Some(Request::Verify { deep: false, repair: false }), &place, &long)
        else {
            panic!("a report")
        };
        assert!(report.clean);
    }

    #[test]
    fn what_it_does_not_know_or_was_not_started_for_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (place, long) = (place(folder.path()), Mutex::new(()));
        let Line::Failed(failure) = answer_to(None, &place, &long) else { panic!("unknown") };
        assert_eq!(failure.code, "request_unknown");
        let enrol = Request::Enrol { code: "C".into(), repository: "https://one.example".into() };
        let Line::Failed(failure) = answer_to(Some(enrol), &place, &long) else { panic!("no repository") };
        assert_eq!(failure.code, "configuration_differs");
    }

    #[test]
    fn the_bytes_that_follow_a_request_are_taken_whole_or_not_at_all() {
        let stage = |sizes: &[usize]| {
            let line = serde_json::json!({"request": "import", "import": "stage", "key": "k", "page": 1,
                "again": false, "operator": null, "note": "n", "sizes": sizes});
            serde_json::from_value::<Request>(line).unwrap()
        };
        let read = |sizes: &[usize], begun: &[u8], rest: &[u8]| {
            let (mut ours, mut theirs) = Stream::pair().unwrap();
            ours.write_all(rest).unwrap();
            drop(ours);
            let mut request = stage(sizes);
            read_body(&mut theirs, &mut request, begun.to_vec()).map(|()| request.body().to_vec())
        };
        let whole = read(&[2, 3], b"a", b"bcde").unwrap();
        assert_eq!(whole, [b"ab".to_vec(), b"cde".to_vec()]);
        assert_eq!(read(&[], b"", b"").unwrap(), [] as [Vec<u8>; 0]);
        assert!(read(&[2, 3], b"a", b"bcd").is_err(), "cut off");
        assert!(read(&[2], b"abc", b"").is_err(), "more than was said");
        assert!(read(&[1 << 40], b"", b"").is_err(), "more than may be");
        assert!(read(&[1, 1, 1], b"", b"abc").is_err(), "more blobs than may be");
    }

    #[test]
    fn a_request_without_end_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let place = Arc::new(place(folder.path()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async {
            let serving = tokio::spawn(Control::bind(folder.path()).unwrap().serve(place));
            let mut stream = Stream::connect(socket::path(folder.path())).unwrap();
            let mut answer = String::new();
            let asked = tokio::task::spawn_blocking(move || {
                // What is beyond the limit may not be taken any more.
                let _ = stream.write_all(&vec![b'x'; 1 << 20]);
                let _ = stream.read_to_string(&mut answer);
                answer
            });
            let answer = asked.await.unwrap();
            serving.abort();
            assert!(serving.await.is_err());
            answer
        });
        assert!(answer.is_empty() || answer.contains("request_unknown"), "{answer}");
        assert!(!socket::path(folder.path()).exists());
    }
}
