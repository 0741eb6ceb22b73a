//! Enrolling: the enrollment rule, and how its decision is carried out.

mod default_links;
#[expect(clippy::module_inception, reason = "the operation that the folder is about")]
mod enroll;
mod enrolled;
mod look_ups;
mod rule;
mod status_change;

pub(in crate::enrollments) use default_links::give_default_links;
pub use enroll::{Asked, enroll, enroll_and_read, enroll_by_workspace};
pub use enrolled::Enrolled;
pub use look_ups::LookUps;
pub(in crate::enrollments) use rule::Candidates;
pub use rule::{Identity, Invitation, Origin};
