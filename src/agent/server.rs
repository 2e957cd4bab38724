//! Serving connections: how many at a time, how patiently, and how they end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_http::timeout::RequestBodyTimeoutLayer;

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

/// Serves until `stop` resolves, then finishes the requests that are in flight, for as long as it takes: the
/// caller bounds it.
pub(crate) async fn serve(listener: TcpListener, service: Router, stop: impl Future<Output = ()>) {
    let service = service.layer(RequestBodyTimeoutLayer::new(BODY_PAUSE_MAX));
    let graceful = GracefulShutdown::new();
    tokio::select! {
        () = accept(&listener, &service, &graceful) => {}
        () = stop => {}
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &TcpListener, service: &Router, graceful: &GracefulShutdown) {
    let places = std::sync::Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Whoever comes when all places are taken waits in the operating system's queue, and takes nothing of
        // what those who are served need.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, service, graceful, place))),
            Err(error) => {
                // Out of descriptors, or a connection that broke before it was taken: neither is the end.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn connection(
    stream: TcpStream,
    service: &Router,
    graceful: &GracefulShutdown,
    place: OwnedSemaphorePermit,
) -> impl Future<Output = ()> + Send + use<> {
    // Answers are small and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays with delayed sending");
    }
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service.clone()));
    let watched = graceful.watch(connection);
    async move {
        // What goes wrong here is the peer's: it went away, or spoke no HTTP.
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(place);
    }
}
