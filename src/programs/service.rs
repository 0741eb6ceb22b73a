//! Making programs, and whole workspaces with their first one.

use sqlx::PgConnection;
use url::Url;

use super::address::LinkAddress;
use super::model::{AccessMode, DefaultLink, NewGroup, ProgramChanges};
use super::store;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{DomainId, GroupId, Ids, ProgramId, WorkspaceId};
use crate::workspaces::{self, ApiKey, NewApiKey, Plan, Scopes, Slug};

/// A program to be made.
#[derive(Debug)]
pub struct NewProgram {
    /// Its id.
    pub id: ProgramId,
    /// Its name for people.
    pub name: String,
    /// The site that it is about, where its first default link leads.
    pub url: String,
    /// Who may come in.
    pub access_mode: AccessMode,
    /// Where its links live.
    pub address: LinkAddress,
}

/// What every program is made with.
#[derive(Debug, Clone, Copy)]
pub struct ProgramDefaults {
    /// Its group.
    pub group_id: GroupId,
    /// Its domain.
    pub domain_id: DomainId,
}

/// A workspace that was made.
#[derive(Debug, Clone, Copy)]
pub struct NewWorkspaceIds {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Its program.
    pub program_id: ProgramId,
    /// The program's group.
    pub group_id: GroupId,
}

/// The site of a program for which none was named. `pearset program update --url` sets the real one.
pub const PLACEHOLDER_URL: &str = "https://example.com/";

/// Makes a program with a default group, one default link to its site, and a default domain.
///
/// # Errors
/// 409 when the domain is taken.
pub async fn create_program(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    workspace_id: WorkspaceId,
    program: &NewProgram,
) -> Result<ProgramDefaults> {
    let defaults = ProgramDefaults { group_id: ids.next(now), domain_id: ids.next(now) };
    store::insert_program(conn, workspace_id, program, (defaults.group_id, defaults.domain_id), now).await?;
    let group = NewGroup {
        id: defaults.group_id,
        name: "Default Group".to_owned(),
        slug: "default".parse().map_err(Error::internal)?,
        color: None,
        max_partner_links: None,
        allowed_hosts: Vec::new(),
    };
    store::insert_group(conn, workspace_id, program.id, &group, now).await?;
    let link = DefaultLink { id: ids.next(now), url: program.url.clone() };
    store::insert_group_default_link(conn, workspace_id, defaults.group_id, &link, now).await?;
    let domain = (defaults.domain_id, &program.address, false);
    store::insert_domain(conn, workspace_id, program.id, domain, now).await?;
    Ok(defaults)
}

/// Makes an API key. The program that the key is limited to is one of its workspace, which nothing else makes sure of:
/// keys are found before the workspace is known, so their table refers to none that belongs to a workspace.
///
/// # Errors
/// 404 when the workspace has no such program.
pub async fn create_api_key(conn: &mut PgConnection, key: &NewApiKey, hash: [u8; 32], now: Timestamp) -> Result<()> {
    if key.program_id.is_some() && store::find_program_id(conn, key.workspace_id, key.program_id).await?.is_none() {
        return Err(Error::not_found("The workspace has no such program."));
    }
    workspaces::insert_api_key(conn, key, hash, now).await
}

/// A workspace to be made.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    /// Its id: whoever makes a workspace does so as its tenant.
    pub id: WorkspaceId,
    /// Its name for people, also that of its program.
    pub name: String,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its plan.
    pub plan: Plan,
    /// Its first key, which may do everything.
    pub key: ApiKey,
    /// Where the server is reached: its links live at `<slug>.localhost` there until it gets a domain.
    pub public_url: Url,
}

/// Makes a workspace with a public program and a key.
///
/// # Errors
/// 409 when the slug is taken.
pub async fn create_workspace(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    new: &NewWorkspace,
) -> Result<NewWorkspaceIds> {
    let workspace_id = new.id;
    let program = NewProgram {
        id: ids.next(now),
        name: new.name.clone(),
        url: PLACEHOLDER_URL.to_owned(),
        access_mode: AccessMode::Public,
        address: LinkAddress::local(new.slug.as_str(), &new.public_url),
    };
    workspaces::insert_workspace(conn, workspace_id, &new.slug, &new.name, new.plan, program.id, now).await?;
    let defaults = create_program(conn, ids, now, workspace_id, &program).await?;
    let key = NewApiKey {
        id: ids.next(now),
        workspace_id,
        program_id: None,
        name: "First key".to_owned(),
        scopes: Scopes::default(),
        expires_at: None,
    };
    workspaces::insert_api_key(conn, &key, new.key.hash(), now).await?;
    Ok(NewWorkspaceIds { workspace_id, program_id: program.id, group_id: defaults.group_id })
}

/// For a group that a request names and that is not there.
#[must_use]
pub fn no_group() -> Error {
    Error::not_found("The group was not found.")
}

/// Changes a program, and nobody else does until the end of the transaction. Returns the site that it was about until
/// now. Default links that lead to its site are
/// its groups' own: see [`crate::groups::update_program`].
///
/// # Errors
/// 404 when there is no such program, or it has no such domain; 409 when the workspace's default program, which
/// answers for every request that names none, is to be made inactive.
pub async fn update_program(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    now: Timestamp,
    id: ProgramId,
    changes: &ProgramChanges,
) -> Result<String> {
    if changes.default_domain_id.is_some()
        && store::find_domain(conn, workspace_id, id, changes.default_domain_id).await?.is_none()
    {
        return Err(Error::not_found("The program has no such domain."));
    }
    if changes.active == Some(false) && workspaces::lock_default_program(conn, workspace_id).await? == Some(id) {
        return Err(Error::conflict("This is the workspace's default program: make another one the default first."));
    }
    let previous_url = store::lock_program_url(conn, workspace_id, id).await?;
    let previous_url = previous_url.ok_or_else(|| Error::not_found("There is no such program."))?;
    store::update_program(conn, workspace_id, id, changes, now).await?;
    Ok(previous_url)
}

/// Makes a program the one of every request of its workspace that names none.
///
/// # Errors
/// 404 when the workspace has no such program; 409 when it is inactive.
pub async fn update_default_program(conn: &mut PgConnection, workspace_id: WorkspaceId, id: ProgramId) -> Result<()> {
    // Held until the end, so that nobody makes the program inactive meanwhile.
    workspaces::lock_default_program(conn, workspace_id).await?;
    if store::find_program_id(conn, workspace_id, Some(id)).await?.is_none() {
        return Err(Error::not_found("The workspace has no such program."));
    }
    if !store::is_active(conn, workspace_id, id).await? {
        return Err(Error::conflict("The program is inactive."));
    }
    workspaces::update_default_program(conn, workspace_id, id).await
}
