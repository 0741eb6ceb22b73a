//! Partner programs and their settings.

mod model;
mod request;
mod service;
mod store;

pub use model::{AccessMode, NewProgram, ProgramChanges, ProgramRef, ProgramSummary, TokenLifetime};
pub use request::ProgramQuery;
pub use service::{update_default_program, update_program};
pub use store::{
    find_program_id, find_program_url, find_workspace_of_program, insert_program, is_active, list_programs,
    lock_default_group, update_default_group,
};
