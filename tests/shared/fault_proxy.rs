//! A proxy in front of PostgreSQL that fails as networks do. Shared by the integration tests and the chaos tests.

use std::future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A fault that applies to every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No fault.
    None,
    /// Each message is delayed, in both directions.
    Delay(Duration),
    /// Open connections are reset, and new connections are reset at their first message.
    Reset,
    /// Connections are reset, and the port is closed.
    Refuse,
    /// Nothing gets through, without notice. Messages arrive when the fault is over.
    BlackHole,
    /// Like `BlackHole`, but only from the client to the server.
    DeafServer,
    /// Like `BlackHole`, but only from the server to the client.
    DeafClient,
    /// A client that sends COMMIT is reset before the COMMIT arrives.
    CutBeforeCommit,
    /// A client that sends COMMIT is reset after the COMMIT was carried out and before the answer arrives.
    CutAfterCommit,
}

impl Fault {
    fn is_broken(self) -> bool {
        matches!(self, Self::Reset | Self::Refuse)
    }

    fn holds(self, way: Way) -> bool {
        self == Self::BlackHole || self == if way == Way::ToServer { Self::DeafServer } else { Self::DeafClient }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// A proxy on a port of the loopback address. Dropping the proxy ends its connections.
pub(crate) struct FaultProxy {
    pub(crate) address: SocketAddr,
    fault: watch::Sender<Fault>,
    forgotten: watch::Sender<()>,
    cuts: Arc<AtomicUsize>,
    running: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy for the PostgreSQL server on this socket.
    pub(crate) async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (fault, faults) = watch::channel(Fault::None);
        let (forgotten, forget) = watch::channel(());
        let cuts = Arc::<AtomicUsize>::default();
        let running = tokio::spawn(accept(listener, Link { socket, faults, forget, cuts: Arc::clone(&cuts) }));
        Self { address, fault, forgotten, cuts, running }
    }

    /// Applies a fault from now on.
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Makes the open connections dead, without notice.
    pub(crate) fn forget_connections(&self) {
        self.forgotten.send_replace(());
    }

    /// Returns the number of connections that were cut at a COMMIT since the start.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.running.abort();
        self.fault.send_replace(Fault::Reset);
    }
}

#[derive(Clone)]
struct Link {
    socket: PathBuf,
    faults: watch::Receiver<Fault>,
    forget: watch::Receiver<()>,
    cuts: Arc<AtomicUsize>,
}

async fn accept(listener: TcpListener, mut link: Link) {
    let address = listener.local_addr().expect("a bound socket has an address");
    let mut listener = Some(listener);
    loop {
        if *link.faults.borrow_and_update() == Fault::Refuse {
            listener = None;
            if link.faults.changed().await.is_err() {
                return;
            }
            continue;
        }
        let bound = match listener.take() {
            Some(open) => Ok(open),
            None => TcpListener::bind(address).await,
        };
        let Ok(open) = bound else {
            // The port is still in use for a moment.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::select! {
            Ok((client, _)) = open.accept() => drop(tokio::spawn(serve(client, link.clone()))),
            _ = link.faults.changed() => {}
        }
        listener = Some(open);
    }
}

async fn serve(mut client: TcpStream, mut link: Link) {
    let (faults, mut forget) = (link.faults.clone(), link.forget.clone());
    forget.mark_unchanged();
    let orderly = {
        let mut relay = pin!(relay(&mut client, &mut link));
        tokio::select! {
            orderly = &mut relay => orderly,
            () = breaks(faults.clone()) => false,
            Ok(()) = forget.changed() => {
                // The connection is neither served nor closed.
                breaks(faults).await;
                false
            }
        }
    };
    if !orderly {
        // Without lingering, dropping resets the connection.
        let _ = client.set_zero_linger();
    }
}

/// Relays messages. Returns `true` when either side has hung up.
async fn relay(client: &mut TcpStream, link: &mut Link) -> bool {
    let _ = client.set_nodelay(true);
    let (mut from_client, mut to_client) = client.split();
    // The first message has no type.
    let Some(startup) = message(&mut from_client, 4).await else { return true };
    link.pass(Way::ToServer).await;
    let Ok(mut server) = UnixStream::connect(&link.socket).await else { return false };
    let (mut from_server, mut to_server) = server.split();
    if to_server.write_all(&startup).await.is_err() {
        return false;
    }
    let committed = Notify::new();
    let mut upward = link.clone();
    let up = async {
        while let Some(message) = message(&mut from_client, 5).await {
            upward.pass(Way::ToServer).await;
            if message.starts_with(b"Q") && message[5..].starts_with(b"COMMIT") {
                match *upward.faults.borrow() {
                    Fault::CutBeforeCommit => {
                        upward.cuts.fetch_add(1, Relaxed);
                        return false;
                    }
                    Fault::CutAfterCommit => committed.notify_one(),
                    _ => {}
                }
            }
            if to_server.write_all(&message).await.is_err() {
                return true;
            }
        }
        true
    };
    let down = async {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            let Ok(length @ 1..) = from_server.read(&mut bytes).await else { return true };
            link.pass(Way::ToClient).await;
            // No other message was in flight: the next message after COMMIT is the answer to COMMIT.
            if tokio::select! { biased; () = committed.notified() => true, () = future::ready(()) => false } {
                link.cuts.fetch_add(1, Relaxed);
                return false;
            }
            if to_client.write_all(&bytes[..length]).await.is_err() {
                return true;
            }
        }
    };
    tokio::select! {
        orderly = up => orderly,
        orderly = down => orderly,
    }
}

impl Link {
    /// Waits as long as the fault delays a message.
    async fn pass(&mut self, way: Way) {
        loop {
            let fault = *self.faults.borrow_and_update();
            if let Fault::Delay(time) = fault {
                return sleep(time).await;
            }
            if !fault.holds(way) {
                return;
            }
            if self.faults.changed().await.is_err() {
                return future::pending().await;
            }
        }
    }
}

/// Waits until connections are to be reset.
async fn breaks(mut faults: watch::Receiver<Fault>) {
    // The end of the proxy resets connections, too.
    let _ = faults.wait_for(|fault| fault.is_broken()).await;
}

/// Reads a message, whose length is at the end of its head. `None` at the end of the connection.
async fn message(stream: &mut (impl AsyncRead + Unpin), head: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; head];
    stream.read_exact(&mut bytes).await.ok()?;
    let length = bytes[head - 4..].try_into().map(u32::from_be_bytes).ok()? as usize;
    bytes.resize(head + length.checked_sub(4)?, 0);
    stream.read_exact(&mut bytes[head..]).await.ok()?;
    Some(bytes)
}
