//! Referral links: their keys, their properties, and their routes in two dialects.

mod change;
mod creation;
mod key;
mod model;
pub mod partnero;
mod password;
pub mod pearset;
mod props;
pub mod service;
mod settings;
mod store;
mod variants;

pub use key::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
pub use model::{ExternalId, KeyRef, LinkOwner, LinkRef, PartnerLink};
pub use props::LinkProps;
pub use settings::SettingChanges;
pub use store::{list_links_of_partners, list_partner_links};
