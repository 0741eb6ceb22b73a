//! The effects of a group's change on enrollments and their links.

mod delete;
mod member_store;
mod program_site;
pub mod routes;
mod update;

pub use program_site::update_program;
