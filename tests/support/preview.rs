//! A program that watches a preview, over a bare connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for anything to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer that goes on.
pub(crate) struct Preview {
    reader: BufReader<TcpStream>,
    /// The status.
    pub(crate) status: u16,
    /// The head, in lower case.
    pub(crate) head: String,
    /// What came of the chunk at hand and was not read yet.
    chunk: Vec<u8>,
}

impl Preview {
    /// Asks for this address of the service, with these header lines besides.
    pub(crate) fn begin(service: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        let host = service.strip_prefix("http://").expect("a service's address");
        let mut stream = TcpStream::connect(host).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a wait is set");
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).expect("it is sent");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("an answer") > 0, "it hung up: {head}");
        }
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        Self { reader, status, head: head.to_ascii_lowercase(), chunk: Vec::new() }
    }

    /// The next part's bytes, after checking how it is written; `None`: the stream has ended.
    pub(crate) fn frame(&mut self) -> Option<Vec<u8>> {
        let mut line = self.line()?;
        if line == "--yidang-frame" {
            line = self.line()?;
        }
        assert_eq!(line, "content-type: image/jpeg");
        let length = self.line().expect("a length");
        let length = length.strip_prefix("content-length: ").expect("a length").parse().expect("a number");
        assert_eq!(self.line().as_deref(), Some(""));
        let frame = self.take(length).expect("a whole frame");
        assert_eq!(self.take(2).expect("the line's end"), b"\r\n");
        // It comes with the frame, or browsers would show each frame one late.
        assert_eq!(self.line().as_deref(), Some("--yidang-frame"));
        Some(frame)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.take(1)?);
        }
        Some(String::from_utf8(line).expect("text").trim_end().to_ascii_lowercase())
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.chunk.len() < count {
            let mut size = String::new();
            self.reader.read_line(&mut size).expect("a chunk comes in time");
            let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
            if size == 0 {
                return None;
            }
            let mut chunk = vec![0; size + 2];
            self.reader.read_exact(&mut chunk).expect("a whole chunk");
            self.chunk.extend_from_slice(&chunk[..size]);
        }
        let rest = self.chunk.split_off(count);
        Some(std::mem::replace(&mut self.chunk, rest))
    }
}
