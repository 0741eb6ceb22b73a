//! The statuses of an enrollment and the steps between them: who may be banned, approved, invited …, and what is told
//! of it.

mod act;
mod model;
pub mod routes;
mod service;
mod step;
mod store;

pub(super) use act::Act;
pub(super) use routes::ChangedPartner;
pub(super) use service::{advance, lock, log, record};
pub(super) use step::{Step, check_invited};
pub(super) use store::LockedEnrollment;
