//! How the server is told to end: the first signal drains it, the second ends it at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the server.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over. From then on they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the runtime cannot.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Ready at the first signal. The next one ends the process without any ado; an embedded cluster ends with it.
    pub async fn first(mut self) {
        self.next().await;
        tracing::info!("ending: waiting for running requests (a second signal ends at once)");
        tokio::spawn(async move {
            self.next().await;
            crate::telemetry::flush();
            std::process::exit(130);
        });
    }

    /// Ready at the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
