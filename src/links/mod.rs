//! Referral links: their keys, their properties, and the routes of the Partnero dialect.

mod key;
mod model;
mod password;
pub mod routes;
pub mod service;
mod store;

pub use key::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
pub use model::{LinkOwner, LinkProps, LinkSettings, PartnerLink};
pub use password::hash_password;
pub use store::list_partner_links;
