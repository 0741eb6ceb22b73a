//! `pearset key`.

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::database::find_workspace;
use super::output::{Output, print, write};
use crate::provisioning::CreateApiKey;
use crate::validation::Text;
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, Ids, ProgramId};
use crate::work::{Actor, Executor};
use crate::workspaces::{self, ApiKey, Scope, Scopes, Slug};

/// `pearset key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key, which is shown once
    Create {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// Name for people
        #[arg(long, default_value = "API key")]
        name: String,
        /// Permissions of the key, separated by commas [default: apis.all]
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// Id of the only program that the key may use [default: every program]
        #[arg(long)]
        program: Option<ProgramId>,
        /// Time after which the key is invalid, as RFC 3339 time [default: never]
        #[arg(long, value_parser = parse_time)]
        expires: Option<Timestamp>,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// List the keys of a workspace
    List {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a key; servers reject the key after at most one second
    Revoke {
        /// Id of the key
        id: ApiKeyId,
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// Print a new key without storing it, for the bootstrap setting
    Generate,
}

impl KeyCommand {
    pub(super) async fn run(self, executor: &Executor) -> anyhow::Result<()> {
        let db = executor.db();
        match self {
            Self::Create { workspace, name, scopes, program, expires, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                let key = ApiKey::generate(executor.ids());
                let scopes = if scopes.is_empty() { Scopes::default() } else { Scopes::from(scopes) };
                let create = CreateApiKey { key: key.clone(), name, program_id: program, scopes, expires_at: expires };
                let id = executor.run(Actor::command_line(workspace_id), create).await?;
                print(&json!({ "keyId": id, "apiKey": key.expose() }), output.json)
            }
            Self::List { workspace, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                let all = db
                    .global()
                    .read("list_keys", move |conn| Box::pin(workspaces::list_api_keys(conn, workspace_id)))
                    .await?;
                print(&all, output.json)
            }
            Self::Revoke { id, output } => {
                let now = executor.now();
                let revoked = db
                    .global()
                    .run("revoke_key", move |conn, _| Box::pin(workspaces::revoke_api_key(conn, id, now)))
                    .await?;
                if !revoked {
                    bail!("there is no such key that still works");
                }
                print(&json!({ "keyId": id, "revokedAt": now }), output.json)
            }
            Self::Generate => generate_key(),
        }
    }
}

/// Prints a new well-formed key, for `PEARSET_BOOTSTRAP_API_KEY`.
pub(super) fn generate_key() -> anyhow::Result<()> {
    write(&format!("{}\n", ApiKey::generate(&Ids::system()).expose()))
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_text(text).map_err(|invalid| invalid.message.into_owned())
}
