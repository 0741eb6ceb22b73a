//! Pearset: the partner-program backend that a SaaS company runs itself.
//!
//! `docs/architecture.md` describes the layout and the order in which folders may import each other.

#![allow(
    unreachable_pub,
    reason = "every folder is private to the crate: `pub` marks what a folder offers to the other folders"
)]

mod access;
mod app;
mod audit_logs;
mod batcher;
mod cli;
mod config;
mod db;
mod domains;
mod embed_tokens;
mod enrollments;
mod error;
mod groups;
mod http;
mod idempotency;
mod links;
mod outbox;
mod partners;
mod programs;
mod provisioning;
mod surfaces;
mod tags;
mod telemetry;
#[doc(hidden)]
pub mod testing;
mod validation;
mod values;
mod work;
mod workspaces;

pub use cli::main;
