//! A TCP proxy between an agent and the repository: a network that cuts and stalls.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Small, so that a cut falls inside of what is on its way.
const PIECE: usize = 2048;
/// How soon a stalled connection notices better weather.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What the network does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// It carries everything.
    Fair,
    /// It carries so many more bytes, both directions together, and then ends every connection at once, until the
    /// weather changes.
    CutAfter {
        /// How many.
        bytes: i64,
    },
    /// It takes connections and bytes and carries nothing on.
    Stalled,
}

struct Shared {
    upstream: SocketAddr,
    weather: Mutex<Weather>,
    left: AtomicI64,
    closed: AtomicBool,
}

/// The proxy. Its threads end when it is dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    /// In front of the server at this `http://` address, in fair weather.
    pub(crate) fn start(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            upstream,
            weather: Mutex::new(Weather::Fair),
            left: AtomicI64::new(0),
            closed: AtomicBool::new(false),
        });
        let listening = thread::spawn({
            let shared = shared.clone();
            move || listen(&listener, &shared)
        });
        Self { url: format!("http://{address}"), address, shared, listening: Some(listening) }
    }

    /// Changes the weather, for connections that are open too.
    pub(crate) fn set(&self, weather: Weather) {
        let mut now = self.shared.weather.lock().unwrap_or_else(PoisonError::into_inner);
        if let Weather::CutAfter { bytes } = weather {
            self.shared.left.store(bytes, Ordering::SeqCst);
        }
        *now = weather;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the listening thread.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            listening.join().expect("the proxy worked to the end");
        }
    }
}

impl Shared {
    fn weather(&self) -> Weather {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of these bytes get through; waits out a stall. Fewer than all: the connection ends.
    fn passage(&self, wanted: usize) -> usize {
        loop {
            match self.weather() {
                _ if self.closed.load(Ordering::SeqCst) => return 0,
                Weather::Fair => return wanted,
                Weather::Stalled => thread::sleep(LOOK_EVERY),
                Weather::CutAfter { .. } => {
                    let size = wanted as i64;
                    let before = self.left.fetch_sub(size, Ordering::SeqCst);
                    return before.clamp(0, size) as usize;
                }
            }
        }
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(client), shared) = (client, shared.clone()) else { continue };
        thread::spawn(move || carry(&client, &shared));
    }
}

fn carry(client: &TcpStream, shared: &Arc<Shared>) {
    let Ok(server) = TcpStream::connect(shared.upstream) else { return };
    thread::scope(|scope| {
        scope.spawn(|| pump(client, &server, shared));
        scope.spawn(|| pump(&server, client, shared));
    });
}

/// Carries one direction until either end closes or the weather cuts it, which ends both directions.
fn pump(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared) {
    let mut piece = [0; PIECE];
    loop {
        let count = from.read(&mut piece).unwrap_or(0);
        if count == 0 {
            // The other direction may still have something to say.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        let passed = shared.passage(count);
        let sent = to.write_all(&piece[..passed]);
        if passed < count || sent.is_err() {
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            return;
        }
    }
}
