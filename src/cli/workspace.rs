//! `pearset workspace`.

use clap::Subcommand;
use serde_json::json;

use super::database::find_workspace;
use super::output::{Output, print};
use crate::config::Settings;
use crate::provisioning::{CreateWorkspace, SetDefaultProgram};
use crate::values::ProgramScope;
use crate::values::id::ProgramId;
use crate::work::{Actor, Executor};
use crate::workspaces::{self, ApiKey, Plan, Slug};

/// `pearset workspace`
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Create a workspace with a public program and an API key
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
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// Change a workspace
    Update {
        /// Slug of the workspace
        workspace: Slug,
        /// Id of the program for requests and commands that name none
        #[arg(long, value_name = "ID")]
        default_program: ProgramId,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// List all workspaces
    List {
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
}

impl WorkspaceCommand {
    pub(super) async fn run(self, executor: &Executor, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Create { name, slug, plan, output } => {
                let key = ApiKey::generate(executor.ids());
                let create = CreateWorkspace { name, slug, plan, key: key.clone(), public_url: settings.public_url()? };
                let id = executor.ids().next(executor.now());
                let created = executor.run(Actor::command_line(id), create).await?;
                let created = json!({
                    "workspaceId": created.workspace_id,
                    "programId": created.program_id,
                    "groupId": created.group_id,
                    "apiKey": key.expose(),
                });
                print(&created, output.json)
            }
            Self::Update { workspace, default_program, output } => {
                let workspace_id = find_workspace(executor.db(), &workspace).await?;
                let scope = ProgramScope { workspace_id, program_id: default_program };
                executor.run(Actor::command_line(workspace_id), SetDefaultProgram { scope }).await?;
                print(&json!({ "workspaceId": workspace_id, "defaultProgramId": default_program }), output.json)
            }
            Self::List { output } => {
                let global = executor.db().global();
                let all = global.read("list_workspaces", |conn| Box::pin(workspaces::list_workspaces(conn))).await?;
                print(&all, output.json)
            }
        }
    }
}
