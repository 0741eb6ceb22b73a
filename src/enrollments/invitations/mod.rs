//! Invitations: partners who are asked to come, by e-mail.

pub mod routes;
mod service;
mod store;
