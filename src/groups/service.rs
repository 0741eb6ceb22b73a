//! The rules for making and changing groups.

use serde_json::json;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::allowed_hosts::AllowedHosts;
use super::model::{Actor, Group, MaxPartnerLinks, WantedId, WantedLinks};
use super::model::{DefaultLink, GroupRef, NewGroup};
use super::request::{Changes, CreateGroupRequest};
use super::store;
use crate::audit_logs::{self, Action, Entry};
use crate::error::{Error, Result};
use crate::validation::{Change, Problem, ProblemCode};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{GroupDefaultLinkId, GroupId, Ids};

/// Makes a group. Without default links in the request it gets one to the program's site.
///
/// # Errors
/// 409 when the slug is taken; 422 when the default links do not agree with the rest.
pub(crate) async fn create_group(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    actor: Actor,
    request: &CreateGroupRequest,
) -> Result<Group> {
    let Actor { workspace_id, program_id, .. } = actor;
    let urls: Vec<String> = match &request.default_links {
        Some(links) => links.as_slice().iter().map(|link| link.url.as_str().to_owned()).collect(),
        None => vec![store::find_program_url(conn, workspace_id, program_id).await?.ok_or_else(no_group)?],
    };
    let links = new_links(ids, now, urls);
    let max_partner_links = request.max_partner_links.map(MaxPartnerLinks::get);
    let mut problems = Vec::new();
    check_hosts(&request.allowed_hosts, &links, request.default_links.is_some(), &mut problems);
    check_count(max_partner_links, links.len(), &mut problems);
    if !problems.is_empty() {
        return Err(Error::invalid(problems));
    }
    let new = NewGroup {
        id: ids.next(now),
        name: request.name.as_str().to_owned(),
        slug: request.slug.clone(),
        color: request.color,
        max_partner_links,
        allowed_hosts: request.allowed_hosts.as_slice().to_vec(),
    };
    if !store::insert_group(conn, ProgramScope { workspace_id, program_id }, &new, now).await? {
        return Err(Error::conflict("A group with this slug exists already."));
    }
    for link in &links {
        store::insert_group_default_link(conn, workspace_id, new.id, link, now).await?;
    }
    write_entry(conn, ids, now, actor, Action::GroupCreated, new.id, json!({})).await?;
    let group = store::find_group(conn, workspace_id, program_id, &GroupRef::Id(new.id), false).await?;
    Ok(Group { partners_count: Some(0), ..group.ok_or_else(no_group)? })
}

/// Changes a group.
///
/// # Errors
/// 404 for an unknown group or default link; 409 when the slug is taken, or the default group is to be none; 422 when
/// the default links do not agree with the rest.
pub(crate) async fn update_group(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    actor: Actor,
    group: &GroupRef,
    changes: &Changes,
) -> Result<GroupId> {
    let Actor { workspace_id, program_id, .. } = actor;
    store::lock_groups_of_program(conn, workspace_id, program_id).await?;
    let before = store::find_group(conn, workspace_id, program_id, group, false).await?.ok_or_else(no_group)?;
    if before.is_default && changes.is_default == Some(false) {
        return Err(Error::conflict("A program has a default group: make another one the default instead."));
    }
    let links = match &changes.default_links {
        Some(wanted) => LinkChanges::new(ids, now, &before.default_links, wanted)?,
        None => LinkChanges::none(&before.default_links),
    };
    let after = Group { default_links: Json(links.all.clone()), ..changed(&before, changes) };
    check_agreement(&after, changes)?;
    let fields = changed_fields(&before, &after);
    if fields.is_empty() {
        return Ok(before.id);
    }
    store::close_off_group(conn, workspace_id, before.id).await?;
    store::update_group(conn, workspace_id, &after, !links.led_elsewhere.is_empty(), now).await?;
    links.write(conn, actor, before.id, now).await?;
    if after.is_default && !before.is_default {
        store::update_default_group(conn, workspace_id, program_id, before.id).await?;
    }
    write_group_updated(conn, ids, now, actor, before.id, &fields).await?;
    Ok(before.id)
}

pub(crate) async fn write_group_updated(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    actor: Actor,
    id: GroupId,
    changed: &[&str],
) -> Result<()> {
    write_entry(conn, ids, now, actor, Action::GroupUpdated, id, json!({ "changed": changed })).await
}

/// The group with the changes but for its default links.
fn changed(before: &Group, changes: &Changes) -> Group {
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

/// What a request says of a group must agree with what it leaves as it is.
fn check_agreement(after: &Group, changes: &Changes) -> Result<()> {
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

/// The links stand in the order of the request if it has any.
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

fn check_count(max_partner_links: Option<i32>, links: usize, problems: &mut Vec<Problem>) {
    if max_partner_links.and_then(|max| usize::try_from(max).ok()).is_some_and(|max| max < links) {
        problems.push(Problem {
            code: ProblemCode::Custom,
            path: "maxPartnerLinks".to_owned(),
            message: "Must leave room for the default links".into(),
        });
    }
}

/// The members of a group that are not what they were, as a request spells them.
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

/// Default links in the order in which they are shown, whatever that of a request is.
fn by_id(links: &[DefaultLink]) -> Vec<&DefaultLink> {
    let mut links: Vec<&DefaultLink> = links.iter().collect();
    links.sort_unstable_by_key(|link| link.id);
    links
}

/// What becomes of the default links of a group.
struct LinkChanges {
    /// All that there will be, in the order of the request.
    all: Vec<DefaultLink>,
    new: Vec<DefaultLink>,
    led_elsewhere: Vec<DefaultLink>,
    removed: Vec<GroupDefaultLinkId>,
}

impl LinkChanges {
    fn none(present: &[DefaultLink]) -> Self {
        Self { all: present.to_vec(), new: Vec::new(), led_elsewhere: Vec::new(), removed: Vec::new() }
    }

    fn new(ids: &Ids, now: Timestamp, present: &[DefaultLink], wanted: &WantedLinks) -> Result<Self> {
        let wanted = wanted.as_slice();
        let urls = wanted.iter().filter(|link| link.id == WantedId::New).map(|link| link.url.as_str().to_owned());
        let new = new_links(ids, now, urls);
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
                        changes.led_elsewhere.push(link.clone());
                    }
                    changes.all.push(link);
                }
            }
        }
        let kept = |link: &DefaultLink| changes.all.iter().any(|kept| kept.id == link.id);
        let removed = present.iter().filter(|link| !kept(link)).map(|link| link.id).collect();
        Ok(Self { new, removed, ..changes })
    }

    async fn write(&self, conn: &mut PgConnection, actor: Actor, group_id: GroupId, now: Timestamp) -> Result<()> {
        if !self.removed.is_empty() {
            store::remove_default_links(conn, actor.workspace_id, &self.removed, now).await?;
        }
        for link in &self.led_elsewhere {
            store::update_default_link(conn, actor.workspace_id, link).await?;
        }
        for link in &self.new {
            store::insert_group_default_link(conn, actor.workspace_id, group_id, link, now).await?;
        }
        Ok(())
    }
}

/// Ids of one millisecond come in no order: sorted, the links stand in the order of the request.
fn new_links(ids: &Ids, now: Timestamp, urls: impl IntoIterator<Item = String>) -> Vec<DefaultLink> {
    let urls: Vec<String> = urls.into_iter().collect();
    let mut new_ids: Vec<GroupDefaultLinkId> = urls.iter().map(|_| ids.next(now)).collect();
    new_ids.sort_unstable();
    new_ids.into_iter().zip(urls).map(|(id, url)| DefaultLink { id, url }).collect()
}

pub(crate) async fn write_entry(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    actor: Actor,
    action: Action,
    group_id: GroupId,
    details: serde_json::Value,
) -> Result<()> {
    let Actor { workspace_id, program_id, api_key_id } = actor;
    let target = group_id.to_string();
    let entry = Entry { workspace_id, program_id, api_key_id, action, target: &target, details };
    audit_logs::insert_entry(conn, ids, now, &entry).await
}

/// Returns the error for a group that a request names and that does not exist.
#[must_use]
pub fn no_group() -> Error {
    Error::not_found("The group was not found.")
}
