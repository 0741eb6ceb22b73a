//! What the tests are written with.

pub(crate) mod actor;
pub(crate) mod app;
pub(crate) mod binary;
pub(crate) mod canaries;
pub(crate) mod cluster;
pub(crate) mod invariants;
pub(crate) mod live;
pub(crate) mod openapi;
pub(crate) mod parallel;
pub(crate) mod redis;
pub(crate) mod token;
