//! The peer: an axum handler that reads what is sent and answers a few bytes.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use serde_json::{Value, json};

use crate::{Failure, say};

/// Serves until it is killed; says where, as the product does.
pub(crate) fn serve() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        say(&format!("listening http://{}", listener.local_addr()?))?;
        let service = Router::new().fallback(answer);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            connections.spawn(serve_one(stream, service.clone()));
        }
    })
}

async fn answer(_: Bytes) -> Json<Value> {
    Json(json!({"status": "ok", "version": "0"}))
}

/// As the product serves a connection, without its bounds.
async fn serve_one(stream: tokio::net::TcpStream, service: Router) {
    let stream = hyper_util::rt::TokioIo::new(stream);
    let service = hyper_util::service::TowerToHyperService::new(service);
    // A client that hangs up is no failure.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
}
