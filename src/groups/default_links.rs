//! Changes of the default links of a group.

use sqlx::PgConnection;

use super::model::{DefaultLink, WantedId, WantedLinks};
use super::store;
use crate::error::{Error, Result};
use crate::values::clock::Timestamp;
use crate::values::id::{GroupDefaultLinkId, GroupId, WorkspaceId};
use crate::work::Work;

/// The difference between the present default links of a group and the default links of a request.
pub(super) struct LinkChanges {
    /// All default links after the change, in the order of the request.
    pub(super) all: Vec<DefaultLink>,
    new: Vec<DefaultLink>,
    /// Existing default links with another target.
    pub(super) retargeted: Vec<DefaultLink>,
    removed: Vec<GroupDefaultLinkId>,
}

impl LinkChanges {
    /// Returns the changes of a request that leaves the default links as they are.
    pub(super) fn none(present: &[DefaultLink]) -> Self {
        Self { all: present.to_vec(), new: Vec::new(), retargeted: Vec::new(), removed: Vec::new() }
    }

    /// Compares the present default links with the default links of a request.
    ///
    /// # Errors
    /// 404 when the request names a default link that the group does not have.
    pub(super) fn new(work: &mut Work<'_>, present: &[DefaultLink], wanted: &WantedLinks) -> Result<Self> {
        let wanted = wanted.as_slice();
        let urls = wanted.iter().filter(|link| link.id == WantedId::New).map(|link| link.url.as_str().to_owned());
        let new = new_links(work, urls);
        let mut rest_of_new = new.iter();
        let mut changes = Self { new: Vec::new(), ..Self::none(&[]) };
        for link in wanted {
            let url = link.url.as_str();
            match link.id {
                WantedId::New => changes.all.extend(rest_of_new.next().cloned()),
                WantedId::Present(id) => {
                    let here = present.iter().find(|here| Some(here.id) == id);
                    let here = here.ok_or_else(|| Error::not_found("The default link does not exist."))?;
                    let link = DefaultLink { id: here.id, url: url.to_owned() };
                    if here.url != url {
                        changes.retargeted.push(link.clone());
                    }
                    changes.all.push(link);
                }
            }
        }
        let kept = |link: &DefaultLink| changes.all.iter().any(|kept| kept.id == link.id);
        let removed = present.iter().filter(|link| !kept(link)).map(|link| link.id).collect();
        Ok(Self { new, removed, ..changes })
    }

    /// Writes the changes to the default links of a group.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub(super) async fn write(
        &self,
        conn: &mut PgConnection,
        workspace_id: WorkspaceId,
        group_id: GroupId,
        now: Timestamp,
    ) -> Result<()> {
        if !self.removed.is_empty() {
            store::remove_default_links(conn, workspace_id, &self.removed, now).await?;
        }
        for link in &self.retargeted {
            store::update_default_link(conn, workspace_id, link).await?;
        }
        for link in &self.new {
            store::insert_group_default_link(conn, workspace_id, group_id, link, now).await?;
        }
        Ok(())
    }
}

/// Returns new default links with these targets. Ids of one millisecond are in no order; sorted, they keep the links in
/// the order of the request.
pub(super) fn new_links(work: &mut Work<'_>, urls: impl IntoIterator<Item = String>) -> Vec<DefaultLink> {
    let urls: Vec<String> = urls.into_iter().collect();
    let mut new_ids: Vec<GroupDefaultLinkId> = urls.iter().map(|_| work.next_id()).collect();
    new_ids.sort_unstable();
    new_ids.into_iter().zip(urls).map(|(id, url)| DefaultLink { id, url }).collect()
}
