//! More requests at once than a server works on.

mod refusals;
mod tenants;
