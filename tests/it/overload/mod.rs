//! Overload: more concurrent requests than a server works on.

mod refusals;
mod tenants;
