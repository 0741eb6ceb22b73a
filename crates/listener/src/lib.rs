//! The listening server. Not `axum::serve`: that never closes a connection which is slow to send its headers, says
//! nothing, or does not read its answer.

mod connection;
mod unread;

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

pub use connection::Patience;
use connection::{Progress, Watched};
pub use unread::RequestBody;
use unread::Unread;

/// How long requests that have begun may go on after the server was told to end.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// After a failed accept (out of file descriptors): long enough for another connection to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a server grants its clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time; those above it wait to be accepted.
    pub connections: usize,
    /// How long each is waited for.
    pub patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, patience: Patience::default() }
    }
}

/// Open files that are no client's connection: the database's sessions, logs, and what the runtime needs.
const OTHER_FILES: u64 = 256;

impl Limits {
    /// As many connections as the process may have files, for which it takes all that it is allowed.
    #[must_use]
    pub fn of_process() -> Self {
        let limits = Self::default();
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return limits };
        let files = if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft };
        let most = usize::try_from(files.saturating_sub(OTHER_FILES).max(OTHER_FILES)).unwrap_or(usize::MAX);
        Self { connections: limits.connections.min(most), ..limits }
    }
}

/// Why a request that hyper took is none (RFC 9112). It travels with the request to `middleware`, which refuses it
/// with 400 in the form of every other error.
#[derive(Debug, Clone, Copy)]
pub struct Malformed(pub &'static str);

/// Serves until `stop` is ready, then lets the requests end that have begun.
pub async fn serve<S, B>(listener: TcpListener, app: S, limits: Limits, stop: impl Future<Output = ()>)
where
    S: tower_service::Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let mut connections = http1::Builder::new();
    // `Watched` has the time limits.
    connections.header_read_timeout(None);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are written whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let progress = Arc::new(Progress::new());
        let stream = Watched::new(stream, limits.patience, Arc::clone(&progress));
        let app = TowerToHyperService::new(app.clone());
        let unread = Arc::<Unread>::default();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let two_lengths = progress.begin_request(!request.body().is_end_stream());
            let malformed = malformed(&request, two_lengths);
            // Of a malformed request nobody knows where it ends, and who waits for `100 Continue` sends the body now or
            // never.
            let may_follow = malformed.is_none() && !request.headers().contains_key(EXPECT);
            if let Some(malformed) = malformed {
                request.extensions_mut().insert(malformed);
            }
            let (progress, unread) = (Arc::clone(&progress), Arc::clone(&unread));
            let answer = app.call(request.map(|body| unread.watch(body)));
            async move {
                let Ok(mut answer) = answer.await;
                if !unread.settle(may_follow).await {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                progress.end_request();
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = graceful.watch(connections.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_DEADLINE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running at the end of the drain");
    }
}

/// What is wrong with a request that hyper let pass.
fn malformed(request: &Request<Incoming>, two_lengths: bool) -> Option<Malformed> {
    if two_lengths {
        return Some(Malformed("The request has both Content-Length and Transfer-Encoding."));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => Some(Malformed("The request has no Host header.")),
        (Some(_), Some(_)) => Some(Malformed("The request has more than one Host header.")),
        // An empty one is right for a target that has no authority.
        (Some(host), None) if !host.is_empty() && Authority::try_from(host.as_bytes()).is_err() => {
            Some(Malformed("The Host header is not a host."))
        }
        _ => None,
    }
}
