//! People: unique by e-mail inside a workspace.

mod model;

pub use model::{Country, Email, Profile, TenantId};
