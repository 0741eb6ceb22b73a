//! `POST /partner_referral_links`.
