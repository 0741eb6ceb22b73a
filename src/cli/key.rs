//! `pearset key`.

use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::database::{find_program, find_workspace};
use super::output::{Output, print, write};
use crate::db::Db;
use crate::programs::create_api_key;
use crate::validation::Text;
use crate::values::clock::{Clock, SystemClock, Timestamp};
use crate::values::id::{ApiKeyId, Ids, ProgramId};
use crate::workspaces::{self, ApiKey, NewApiKey, Scope, Scopes, Slug};

/// `pearset key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; it is shown once
    Create {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// Name for people
        #[arg(long, default_value = "API key")]
        name: String,
        /// What it may do, separated by commas [default: apis.all]
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// The only program that it may use
        #[arg(long)]
        program: Option<ProgramId>,
        /// When it stops working, as RFC 3339 time
        #[arg(long, value_parser = parse_time)]
        expires: Option<Timestamp>,
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// List the keys of a workspace
    List {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// End a key; servers notice within a second
    Revoke {
        /// Id of the key
        id: ApiKeyId,
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// Print a new key without storing it, for the bootstrap setting
    Generate,
}

impl KeyCommand {
    pub(super) async fn run(self, db: &Db) -> anyhow::Result<()> {
        match self {
            Self::Create { workspace, name, scopes, program, expires, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                if program.is_some() {
                    find_program(db, workspace_id, program).await?;
                }
                let (ids, now) = (Ids::system(), SystemClock.now());
                let (key, id) = (ApiKey::generate(&ids), ids.next(now));
                let hash = key.hash();
                let scopes = if scopes.is_empty() { Scopes::default() } else { Scopes::from(scopes) };
                let new = NewApiKey { id, workspace_id, program_id: program, name, scopes, expires_at: expires };
                let new = Arc::new(new);
                db.tenant(workspace_id)
                    .run("create_key", move |conn, _| {
                        let new = Arc::clone(&new);
                        Box::pin(async move { create_api_key(conn, &new, hash, now).await })
                    })
                    .await?;
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
                let now = SystemClock.now();
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
