//! Groups of a program's partners: their default links, the number of links of a partner, and the hosts that links may
//! point to.

pub(crate) mod allowed_hosts;
pub(crate) mod model;
pub(crate) mod request;
pub mod routes;
pub(crate) mod service;
pub(crate) mod store;

pub use allowed_hosts::AllowedHosts;
pub use model::{DefaultLink, EnrollmentTerms, GroupRef, NewGroup};
pub use service::no_group;
pub use store::{find_enrollment_terms, find_group_id, hold_group, insert_group, insert_group_default_link};
