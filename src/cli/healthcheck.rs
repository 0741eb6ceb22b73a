//! `pearset healthcheck`, the health check of a container.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::output;
use crate::config::reachable;

/// The time limit of the whole check.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks the server at this address whether the server is ready.
///
/// # Errors
/// When the server is not ready, or does not answer.
pub(super) fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = reachable(listen);
    let status = runtime
        .block_on(async { tokio::time::timeout(DEADLINE, ask(address)).await })
        .with_context(|| format!("no answer from {address} within {} s", DEADLINE.as_secs()))??;
    if status != StatusCode::OK {
        bail!("the server at {address} is not ready: {status}");
    }
    output::write("ready\n")
}

async fn ask(address: SocketAddr) -> anyhow::Result<StatusCode> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/readyz").header(HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.status())
}
