//! Referral links: their keys, their properties, and their routes in two dialects.

#[allow(dead_code, reason = "the routes that need all of it follow")]
mod change;
#[allow(dead_code, reason = "the routes that need all of it follow")]
mod creation;
mod key;
#[allow(dead_code, reason = "the routes that need all of it follow")]
mod model;
pub mod partnero;
mod password;
mod props;
pub mod service;
mod settings;
#[allow(dead_code, reason = "the routes that need all of it follow")]
mod store;
mod variants;

pub use key::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
pub use model::{LinkOwner, PartnerLink};
pub use props::LinkProps;
pub use settings::SettingChanges;
pub use store::{list_links_of_partners, list_partner_links};
