//! What nobody reads of a request's body.
//!
//! A request that is refused early (no key, too many of them, too much work) is answered before its body is read, and
//! most clients send that in a packet of its own. hyper then closes the connection behind the answer without saying so
//! in it, and the next request of a client that keeps its connections fails. A small rest is read, so that the
//! connection goes on; with a larger one, or one that does not come, the answer says that it ends (RFC 9112, 9.3 and
//! 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// The largest rest that is read, in bytes: larger than nearly every request, and soon here.
const MOST: usize = 64 * 1024;
/// How long it is waited for: a client may hold the body back until the head is acknowledged.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where a body goes that was not read to its end.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<Option<Incoming>>);

impl Unread {
    /// The body as the application gets it.
    pub(super) fn watch(self: &Arc<Self>, body: Incoming) -> RequestBody {
        let body = (!body.is_end_stream()).then_some(body);
        RequestBody { body, unread: Arc::clone(self) }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request is answered. False where something of its body stays unread, so that the connection must end: a rest
    /// that is large or does not come soon, and any rest unless it `may_follow`.
    pub(super) async fn settle(&self, may_follow: bool) -> bool {
        let rest = self.slot().take();
        match rest {
            None => true,
            Some(rest) => may_follow && timeout(PATIENCE, discard(rest)).await.unwrap_or(false),
        }
    }
}

/// Reads a body to its end, if that is near.
async fn discard(body: Incoming) -> bool {
    if body.size_hint().lower() > MOST as u64 {
        return false;
    }
    let mut body = Limited::new(body, MOST);
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return false;
        }
    }
    true
}

/// The body of one request.
pub struct RequestBody {
    /// `None` once it was read to its end.
    body: Option<Incoming>,
    unread: Arc<Unread>,
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
        // After an error there is nothing more to come either.
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
