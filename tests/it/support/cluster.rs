//! The throwaway PostgreSQL of a test run. Linux ends it with the process; a later run removes its folder.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use pearset::db;
use pearset::db::embedded::{Cluster, SUPERUSER, Settings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

const FOLDER_PREFIX: &str = "pearset-test-";
const ROLE: &str = "pearset";
const TEMPLATE: &str = "pearset_template";

/// The cluster that all tests share which do not count what happens in it.
pub(crate) static SHARED: LazyLock<TestCluster> = LazyLock::new(|| {
    remove_stale_folders();
    TestCluster::start("shared")
});

/// A cluster with a migrated template database.
pub(crate) struct TestCluster {
    cluster: Cluster,
    template: OnceCell<()>,
    databases: AtomicU32,
}

impl TestCluster {
    /// A cluster of its own, for a test that counts what the whole server does.
    pub(crate) fn start(name: &str) -> Self {
        let data_dir = env::temp_dir().join(format!("{FOLDER_PREFIX}{}-{name}", process::id()));
        let cluster = Cluster::start(&Settings { data_dir, durable: false, max_connections: 400 }).unwrap();
        Self { cluster, template: OnceCell::new(), databases: AtomicU32::new(0) }
    }

    /// A fresh database with the whole schema.
    pub(crate) async fn database(&self) -> PgConnectOptions {
        self.template.get_or_init(|| self.make_template()).await;
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin = self.connect(SUPERUSER, "postgres").await;
        let create = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {ROLE} STRATEGY file_copy");
        admin.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        admin.close().await.unwrap();
        self.options(ROLE, &name)
    }

    /// Ends a database that nobody needs any more.
    pub(crate) async fn drop_database(&self, name: &str) {
        let mut admin = self.connect(SUPERUSER, "postgres").await;
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.execute(sqlx::AssertSqlSafe(drop)).await.unwrap();
    }

    /// A session as the superuser, for what the application's role must not do.
    pub(crate) async fn admin(&self) -> PgConnection {
        self.connect(SUPERUSER, "postgres").await
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        self.cluster.socket_dir()
    }

    async fn make_template(&self) {
        let mut admin = self.connect(SUPERUSER, "postgres").await;
        admin.execute("CREATE ROLE pearset LOGIN").await.unwrap();
        admin.execute("CREATE DATABASE pearset_template OWNER pearset").await.unwrap();
        db::migrate(&self.options(ROLE, TEMPLATE)).await.unwrap();
    }

    async fn connect(&self, role: &str, database: &str) -> PgConnection {
        self.options(role, database).connect().await.unwrap()
    }

    fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().socket(self.socket_dir()).username(role).database(database)
    }
}

/// Of earlier runs: the number in the name is that of a process which has ended.
fn remove_stale_folders() {
    let folders = fs::read_dir(env::temp_dir()).unwrap().flatten().map(|entry| entry.path());
    for folder in folders.filter(|folder| is_stale(folder)) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn is_stale(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let process = name.strip_prefix(FOLDER_PREFIX).and_then(|rest| rest.split('-').next());
    process.is_some_and(|process| Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists())
}
