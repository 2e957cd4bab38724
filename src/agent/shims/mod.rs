//! Local services of reader and camera makers, answered to the pages that were written for them. Off unless configured.
//!
//! A shim is a module beside this file and a line in [`KINDS`]. What it is called with has passed the door ([`door`]), and
//! it reaches devices and archive only through its [`Window`]: the same stations, turns and ledger entries as the local
//! API's, in the shim's own name. These services never knew tokens: the page's origin is all that admits it.

mod call;
mod door;
mod huashi;
mod liangtian;
mod portrait;
mod reply;
mod script;
mod settings;
mod window;
mod xinzhongxin;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use tokio::sync::watch;

use self::call::Call;
pub use self::settings::ShimConfig;
pub(crate) use self::settings::{ShimSection, check};
use self::window::Window;
use crate::app::Shared;
use crate::guard::Arrival;
use crate::problem::Problem;
use crate::server::{self, Entrance};

/// How often a port that another program holds is tried again.
const PORT_RETRY: Duration = Duration::from_secs(10);

/// How a page loads a call where it does so without saying its origin: then the browser's word for the destination must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoadedAs {
    /// By its code, which says its origin.
    Data,
    /// As a `<script>`.
    Script,
    /// As an `<img>`.
    Picture,
}

/// What becomes of a call.
type Answering = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// One maker's service. A problem it returns is one that the maker's protocol has no words for.
trait Shim: Send + Sync {
    /// How this call is loaded without an origin.
    fn loaded_as(&self, call: &Call) -> LoadedAs;

    /// Answers it.
    fn answer(&self, window: Window, call: Call) -> Answering;
}

/// What the configuration may name.
struct Kind {
    /// The maker and its port, as in the configuration; in the ledger it stands as the client.
    name: &'static str,
    port: u16,
    open: fn() -> Arc<dyn Shim>,
}

const KINDS: [Kind; 3] = [huashi::KIND, xinzhongxin::KIND, liangtian::KIND];

fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Serves the configured shims until told to stop, and what is in flight to its end.
pub(crate) async fn serve(app: Shared, stopped: watch::Receiver<bool>) {
    let each = app.config.shims.clone().into_iter();
    let all = each.map(|config| serve_one(app.clone(), config, stopped.clone()));
    futures_util::future::join_all(all).await;
}

/// The maker's own service may still be installed and hold the port: the window works without the shim, and the shim comes
/// when the port is free.
async fn serve_one(app: Shared, config: ShimConfig, mut stopped: watch::Receiver<bool>) {
    let Some(kind) = kind(&config.name) else { return };
    let mut is_told = false;
    let listener = loop {
        match server::listen(config.listen) {
            Ok(listener) => break listener,
            Err(error) if !is_told => {
                is_told = true;
                tracing::error!(shim = kind.name, address = %config.listen, %error, "a shim waits for its port");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(PORT_RETRY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    };
    let Ok(address) = listener.local_addr() else { return };
    tracing::info!(shim = kind.name, %address, "a shim listens");
    let service = door::service(app, kind, config.origins, address);
    let entrance = Entrance { listener, tls: None, arrival: Arrival { address, is_tls: false } };
    let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
    server::serve(entrance, None, service, stop).await;
}
