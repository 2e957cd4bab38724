//! The command's end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::message::Line;
use super::{Listen, Outcome, Request, socket};
use crate::failure::Failure;

/// Bytes of one line of an answer: a report of a thousand damages fits several times.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// Longest silence: part of a check tells no progress. A daemon that ends ends the connection at once.
const SILENCE_MAX: Duration = Duration::from_secs(60 * 60);
/// How long the daemon may take to take the request.
const SEND_WAIT: Duration = Duration::from_secs(10);

/// A connection to the daemon that runs on a data folder.
pub(crate) struct Connection(UnixStream);

impl Connection {
    /// Connects; an error where nobody listens.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        Ok(Self(socket::reach(data_dir, |path| UnixStream::connect(path))?))
    }

    /// Has the daemon do it. Blocks as long as that takes.
    pub(crate) fn ask(self, request: &Request, listen: Listen<'_>) -> Result<Outcome, Failure> {
        let lost = |error: io::Error| {
            let remedy = "see the daemon's log; ask again once it runs";
            Failure::new("daemon_lost", format!("the daemon ended before it had answered ({error})"), remedy)
        };
        self.send(request).map_err(lost)?;
        let mut lines = BufReader::new(&self.0);
        loop {
            let mut text = String::new();
            (&mut lines).take(LINE_BYTES_MAX).read_line(&mut text).map_err(lost)?;
            if text.is_empty() {
                return Err(lost(io::ErrorKind::UnexpectedEof.into()));
            }
            match serde_json::from_str(&text).map_err(|e| lost(e.into()))? {
                Line::News(news) => {
                    let cut = |e| Failure::new("output_failed", e, "see what takes the output");
                    listen(news).map_err(cut)?;
                }
                Line::Done(outcome) => return Ok(outcome),
                Line::Failed(failure) => return Err(failure),
            }
        }
    }

    fn send(&self, request: &Request) -> io::Result<()> {
        self.0.set_write_timeout(Some(SEND_WAIT))?;
        self.0.set_read_timeout(Some(SILENCE_MAX))?;
        let mut text = serde_json::to_vec(request)?;
        text.push(b'\n');
        (&self.0).write_all(&text)?;
        request.body().iter().try_for_each(|bytes| (&self.0).write_all(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::control::News;

    /// Asks a daemon that answers with these bytes and ends.
    fn ask(answer: &'static [u8]) -> (Vec<News>, Result<Outcome, Failure>) {
        let folder = tempfile::tempdir().unwrap();
        let listener = socket::reach(folder.path(), |path| UnixListener::bind(path)).unwrap();
        let daemon = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            request
        });
        let mut heard = Vec::new();
        let asked = Connection::open(folder.path()).unwrap().ask(&Request::RebuildIndex, &mut |news| {
            heard.push(news);
            Ok(())
        });
        assert_eq!(daemon.join().unwrap(), "{\"request\":\"rebuild_index\"}\n");
        (heard, asked)
    }

    #[test]
    fn news_come_before_the_outcome() {
        let answer =
            b"{\"news\":{\"progress\":{\"done\":1,\"all\":2}}}\n{\"done\":{\"rebuilt\":{\"entries\":2}}}\n";
        let (heard, outcome) = ask(answer);
        assert_eq!(heard, [News::Progress { done: 1, all: 2 }]);
        assert_eq!(outcome, Ok(Outcome::Rebuilt { entries: 2 }));
    }

    #[test]
    fn a_daemon_that_ends_or_says_nonsense_is_no_outcome() {
        for answer in [&b""[..], b"{\"news\":{\"progress\":{\"done\":1,\"all\":2}}}\n", b"{\"done\"", b"{}\n"]
        {
            assert_eq!(ask(answer).1.unwrap_err().code, "daemon_lost");
        }
    }
}
