//! `GET /partner_referral_links:domains`.
