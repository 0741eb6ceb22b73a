//! The choice of the database: the operator's own, the embedded cluster of this process, or the cluster of a running
//! server.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pearset_embedded_postgres::{self as embedded, Cluster};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use super::role::{self, APPLICATION_ROLE};

/// The role that logs in to the embedded cluster. Not a superuser: row level security does not apply to superusers.
const ROLE: &str = "pearset";
const DATABASE: &str = "pearset";
/// Creates the role `pearset`. The text of an error can hold a value of a request, and must not appear in PostgreSQL's
/// log.
pub const CREATE_ROLE: &str = "CREATE ROLE pearset LOGIN; ALTER ROLE pearset SET log_min_messages = 'log'";
/// The sessions beyond the pool, for commands and for an operator's own client. The default pool and these sessions add
/// up to PostgreSQL's own default of 100.
const SPARE_SESSIONS: u16 = 84;

/// The settings of the database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The operator's own database; `None` for the embedded one.
    pub database: Option<PgConnectOptions>,
    /// The folder of the embedded database.
    pub data_dir: PathBuf,
    /// The most sessions of the server at the same time.
    pub max_connections: u16,
}

/// A database to connect to. An embedded cluster runs until the value is stopped or dropped.
pub struct Source {
    options: PgConnectOptions,
    is_embedded: bool,
    cluster: Option<Cluster>,
    /// The lock that keeps other processes from starting the embedded cluster or running a command on it.
    turn: Option<File>,
}

impl Source {
    /// Opens the database for a server: starts the embedded cluster unless `DATABASE_URL` is set. Blocks, and needs no
    /// runtime. Commands wait until [`Source::end_turn`].
    ///
    /// # Errors
    /// When another server uses the data folder, or PostgreSQL cannot be started.
    pub fn for_server(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(options) = &settings.database {
            return Ok(Self::operators_own(options.clone()));
        }
        let settings = embedded_settings(settings);
        let turn = embedded::turn(&settings)?;
        Self::started(&settings, turn)
    }

    /// Opens the database for one command: uses the cluster of a running server, else starts the cluster until the
    /// command ends.
    ///
    /// # Errors
    /// The errors of [`Source::for_server`].
    pub fn for_command(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(options) = &settings.database {
            return Ok(Self::operators_own(options.clone()));
        }
        let settings = embedded_settings(settings);
        let turn = embedded::turn(&settings)?;
        match embedded::attach(&settings)? {
            Some(dir) => Ok(Self { options: socket(&dir), is_embedded: true, cluster: None, turn: Some(turn) }),
            None => Self::started(&settings, turn),
        }
    }

    fn operators_own(options: PgConnectOptions) -> Self {
        Self { options, is_embedded: false, cluster: None, turn: None }
    }

    fn started(settings: &embedded::Settings, turn: File) -> anyhow::Result<Self> {
        let cluster = Cluster::start(settings)?;
        let options = socket(cluster.socket_dir());
        Ok(Self { options, is_embedded: true, cluster: Some(cluster), turn: Some(turn) })
    }

    /// Creates the missing roles and database of an embedded cluster, and brings the schema up to date.
    ///
    /// # Errors
    /// When the database cannot be reached, is too old, or has a schema of a newer version.
    pub async fn prepare(&self) -> anyhow::Result<PgConnectOptions> {
        if self.is_embedded {
            self.create_roles_and_database().await.context("preparing the embedded database")?;
        }
        super::migrate(&self.options).await.context(if self.is_embedded {
            "the embedded database"
        } else {
            "DATABASE_URL"
        })?;
        Ok(self.options.clone())
    }

    /// Lets commands use the embedded cluster that the server has prepared.
    pub fn end_turn(&mut self) {
        self.turn = None;
    }

    /// Stops an embedded cluster. Blocks until PostgreSQL has ended.
    pub fn stop(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop();
        }
    }

    async fn create_roles_and_database(&self) -> anyhow::Result<()> {
        let admin = self.options.clone().username(embedded::SUPERUSER).database("postgres");
        let mut conn: PgConnection = admin.connect().await?;
        let exists = "SELECT FROM pg_roles WHERE rolname = 'pearset'";
        if conn.fetch_optional(exists).await?.is_none() {
            conn.execute(CREATE_ROLE).await?;
        }
        role::make(&mut conn).await?;
        conn.execute(AssertSqlSafe(format!("GRANT {APPLICATION_ROLE} TO {ROLE}"))).await?;
        let exists = "SELECT FROM pg_database WHERE datname = 'pearset'";
        if conn.fetch_optional(exists).await?.is_none() {
            conn.execute("CREATE DATABASE pearset OWNER pearset").await?;
        }
        conn.close().await?;
        Ok(())
    }
}

fn embedded_settings(settings: &Settings) -> embedded::Settings {
    embedded::Settings {
        data_dir: settings.data_dir.clone(),
        durable: true,
        max_connections: settings.max_connections + SPARE_SESSIONS,
    }
}

fn socket(socket_dir: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket_dir).port(5432).username(ROLE).database(DATABASE)
}
