//! Queries on `groups` and `group_default_links`.

mod change;
mod find;

pub(super) use change::{close_group, lock_group_exclusive, remove_default_links, update_default_link, update_group};
pub use change::{
    delete_previous_urls, insert_group, insert_group_default_link, lock_group_shared, lock_move_target,
    update_follow_progress,
};
pub use find::{
    FollowProgress, find_enrollment_terms, find_follow_progress, find_group_id, list_groups_with_default_link_to,
};
pub(super) use find::{find_group, list_groups};
