//! Serving connections: how many at a time, how patiently, and how they end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::clock;
use crate::guard::Arrival;

/// Open connections, waiting event streams included; half of what a process may usually have open.
const CONNECTIONS_MAX: usize = 512;
/// Connections that wait in the operating system for a place. Beyond that it lets a client try again a second later.
const WAITING_MAX: u32 = 1024;
/// How long a connection may idle, or take for the head of a request: on loopback a new one costs nothing.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// How long a body may pause.
const BODY_PAUSE_MAX: Duration = Duration::from_secs(15);
/// How long to pause when the operating system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens at an address.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port that is free again can be had at once. On Windows this would let another program share it.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

/// Where connections come in.
pub(crate) struct Entrance {
    /// What listens.
    pub(crate) listener: TcpListener,
    /// What makes https of a connection; `None`: it is plain.
    pub(crate) tls: Option<TlsAcceptor>,
    /// What a request is told of it.
    pub(crate) arrival: Arrival,
}

/// Serves until `stop` resolves, then finishes the requests that are in flight, for as long as it takes: the
/// caller bounds it. The first entrance is there in any case, the second if there is one.
pub(crate) async fn serve(
    first: Entrance,
    second: Option<Entrance>,
    service: Router,
    stop: impl Future<Output = ()>,
) {
    let service = service.layer(RequestBodyTimeoutLayer::new(BODY_PAUSE_MAX));
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let also = async {
        match &second {
            Some(second) => accept(second, &service, &graceful, &places).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = accept(&first, &service, &graceful, &places) => {}
        () = also => {}
        () = stop => {}
    }
    drop((first, second));
    graceful.shutdown().await;
}

async fn accept(entrance: &Entrance, service: &Router, graceful: &GracefulShutdown, places: &Arc<Semaphore>) {
    let service = service.clone().layer(Extension(entrance.arrival));
    loop {
        // Whoever comes when all places are taken waits in the operating system's queue, and takes nothing of
        // what those who are served need.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match entrance.listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and wanted at once.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection stays with delayed sending");
                }
                let (service, watcher) = (service.clone(), graceful.watcher());
                match entrance.tls.clone() {
                    None => drop(tokio::spawn(connection(stream, service, watcher, place))),
                    Some(tls) => drop(tokio::spawn(secured(stream, tls, service, watcher, place))),
                }
            }
            Err(error) => {
                // Out of descriptors, or a connection that broke before it was taken: neither is the end.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One by https. Who does not come through the handshake in time is hung up on.
async fn secured(
    stream: TcpStream,
    tls: TlsAcceptor,
    service: Router,
    watcher: Watcher,
    place: OwnedSemaphorePermit,
) {
    match tokio::time::timeout(HEAD_WAIT, tls.accept(stream)).await {
        Ok(Ok(stream)) => connection(stream, service, watcher, place).await,
        Ok(Err(error)) => tracing::debug!(%error, "a connection by https did not begin"),
        Err(_) => tracing::debug!("a connection by https took too long to begin"),
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Router,
    watcher: Watcher,
    place: OwnedSemaphorePermit,
) {
    if !clock::can_date_answers() {
        tracing::error!(
            "clock_wrong: the clock shows a time before 1970 or after 9999; nobody is answered until it is set"
        );
        return;
    }
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    // What goes wrong here is the peer's: it went away, or spoke no HTTP.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(place);
}
