//! Queries on `links` and `link_tags`.

mod change;
mod find;
mod groups;
mod insert;
mod of_partner;
mod terms;

pub(crate) use change::{delete_link, delete_link_tags, lock_owner_of, update_link};
pub(crate) use find::{
    external_id_exists, find_id_by_external_id, find_id_by_key, find_id_by_url, find_link, list_default_link_ids,
};
pub use find::{list_links_of_partners, list_partner_links};
pub use groups::follow_default_links;
pub(crate) use insert::{insert_link_tags, insert_links};
pub use of_partner::{delete_partner_links, update_tenant_id_of_partner_links};
pub(crate) use terms::{LinkTerms, find_link_terms, find_partner, lock_partner};
