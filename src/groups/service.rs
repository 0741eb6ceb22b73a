//! The rules for creating and changing groups.

use serde_json::json;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::allowed_hosts::AllowedHosts;
use super::default_links::{LinkChanges, new_links};
use super::model::{DefaultLink, Group, GroupRef, MaxPartnerLinks, NewGroup};
use super::request::{CreateGroupRequest, GroupChanges};
use super::store;
use crate::audit_logs::Action;
use crate::error::{Error, Result};
use crate::programs;
use crate::validation::{Change, Problem, ProblemCode};
use crate::values::id::GroupId;
use crate::values::{Page, ProgramScope};
use crate::work::{Command, Query, Work};

/// Returns the error for a group that does not exist.
#[must_use]
pub fn no_group() -> Error {
    Error::not_found("The group was not found.")
}

/// Lists a page of the groups of a program.
pub(super) struct ListGroups {
    pub(super) scope: ProgramScope,
    /// A regular expression for name or slug.
    pub(super) search: Option<String>,
    pub(super) page: Page,
}

impl Query for ListGroups {
    const NAME: &'static str = "list_groups";
    type Output = Vec<Group>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<Group>> {
        store::list_groups(conn, self.scope, self.search.as_deref(), self.page).await
    }
}

/// Finds a group, with the number of its partners.
///
/// Fails with 404 when there is no such group.
pub(crate) struct FindGroup {
    pub(crate) scope: ProgramScope,
    pub(crate) group: GroupRef,
}

impl Query for FindGroup {
    const NAME: &'static str = "find_group";
    type Output = Group;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Group> {
        store::find_group(conn, self.scope, &self.group, true).await?.ok_or_else(no_group)
    }
}

/// Creates a group. Without default links in the request, the group gets one default link to the program's site.
///
/// Fails with 409 when the slug is taken, with 422 when the default links do not agree with the other members.
pub(super) struct CreateGroup {
    pub(super) scope: ProgramScope,
    pub(super) request: CreateGroupRequest,
}

impl Command for CreateGroup {
    const NAME: &'static str = "create_group";
    type Output = Group;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Group> {
        let Self { scope, ref request } = *self;
        let ProgramScope { workspace_id, program_id } = scope;
        let urls: Vec<String> = match &request.default_links {
            Some(links) => links.as_slice().iter().map(|link| link.url.as_str().to_owned()).collect(),
            None => vec![programs::find_program_url(work.conn, scope).await?.ok_or_else(no_group)?],
        };
        let links = new_links(work, urls);
        let max_partner_links = request.max_partner_links.map(MaxPartnerLinks::get);
        let mut problems = Vec::new();
        check_hosts(&request.allowed_hosts, &links, request.default_links.is_some(), &mut problems);
        check_count(max_partner_links, links.len(), &mut problems);
        if !problems.is_empty() {
            return Err(Error::invalid(problems));
        }
        let group = NewGroup {
            id: work.next_id(),
            name: request.name.as_str().to_owned(),
            slug: request.slug.clone(),
            color: request.color,
            max_partner_links,
            allowed_hosts: request.allowed_hosts.as_slice().to_vec(),
        };
        let now = work.now();
        if !store::insert_group(work.conn, scope, &group, now).await? {
            return Err(Error::conflict("A group with this slug exists already."));
        }
        for link in &links {
            store::insert_group_default_link(work.conn, workspace_id, group.id, link, now).await?;
        }
        work.audit(program_id, Action::GroupCreated, group.id, json!({})).await?;
        let created = store::find_group(work.conn, scope, &GroupRef::Id(group.id), false).await?;
        Ok(Group { partners_count: Some(0), ..created.ok_or_else(no_group)? })
    }
}

/// Changes a group and returns the id of the group. Links that were created for a default link with a new target are
/// left for the caller.
///
/// # Errors
/// 404 for an unknown group or default link; 409 when the slug is taken, or when the program would have no default
/// group; 422 when the default links do not agree with the other members.
pub(crate) async fn update_group(
    work: &mut Work<'_>,
    scope: ProgramScope,
    group: &GroupRef,
    changes: &GroupChanges,
) -> Result<GroupId> {
    let ProgramScope { workspace_id, program_id } = scope;
    // Locks every group of the program, so that the second of two concurrent changes sees the default group of the
    // first.
    programs::lock_default_group(work.conn, scope).await?;
    let before = store::find_group(work.conn, scope, group, false).await?.ok_or_else(no_group)?;
    if before.is_default && changes.is_default == Some(false) {
        return Err(Error::conflict("A program has a default group: make another one the default instead."));
    }
    let links = match &changes.default_links {
        Some(wanted) => LinkChanges::new(work, &before.default_links, wanted)?,
        None => LinkChanges::none(&before.default_links),
    };
    let after = Group { default_links: Json(links.all.clone()), ..changed(&before, changes) };
    check_agreement(&after, changes)?;
    let fields = changed_fields(&before, &after);
    if fields.is_empty() {
        return Ok(before.id);
    }
    let now = work.now();
    store::lock_group_exclusive(work.conn, workspace_id, before.id).await?;
    store::update_group(work.conn, workspace_id, &after, !links.retargeted.is_empty(), now).await?;
    links.write(work.conn, workspace_id, before.id, now).await?;
    if after.is_default && !before.is_default {
        programs::update_default_group(work.conn, scope, before.id).await?;
    }
    work.audit(program_id, Action::GroupUpdated, before.id, json!({ "changed": fields })).await?;
    Ok(before.id)
}

/// Gives every default link of a program that points to `from` the target `to`. The caller has locked the program, so
/// that no group changes during the transaction. Links that were created for these default links are left for the
/// caller.
///
/// # Errors
/// 409 when a group does not allow links to the new target.
pub(crate) async fn retarget_default_links(
    work: &mut Work<'_>,
    scope: ProgramScope,
    from: &str,
    to: &str,
) -> Result<()> {
    let ProgramScope { workspace_id, program_id } = scope;
    for id in store::list_groups_with_default_link_to(work.conn, scope, from).await? {
        let group = store::find_group(work.conn, scope, &GroupRef::Id(id), false).await?;
        let group = group.ok_or_else(no_group)?;
        if !AllowedHosts::from(group.allowed_hosts.clone()).allow(to) {
            let Group { slug, .. } = group;
            let message = format!("The group {slug:?} does not allow links to {to}: change its allowed hosts first.");
            return Err(Error::conflict(message));
        }
        let now = work.now();
        store::lock_group_exclusive(work.conn, workspace_id, id).await?;
        store::update_group(work.conn, workspace_id, &group, true, now).await?;
        for link in group.default_links.iter().filter(|link| link.url == from) {
            let link = DefaultLink { id: link.id, url: to.to_owned() };
            store::update_default_link(work.conn, workspace_id, &link).await?;
        }
        work.audit(program_id, Action::GroupUpdated, id, json!({ "changed": ["defaultLinks"] })).await?;
    }
    Ok(())
}

/// Closes a group, whose partners are left for the caller, and returns the id of the group. `move_to` is the group for
/// these partners; `None` means the program's default group. Returns `None` when the program has no such open group.
///
/// After this transaction, no enrollment can enter the group: the transaction waits for every transaction that is
/// creating an enrollment in the group, and later transactions find the group changed.
///
/// # Errors
/// 404 for an unknown target, 409 for the default group, 422 when the target is the group itself.
pub(crate) async fn close_group(
    work: &mut Work<'_>,
    scope: ProgramScope,
    group: &GroupRef,
    move_to: Option<&GroupRef>,
) -> Result<Option<GroupId>> {
    let ProgramScope { workspace_id, program_id } = scope;
    // Locks every group of the program: two groups that are deleted at the same time, each with the other as the
    // target, must not wait for each other.
    let default = programs::lock_default_group(work.conn, scope).await?.ok_or_else(no_group)?;
    let Some(id) = store::find_group_id(work.conn, scope, group).await? else { return Ok(None) };
    if id == default {
        return Err(Error::conflict("The default group cannot be deleted: make another one the default first."));
    }
    let target = match move_to {
        Some(target) => store::find_group_id(work.conn, scope, target)
            .await?
            .ok_or_else(|| Error::not_found("The group to move the partners to does not exist."))?,
        None => default,
    };
    if target == id {
        return Err(Error::invalid(vec![Problem {
            code: ProblemCode::InvalidValue,
            path: "moveTo".to_owned(),
            message: "Must be another group".into(),
        }]));
    }
    let now = work.now();
    store::lock_group_exclusive(work.conn, workspace_id, id).await?;
    store::close_group(work.conn, scope, (id, target), now).await?;
    work.audit(program_id, Action::GroupDeleted, id, json!({ "movedTo": target })).await?;
    Ok(Some(id))
}

/// Returns the group after the changes, with its present default links.
fn changed(before: &Group, changes: &GroupChanges) -> Group {
    let mut after = before.clone();
    if let Some(name) = &changes.name {
        name.as_str().clone_into(&mut after.name);
    }
    if let Some(slug) = &changes.slug {
        slug.as_str().clone_into(&mut after.slug);
    }
    if changes.color != Change::Keep {
        after.color = changes.color.value().copied();
    }
    if changes.max_partner_links != Change::Keep {
        after.max_partner_links = changes.max_partner_links.value().map(|max| max.get());
    }
    if let Some(hosts) = &changes.allowed_hosts {
        after.allowed_hosts = hosts.as_slice().to_vec();
    }
    after.is_default |= changes.is_default == Some(true);
    after
}

/// Checks that the changes agree with the unchanged members of the group.
fn check_agreement(after: &Group, changes: &GroupChanges) -> Result<()> {
    let mut problems = Vec::new();
    let links_change = changes.default_links.is_some();
    if links_change || changes.allowed_hosts.is_some() {
        let hosts = AllowedHosts::from(after.allowed_hosts.clone());
        check_hosts(&hosts, &after.default_links, links_change, &mut problems);
    }
    if links_change || changes.max_partner_links.is_change() {
        check_count(after.max_partner_links, after.default_links.len(), &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::invalid(problems)) }
}

/// Checks that the default links point to allowed hosts. `links` is in the order of the request if the request has
/// default links (`in_request`).
fn check_hosts(hosts: &AllowedHosts, links: &[DefaultLink], in_request: bool, problems: &mut Vec<Problem>) {
    for (index, _) in links.iter().enumerate().filter(|(_, link)| !hosts.allow(&link.url)) {
        problems.push(Problem {
            code: ProblemCode::Custom,
            path: if in_request { format!("defaultLinks[{index}].url") } else { "allowedHosts".to_owned() },
            message: "The default links must lead to hosts that are allowed".into(),
        });
        if !in_request {
            return;
        }
    }
}

/// Checks that a partner may have at least as many links as there are default links.
fn check_count(max_partner_links: Option<i32>, links: usize, problems: &mut Vec<Problem>) {
    if max_partner_links.and_then(|max| usize::try_from(max).ok()).is_some_and(|max| max < links) {
        problems.push(Problem {
            code: ProblemCode::Custom,
            path: "maxPartnerLinks".to_owned(),
            message: "Must leave room for the default links".into(),
        });
    }
}

/// Returns the members of a group that differ, as a request spells them.
fn changed_fields(before: &Group, after: &Group) -> Vec<&'static str> {
    let fields = [
        ("name", before.name != after.name),
        ("slug", before.slug != after.slug),
        ("color", before.color != after.color),
        ("defaultLinks", by_id(&before.default_links) != by_id(&after.default_links)),
        ("maxPartnerLinks", before.max_partner_links != after.max_partner_links),
        ("allowedHosts", before.allowed_hosts != after.allowed_hosts),
        ("isDefault", before.is_default != after.is_default),
    ];
    fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

/// Returns default links in the order in which they are shown, which need not be the order of a request.
fn by_id(links: &[DefaultLink]) -> Vec<&DefaultLink> {
    let mut links: Vec<&DefaultLink> = links.iter().collect();
    links.sort_unstable_by_key(|link| link.id);
    links
}
