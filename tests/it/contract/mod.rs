//! The server keeps to openapi.yaml: operations, statuses, and the properties of every answer.

mod documents;
mod headers;
mod idempotency;
pub(crate) mod requests;
mod routing;
mod statuses;
