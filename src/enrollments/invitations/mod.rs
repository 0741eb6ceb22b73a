//! Invitations: enrollments that wait for their partners. Pearset sends no message: whoever is told of the event
//! `partner.invited` does.

pub mod routes;
mod service;
mod store;
