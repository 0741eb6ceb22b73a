//! Who stays behind in the database.

use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::time::sleep;

use super::check;
use super::load::Load;

/// Between two statements of a transaction.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(200);

/// Looks all the time whether a session was left inside a transaction. Not for one from the time of a fault of the
/// database or its network: who has lost it cannot end it.
pub(crate) async fn watch_sessions(database: PgConnectOptions, load: Arc<Load>) {
    loop {
        if let Ok(mut conn) = database.connect().await {
            while let Ok(idle) = check::idle_in_transaction(&mut conn).await {
                let sound = load.tally.sound().map_or(Duration::ZERO, |since| since.elapsed());
                let left = idle.into_iter().filter(|time| (LONGEST_PAUSE..sound).contains(time)).count();
                if left > 0 {
                    load.tally.violation(format!("{left} sessions idle in a transaction for more than a second"));
                }
                sleep(EVERY).await;
            }
        }
        sleep(EVERY).await;
    }
}
