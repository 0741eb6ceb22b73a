//! A watcher for abandoned sessions in the database.

use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::time::sleep;

use super::check;
use super::load::Load;

/// The maximum time between two statements of a transaction.
const MAX_PAUSE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(200);

/// Reports sessions that stay idle in a transaction. Sessions from the time of a fault of the database or its network
/// are exempt, because a server that has lost its connection cannot end the session.
pub(crate) async fn watch_sessions(database: PgConnectOptions, load: Arc<Load>) {
    loop {
        if let Ok(mut conn) = database.connect().await {
            while let Ok(idle) = check::idle_in_transaction(&mut conn).await {
                let sound = load.tally.sound().map_or(Duration::ZERO, |since| since.elapsed());
                let left = idle.into_iter().filter(|time| (MAX_PAUSE..sound).contains(time)).count();
                if left > 0 {
                    load.tally.violation(format!("{left} sessions idle in a transaction for more than a second"));
                }
                sleep(INTERVAL).await;
            }
        }
        sleep(INTERVAL).await;
    }
}
