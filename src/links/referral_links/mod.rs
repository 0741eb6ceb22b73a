//! Referral links: the links of a partner as the Partnero dialect creates, changes and lists them.

mod model;
mod service;
mod store;

pub(crate) use model::{PartnerName, PartnerSelector, ReferralLink};
pub(crate) use service::{CreateReferralLink, ListReferralLinks, ReferralLinkChanges, UpdateReferralLink};
