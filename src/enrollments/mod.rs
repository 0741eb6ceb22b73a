//! A partner in a program: the enrollment rule, and the answer that shows an enrollment whole.

pub mod applications;
pub mod bulk;
mod enroll;
mod event;
pub mod groups;
pub mod invitations;
pub mod lifecycle;
pub mod listing;
mod model;
mod request;
mod response;
pub mod routes;
mod store;
pub mod update;

pub use enroll::{
    Asked, Enrolled, Identity, Invitation, LookUps, Origin, enroll, enroll_and_read, enroll_by_workspace,
};
pub use groups::update_program;
pub use model::Status;
pub use request::{CreatePartnerRequest, PartnerRequest};
