//! Partners: people, unique by e-mail address in a workspace.

mod changes;
mod metadata;
mod model;
mod reference;
mod social;
mod store;

pub use changes::ProfileChanges;
pub use metadata::Metadata;
pub use model::{Country, Email, Profile, TenantId};
pub use reference::PartnerRef;
pub use store::{delete_unenrolled_partner, lock_partner, lock_profile, update_profile};
