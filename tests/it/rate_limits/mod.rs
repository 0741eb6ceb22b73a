//! How many requests a workspace may make.

mod one_server;
mod shared;

use pearset::telemetry::metrics::PoolUse;

use crate::support::actor::Answer;
use crate::support::app::TestApp;

/// What any plan may read.
const TAGS: &str = "/tags";

/// A header that is a number.
fn number(answer: &Answer, name: &str) -> u64 {
    answer.headers[name].to_str().unwrap().parse().unwrap()
}

/// What an application has counted.
fn metrics(app: &TestApp) -> String {
    app.state.metrics.render(PoolUse { max: 0, idle: 0, in_use: 0, waiting: 0 }, None)
}
