//! `pearset domain`.

use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::address::Address;
use super::database::{find_program, find_workspace};
use super::output::{Output, print};
use crate::db::Db;
use crate::domains;
use crate::values::ProgramScope;
use crate::values::clock::{Clock, SystemClock};
use crate::values::id::{DomainId, Ids, ProgramId};
use crate::workspaces::Slug;

/// `pearset domain`
#[derive(Debug, Subcommand)]
pub enum DomainCommand {
    /// Add a place where links can live
    Add {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// Id of the program [default: the workspace's default program]
        #[arg(long)]
        program: Option<ProgramId>,
        /// Where its links live
        #[command(flatten)]
        address: Address,
        /// Offer it beside the program's own
        #[arg(long)]
        additional: bool,
        /// How the result is printed
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
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
}

impl DomainCommand {
    pub(super) async fn run(self, db: &Db) -> anyhow::Result<()> {
        match self {
            Self::Add { workspace, program, address, additional, output } => {
                let Some(address) = address.into_link_address() else {
                    bail!("one of --host and --url-prefix is needed");
                };
                let workspace_id = find_workspace(db, &workspace).await?;
                let scope = ProgramScope { workspace_id, program_id: find_program(db, workspace_id, program).await? };
                let (now, ids) = (SystemClock.now(), Ids::system());
                let (id, address) = (ids.next::<DomainId>(now), Arc::new(address));
                let stored = Arc::clone(&address);
                db.tenant(workspace_id)
                    .run("add_domain", move |conn, _| {
                        let address = Arc::clone(&stored);
                        Box::pin(async move {
                            let domain = (id, &*address, additional);
                            domains::insert_domain(conn, scope, domain, now).await
                        })
                    })
                    .await?;
                let made = json!({
                    "domainId": id,
                    "domain": address.host(),
                    "url": address.url_prefix(),
                    "isAdditional": additional,
                });
                print(&made, output.json)
            }
            Self::List { workspace, program, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                let scope = ProgramScope { workspace_id, program_id: find_program(db, workspace_id, program).await? };
                let all = db
                    .tenant(workspace_id)
                    .read("list_domains", move |conn| Box::pin(domains::list_domains(conn, scope, i64::MAX, 0)))
                    .await?;
                print(&all, output.json)
            }
        }
    }
}
