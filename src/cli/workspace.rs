//! `pearset workspace`.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::database::find_workspace;
use super::output::{Output, print};
use crate::config::Settings;
use crate::db::Db;
use crate::programs;
use crate::provisioning::CreateWorkspace;
use crate::values::clock::{Clock, SystemClock};
use crate::values::id::{Ids, ProgramId};
use crate::work::{Actor, Executor};
use crate::workspaces::{self, ApiKey, Plan, Slug};

/// `pearset workspace`
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Make a workspace with a public program and a key
    Create {
        /// Name for people
        #[arg(long)]
        name: String,
        /// Name in addresses
        #[arg(long)]
        slug: Slug,
        /// Plan
        #[arg(long)]
        plan: Plan,
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// Change a workspace
    Update {
        /// Slug of the workspace
        workspace: Slug,
        /// Program of requests and commands that name none
        #[arg(long, value_name = "ID")]
        default_program: ProgramId,
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// List all workspaces
    List {
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
}

impl WorkspaceCommand {
    pub(super) async fn run(self, db: &Db, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Create { name, slug, plan, output } => {
                let (ids, now) = (Arc::new(Ids::system()), SystemClock.now());
                let key = ApiKey::generate(&ids);
                let public_url = settings.public_url()?;
                let id = ids.next(now);
                let create = CreateWorkspace { name, slug, plan, key: key.clone(), public_url };
                let executor = Executor::new(db.clone(), Arc::new(SystemClock), ids);
                let made = executor.run(Actor::command_line(id), create).await?;
                let made = json!({
                    "workspaceId": made.workspace_id,
                    "programId": made.program_id,
                    "groupId": made.group_id,
                    "apiKey": key.expose(),
                });
                print(&made, output.json)
            }
            Self::Update { workspace, default_program, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                db.tenant(workspace_id)
                    .run("update_default_program", move |conn, _| {
                        Box::pin(programs::update_default_program(conn, workspace_id, default_program))
                    })
                    .await?;
                print(&json!({ "workspaceId": workspace_id, "defaultProgramId": default_program }), output.json)
            }
            Self::List { output } => {
                let all =
                    db.global().read("list_workspaces", |conn| Box::pin(workspaces::list_workspaces(conn))).await?;
                print(&all, output.json)
            }
        }
    }
}
