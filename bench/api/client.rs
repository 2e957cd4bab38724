//! A client that keeps its connection, and costs as little as it can.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::Failure;

/// Longest wait for anything to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call, ready to be sent.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) media_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn get(name: &'static str, path: impl Into<String>) -> Self {
        Self { name, method: "GET", path: path.into(), media_type: "", body: Vec::new() }
    }

    pub(crate) fn post(name: &'static str, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { name, method: "POST", path: path.into(), media_type: "application/json", body: body.into() }
    }
}

pub(crate) struct Client {
    reader: BufReader<TcpStream>,
    host: String,
    token: String,
}

impl Client {
    pub(crate) fn connect(url: &str, token: &str) -> Result<Self, Failure> {
        let host = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { reader: BufReader::new(stream), host, token: token.to_owned() })
    }

    /// Sends the call and reads the whole answer; how long that took, the status and the body.
    pub(crate) fn call(&mut self, call: &Call) -> Result<(Duration, u16, Vec<u8>), Failure> {
        let mut request = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n",
            call.method,
            call.path,
            self.host,
            self.token,
            call.body.len()
        );
        if !call.media_type.is_empty() {
            request.push_str(&format!("Content-Type: {}\r\n", call.media_type));
        }
        let mut bytes = format!("{request}\r\n").into_bytes();
        bytes.extend_from_slice(&call.body);
        let began = Instant::now();
        self.reader.get_mut().write_all(&bytes)?;
        let (status, length) = self.head()?;
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok((began.elapsed(), status, body))
    }

    /// The same, where anything but success is a failure; how long it took, and the body.
    pub(crate) fn done(&mut self, call: &Call) -> Result<(Duration, Vec<u8>), Failure> {
        let (took, status, body) = self.call(call)?;
        if (200..300).contains(&status) {
            return Ok((took, body));
        }
        Err(format!("{}: {status} {}", call.name, String::from_utf8_lossy(&body)).into())
    }

    /// Begins an answer that goes on; its lines are read one by one.
    pub(crate) fn stream(mut self, path: &str) -> Result<BufReader<TcpStream>, Failure> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\n\r\n",
            self.host, self.token
        );
        self.reader.get_mut().write_all(request.as_bytes())?;
        let (status, _) = self.head()?;
        if status == 200 { Ok(self.reader) } else { Err(format!("{path}: {status}").into()) }
    }

    fn head(&mut self) -> Result<(u16, usize), Failure> {
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Err("it hung up".into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                return Ok((status, length));
            }
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest.get(..3).unwrap_or_default().parse()?;
            }
            if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse()?;
            }
        }
    }
}
