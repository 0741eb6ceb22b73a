//! Which database is used: the operator's, the private cluster of this process, or that of a running server.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use pearset_embedded_postgres::{self as embedded, Cluster};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use super::role::{self, APPLICATION_ROLE};
use crate::config::Settings;

/// The role of the application's sessions in the embedded cluster: no superuser, which row level security would not
/// apply to.
const ROLE: &str = "pearset";
const DATABASE: &str = "pearset";
/// Makes that role, or nothing. The text of an error can hold a value of a request: it is not to be in PostgreSQL's log.
pub const CREATE_ROLE: &str = "CREATE ROLE pearset LOGIN; ALTER ROLE pearset SET log_min_messages = 'log'";
/// Beside the pool: sessions of command-line calls and of a person who looks. With the default pool they make
/// PostgreSQL's own default of 100.
const SPARE_SESSIONS: u16 = 84;

/// A database to connect to, kept running for as long as the value lives.
pub struct Source {
    options: PgConnectOptions,
    is_embedded: bool,
    cluster: Option<Cluster>,
    /// For as long as no other process may start the embedded cluster or run a command on it.
    turn: Option<File>,
}

impl Source {
    /// For a server: starts the embedded cluster unless `DATABASE_URL` is set. Blocks; needs no runtime.
    /// Commands wait until [`Source::end_turn`].
    ///
    /// # Errors
    /// When another server uses the data folder, or PostgreSQL cannot be started.
    pub fn for_server(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(options) = settings.database()? {
            return Ok(Self::operators_own(options));
        }
        let settings = embedded_settings(settings);
        let turn = embedded::turn(&settings)?;
        Self::started(&settings, turn)
    }

    /// For one command: uses the cluster of a running server, else starts it for as long as the command takes.
    ///
    /// # Errors
    /// As [`Source::for_server`].
    pub fn for_command(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(options) = settings.database()? {
            return Ok(Self::operators_own(options));
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

    /// Makes roles and database of an embedded cluster where they are missing, and brings the schema up to date.
    ///
    /// # Errors
    /// When the database cannot be reached, is too old, or has a schema that this version does not know.
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

    /// Lets commands use the embedded cluster that a server has prepared.
    pub fn end_turn(&mut self) {
        self.turn = None;
    }

    /// Stops an embedded cluster. Blocks until it has ended.
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
        max_connections: settings.database_max_connections + SPARE_SESSIONS,
    }
}

fn socket(socket_dir: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket_dir).port(5432).username(ROLE).database(DATABASE)
}
