//! Groups of a program's partners: what links they get by default, how many they may have, and where those may lead.

mod delete;
mod member_store;
mod model;
mod request;
pub mod routes;
mod service;
mod site;
mod store;
mod update;

pub use site::update_program;
