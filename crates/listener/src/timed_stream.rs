//! The stream of a client connection, with time limits for slow clients. hyper's own timer cannot distinguish an idle
//! connection from a client that sends a request byte by byte, and hyper has no timer for a client that does not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Limit for the head of a request, counted from the start of the connection or from the first byte of the head.
    pub head: Duration,
    /// Limit for the pause between two requests. The default is longer than the minute for which load balancers keep
    /// an idle connection: the side that sends requests must be the side that closes.
    pub idle: Duration,
    /// Limit for each 16 KiB of a response, counted while the client reads slower than the server writes.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { head: Duration::from_secs(8), idle: Duration::from_secs(75), write: Duration::from_secs(8) }
    }
}

/// The time for which a closing connection reads and discards bytes that the client is still sending.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// The bytes of a response that a client must read within [`Timeouts::write`].
const WRITE_STEP: usize = 16 * 1024;

/// The stage of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// The connection has just opened, or the head of a request is arriving.
    Head,
    /// The application handles a request and reads the body. The application sets deadlines for both.
    Busy,
    /// The last request is answered, and no byte of the next request has arrived.
    Idle,
}

/// The progress of a connection. [`TimedStream`] sees the bytes, the service of the connection sees the requests, and
/// both share this state.
#[derive(Debug)]
pub(crate) struct Progress {
    stage: AtomicU8,
    /// The time of the last response, in milliseconds after `opened_at`.
    idle_since: AtomicU64,
    opened_at: Instant,
    two_lengths: AtomicBool,
    /// True if the last request had a body. Bytes of the body may still arrive after the response.
    had_body: AtomicBool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            stage: AtomicU8::new(Stage::Head as u8),
            idle_since: AtomicU64::new(0),
            opened_at: Instant::now(),
            two_lengths: AtomicBool::new(false),
            had_body: AtomicBool::new(false),
        }
    }

    fn idle_since(&self) -> Instant {
        self.opened_at + Duration::from_millis(self.idle_since.load(Ordering::Relaxed))
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Head,
            1 => Stage::Busy,
            _ => Stage::Idle,
        }
    }

    fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Records the start of a request. Returns whether the head contains both `Content-Length` and `Transfer-Encoding`
    /// (RFC 9112, 6.1), because hyper does not report both.
    pub(crate) fn begin_request(&self, has_body: bool) -> bool {
        self.set_stage(Stage::Busy);
        self.had_body.store(has_body, Ordering::Relaxed);
        self.two_lengths.swap(false, Ordering::Relaxed)
    }

    /// Records the response to the current request.
    pub(crate) fn end_request(&self) {
        let elapsed = u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.idle_since.store(elapsed, Ordering::Relaxed);
        self.set_stage(Stage::Idle);
    }
}

/// A stream whose reads and writes fail when the client exceeds a time limit.
pub(crate) struct TimedStream<I> {
    io: I,
    timeouts: Timeouts,
    progress: Arc<Progress>,
    head: HeadScan,
    /// The deadline of a pending read, and the stage for which the deadline was set.
    read_deadline: Option<(Stage, Pin<Box<Sleep>>)>,
    /// The deadline of a pending write, and the bytes written since the deadline was set.
    write_deadline: Option<(usize, Pin<Box<Sleep>>)>,
    /// The end of the period in which a closing connection discards incoming bytes.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<I> TimedStream<I> {
    pub(crate) fn new(io: I, timeouts: Timeouts, progress: Arc<Progress>) -> Self {
        let read_deadline = Some((Stage::Head, Box::pin(tokio::time::sleep(timeouts.head))));
        let head = HeadScan::default();
        Self { io, timeouts, progress, head, read_deadline, write_deadline: None, linger: None }
    }

    /// Records received bytes. The bytes belong to the head of a request unless the connection is busy.
    fn on_received(&mut self, bytes: &[u8]) {
        let stage = self.progress.stage();
        // The next read gets a new deadline, except in a head: the whole head has one deadline.
        if stage != Stage::Head {
            self.read_deadline = None;
        }
        if stage == Stage::Busy || bytes.is_empty() {
            return;
        }
        if stage == Stage::Idle {
            self.head = HeadScan::default();
            self.progress.set_stage(Stage::Head);
        }
        self.head.scan(bytes);
        if self.head.has_two_lengths() {
            self.progress.two_lengths.store(true, Ordering::Relaxed);
        }
    }

    /// Returns `Ready` when a pending read has exceeded the time limit. hyper does not poll a pending read again at the
    /// end of a request, so the stage of the connection and the start of the idle period are read when the sleep ends.
    fn poll_read_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let stage = self.progress.stage();
            let sleep = match &mut self.read_deadline {
                Some((set_for, sleep)) if (*set_for == Stage::Head) == (stage == Stage::Head) => sleep,
                _ => {
                    let timeout = if stage == Stage::Head { self.timeouts.head } else { self.timeouts.idle };
                    &mut self.read_deadline.insert((stage, Box::pin(tokio::time::sleep(timeout)))).1
                }
            };
            ready!(sleep.as_mut().poll(cx));
            let idle_until = self.progress.idle_since() + self.timeouts.idle;
            match stage {
                Stage::Head => return Poll::Ready(()),
                Stage::Idle if self.write_deadline.is_none() && idle_until <= Instant::now() => return Poll::Ready(()),
                Stage::Idle if self.write_deadline.is_none() => sleep.as_mut().reset(idle_until),
                // An idle connection with a pending write is still sending the response: the write deadline applies.
                Stage::Idle | Stage::Busy => self.read_deadline = None,
            }
        }
    }

    /// Records written bytes. Each [`WRITE_STEP`] extends the write deadline.
    fn on_written(&mut self, count: usize) {
        if let Some((written, sleep)) = &mut self.write_deadline {
            *written += count;
            if *written >= WRITE_STEP {
                *written = 0;
                sleep.as_mut().reset(Instant::now() + self.timeouts.write);
            }
        }
    }

    /// Returns `Ready` when a pending write has exceeded the time limit.
    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.timeouts.write;
        let (_, sleep) = self.write_deadline.get_or_insert_with(|| (0, Box::pin(tokio::time::sleep(timeout))));
        sleep.as_mut().poll(cx)
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client exceeded a time limit")
}

impl<I: AsyncRead + Unpin> AsyncRead for TimedStream<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.io).poll_read(cx, buffer) {
            self.on_received(&buffer.filled()[before..]);
            // Single bytes do not extend the deadline of the head.
            if self.progress.stage() == Stage::Head && self.poll_read_deadline(cx).is_ready() {
                return Poll::Ready(Err(timed_out()));
            }
            return Poll::Ready(read);
        }
        ready!(self.poll_read_deadline(cx));
        Poll::Ready(Err(timed_out()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedStream<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.io).poll_write(cx, bytes) {
            self.on_written(*written.as_ref().unwrap_or(&0));
            return Poll::Ready(written);
        }
        ready!(self.poll_write_deadline(cx));
        Poll::Ready(Err(timed_out()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.io).poll_write_vectored(cx, slices) {
            self.on_written(*written.as_ref().unwrap_or(&0));
            return Poll::Ready(written);
        }
        ready!(self.poll_write_deadline(cx));
        Poll::Ready(Err(timed_out()))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_ready() {
            // The kernel has the whole response, so no write is pending.
            self.write_deadline = None;
        }
        flushed
    }

    /// Shuts down the write side, then reads and discards incoming bytes for up to [`LINGER_TIMEOUT`] if the last
    /// request had a body. After an immediate close the kernel would answer the remaining body with a reset, and the
    /// reset can make the client lose the response (RFC 9112, 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            if !self.progress.had_body.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let end = self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER_TIMEOUT)));
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut bytes = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// The length of the longest searched header name, including the colon.
const MAX_NAME_LENGTH: usize = "transfer-encoding:".len();

/// Searches the bytes of a head for `Content-Length` and `Transfer-Encoding`, the headers that delimit the body. The
/// scan covers the first head of a connection and the first head after an idle period. A pipelined request, sent while
/// another request is in progress, is not scanned: hyper then follows `Transfer-Encoding` and closes the connection
/// after the body.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent observations")]
struct HeadScan {
    /// The start of the current line, in lower case.
    line: [u8; MAX_NAME_LENGTH],
    /// The length of the current line so far.
    length: usize,
    content_length: bool,
    transfer_encoding: bool,
    /// True once the request line has arrived. Empty lines before the request line do not end the head.
    started: bool,
    ended: bool,
}

impl HeadScan {
    fn scan(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().filter(|byte| **byte != b'\r') {
            if self.ended {
                return;
            }
            if *byte == b'\n' {
                self.ended = self.length == 0 && self.started;
                self.started |= self.length > 0;
                let line = &self.line[..self.length.min(MAX_NAME_LENGTH)];
                self.content_length |= line.starts_with(b"content-length:");
                self.transfer_encoding |= line.starts_with(b"transfer-encoding:");
                self.length = 0;
                continue;
            }
            if let Some(slot) = self.line.get_mut(self.length) {
                *slot = byte.to_ascii_lowercase();
            }
            self.length += 1;
        }
    }

    fn has_two_lengths(&self) -> bool {
        self.content_length && self.transfer_encoding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_length_headers_are_found_wherever_the_head_is_split() {
        let both = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nCONTENT-LENGTH: 3\r\n\r\n";
        for split in 0..both.len() {
            let mut scan = HeadScan::default();
            scan.scan(&both[..split]);
            scan.scan(&both[split..]);
            assert!(scan.has_two_lengths(), "{split}");
        }
    }

    #[test]
    fn text_outside_the_header_names_of_the_first_head_does_not_count() {
        for one in [
            &b"POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\nx\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
            b"POST / HTTP/1.1\r\nX-Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /?content-length:=1 HTTP/1.1\r\nX: transfer-encoding:\r\n\r\n",
            b"\r\n\r\nGET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            let mut scan = HeadScan::default();
            scan.scan(one);
            assert!(!scan.has_two_lengths(), "{}", String::from_utf8_lossy(one));
        }
    }
}
