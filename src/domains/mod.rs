//! Domains: hosts that Pearset serves, or pages of the customer's own, under which links of a program are reachable.

mod address;
mod model;
mod service;
mod store;

pub use address::{Host, LinkAddress, UrlPrefix, short_link};
pub use model::{Domain, NewDomain};
pub(crate) use model::{DomainRef, no_domain};
pub(crate) use service::ListDomains;
pub use store::{find_domain, find_domain_by_host, insert_domain};
