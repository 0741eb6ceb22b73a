//! Partner programs, and what each is made with: a group of partners and a domain that links live on.

mod address;
mod allowed_hosts;
mod model;
pub mod service;
mod store;

pub use address::{Host, LinkAddress, UrlPrefix, short_link};
pub use allowed_hosts::AllowedHosts;
pub use model::{
    AccessMode, DefaultLink, Domain, EnrollmentTerms, GroupRef, NewGroup, ProgramChanges, ProgramRef, ProgramSummary,
    TokenLifetime,
};
pub use service::no_group;
pub use store::{
    find_domain, find_domain_by_host, find_enrollment_terms, find_group_id, find_program_id, find_workspace_of_program,
    hold_group, insert_domain, insert_group, insert_group_default_link, is_active, list_domains, list_programs,
};
