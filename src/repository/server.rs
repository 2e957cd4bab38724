//! The running repository: listening, serving, sweeping, stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use yidang_archive::Scrubber;
use yidang_service::clock;

use crate::config::Config;
use crate::control::Control;
use crate::error::StartError;
use crate::limits::{CONNECTIONS_MAX, FIRST_SWEEP_AFTER, HEAD_WAIT, STOP_WAIT, SWEEP_EVERY, WORK_MAX};
use crate::repository::Repository;
use crate::routes::routes;

/// How long to pause when the operating system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A repository that listens and does not serve yet.
pub struct Server {
    repository: Arc<Repository>,
    listener: TcpListener,
    address: SocketAddr,
    control: Option<Control>,
    scrub_bytes_per_second: u64,
}

impl Server {
    /// Opens the repository, finishes what a crash interrupted, and listens. Connections wait until
    /// [`Server::run`].
    pub async fn bind(config: &Config) -> Result<Self, StartError> {
        if !clock::can_date_answers() {
            return Err(StartError::ClockWrong);
        }
        let owned = config.clone();
        let repository = tokio::task::spawn_blocking(move || Repository::open(&owned))
            .await
            .map_err(|_| StartError::System("opening the repository stopped on a defect".to_owned()))??;
        let failed = |e: std::io::Error| StartError::Listen {
            address: config.listen.to_string(),
            reason: e.to_string(),
        };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let control = Control::bind(&config.data_dir)
            .inspect_err(
                |error| tracing::warn!(%error, "no control socket: `check` needs the repository stopped"),
            )
            .ok();
        let scrub_bytes_per_second = config.scrub_bytes_per_second;
        Ok(Self { repository: Arc::new(repository), listener, address, control, scrub_bytes_per_second })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is done, then lets what is under way finish for at most ten seconds. When it
    /// returns, the data folder is free for another process, unless something had to be cut off.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { repository, listener, control, .. } = self;
        let tending = tokio::spawn(sweep(repository.clone()));
        let controlled = control.map(|control| tokio::spawn(control.serve(repository.clone())));
        let scrubber = start_scrub(&repository, self.scrub_bytes_per_second);
        let graceful = GracefulShutdown::new();
        tokio::select! {
            () = accept(&repository, &listener, &graceful) => {}
            () = shutdown => {}
        }
        drop(listener);
        tracing::info!("stopping");
        repository.stop();
        // It ends within a step; its thread must not keep the runtime's.
        drop(tokio::task::spawn_blocking(move || drop(scrubber)).await);
        for task in [Some(tending), controlled].into_iter().flatten() {
            task.abort();
            // Once it has been let go of, so has its share of the repository.
            drop(task.await);
        }
        let until = Instant::now() + STOP_WAIT;
        if timeout_at(until, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections were cut off at the end of the waiting time");
        }
        // Work goes on when its connection is gone: it is done when every turn to work is free again.
        if timeout_at(until, repository.work.acquire_many(WORK_MAX as u32)).await.is_err() {
            tracing::warn!(
                "work was cut off at the end of the waiting time; it is made good at the next start"
            );
        }
    }
}

async fn accept(repository: &Arc<Repository>, listener: &TcpListener, graceful: &GracefulShutdown) {
    let router = routes(repository.clone());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok(_) if !clock::can_date_answers() => {
                let what = "clock_wrong: the clock shows a time before 1970 or after 9999; nobody is answered until it is set";
                tracing::error!("{what}");
                continue;
            }
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or a connection that broke before it was taken: neither is the end.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let serving = graceful.watch(serve(stream, router.clone()));
        tokio::spawn(async move {
            // What goes wrong here is the peer's: it went away, or spoke no HTTP.
            if let Err(error) = serving.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

type Connection =
    hyper::server::conn::http1::Connection<TokioIo<TcpStream>, TowerToHyperService<axum::Router>>;

fn serve(stream: TcpStream, router: axum::Router) -> Connection {
    // Answers are small and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays with delayed sending");
    }
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

/// Starts reading blobs back, unless the configuration wants none read.
fn start_scrub(repository: &Arc<Repository>, bytes_per_second: u64) -> Option<Scrubber> {
    if bytes_per_second == 0 {
        return None;
    }
    // What is damaged is logged and moved aside; the window that has it sends it when it files the same bytes.
    let started = Scrubber::start(repository.archive.clone(), bytes_per_second, Box::new(|_| {}));
    started.inspect_err(|error| tracing::warn!(%error, "nothing is scrubbed")).ok()
}

/// How long to wait before each sweep.
fn pauses() -> impl Iterator<Item = Duration> {
    std::iter::once(FIRST_SWEEP_AFTER).chain(std::iter::repeat(SWEEP_EVERY))
}

/// Tidies up now and then: what has expired, and what an interruption left.
async fn sweep(repository: Arc<Repository>) {
    for pause in pauses() {
        tokio::time::sleep(pause).await;
        let swept = crate::repository::work(&repository, (), |repository| {
            // The state first: it must not promise an upload that the archive is about to drop.
            repository.state.expire(repository.now())?;
            Ok(repository.archive.sweep()?)
        });
        if let Ok(report) = swept.await {
            tracing::info!(expired = report.expired, orphans = report.orphans, "swept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a repository that is stopped within the hour has taken is in its second copies.
    #[test]
    fn the_first_sweep_comes_within_a_minute_and_the_others_by_the_hour() {
        let [first, second, third] = pauses().take(3).collect::<Vec<_>>()[..] else { panic!("they end") };
        assert!(first <= Duration::from_secs(60), "{first:?}");
        assert_eq!([second, third], [SWEEP_EVERY; 2]);
    }
}
