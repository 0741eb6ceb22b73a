//! What became of the rows.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Code, Error, Result};

/// What became of a row.
pub(super) enum Outcome {
    /// An enrollment was made.
    Created,
    /// It was there.
    Found,
    /// It cannot be imported as it is.
    Refused(Error),
    /// The database did not answer, or the import was stopped: it may be imported by the next one.
    Undone(Error),
}

/// How many rows became what; in a dry run, would become.
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

/// How long is waited for a database that does not answer, and whether that is to end now.
#[derive(Clone)]
pub(super) struct Patience {
    pub(super) limit: Duration,
    pub(super) stopped: watch::Receiver<bool>,
}

/// How long the first wait is. It doubles, up to the last one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LAST_WAIT: Duration = Duration::from_secs(4);

impl Patience {
    /// Tries until the database answers. `attempt` tells whether an enrollment was made.
    pub(super) async fn outcome<F>(mut self, attempt: impl Fn() -> F) -> Outcome
    where
        F: Future<Output = Result<bool>>,
    {
        let mut wait = FIRST_WAIT;
        let mut end = None;
        loop {
            let error = match attempt().await {
                Ok(true) => return Outcome::Created,
                Ok(false) => return Outcome::Found,
                Err(error) if error.code() != Code::ServiceUnavailable => return Outcome::Refused(error),
                Err(error) => error,
            };
            let end = *end.get_or_insert_with(|| Instant::now() + self.limit);
            if *self.stopped.borrow() || Instant::now() + wait > end {
                return Outcome::Undone(error);
            }
            tracing::debug!(%error, cause = ?std::error::Error::source(&error), ?wait, "a row is tried again");
            // Who stops it need not wait for this.
            let _ = tokio::time::timeout(wait, self.stopped.wait_for(|stopped| *stopped)).await;
            wait = (2 * wait).min(LAST_WAIT);
        }
    }
}
