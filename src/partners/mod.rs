//! People: unique by e-mail inside a workspace.

mod metadata;
mod model;

pub use metadata::Metadata;
pub use model::{Country, Email, Profile, TenantId};
