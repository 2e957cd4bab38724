//! Many requests of one program at once, each over a connection of its own.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::wait_until;

/// Longest wait for the head of an answer that is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// A request that was sent, and as much of its answer as has come.
pub(super) struct Asked {
    stream: TcpStream,
    came: Vec<u8>,
    has_ended: bool,
}

/// An answer's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) retry_after_s: Option<u64>,
    /// As much of the body as has come.
    pub(super) body: String,
}

impl Asked {
    /// Sends the bytes to this host.
    pub(super) fn begin(host: &str, request: &[u8]) -> Self {
        let mut stream = TcpStream::connect(host).expect("a connection");
        // The daemon may have refused it before everything was sent.
        let _ = stream.write_all(request);
        stream.set_nonblocking(true).expect("it is set");
        Self { stream, came: Vec::new(), has_ended: false }
    }

    /// What has come by now; `None`: no whole head yet.
    pub(super) fn head(&mut self) -> Option<Head> {
        let mut piece = [0; 4096];
        while !self.has_ended && self.came.len() < 64 << 10 {
            match self.stream.read(&mut piece) {
                Ok(0) => self.has_ended = true,
                Ok(count) => self.came.extend(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.has_ended = true,
            }
        }
        let text = String::from_utf8_lossy(&self.came);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let retry_after_s = head.to_ascii_lowercase().lines().find_map(|line| {
            let value = line.strip_prefix("retry-after: ")?;
            Some(value.parse().expect("whole seconds"))
        });
        Some(Head { status, retry_after_s, body: body.to_owned() })
    }

    /// Waits for it. `None`: it was hung up on.
    pub(super) fn answer(mut self) -> Option<Head> {
        let began = std::time::Instant::now();
        loop {
            if let Some(head) = self.head() {
                // A problem is short, and comes with its head or right after.
                if head.status < 400 || head.body.ends_with('}') || self.has_ended {
                    return Some(head);
                }
            } else if self.has_ended {
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "no answer came");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The heads of all that have answered, once so many were sent away.
pub(super) fn sent_away(asked: &mut [Asked], wanted: usize) -> Vec<Head> {
    let mut heads = Vec::new();
    wait_until("those too many are sent away", || {
        heads = asked.iter_mut().filter_map(Asked::head).collect();
        heads.iter().filter(|head| head.status == 429 && head.body.ends_with('}')).count() >= wanted
    });
    heads
}
