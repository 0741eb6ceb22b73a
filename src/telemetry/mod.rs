//! What an operator sees of the server: logs, metrics.

mod handles;
mod logs;
pub mod metrics;
pub mod outbox;

pub use logs::{ACCESS, REQUEST, dropped_lines, flush};
pub use metrics::Metrics;

use crate::config::Settings;

/// Logs for as long as it lives; what is left of them is written when it goes.
#[must_use]
pub struct Running(());

/// Starts logging.
///
/// # Errors
/// When a setting cannot be used.
pub fn start(settings: &Settings) -> anyhow::Result<Running> {
    logs::start(settings)?;
    Ok(Running(()))
}

impl Drop for Running {
    fn drop(&mut self) {
        flush();
    }
}
