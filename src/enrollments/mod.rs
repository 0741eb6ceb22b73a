//! Enrollments of partners in programs: the enrollment rule, and the answer that shows an enrollment with its partner.

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
mod service;
mod store;
pub mod update;

pub use enroll::{EnrollRequest, Enrolled, Enroller, EnrollmentLookups, EnrollmentView, Invitation, Origin};
pub use groups::update_program;
pub use model::{Identity, Status};
pub use request::{CreatePartnerRequest, PartnerRequest};
pub use store::{RevokedPartner, revoke_partner_tokens};
