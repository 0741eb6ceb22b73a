//! Referral links: their keys, their properties, and their routes in two dialects.

pub(crate) mod change;
pub(crate) mod creation;
pub(crate) mod key;
pub(crate) mod model;

pub(crate) mod partner_links;
pub(crate) mod password;
pub(crate) mod props;
pub(crate) mod response;
pub(crate) mod routes;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod variants;

pub use key::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
pub use model::{ExternalId, KeyRef, LinkOwner, LinkRef, PartnerLink};
pub use props::LinkProps;
pub use settings::SettingChanges;
pub use store::{delete_partner_links, list_links_of_partners, list_partner_links, update_tenant_id_of_partner_links};
