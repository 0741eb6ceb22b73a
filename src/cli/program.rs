//! `pearset program`.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::address::Address;
use super::database::{find_workspace, find_workspace_of};
use super::output::{Output, print};
use crate::config::Settings;
use crate::db::Db;
use crate::domains::LinkAddress;
use crate::enrollments;
use crate::programs::{self, AccessMode, ProgramChanges, TokenLifetime};
use crate::provisioning::{CreateProgram, PLACEHOLDER_URL};
use crate::validation::Text;
use crate::values::ProgramScope;
use crate::values::clock::{Clock, SystemClock};
use crate::values::http_url::HttpUrl;
use crate::values::id::{DomainId, Ids, ProgramId};
use crate::work::{Actor, Executor};
use crate::workspaces::Slug;

/// `pearset program`
#[derive(Debug, Subcommand)]
pub enum ProgramCommand {
    /// Make a program with a default group, a default link and a domain
    Create {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// Name for people
        #[arg(long)]
        name: String,
        /// Site that it is about
        #[arg(long, value_parser = parse_url)]
        url: Option<HttpUrl>,
        /// Who may come in through a token route
        #[arg(long, default_value = "public")]
        access_mode: AccessMode,
        /// Where its links live
        #[command(flatten)]
        address: Address,
        /// How the result is printed
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
        /// Site that it is about
        #[arg(long, value_parser = parse_url)]
        url: Option<HttpUrl>,
        /// Where its partners find their portal; the site unless set
        #[arg(long, value_name = "URL", value_parser = parse_url)]
        portal_url: Option<HttpUrl>,
        /// Who may come in through a token route
        #[arg(long)]
        access_mode: Option<AccessMode>,
        /// How long embed tokens work, in seconds
        #[arg(long, value_name = "SECONDS")]
        token_lifetime: Option<TokenLifetime>,
        /// Where links live that name no domain
        #[arg(long, value_name = "ID")]
        default_domain: Option<DomainId>,
        /// Make it as if it did not exist, to every request; not the workspace's default program
        #[arg(long, conflicts_with = "active")]
        inactive: bool,
        /// Make it exist again
        #[arg(long)]
        active: bool,
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// List the programs of a workspace
    List {
        /// Slug of the workspace
        #[arg(long)]
        workspace: Slug,
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
}

impl ProgramCommand {
    pub(super) async fn run(self, db: &Db, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Create { workspace, name, url, access_mode, address, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                let (ids, now) = (Arc::new(Ids::system()), SystemClock.now());
                let address = if let Some(address) = address.into_link_address() {
                    address
                } else {
                    let label = format!("{}-{}", workspace.as_str(), ids.string(b"abcdefghijkmnpqrstuvwxyz", 6));
                    LinkAddress::local(&label, &settings.public_url()?)
                };
                let url = url.map_or(PLACEHOLDER_URL.to_owned(), |url| url.as_str().to_owned());
                let id = ids.next(now);
                let create = CreateProgram { id, name, url, access_mode, address };
                let executor = Executor::new(db.clone(), Arc::new(SystemClock), ids);
                let defaults = executor.run(Actor::command_line(workspace_id), create).await?;
                let made = json!({
                    "programId": id,
                    "groupId": defaults.group_id,
                    "domainId": defaults.domain_id,
                });
                print(&made, output.json)
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
                let (ids, now) = (Arc::new(Ids::system()), SystemClock.now());
                let changes = ProgramChanges {
                    name,
                    url: url.map(|url| url.as_str().to_owned()),
                    portal_url: portal_url.map(|url| url.as_str().to_owned()),
                    access_mode,
                    token_lifetime,
                    default_domain_id: default_domain,
                    active: (active || inactive).then_some(active),
                };
                let workspace_id = find_workspace_of(db, id).await?;
                enrollments::update_program(db, &ids, now, ProgramScope { workspace_id, program_id: id }, changes)
                    .await?;
                print(&json!({ "programId": id }), output.json)
            }
            Self::List { workspace, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                let all = db
                    .tenant(workspace_id)
                    .read("list_programs", move |conn| Box::pin(programs::list_programs(conn, workspace_id)))
                    .await?;
                print(&all, output.json)
            }
        }
    }
}

fn parse_url(text: &str) -> Result<HttpUrl, String> {
    HttpUrl::from_text(text).map_err(|invalid| invalid.message.into_owned())
}
