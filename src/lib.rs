//! Pearset: the partner-program backend that a SaaS company runs itself.
//!
//! `README.md` says how the code is laid out. Feature modules import one way:
//! `workspaces ← programs ← audit_logs ← tags ← groups ← partners ← links ← enrollments ← embed_tokens`.

pub mod audit_logs;
pub mod cli;
pub mod clock;
pub mod color;
pub mod config;
pub mod db;
pub mod embed_tokens;
pub mod enrollments;
pub mod error;
pub mod groups;
pub mod http;
pub mod http_url;
pub mod id;
pub mod idempotency;
pub mod links;
pub mod partners;
pub mod programs;
pub mod search_pattern;
mod serve;
pub mod shutdown;
pub mod slug;
pub mod state;
pub mod tags;
pub mod telemetry;
mod together;
pub mod validation;
pub mod workspaces;

pub use http::build_app;
pub use serve::serve;
