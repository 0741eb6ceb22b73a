//! The server keeps to openapi.yaml: its operations, their statuses, and what is true of every answer.

mod documents;
mod headers;
pub(crate) mod requests;
mod routing;
mod statuses;
