//! The signals that end the process: first in an orderly way, then at once.

use std::future::pending;
use std::process;
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::telemetry;

/// The exit code of a process that a signal ended at once.
const EXIT_CODE: i32 = 130;

/// The signals that end the process, SIGINT and SIGTERM.
pub struct Signals(UnboundedReceiver<()>);

impl Signals {
    /// Takes the signals over. The first `orderly` signals are returned by [`Signals::next`]; the next one ends the process
    /// at once, and an embedded cluster with it.
    ///
    /// A separate thread with a separate runtime receives the signals. The last signal therefore takes effect whatever
    /// the application does, even when the application's runtime is stuck or has ended.
    ///
    /// # Errors
    /// When the operating system refuses the thread or a signal handler.
    pub fn listen(orderly: u32) -> std::io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate) = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let (sender, signals) = mpsc::unbounded_channel();
        let deliver = async move {
            for _ in 0..orderly {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                // Nobody receives the signal after the application's runtime has ended.
                let _ = sender.send(());
            }
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(deliver);
            telemetry::flush();
            process::exit(EXIT_CODE);
        })?;
        Ok(Self(signals))
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            pending::<()>().await;
        }
    }
}
