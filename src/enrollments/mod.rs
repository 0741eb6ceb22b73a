//! A partner in a program: the enrollment rule, and the answer that shows an enrollment whole.

mod answer;
pub mod applications;
pub mod bulk;
mod default_links;
mod enroll;
mod enrolled;
mod event;
pub mod invitations;
pub mod lifecycle;
pub mod listing;
mod look_ups;
mod model;
mod request;
pub mod routes;
mod rule;
mod store;
mod turn;
pub mod update;

pub use enroll::{Asked, enroll, enroll_and_read, enroll_by_workspace};
pub use enrolled::Enrolled;
pub use look_ups::LookUps;
pub use model::Status;
pub use request::{CreatePartnerRequest, PartnerRequest};
pub use rule::{Identity, Invitation, Origin};
