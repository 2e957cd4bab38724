//! `yidang run`.

use std::process::ExitCode;

use super::output::write;
use crate::config::Config;
use crate::daemon::{Daemon, Drivers, FINISH_WITHIN, StartError};
use crate::failure::Failure;

/// Runs the daemon until it is told to stop.
pub(super) fn run(config: Config, drivers: Drivers) -> Result<ExitCode, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(StartError::Thread)?;
    let served = runtime.block_on(async {
        let stop = stop_signal().map_err(StartError::Thread)?;
        let daemon = Daemon::start(config, drivers).await?;
        // Whoever started us may have gone; the daemon serves all the same.
        let _ = write(&format!("listening http://{}", daemon.address()));
        if let Some(address) = daemon.tls_address() {
            let _ = write(&format!("listening https://{address}"));
        }
        daemon.run(stop).await;
        Ok::<_, StartError>(())
    });
    // Blocking work under way, an enrolment or a sweep, is finished, but not waited for without end.
    runtime.shutdown_timeout(FINISH_WITHIN);
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Resolves when this process is told to stop: SIGTERM or SIGINT. Listens from the call on, within a runtime, so
/// that nothing is missed before it is awaited.
#[cfg(unix)]
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves when this process is told to stop: Ctrl-C.
#[cfg(not(unix))]
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "no signal can be received");
            std::future::pending::<()>().await;
        }
    })
}
