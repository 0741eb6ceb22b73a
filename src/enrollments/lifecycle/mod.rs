//! The statuses of an enrollment: which transitions between statuses are possible, and how each transition is written
//! and reported.

mod model;
mod request;
pub mod routes;
mod service;
mod store;

pub(super) use model::{Transition, check_invited};
pub(super) use routes::ChangedPartner;
pub(super) use service::{lock_enrollment, report_transition, write_transition};
pub(super) use store::LockedEnrollment;
