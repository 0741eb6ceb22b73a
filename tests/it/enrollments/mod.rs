//! Partners in programs.

mod create_partner;
mod default_links;
mod enrolled_partner;
pub(crate) mod fixtures;
mod lifecycle;
mod link_props;
mod request_fields;
mod request_problems;
mod retrieve_partner;
mod rule;
