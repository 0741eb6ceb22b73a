//! `pearset program`.

use clap::Subcommand;
use serde_json::json;
use sqlx::PgConnection;

use super::address::Address;
use super::database::{find_workspace, find_workspace_of};
use super::output::{Output, print};
use crate::config::Settings;
use crate::domains::LinkAddress;
use crate::enrollments;
use crate::error::Result;
use crate::programs::{self, AccessMode, ProgramChanges, ProgramSummary, TokenLifetime};
use crate::provisioning::{CreateProgram, PLACEHOLDER_URL};
use crate::validation::Text;
use crate::values::ProgramScope;
use crate::values::http_url::HttpUrl;
use crate::values::id::{DomainId, ProgramId, WorkspaceId};
use crate::work::{Actor, Executor, Query};
use crate::workspaces::Slug;

/// `pearset program`
#[derive(Debug, Subcommand)]
pub enum ProgramCommand {
    /// Create a program with a default group, a default link and a domain
    Create {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// Name for people
        #[arg(long)]
        name: String,
        /// Site of the program
        #[arg(long, value_parser = parse_url)]
        url: Option<HttpUrl>,
        /// Who can enroll through an embed-token request: public, private or invite
        #[arg(long, default_value = "public")]
        access_mode: AccessMode,
        /// The place where links of the program live
        #[command(flatten)]
        address: Address,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// Change a program
    Update {
        /// Id of the program
        id: ProgramId,
        /// Name for people
        #[arg(long)]
        name: Option<String>,
        /// Site of the program
        #[arg(long, value_parser = parse_url)]
        url: Option<HttpUrl>,
        /// Page where partners find their portal [default: the site]
        #[arg(long, value_name = "URL", value_parser = parse_url)]
        portal_url: Option<HttpUrl>,
        /// Who can enroll through an embed-token request: public, private or invite
        #[arg(long)]
        access_mode: Option<AccessMode>,
        /// Lifetime of embed tokens in seconds
        #[arg(long, value_name = "SECONDS")]
        token_lifetime: Option<TokenLifetime>,
        /// Id of the domain for links that name no domain
        #[arg(long, value_name = "ID")]
        default_domain: Option<DomainId>,
        /// Hide the program from every request, as if there were no such program; not possible for the workspace's default program
        #[arg(long, conflicts_with = "active")]
        inactive: bool,
        /// Show a hidden program again
        #[arg(long)]
        active: bool,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// List the programs of a workspace
    List {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
}

impl ProgramCommand {
    pub(super) async fn run(self, executor: &Executor, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Create { workspace, name, url, access_mode, address, output } => {
                let workspace_id = find_workspace(executor.db(), &workspace).await?;
                let address = if let Some(address) = address.into_link_address() {
                    address
                } else {
                    let suffix = executor.ids().string(b"abcdefghijkmnpqrstuvwxyz", 6);
                    LinkAddress::local(&format!("{}-{suffix}", workspace.as_str()), &settings.public_url()?)
                };
                let url = url.map_or(PLACEHOLDER_URL.to_owned(), |url| url.as_str().to_owned());
                let id = executor.ids().next(executor.now());
                let create = CreateProgram { id, name, url, access_mode, address };
                let defaults = executor.run(Actor::command_line(workspace_id), create).await?;
                let created = json!({
                    "programId": id,
                    "groupId": defaults.group_id,
                    "domainId": defaults.domain_id,
                });
                print(&created, output.json)
            }
            Self::Update {
                id,
                name,
                url,
                portal_url,
                access_mode,
                token_lifetime,
                default_domain,
                inactive,
                active,
                output,
            } => {
                let changes = ProgramChanges {
                    name,
                    url: url.map(|url| url.as_str().to_owned()),
                    portal_url: portal_url.map(|url| url.as_str().to_owned()),
                    access_mode,
                    token_lifetime,
                    default_domain_id: default_domain,
                    active: (active || inactive).then_some(active),
                };
                let workspace_id = find_workspace_of(executor.db(), id).await?;
                let scope = ProgramScope { workspace_id, program_id: id };
                enrollments::update_program(executor, Actor::command_line(workspace_id), scope, changes).await?;
                print(&json!({ "programId": id }), output.json)
            }
            Self::List { workspace, output } => {
                let workspace_id = find_workspace(executor.db(), &workspace).await?;
                print(&executor.read(workspace_id, ListPrograms { workspace_id }).await?, output.json)
            }
        }
    }
}

/// Lists the programs of a workspace.
struct ListPrograms {
    workspace_id: WorkspaceId,
}

impl Query for ListPrograms {
    const NAME: &'static str = "list_programs";
    type Output = Vec<ProgramSummary>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<ProgramSummary>> {
        programs::list_programs(conn, self.workspace_id).await
    }
}

fn parse_url(text: &str) -> std::result::Result<HttpUrl, String> {
    HttpUrl::from_text(text).map_err(|invalid| invalid.message.into_owned())
}
