//! Invitations: enrollments that wait for their partners. Pearset sends no message to the partner; the customer's
//! system sends the message when that system receives the event `partner.invited`.

mod request;
pub mod routes;
mod service;
mod store;
