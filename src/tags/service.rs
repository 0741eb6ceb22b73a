//! The rules for tags.

use sqlx::PgConnection;

use super::model::{NewTag, Tag, TagFilter, TagName};
use super::store;
use crate::error::{Error, Result};
use crate::values::color::Color;
use crate::values::id::{TagId, WorkspaceId};
use crate::work::{Command, Query, Work};

/// Returns the error for a tag that does not exist.
pub(super) fn no_tag() -> Error {
    Error::not_found("The tag does not exist.")
}

/// Lists a page of the tags of a workspace.
pub(super) struct ListTags {
    pub(super) workspace_id: WorkspaceId,
    pub(super) filter: TagFilter,
}

impl Query for ListTags {
    const NAME: &'static str = "list_tags";
    type Output = Vec<Tag>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<Tag>> {
        store::list_tags(conn, self.workspace_id, &self.filter).await
    }
}

/// Creates a tag. Without a color, the tag gets a random one.
///
/// Fails with 409 when the workspace has a tag of this name.
pub(super) struct CreateTag {
    pub(super) name: TagName,
    pub(super) color: Option<Color>,
}

impl Command for CreateTag {
    const NAME: &'static str = "create_tag";
    type Output = Tag;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Tag> {
        let (id, now) = (work.next_id(), work.now());
        let color = self.color.unwrap_or_else(|| Color::any(work.ids()));
        let tag = NewTag { id, name: &self.name, color };
        if !store::insert_tag(work.conn, work.actor.workspace_id, tag, now).await? {
            return Err(Error::conflict("A tag with this name exists already."));
        }
        Ok(Tag { id, name: self.name.as_str().to_owned(), color })
    }
}

/// Changes the given members of a tag.
///
/// Fails with 404 when there is no such tag.
pub(super) struct UpdateTag {
    pub(super) id: TagId,
    pub(super) name: Option<TagName>,
    pub(super) color: Option<Color>,
}

impl Command for UpdateTag {
    const NAME: &'static str = "update_tag";
    type Output = Tag;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Tag> {
        let (workspace_id, name) = (work.actor.workspace_id, self.name.as_ref());
        store::update_tag(work.conn, workspace_id, self.id, name, self.color).await?.ok_or_else(no_tag)
    }
}

/// Deletes a tag and removes the tag from all links.
///
/// Fails with 404 when there is no such tag.
pub(super) struct DeleteTag {
    pub(super) id: TagId,
}

impl Command for DeleteTag {
    const NAME: &'static str = "delete_tag";
    type Output = ();

    async fn apply(&self, work: &mut Work<'_>) -> Result<()> {
        let was_there = store::delete_tag(work.conn, work.actor.workspace_id, self.id).await?;
        if was_there { Ok(()) } else { Err(no_tag()) }
    }
}
