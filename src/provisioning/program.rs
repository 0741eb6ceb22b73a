//! A new program with its default group, default link and default domain; and the choice of the default program.

use crate::domains::{self, LinkAddress, NewDomain};
use crate::error::{Error, Result};
use crate::groups::{self, DefaultLink, NewGroup};
use crate::programs::{self, AccessMode, NewProgram};
use crate::values::ProgramScope;
use crate::values::id::{DomainId, GroupId, ProgramId};
use crate::work::{Command, Work};

/// The site of a program that was created without one. `pearset program update --url` sets the real one.
pub const PLACEHOLDER_URL: &str = "https://example.com/";

/// Creates a program with a default group, one default link to the program's site, and a default domain.
///
/// Fails with 409 when the domain is taken.
#[derive(Debug)]
pub struct CreateProgram {
    /// The id of the program.
    pub id: ProgramId,
    /// The name for people.
    pub name: String,
    /// The site of the program, which is also the target of the first default link.
    pub url: String,
    /// The partners that an embed-token request can enroll.
    pub access_mode: AccessMode,
    /// The place where links of the program live.
    pub address: LinkAddress,
}

/// The ids that were created together with a program.
#[derive(Debug, Clone, Copy)]
pub struct ProgramDefaults {
    /// The default group.
    pub group_id: GroupId,
    /// The default domain.
    pub domain_id: DomainId,
}

impl Command for CreateProgram {
    const NAME: &'static str = "create_program";
    type Output = ProgramDefaults;

    async fn apply(&self, work: &mut Work<'_>) -> Result<ProgramDefaults> {
        let now = work.now();
        let scope = ProgramScope { workspace_id: work.actor.workspace_id, program_id: self.id };
        let defaults = ProgramDefaults { group_id: work.next_id(), domain_id: work.next_id() };
        let program = NewProgram {
            id: self.id,
            name: self.name.clone(),
            url: self.url.clone(),
            access_mode: self.access_mode,
            default_group_id: defaults.group_id,
            default_domain_id: defaults.domain_id,
        };
        programs::insert_program(work.conn, scope.workspace_id, &program, now).await?;
        let group = NewGroup {
            id: defaults.group_id,
            name: "Default Group".to_owned(),
            slug: "default".parse().map_err(Error::internal)?,
            color: None,
            max_partner_links: None,
            allowed_hosts: Vec::new(),
        };
        groups::insert_group(work.conn, scope, &group, now).await?;
        let link = DefaultLink { id: work.next_id(), url: self.url.clone() };
        groups::insert_group_default_link(work.conn, scope.workspace_id, defaults.group_id, &link, now).await?;
        let domain = NewDomain { id: defaults.domain_id, address: &self.address, is_additional: false };
        domains::insert_domain(work.conn, scope, domain, now).await?;
        Ok(defaults)
    }
}

/// Makes a program the default program of its workspace.
///
/// Fails with 404 when the workspace has no such program, with 409 when the program is inactive.
#[derive(Debug)]
pub struct SetDefaultProgram {
    pub scope: ProgramScope,
}

impl Command for SetDefaultProgram {
    const NAME: &'static str = "update_default_program";
    type Output = ();

    async fn apply(&self, work: &mut Work<'_>) -> Result<()> {
        programs::update_default_program(work.conn, self.scope).await
    }
}
