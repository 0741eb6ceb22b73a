//! The only integration binary. Every test runs the production application against a real PostgreSQL, which the tests
//! start themselves.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../shared/enrollment_model.rs"]
mod enrollment_model;
#[path = "../shared/fault_proxy.rs"]
mod fault_proxy;
#[path = "../shared/frozen.rs"]
mod frozen;
#[path = "../shared/never.rs"]
mod never;
mod support;

mod architecture;
mod authz;
mod command_line;
mod concurrency;
mod connections;
mod contract;
mod dropped_clients;
mod embed_tokens;
mod embedded;
mod enrollments;
mod faults;
mod groups;
mod health;
mod idempotency;
mod interleavings;
mod links;
mod observability;
mod overload;
mod programs;
mod properties;
mod rate_limits;
mod round_trips;
mod tags;
mod tenancy;
