//! `pearset domain`.

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::address::Address;
use super::database::{find_program, find_workspace};
use super::output::{Output, print};
use crate::db::Db;
use crate::domains::ListDomains;
use crate::provisioning::AddDomain;
use crate::values::id::ProgramId;
use crate::values::{Page, ProgramScope};
use crate::work::{Actor, Executor};
use crate::workspaces::Slug;

/// `pearset domain`
#[derive(Debug, Subcommand)]
pub enum DomainCommand {
    /// Add a domain where links can live
    Add {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// Id of the program [default: the workspace's default program]
        #[arg(long)]
        program: Option<ProgramId>,
        /// The place where links of the domain live
        #[command(flatten)]
        address: Address,
        /// Offer the domain to partners next to the program's own
        #[arg(long)]
        additional: bool,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// List the domains of a program
    List {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// Id of the program [default: the workspace's default program]
        #[arg(long)]
        program: Option<ProgramId>,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
}

impl DomainCommand {
    pub(super) async fn run(self, executor: &Executor) -> anyhow::Result<()> {
        match self {
            Self::Add { workspace, program, address, additional, output } => {
                let Some(address) = address.into_link_address() else {
                    bail!("set one of --host and --url-prefix");
                };
                let scope = find_scope(executor.db(), &workspace, program).await?;
                let add = AddDomain { scope, address: address.clone(), is_additional: additional };
                let id = executor.run(Actor::command_line(scope.workspace_id), add).await?;
                let added = json!({
                    "domainId": id,
                    "domain": address.host(),
                    "url": address.url_prefix(),
                    "isAdditional": additional,
                });
                print(&added, output.json)
            }
            Self::List { workspace, program, output } => {
                let scope = find_scope(executor.db(), &workspace, program).await?;
                let page = Page { limit: i64::MAX, offset: 0 };
                print(&executor.read(scope.workspace_id, ListDomains { scope, page }).await?, output.json)
            }
        }
    }
}

/// Finds the workspace and the program that a command names.
async fn find_scope(db: &Db, workspace: &Slug, program: Option<ProgramId>) -> anyhow::Result<ProgramScope> {
    let workspace_id = find_workspace(db, workspace).await?;
    Ok(ProgramScope { workspace_id, program_id: find_program(db, workspace_id, program).await? })
}
