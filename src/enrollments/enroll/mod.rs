//! Enrolling: the enrollment rule decides, and a command carries the decision out.

mod default_links;
mod enroller;
mod lookups;
mod model;
mod rule;
mod service;
mod status_change;

pub(in crate::enrollments) use default_links::give_default_links;
pub use enroller::Enroller;
pub use lookups::EnrollmentLookups;
pub use model::{EnrollRequest, Enrolled, EnrollmentView, Invitation, Origin};
