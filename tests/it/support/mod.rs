//! What the tests are written with.

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

/// How much of something a run is asked for by an environment variable; `or` says how much the suite does.
pub(crate) fn asked_for(name: &str, or: usize) -> usize {
    std::env::var(name).map_or(or, |text| text.parse().unwrap())
}
