//! Groups of a program's partners: their default links, the number of links of a partner, and the hosts that links may
//! point to. Changes of a group that affect enrollments are in `enrollments/groups`.

mod allowed_hosts;
mod default_links;
mod model;
mod request;
pub mod routes;
mod service;
mod store;

pub use allowed_hosts::AllowedHosts;
pub(crate) use model::Group;
pub use model::{DefaultLink, GroupRef, NewGroup};
pub(crate) use request::GroupChanges;
pub use request::{DeleteGroupQuery, UpdateGroupRequest};
pub use service::no_group;
pub(crate) use service::{FindGroup, close_group, retarget_default_links, update_group};
pub use store::{
    FollowProgress, delete_previous_urls, find_enrollment_terms, find_follow_progress, find_group_id, insert_group,
    insert_group_default_link, list_groups_with_default_link_to, lock_group_shared, lock_move_target,
    update_follow_progress,
};
