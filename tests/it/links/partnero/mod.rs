//! Referral links in the Partnero dialect.

mod create_partner_referral_link;
mod fixtures;
mod list_partner_referral_link_domains;
mod referral_link_errors;
