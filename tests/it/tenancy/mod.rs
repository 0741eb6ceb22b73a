//! Isolation of tenants: two workspaces never see, find, change or hinder each other, through HTTP and in the schema.

mod catalogue;
mod every_parameter;
mod foreign_ids;
mod row_level_security;
mod same_names;
mod two_tenants;
mod walls;
