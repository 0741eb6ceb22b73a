//! Partner programs, their groups and the domains that their links live on.

mod address;
mod model;
pub mod service;
mod store;

pub use address::{Host, LinkAddress, UrlPrefix, short_link};
pub use model::{
    AccessMode, DefaultLink, Domain, EnrollmentTerms, GroupRef, ProgramChanges, ProgramRef, ProgramSummary,
    TokenLifetime,
};
pub use store::{
    find_domain, find_domain_by_host, find_enrollment_terms, find_program_id, insert_domain, insert_group_default_link,
    is_active, list_domains, list_programs,
};
