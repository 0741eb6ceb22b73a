//! Runs several cases at a time, each with its own database, because the cases mostly wait for the database.

use futures_util::stream::{self, StreamExt};

/// The number of concurrent cases, low enough that each request ends within the server's time limits, also concurrently
/// with the rest of the suite on two cores.
const AT_ONCE: usize = 8;

/// Runs `case` for every item. The first panic ends the run.
pub(crate) async fn each_at_once<T>(items: &[T], case: impl AsyncFn(&T)) {
    stream::iter(items).for_each_concurrent(AT_ONCE, |item| case(item)).await;
}
