//! People: unique by e-mail inside a workspace.

mod metadata;
mod model;
mod reference;

pub use metadata::Metadata;
pub use model::{Country, Email, Profile, TenantId};
pub use reference::PartnerRef;
