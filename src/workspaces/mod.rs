//! Tenants, their plans and their API keys.

mod model;
mod rate_limits;
mod store;

pub use model::{ApiKey, Grant, NewApiKey, Plan, Scope, Scopes, Slug};
pub use rate_limits::RateLimits;
pub use store::{
    exists_any, find_grant, find_id_by_slug, insert_api_key, insert_workspace, list_api_keys, list_workspaces,
    lock_default_program, lock_workspaces, revoke_api_key, update_default_program,
};
