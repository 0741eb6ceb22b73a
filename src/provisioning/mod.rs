//! Provisioning: a program or a workspace, created together with everything that it needs.

mod program;
mod workspace;

pub use program::{CreateProgram, PLACEHOLDER_URL, ProgramDefaults};
pub use workspace::{CreateFirstWorkspace, CreateWorkspace, CreatedWorkspace};
