//! Statements on `links`, `link_stats` and `link_tags`.

mod change;
mod find;
mod groups;
mod insert;
mod of_partner;
mod terms;

pub(in crate::links) use change::{delete_link, delete_link_tags, lock_enrollment, update_link};
pub(in crate::links) use find::{
    external_id_exists, find_id_by_external_id, find_id_by_key, find_id_by_url, find_link, list_default_link_ids,
};
pub use find::{list_links_of_partners, list_partner_links};
pub use groups::follow_default_links;
pub(crate) use insert::LinkRows;
pub(in crate::links) use insert::{insert_link_tags, insert_links};
pub use of_partner::{delete_partner_links, update_tenant_id_of_partner_links};
pub(in crate::links) use terms::{LinkTerms, find_link_terms, find_partner, lock_partner};
