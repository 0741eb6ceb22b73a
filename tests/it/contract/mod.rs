//! The server keeps to openapi.yaml: its operations, their statuses, and what is true of every answer.

mod documents;
mod headers;
mod idempotency;
pub(crate) mod requests;
mod routing;
mod statuses;
