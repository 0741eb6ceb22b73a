//! The links of a partner: `/partners/links`.

mod request;
pub(crate) mod routes;
mod service;
