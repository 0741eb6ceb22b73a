//! One client connection, and how long it is waited for. hyper's own timer cannot tell a connection that rests between
//! two requests from one that sends a request byte by byte, and it has none for a client that does not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the head of a request, from the connection's beginning or the head's first byte.
    pub head: Duration,
    /// Between two requests. Longer than the minute for which load balancers keep a connection: the side that may
    /// send must be the one that closes.
    pub idle: Duration,
    /// For each 16 KiB of an answer, once the client does not take it as fast as it is written.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(8), idle: Duration::from_secs(75), write: Duration::from_secs(8) }
    }
}

/// For how long a closing connection takes what the client still sends.
const LINGER: Duration = Duration::from_secs(1);

/// What a client must take of an answer in the time that it has.
const WRITE_STEP: usize = 16 * 1024;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// No request has begun yet, or the head of one is coming in.
    Head,
    /// A request is being worked on, and its body read: that has deadlines of its own.
    Busy,
    /// The last request is answered, and no byte of the next one is here.
    Idle,
}

/// What the two sides of a connection know of each other: the bytes, and the requests in them.
#[derive(Debug)]
pub(super) struct Progress {
    stage: AtomicU8,
    /// When the last answer was made, in milliseconds from `began`.
    rests_since: AtomicU64,
    began: Instant,
    two_lengths: AtomicBool,
    /// Whether the last request had a body, of which bytes may come that nobody reads.
    had_body: AtomicBool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            stage: AtomicU8::new(Stage::Head as u8),
            rests_since: AtomicU64::new(0),
            began: Instant::now(),
            two_lengths: AtomicBool::new(false),
            had_body: AtomicBool::new(false),
        }
    }

    fn rests_since(&self) -> Instant {
        self.began + Duration::from_millis(self.rests_since.load(Ordering::Relaxed))
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Head,
            1 => Stage::Busy,
            _ => Stage::Idle,
        }
    }

    fn set(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// A request has been read. Tells whether its head says two things about where the body ends, which hyper does
    /// not pass on (RFC 9112, 6.1).
    pub(super) fn begin_request(&self, has_body: bool) -> bool {
        self.set(Stage::Busy);
        self.had_body.store(has_body, Ordering::Relaxed);
        self.two_lengths.swap(false, Ordering::Relaxed)
    }

    /// Its answer is made.
    pub(super) fn end_request(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.rests_since.store(elapsed, Ordering::Relaxed);
        self.set(Stage::Idle);
    }
}

/// A stream whose reads and writes fail when the client takes too long.
pub(super) struct Watched<I> {
    io: I,
    patience: Patience,
    progress: Arc<Progress>,
    head: HeadScan,
    /// The time at which a read that waits fails, and the stage that it is for.
    read: Option<(Stage, Pin<Box<Sleep>>)>,
    /// The same for a write, and how much was written since it began.
    write: Option<(usize, Pin<Box<Sleep>>)>,
    /// The end of the time in which what still comes in is thrown away.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<I> Watched<I> {
    pub(super) fn new(io: I, patience: Patience, progress: Arc<Progress>) -> Self {
        let read = Some((Stage::Head, Box::pin(tokio::time::sleep(patience.head))));
        Self { io, patience, progress, head: HeadScan::default(), read, write: None, linger: None }
    }

    /// Bytes came in: of a head, unless a request is being worked on.
    fn received(&mut self, bytes: &[u8]) {
        let stage = self.progress.stage();
        // What waits from now on waits anew; but the head of a request has one time for all of it.
        if stage != Stage::Head {
            self.read = None;
        }
        if stage == Stage::Busy || bytes.is_empty() {
            return;
        }
        if stage == Stage::Idle {
            self.head = HeadScan::default();
            self.progress.set(Stage::Head);
        }
        self.head.scan(bytes);
        if self.head.has_two_lengths() {
            self.progress.two_lengths.store(true, Ordering::Relaxed);
        }
    }

    /// Ready when a read has waited for too long. hyper does not poll a read again that waits already when a request
    /// ends: whether the connection rests, and since when, is looked at when the time is up.
    fn poll_read_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let stage = self.progress.stage();
            let sleep = match &mut self.read {
                Some((armed_for, sleep)) if (*armed_for == Stage::Head) == (stage == Stage::Head) => sleep,
                _ => {
                    let patience = if stage == Stage::Head { self.patience.head } else { self.patience.idle };
                    &mut self.read.insert((stage, Box::pin(tokio::time::sleep(patience)))).1
                }
            };
            ready!(sleep.as_mut().poll(cx));
            let rests_until = self.progress.rests_since() + self.patience.idle;
            match stage {
                Stage::Head => return Poll::Ready(()),
                // The client is still taking the answer, which has a time limit of its own.
                Stage::Idle if self.write.is_none() && rests_until <= Instant::now() => return Poll::Ready(()),
                Stage::Idle if self.write.is_none() => sleep.as_mut().reset(rests_until),
                Stage::Idle | Stage::Busy => self.read = None,
            }
        }
    }

    fn written(&mut self, count: usize) {
        if let Some((written, sleep)) = &mut self.write {
            *written += count;
            if *written >= WRITE_STEP {
                *written = 0;
                sleep.as_mut().reset(Instant::now() + self.patience.write);
            }
        }
    }

    /// Ready when a write has waited for too long.
    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience.write;
        let (_, sleep) = self.write.get_or_insert_with(|| (0, Box::pin(tokio::time::sleep(patience))));
        sleep.as_mut().poll(cx)
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client took too long")
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.io).poll_read(cx, buffer) {
            self.received(&buffer.filled()[before..]);
            // A client that sends a byte now and then does not get more time for its head by it.
            if self.progress.stage() == Stage::Head && self.poll_read_deadline(cx).is_ready() {
                return Poll::Ready(Err(too_slow()));
            }
            return Poll::Ready(read);
        }
        ready!(self.poll_read_deadline(cx));
        Poll::Ready(Err(too_slow()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.io).poll_write(cx, bytes) {
            self.written(*written.as_ref().unwrap_or(&0));
            return Poll::Ready(written);
        }
        ready!(self.poll_write_deadline(cx));
        Poll::Ready(Err(too_slow()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.io).poll_write_vectored(cx, slices) {
            self.written(*written.as_ref().unwrap_or(&0));
            return Poll::Ready(written);
        }
        ready!(self.poll_write_deadline(cx));
        Poll::Ready(Err(too_slow()))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_ready() {
            // Everything is with the kernel: the client is no longer waited for.
            self.write = None;
        }
        flushed
    }

    /// Where a request was refused before its body was read, closing at once would let the kernel answer the rest of
    /// the body with a reset, which takes the answer away from the client (RFC 9112, 9.6): the rest is read and thrown
    /// away for a moment.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            if !self.progress.had_body.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let end = self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
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

/// The longest name that is looked for, and its colon.
const LONGEST_NAME: usize = "transfer-encoding:".len();

/// Looks in the bytes of a head for the two headers that each say where the body ends. Only of the first head after a
/// rest: one that a client sends behind a running request is not seen, and hyper takes its body by the
/// `Transfer-Encoding` and closes the connection after it.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent observations")]
struct HeadScan {
    /// The beginning of the present line, in lower case, and how long it is so far.
    line: [u8; LONGEST_NAME],
    length: usize,
    content_length: bool,
    transfer_encoding: bool,
    /// Whether the first line has come; empty ones before it do not end the head.
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
                let line = &self.line[..self.length.min(LONGEST_NAME)];
                self.content_length |= line.starts_with(b"content-length:");
                self.transfer_encoding |= line.starts_with(b"transfer-encoding:");
                self.length = 0;
                continue;
            }
            if let Some(place) = self.line.get_mut(self.length) {
                *place = byte.to_ascii_lowercase();
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
    fn two_lengths_are_seen_however_the_head_is_cut() {
        let both = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nCONTENT-LENGTH: 3\r\n\r\n";
        for cut in 0..both.len() {
            let mut scan = HeadScan::default();
            scan.scan(&both[..cut]);
            scan.scan(&both[cut..]);
            assert!(scan.has_two_lengths(), "{cut}");
        }
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
