//! How long a route may take, and how a handler that works on many things ends in time.

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

/// From the headers of a request to those of its answer.
pub const NORMAL: Duration = Duration::from_millis(5_500);
/// The same for a request about very many things.
pub const BULK: Duration = Duration::from_mins(1);
/// What a handler needs to write the answer about what it has done.
const TO_ANSWER: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
struct Deadline(Instant);

/// The layer around routes without a key.
pub async fn normal(request: Request, next: Next) -> Response {
    within(NORMAL, request, |request| next.run(request)).await
}

/// Answers a request that may take so long.
pub async fn within<F: Future<Output = Response>>(
    limit: Duration,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let deadline = Instant::now() + limit;
    request.extensions_mut().insert(Deadline(deadline));
    match tokio::time::timeout_at(deadline, db::within(deadline, answer(request))).await {
        Ok(response) => response,
        Err(elapsed) => Error::unavailable(elapsed).into_response(),
    }
}

/// Whether the server is about to end, and when it will.
#[derive(Debug, Default)]
pub struct Drain(watch::Sender<Option<Instant>>);

impl Drain {
    /// From now on requests have only so long.
    pub fn begin(&self, limit: Duration) {
        self.0.send_replace(Some(Instant::now() + limit));
    }
}

/// Until when a handler may work: the end of the route's time, or of the server's.
pub struct TimeLimit {
    deadline: Instant,
    drain: watch::Receiver<Option<Instant>>,
}

impl TimeLimit {
    /// Ready when it is time to answer with what is done.
    pub async fn nearly_over(mut self) {
        let own = tokio::time::sleep_until(self.deadline - TO_ANSWER);
        let drain = async {
            match self.drain.wait_for(Option::is_some).await.map(|end| *end) {
                // Connections are closed at the end: the answer is to be sent before.
                Ok(Some(end)) => tokio::time::sleep_until(end - 2 * TO_ANSWER).await,
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
