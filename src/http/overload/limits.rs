//! The limits of the gate.

use std::time::Duration;

/// The number of requests that a server works on, and the length of the queue in front of them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Permits: requests in progress at the same time.
    pub in_progress: usize,
    /// Requests that wait for a permit.
    pub waiting: usize,
    /// The longest wait for a permit.
    pub queue_timeout: Duration,
}

impl Limits {
    /// Long enough for a database that pauses for a moment.
    pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);

    /// Returns the length of the queue after an overflow.
    pub(super) fn short_queue(&self) -> usize {
        (self.waiting / 4).max(2).min(self.waiting)
    }

    /// Returns the most permits of one workspace.
    pub(super) fn share(&self) -> usize {
        (self.in_progress * 3 / 4).max(1)
    }
}
