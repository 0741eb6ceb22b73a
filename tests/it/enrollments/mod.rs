//! Partners in programs.

mod bulk_create_partners;
mod count_partners;
mod create_partner;
mod default_links;
mod enrolled_partner;
pub(crate) mod fixtures;
mod lifecycle;
mod link_props;
mod list_partners;
mod list_plans;
mod new_installation;
mod request_fields;
mod request_problems;
mod retrieve_partner;
mod rule;
mod update_partner;
mod valid_states;
