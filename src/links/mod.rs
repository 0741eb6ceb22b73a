//! Referral links: their keys, their properties, and their routes in two dialects.

mod key;
mod model;
pub mod partnero;
mod password;
pub mod service;
mod store;

pub use key::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
pub use model::{LinkOwner, LinkProps, LinkSettings, PartnerLink};
pub use password::hash_password;
pub use store::list_partner_links;
