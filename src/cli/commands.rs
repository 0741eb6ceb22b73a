//! What an operator can do to the database. Each command says what it did, with `--json` as one JSON value.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::print;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::Settings;
use crate::db::{Db, Source};
use crate::embed_tokens::{self, Keyring, SigningKeySource};
use crate::error::Error;
use crate::http_url::HttpUrl;
use crate::id::{ApiKeyId, DomainId, Ids, ProgramId, WorkspaceId};
use crate::programs::service::{self, NewProgram, PLACEHOLDER_URL};
use crate::programs::{self, AccessMode, Host, LinkAddress, ProgramChanges, TokenLifetime, UrlPrefix};
use crate::validation::Text;
use crate::workspaces::{self, ApiKey, NewApiKey, Plan, Scope, Scopes, Slug};

/// Opens the database (that of a running server if there is one), brings its schema up to date, and does the work.
pub(super) fn with_database(
    settings: &Settings,
    work: impl AsyncFnOnce(Db) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let source = Source::for_command(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let options = source.prepare().await?;
        work(Db::new(options, 1, Arc::new(Ids::system()))?).await
    });
    drop(runtime);
    source.stop();
    outcome
}

/// Prints a new well-formed key, for `PEARSET_BOOTSTRAP_API_KEY`.
pub(super) fn generate_key() {
    println!("{}", ApiKey::generate(&Ids::system()).expose());
}

/// How the result is printed.
#[derive(Debug, Args)]
pub struct Output {
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

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
                let (ids, now, public_url) = (Arc::new(Ids::system()), SystemClock.now(), settings.public_url()?);
                let key = ApiKey::generate(&ids);
                let hash = key.hash();
                let made = db
                    .run("create_workspace", move |conn, _| {
                        let (ids, name, slug, public_url) =
                            (Arc::clone(&ids), name.clone(), slug.clone(), public_url.clone());
                        Box::pin(async move {
                            let new = (name.as_str(), &slug, plan);
                            let made = service::create_workspace(conn, &ids, now, new, &public_url).await?;
                            let first = NewApiKey {
                                id: ids.next(now),
                                workspace_id: made.workspace_id,
                                program_id: None,
                                name: "First key".to_owned(),
                                scopes: Scopes::default(),
                                expires_at: None,
                            };
                            workspaces::insert_api_key(conn, &first, hash, now).await?;
                            Ok(made)
                        })
                    })
                    .await?;
                let made = json!({
                    "workspaceId": made.workspace_id,
                    "programId": made.program_id,
                    "groupId": made.group_id,
                    "apiKey": key.expose(),
                });
                print(&made, output.json)
            }
            Self::List { output } => {
                let all = db.read("list_workspaces", |conn| Box::pin(workspaces::list_workspaces(conn))).await?;
                print(&all, output.json)
            }
        }
    }
}

async fn find_workspace(db: &Db, slug: &Slug) -> anyhow::Result<WorkspaceId> {
    let wanted = slug.clone();
    let found = db
        .read("find_workspace", move |conn| {
            let slug = wanted.clone();
            Box::pin(async move { workspaces::find_id_by_slug(conn, slug.as_str()).await })
        })
        .await?;
    found.with_context(|| format!("there is no workspace '{}'", slug.as_str()))
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_text(text).map_err(|invalid| invalid.message.into_owned())
}

fn parse_url(text: &str) -> Result<HttpUrl, String> {
    HttpUrl::from_text(text).map_err(|invalid| invalid.message.into_owned())
}

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
                let (ids, now) = (Ids::system(), SystemClock.now());
                let (key, id) = (ApiKey::generate(&ids), ids.next(now));
                let hash = key.hash();
                let scopes = if scopes.is_empty() { Scopes::default() } else { Scopes::from(scopes) };
                let new = NewApiKey { id, workspace_id, program_id: program, name, scopes, expires_at: expires };
                let new = Arc::new(new);
                db.run("create_key", move |conn, _| {
                    let new = Arc::clone(&new);
                    Box::pin(async move {
                        if let Some(program_id) = new.program_id {
                            let owner = programs::find_workspace_of_program(conn, program_id).await?;
                            if owner != Some(workspace_id) {
                                return Err(Error::not_found("The workspace has no such program."));
                            }
                        }
                        workspaces::insert_api_key(conn, &new, hash, now).await
                    })
                })
                .await?;
                print(&json!({ "keyId": id, "apiKey": key.expose() }), output.json)
            }
            Self::List { workspace, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                let all =
                    db.read("list_keys", move |conn| Box::pin(workspaces::list_api_keys(conn, workspace_id))).await?;
                print(&all, output.json)
            }
            Self::Revoke { id, output } => {
                let now = SystemClock.now();
                let revoked =
                    db.run("revoke_key", move |conn, _| Box::pin(workspaces::revoke_api_key(conn, id, now))).await?;
                if !revoked {
                    bail!("there is no such key that still works");
                }
                print(&json!({ "keyId": id, "revokedAt": now }), output.json)
            }
            Self::Generate => {
                generate_key();
                Ok(())
            }
        }
    }
}

/// Where links live.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Address {
    /// Host that this server serves links on
    #[arg(long)]
    host: Option<Host>,
    /// Start of a URL that a key completes, such as `https://acme.com?aff=`
    #[arg(long)]
    url_prefix: Option<UrlPrefix>,
}

impl Address {
    fn into_link_address(self) -> Option<LinkAddress> {
        self.host.map(LinkAddress::served).or(self.url_prefix.map(LinkAddress::Elsewhere))
    }
}

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
        /// Who may come in through a token route
        #[arg(long)]
        access_mode: Option<AccessMode>,
        /// How long embed tokens work, in seconds
        #[arg(long, value_name = "SECONDS")]
        token_lifetime: Option<TokenLifetime>,
        /// Where links live that name no domain
        #[arg(long, value_name = "ID")]
        default_domain: Option<DomainId>,
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
                let program = Arc::new(NewProgram { id: ids.next(now), name, url, access_mode, address });
                let id = program.id;
                let defaults = db
                    .run("create_program", move |conn, _| {
                        let (ids, program) = (Arc::clone(&ids), Arc::clone(&program));
                        Box::pin(async move { service::create_program(conn, &ids, now, workspace_id, &program).await })
                    })
                    .await?;
                let made = json!({
                    "programId": id,
                    "groupId": defaults.group_id,
                    "domainId": defaults.domain_id,
                });
                print(&made, output.json)
            }
            Self::Update { id, name, url, access_mode, token_lifetime, default_domain, output } => {
                let changes = Arc::new(ProgramChanges {
                    name,
                    url: url.map(|url| url.as_str().to_owned()),
                    access_mode,
                    token_lifetime,
                    default_domain_id: default_domain,
                });
                db.run("update_program", move |conn, _| {
                    let changes = Arc::clone(&changes);
                    Box::pin(async move { service::update_program(conn, id, &changes).await })
                })
                .await?;
                print(&json!({ "programId": id }), output.json)
            }
            Self::List { workspace, output } => {
                let workspace_id = find_workspace(db, &workspace).await?;
                let all =
                    db.read("list_programs", move |conn| Box::pin(programs::list_programs(conn, workspace_id))).await?;
                print(&all, output.json)
            }
        }
    }
}

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
                let program_id = find_program(db, workspace_id, program).await?;
                let (now, ids) = (SystemClock.now(), Ids::system());
                let (id, address) = (ids.next::<DomainId>(now), Arc::new(address));
                let stored = Arc::clone(&address);
                db.run("add_domain", move |conn, _| {
                    let address = Arc::clone(&stored);
                    Box::pin(async move {
                        let domain = (id, &*address, additional);
                        programs::insert_domain(conn, workspace_id, program_id, domain, now).await
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
                let program_id = find_program(db, workspace_id, program).await?;
                let all = db
                    .read("list_domains", move |conn| {
                        Box::pin(programs::list_domains(conn, workspace_id, program_id, i64::MAX, 0))
                    })
                    .await?;
                print(&all, output.json)
            }
        }
    }
}

/// The program that a command means, which must be of the workspace.
async fn find_program(db: &Db, workspace_id: WorkspaceId, id: Option<ProgramId>) -> anyhow::Result<ProgramId> {
    let found =
        db.read("find_program", move |conn| Box::pin(programs::find_program_id(conn, workspace_id, id))).await?;
    found.context("the workspace has no such program")
}

/// `pearset signing-key`
#[derive(Debug, Subcommand)]
pub enum SigningKeyCommand {
    /// Add a key that signs from two minutes on; the old one stays valid until its last token has expired
    Rotate {
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// List the keys
    List {
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
}

impl SigningKeyCommand {
    pub(super) async fn run(self, db: &Db, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Rotate { output } => {
                if matches!(settings.signing_key()?, SigningKeySource::Pem(_)) {
                    bail!("the signing key is set by {}: change it there", settings.signing_key_setting());
                }
                let kid = Keyring::rotate(db, SystemClock.now()).await?;
                print(&json!({ "kid": kid }), output.json)
            }
            Self::List { output } => {
                let all = db.read("list_signing_keys", |conn| Box::pin(embed_tokens::list_signing_keys(conn))).await?;
                print(&all, output.json)
            }
        }
    }
}
