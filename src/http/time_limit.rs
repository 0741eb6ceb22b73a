//! The time limit of a route, and the earlier deadline of a handler that works on many items.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::http::request::Parts;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::db;
use crate::error::{Error, Result};

/// The time limit of most routes, from the headers of a request to the headers of the answer.
pub const NORMAL: Duration = Duration::from_millis(5_500);
/// The time limit of a request about many items.
pub const BULK: Duration = Duration::from_mins(1);
/// The time that a handler needs to write the answer about the work that is done.
const ANSWER_TIME: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
struct Deadline(Instant);

/// The layer around routes without an API key.
pub async fn normal(request: Request, next: Next) -> Response {
    enforce(NORMAL, request, |request| next.run(request)).await
}

/// Answers a request, or answers 503 when the answer takes longer than `limit`.
pub async fn enforce<F: Future<Output = Response>>(
    limit: Duration,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let deadline = Instant::now() + limit;
    request.extensions_mut().insert(Deadline(deadline));
    match tokio::time::timeout_at(deadline, db::with_deadline(deadline, answer(request))).await {
        Ok(response) => response,
        Err(elapsed) => Error::unavailable(elapsed).into_response(),
    }
}

/// The shutdown of the server: the time at which connections are closed, once a shutdown has begun.
#[derive(Debug, Default)]
pub struct Drain(watch::Sender<Option<Instant>>);

impl Drain {
    /// Begins the shutdown. Requests in progress have this much time.
    pub fn begin(&self, limit: Duration) {
        self.0.send_replace(Some(Instant::now() + limit));
    }
}

/// The time until which a handler may work: the route's time limit or the end of the shutdown, whichever comes first.
pub struct TimeLimit {
    deadline: Instant,
    drain: watch::Receiver<Option<Instant>>,
}

impl TimeLimit {
    /// Waits until the handler has to answer with the work that is done.
    pub async fn nearly_over(mut self) {
        let own = tokio::time::sleep_until(self.deadline - ANSWER_TIME);
        let drain = async {
            match self.drain.wait_for(Option::is_some).await.map(|end| *end) {
                // Connections are closed at the end of the shutdown: the answer has to be sent before.
                Ok(Some(end)) => tokio::time::sleep_until(end - 2 * ANSWER_TIME).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = own => {}
            () = drain => {}
        }
    }
}

impl<S> FromRequestParts<S> for TimeLimit
where
    S: Send + Sync,
    Arc<Drain>: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Deadline(deadline) =
            *parts.extensions.get().ok_or_else(|| Error::internal("a route without a time limit"))?;
        Ok(Self { deadline, drain: Arc::<Drain>::from_ref(state).0.subscribe() })
    }
}
