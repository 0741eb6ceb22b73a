//! `/partners/links` and `/links`.

mod allowed_hosts;
mod create_partner_link;
mod delete_link;
mod fixtures;
mod max_partner_links;
mod retrieve_links;
mod update_link;
mod upsert_partner_link;
