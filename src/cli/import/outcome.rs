//! Outcomes of rows.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Code, Error, Result};

/// The outcome of a row.
pub(super) enum Outcome {
    /// The enrollment was created.
    Created,
    /// The enrollment existed.
    Found,
    /// The row cannot be imported as it is.
    Refused(Error),
    /// The database did not answer, or the import was stopped: the next import may import the row.
    Undone(Error),
}

/// The number of rows with each outcome. In a dry run, the outcomes that the rows would have.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) created: u64,
    pub(super) found: u64,
    pub(super) refused: u64,
}

impl Counts {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Found => self.found += 1,
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Undone(_) => return,
        }
        self.rows += 1;
    }
}

/// Retries while the database does not answer.
#[derive(Clone)]
pub(super) struct Retry {
    /// The longest time to wait for the database.
    pub(super) max_wait: Duration,
    /// Becomes true when the import is stopped. A stopped import retries nothing.
    pub(super) stopped: watch::Receiver<bool>,
}

/// The delay before the first retry. The delay doubles with each retry, up to [`MAX_DELAY`].
const FIRST_DELAY: Duration = Duration::from_millis(250);
const MAX_DELAY: Duration = Duration::from_secs(4);

impl Retry {
    /// Attempts a row until the database answers. `attempt` returns whether an enrollment was created.
    pub(super) async fn outcome<F>(mut self, attempt: impl Fn() -> F) -> Outcome
    where
        F: Future<Output = Result<bool>>,
    {
        let mut delay = FIRST_DELAY;
        let mut end = None;
        loop {
            let error = match attempt().await {
                Ok(true) => return Outcome::Created,
                Ok(false) => return Outcome::Found,
                Err(error) if error.code() != Code::ServiceUnavailable => return Outcome::Refused(error),
                Err(error) => error,
            };
            let end = *end.get_or_insert_with(|| Instant::now() + self.max_wait);
            if *self.stopped.borrow() || Instant::now() + delay > end {
                return Outcome::Undone(error);
            }
            tracing::debug!(%error, cause = ?std::error::Error::source(&error), ?delay, "retrying a row");
            // A stop ends the delay.
            let _ = tokio::time::timeout(delay, self.stopped.wait_for(|stopped| *stopped)).await;
            delay = (2 * delay).min(MAX_DELAY);
        }
    }
}
