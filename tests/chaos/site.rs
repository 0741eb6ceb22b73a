//! The system under test: PostgreSQL, the network before PostgreSQL, and the server.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pearset_embedded_postgres::{Cluster, SUPERUSER, Settings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::task::block_in_place;

use super::fault_proxy::FaultProxy;
use super::server::{Recipe, Server};

/// The running system. Fields are dropped in their order: the server ends before its database, and the folder is removed
/// last.
pub(crate) struct Site {
    server: Option<Server>,
    pub(crate) proxy: FaultProxy,
    cluster: Option<Cluster>,
    socket_dir: PathBuf,
    settings: Settings,
    recipe: Recipe,
    pub(crate) key: String,
    folder: Folder,
}

impl Site {
    pub(crate) async fn start(binary: &Path) -> Result<Self> {
        let binary = binary.canonicalize().with_context(|| format!("no server at {}", binary.display()))?;
        let folder = Folder::new()?;
        let settings = Settings { data_dir: folder.0.clone(), durable: true, max_connections: 100 };
        let cluster = block_in_place(|| Cluster::start(&settings))?;
        let socket_dir = cluster.socket_dir().to_owned();
        let mut admin = options(&socket_dir, "postgres").connect().await?;
        admin.execute("CREATE ROLE pearset LOGIN; CREATE ROLE pearset_app; GRANT pearset_app TO pearset").await?;
        admin.execute("CREATE DATABASE pearset OWNER pearset").await?;
        admin.close().await?;
        let proxy = FaultProxy::start(socket_dir.join(".s.PGSQL.5432")).await;
        let recipe = Recipe {
            binary,
            folder: folder.0.clone(),
            database_url: format!("postgres://pearset@{}/pearset?sslmode=disable", proxy.address),
            listen: free_address()?,
        };
        let (server, key) = block_in_place(|| Server::start(&recipe))?;
        let key = key.context("the server printed no API key at its first start")?;
        let (server, cluster) = (Some(server), Some(cluster));
        Ok(Self { server, proxy, cluster, socket_dir, settings, recipe, key, folder })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.recipe.listen
    }

    /// Returns connection options of a superuser that bypass the network.
    pub(crate) fn database(&self) -> PgConnectOptions {
        options(&self.socket_dir, "pearset")
    }

    /// Opens a session that bypasses the network.
    pub(crate) async fn sql(&self) -> Result<PgConnection> {
        Ok(self.database().connect().await?)
    }

    /// Returns whether the server ended without a signal.
    pub(crate) fn server_is_gone(&mut self) -> bool {
        self.server.as_mut().is_none_or(Server::is_gone)
    }

    /// Sends the server a signal and waits for its end. Returns the exit code, `None` after SIGKILL.
    pub(crate) fn end_server(&mut self, signal: Signal) -> Result<Option<i32>> {
        let server = self.server.take().context("no server runs")?;
        server.signal(signal);
        block_in_place(|| server.end())
    }

    /// Starts the server and waits until the server is ready.
    pub(crate) fn start_server(&mut self) -> Result<()> {
        let (server, _) = block_in_place(|| Server::start(&self.recipe))?;
        self.server = Some(server);
        Ok(())
    }

    /// Returns the main process of PostgreSQL, the parent of all others.
    pub(crate) fn postmaster(&self) -> Result<Pid> {
        let data = self.socket_dir.parent().context("the socket's folder has a parent")?.join("data");
        let file = fs::read_to_string(data.join("postmaster.pid"))?;
        Ok(Pid::from_raw(file.lines().next().unwrap_or_default().parse()?))
    }

    /// Kills all processes of PostgreSQL.
    pub(crate) fn kill_database(&mut self) -> Result<()> {
        let cluster = self.cluster.take().context("no database runs")?;
        kill(self.postmaster()?, Signal::SIGKILL)?;
        block_in_place(|| drop(cluster));
        Ok(())
    }

    /// Starts PostgreSQL and waits until PostgreSQL accepts connections.
    pub(crate) fn start_database(&mut self) -> Result<()> {
        self.cluster = Some(block_in_place(|| Cluster::start(&self.settings))?);
        Ok(())
    }

    /// Keeps the folder with the logs for an investigation.
    pub(crate) fn keep_folder(mut self) -> PathBuf {
        std::mem::take(&mut self.folder.0)
    }
}

fn options(socket_dir: &Path, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket_dir).username(SUPERUSER).database(database)
}

/// Returns a free address. Every server of the run listens on the same address.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A folder that is removed when the value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        // A later run of the tests removes folders with this prefix if this run is killed.
        let path = env::temp_dir().join(format!("pearset-test-{}-chaos", process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        // If the test runs as root, another user runs PostgreSQL.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
