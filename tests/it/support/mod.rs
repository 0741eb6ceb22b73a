//! Helpers that several folders of tests share.

pub(crate) mod actor;
pub(crate) mod app;
pub(crate) mod binary;
pub(crate) mod canaries;
pub(crate) mod cluster;
pub(crate) mod counters;
pub(crate) mod invariants;
pub(crate) mod live;
pub(crate) mod openapi;
pub(crate) mod parallel;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod token;

/// Returns the amount that an environment variable requests for this run, or `or`, the suite's usual amount.
pub(crate) fn asked_for(name: &str, or: usize) -> usize {
    std::env::var(name).map_or(or, |text| text.parse().unwrap())
}
