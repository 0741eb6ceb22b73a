//! The links of a partner: `/partners/links`.

pub(crate) mod routes;
mod service;
