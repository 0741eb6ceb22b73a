//! Groups of a program's partners.

mod changes;
mod create_group;
mod delete_group;
mod list_groups;
mod races;
mod update_group;
