//! `POST /embed/token`, in the format of Affonso's API.

pub(in crate::surfaces) mod error;
mod request;
mod response;
pub mod routes;
