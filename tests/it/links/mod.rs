//! Referral links.

mod create_partner_referral_link;
mod list_partner_referral_link_domains;
