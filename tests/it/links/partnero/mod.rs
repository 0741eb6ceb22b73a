//! Referral links in the Partnero dialect.

mod create_partner_referral_link;
mod delete_partner_referral_link;
mod direct_tracking;
mod documented_calls;
mod fixtures;
mod list_partner_referral_link_domains;
mod list_partner_referral_links;
mod one_table;
mod pages;
mod referral_link_errors;
mod retrieve_partner_referral_link;
mod update_partner_referral_link;
