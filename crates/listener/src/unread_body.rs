//! Request bodies that the application leaves unread.
//!
//! A request that is rejected early (no key, rate limit, overload) is answered before the body is read, and most
//! clients send the body in a separate packet. hyper then closes the connection after the response without announcing
//! the close, and the next request of a client with a connection pool fails. A small remainder is therefore read and
//! discarded, and the connection stays open. When the remainder is large or does not arrive, the response announces
//! the close with `Connection: close` (RFC 9112, 9.3 and 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// The largest remainder that is discarded, in bytes. Nearly every request is smaller, and 64 KiB arrive quickly.
const MAX_DISCARDED_BYTES: usize = 64 * 1024;
/// The time for the remainder to arrive. A client may hold the body back until the head is acknowledged.
const DISCARD_TIMEOUT: Duration = Duration::from_millis(250);

/// Holds the body of a connection's current request once the application drops the body before the end.
#[derive(Debug, Default)]
pub(crate) struct UnreadBody(Mutex<Option<Incoming>>);

impl UnreadBody {
    /// Wraps the body for the application. A remainder comes back to `self` when the wrapper is dropped.
    pub(crate) fn track(self: &Arc<Self>, body: Incoming) -> RequestBody {
        let body = (!body.is_end_stream()).then_some(body);
        RequestBody { body, unread: Arc::clone(self) }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Discards the remainder of an answered request and returns whether the connection can serve another request.
    /// The connection must close when a remainder exists and `may_discard` is false, or when the remainder is large or
    /// arrives late.
    pub(crate) async fn discard(&self, may_discard: bool) -> bool {
        let remainder = self.slot().take();
        match remainder {
            None => true,
            Some(body) => may_discard && timeout(DISCARD_TIMEOUT, read_to_end(body)).await.unwrap_or(false),
        }
    }
}

/// Reads a body of at most [`MAX_DISCARDED_BYTES`] and returns whether the end was reached.
async fn read_to_end(body: Incoming) -> bool {
    if body.size_hint().lower() > MAX_DISCARDED_BYTES as u64 {
        return false;
    }
    let mut body = Limited::new(body, MAX_DISCARDED_BYTES);
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return false;
        }
    }
    true
}

/// The body of a request, as [`serve`](crate::serve) hands the body to the application.
#[derive(Debug)]
pub struct RequestBody {
    /// `None` after the end of the body.
    body: Option<Incoming>,
    unread: Arc<UnreadBody>,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *body).poll_frame(cx);
        // No frame follows an error.
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || body.is_end_stream() {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            *self.unread.slot() = Some(body);
        }
    }
}
