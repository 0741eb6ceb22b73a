//! The effects of a change of a group on the enrollments in the group and on their links.
//!
//! A group can have a million partners. The group itself changes in the first transaction; enrollments and links follow
//! in batches, each in a transaction of its own. The progress is stored with the group, so that a repeated request
//! continues after an interruption.

mod default_links;
mod delete_group;
pub mod routes;
mod store;
mod update_group;
mod update_program;

pub use update_program::update_program;
