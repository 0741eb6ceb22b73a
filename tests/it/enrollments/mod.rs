//! Partners in programs.

mod create_partner;
mod request_fields;
mod retrieve_partner;
