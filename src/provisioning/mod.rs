//! Provisioning: the work of an operator who creates workspaces, programs, API keys and domains, each together with
//! everything that it needs.

mod api_key;
mod domain;
mod program;
mod workspace;

pub use api_key::CreateApiKey;
pub use domain::AddDomain;
pub use program::{CreateProgram, PLACEHOLDER_URL, SetDefaultProgram};
pub use workspace::{CreateFirstWorkspace, CreateWorkspace};
