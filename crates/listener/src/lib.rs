//! An HTTP/1 server for clients that the server does not control.
//!
//! [`serve`] serves any tower service, for example an `axum::Router`. In comparison with `axum::serve`:
//!
//! - Slow clients are disconnected: [`Timeouts`] limits the head of a request, the pause between two requests, and each
//!   part of a response. `axum::serve` never closes a connection that sends headers slowly, sends nothing, or does not
//!   read the response.
//! - At most [`Limits::connections`] connections are open. Further connections wait in the kernel.
//! - A request with an unread body keeps the connection open, or the response announces the close.
//! - Requests that hyper accepts against RFC 9112 are marked with [`Malformed`], so that the application can reject
//!   them in its own error format.
//! - At shutdown no connection is accepted, and requests in progress have [`Limits::drain_deadline`] to finish.

mod timed_stream;
mod unread_body;

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, EXPECT, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use timed_stream::Timeouts;
use timed_stream::{Progress, TimedStream};
pub use unread_body::RequestBody;
use unread_body::UnreadBody;

/// The default of [`Limits::drain_deadline`].
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// The pause after a failed accept. Accepting fails when the process has no free file descriptor; the pause gives
/// another connection time to end.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// File descriptors that are reserved for database sessions, logs and the runtime.
const RESERVED_FILES: u64 = 256;

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The maximum number of open connections. Further connections wait in the kernel until a connection ends.
    pub connections: usize,
    /// The time limits of each connection.
    pub timeouts: Timeouts,
    /// The time for requests in progress to finish at shutdown.
    pub drain_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, timeouts: Timeouts::default(), drain_deadline: DRAIN_DEADLINE }
    }
}

impl Limits {
    /// Raises the limit of open files of this process to the hard limit, and returns the default limits with at most as
    /// many connections as the process can open files.
    #[must_use]
    pub fn of_process() -> Self {
        let limits = Self::default();
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return limits };
        let files = if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft };
        let max = usize::try_from(files.saturating_sub(RESERVED_FILES).max(RESERVED_FILES)).unwrap_or(usize::MAX);
        Self { connections: limits.connections.min(max), ..limits }
    }
}

/// The reason why a request is malformed although hyper accepted the request (RFC 9112), as a sentence for the client.
///
/// [`serve`] adds this value to the extensions of a malformed request. The application must check for the value and
/// answer with status 400. The connection closes after the response.
#[derive(Debug, Clone, Copy)]
pub struct Malformed(pub &'static str);

/// Serves `app` on `listener` until `stop` completes. Requests in progress may then finish within
/// [`Limits::drain_deadline`].
pub async fn serve<S, B>(listener: TcpListener, app: S, limits: Limits, stop: impl Future<Output = ()>)
where
    S: tower_service::Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let mut http = http1::Builder::new();
    // `TimedStream` enforces all time limits.
    http.header_read_timeout(None);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (listener.accept().await, slot)
        };
        let (accepted, slot) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        // Responses are written whole, so Nagle's algorithm would only delay the last packet.
        let _ = stream.set_nodelay(true);
        let progress = Arc::new(Progress::new());
        let stream = TimedStream::new(stream, limits.timeouts, Arc::clone(&progress));
        let app = TowerToHyperService::new(app.clone());
        let unread = Arc::<UnreadBody>::default();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let two_lengths = progress.begin_request(!request.body().is_end_stream());
            let malformed = malformed(&request, two_lengths);
            // The end of a malformed request is unknown. A client that waits for `100 Continue` sends the body now or
            // never.
            let may_discard = malformed.is_none() && !request.headers().contains_key(EXPECT);
            if let Some(malformed) = malformed {
                request.extensions_mut().insert(malformed);
            }
            let (progress, unread) = (Arc::clone(&progress), Arc::clone(&unread));
            let response = app.call(request.map(|body| unread.track(body)));
            async move {
                let Ok(mut response) = response.await;
                if !unread.discard(may_discard).await {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                progress.end_request();
                Ok::<_, Infallible>(response)
            }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!("the drain deadline passed while requests were still in progress");
    }
}

/// Checks a request that hyper accepted against RFC 9112.
fn malformed(request: &Request<Incoming>, two_lengths: bool) -> Option<Malformed> {
    if two_lengths {
        return Some(Malformed("The request has both Content-Length and Transfer-Encoding."));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => Some(Malformed("The request has no Host header.")),
        (Some(_), Some(_)) => Some(Malformed("The request has more than one Host header.")),
        // An empty Host header is correct for a target without an authority.
        (Some(host), None) if !host.is_empty() && Authority::try_from(host.as_bytes()).is_err() => {
            Some(Malformed("The Host header is not a host."))
        }
        _ => None,
    }
}
