//! Rate limits of workspaces.

mod one_server;
mod shared;

use pearset::testing::telemetry::metrics::PoolUse;

use crate::support::actor::Answer;
use crate::support::app::TestApp;

/// A path that every plan may read.
const TAGS: &str = "/tags";

/// Returns the value of a header that is a number.
fn number(answer: &Answer, name: &str) -> u64 {
    answer.headers[name].to_str().unwrap().parse().unwrap()
}

/// Returns the metrics of an application.
fn metrics(app: &TestApp) -> String {
    app.state.metrics.render(PoolUse { max: 0, idle: 0, in_use: 0, waiting: 0 }, None)
}
