//! Referral links.

mod partnero;
