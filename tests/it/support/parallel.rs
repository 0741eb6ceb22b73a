//! Cases that each have a database of their own, several at a time: most of their time is waiting for it.

use futures_util::stream::{self, StreamExt};

/// So few that each call is done within the server's own time, also beside the rest of the suite on two cores.
const AT_ONCE: usize = 8;

/// Runs `case` for every item. The first panic ends it.
pub(crate) async fn each_at_once<T>(items: &[T], case: impl AsyncFn(&T)) {
    stream::iter(items).for_each_concurrent(AT_ONCE, |item| case(item)).await;
}
