//! Referral links: keys, properties, the rules for all formats of the API, and the routes of the Pearset format.

mod creation;
mod default_links;
mod key;
mod model;
pub(crate) mod partner_links;
mod password;
mod referral_links;
mod request;
mod response;
pub(crate) mod routes;
mod service;
mod settings;
mod store;
mod variants;

pub(crate) use default_links::{DefaultLinkBatch, DefaultLinks, create_default_links};
pub(crate) use key::fold as fold_key;
pub use key::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
pub(crate) use model::Link;
pub use model::{KeyRef, LinkOwner, LinkRef, PartnerLink};
pub(crate) use referral_links::{
    CreateReferralLink, ListReferralLinks, PartnerName, PartnerSelector, ReferralLink, ReferralLinkChanges,
    UpdateReferralLink,
};
pub use request::LinkProps;
pub(crate) use service::{DeleteLink, FindLink, no_link};
pub(crate) use settings::{LinkSettings, SettingChanges};
pub use store::{
    delete_partner_links, follow_default_links, list_links_of_partners, list_partner_links,
    update_tenant_id_of_partner_links,
};
