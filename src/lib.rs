//! Pearset: the partner-program backend that a SaaS company runs itself.
//!
//! `docs/architecture.md` describes the layout and the order in which folders may import each other.

pub mod access;
pub mod app;
pub mod audit_logs;
mod batcher;
pub mod cli;
pub mod config;
pub mod db;
pub mod domains;
pub mod embed_tokens;
pub mod enrollments;
pub mod error;
pub mod groups;
pub mod http;
pub mod idempotency;
pub mod links;
pub mod outbox;
pub mod partners;
pub mod programs;
pub mod provisioning;
pub mod surfaces;
pub mod tags;
pub mod telemetry;
pub mod validation;
pub mod values;
pub mod work;
pub mod workspaces;

pub use app::serve;
pub use surfaces::api::build_app;
