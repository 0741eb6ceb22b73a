//! Units of work: a request is parsed and authorized, becomes one [`Command`] or [`Query`], and the [`Executor`] runs
//! that value against the database.
//!
//! A command is a plain value, so a transaction that lost a race or its connection can be repeated from the start. All
//! effects of a command (rows, audit entries, events) are part of one transaction.

mod actor;
mod executor;

pub use actor::Actor;
pub use executor::{Executor, ReadMode};

use sqlx::PgConnection;

use crate::audit_logs::{self, Action, Entry};
use crate::error::Result;
use crate::outbox::{self, Event};
use crate::values::clock::{Clock, Timestamp};
use crate::values::id::{Ids, ProgramId};

/// A change that runs in one transaction and may be repeated.
pub trait Command: Send + Sync + 'static {
    /// The name of the transaction in logs and metrics.
    const NAME: &'static str;
    /// The result of the change.
    type Output: Send + 'static;

    /// Writes the change. Runs again from the start, in a new transaction, after a deadlock, a lock timeout, a lost
    /// race, or a connection that broke before COMMIT was sent.
    ///
    /// # Errors
    /// Any error rolls the transaction back.
    fn apply(&self, work: &mut Work<'_>) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// A question that only reads and may be repeated.
pub trait Query: Send + Sync + 'static {
    /// The name of the transaction in logs and metrics.
    const NAME: &'static str;
    /// Decides whether the statements of the query see the same state.
    const MODE: ReadMode = ReadMode::Committed;
    /// The answer.
    type Output: Send;

    /// Reads the answer. Runs again from the start when the connection broke.
    ///
    /// # Errors
    /// The error of a statement.
    fn fetch(&self, conn: &mut PgConnection) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// The transaction of a [`Command`], with everything that the effects of the command need.
pub struct Work<'c> {
    /// The connection, inside the transaction of the actor's workspace.
    pub conn: &'c mut PgConnection,
    /// The originator of the change.
    pub actor: Actor,
    /// The number of earlier runs of this command, zero for the first.
    pub attempt: u32,
    ids: &'c Ids,
    clock: &'c dyn Clock,
    now: Option<Timestamp>,
}

impl<'c> Work<'c> {
    /// Binds a connection, whose transaction has begun, and the other parts together.
    pub fn new(conn: &'c mut PgConnection, actor: Actor, attempt: u32, ids: &'c Ids, clock: &'c dyn Clock) -> Self {
        Self { conn, actor, attempt, ids, clock, now: None }
    }

    /// Returns the time of the change. The first call reads the clock, and later calls return the same time until the end
    /// of the transaction. A command that locks rows before its first call gives the earlier of two changes the earlier
    /// time.
    pub fn now(&mut self) -> Timestamp {
        *self.now.get_or_insert_with(|| self.clock.now())
    }

    /// Returns the source of ids and randomness.
    #[must_use]
    pub fn ids(&self) -> &'c Ids {
        self.ids
    }

    /// Returns a new id that carries the time of the change.
    pub fn next_id<T: From<uuid::Uuid>>(&mut self) -> T {
        let now = self.now();
        self.ids.next(now)
    }

    /// Adds an entry to the audit log. `target` is the id of the changed object.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub async fn audit(
        &mut self,
        program_id: ProgramId,
        action: Action,
        target: impl ToString,
        details: serde_json::Value,
    ) -> Result<()> {
        let now = self.now();
        let entry = Entry {
            workspace_id: self.actor.workspace_id,
            program_id,
            api_key_id: self.actor.api_key_id(),
            action,
            target: &target.to_string(),
            details,
        };
        audit_logs::insert_entry(self.conn, self.ids, now, &entry).await
    }

    /// Puts an event into the outbox, from where the event is delivered after the transaction has committed.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub async fn publish(&mut self, event: &Event) -> Result<()> {
        let now = self.now();
        outbox::insert_event(self.conn, self.actor.workspace_id, self.ids.next(now), event, now).await
    }
}
