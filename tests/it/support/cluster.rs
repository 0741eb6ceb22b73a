//! The throwaway PostgreSQL of a test run. Linux ends PostgreSQL with the test process; a later run removes the folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::{env, fs, process, thread};

use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use pearset::testing::db;
use pearset_embedded_postgres::{Cluster, SUPERUSER, Settings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;
use url::Url;

use super::canaries;

const FOLDER_PREFIX: &str = "pearset-test-";
/// Linux's in-memory file system.
const IN_MEMORY: &str = "/dev/shm";
/// The free bytes that the in-memory file system must have: many times the use of a run (a hundred megabytes), because
/// other programs need memory, too.
const MIN_FREE_MEMORY: u64 = 2 << 30;
const ROLE: &str = "pearset";
pub(crate) const TEMPLATE: &str = "pearset_template";

/// The shared cluster, for all tests that do not measure the whole server.
pub(crate) static SHARED: LazyLock<TestCluster> = LazyLock::new(|| {
    remove_stale_folders();
    TestCluster::start("shared")
});

/// A cluster with a migrated template database.
pub(crate) struct TestCluster {
    /// The running cluster, `None` while the cluster is stopped.
    cluster: Mutex<Option<Cluster>>,
    settings: Settings,
    socket_dir: PathBuf,
    template: OnceCell<()>,
    databases: AtomicU32,
}

impl TestCluster {
    /// Starts a cluster for a single test that measures the whole server.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, false)
    }

    /// Starts a cluster whose acknowledged writes survive a crash of PostgreSQL.
    pub(crate) fn start_durable(name: &str) -> Self {
        Self::start_with(name, true)
    }

    fn start_with(name: &str, durable: bool) -> Self {
        let parent = if durable { env::temp_dir() } else { fastest_folder() };
        let data_dir = parent.join(format!("{FOLDER_PREFIX}{}-{name}", process::id()));
        let settings = Settings { data_dir, durable, max_connections: 400 };
        canaries::watch();
        let cluster = Cluster::start(&settings).unwrap();
        let socket_dir = cluster.socket_dir().to_owned();
        canaries::watch_file(socket_dir.with_file_name("postgres.log"));
        let cluster = Mutex::new(Some(cluster));
        Self { cluster, settings, socket_dir, template: OnceCell::new(), databases: AtomicU32::new(0) }
    }

    /// Stops PostgreSQL. Only for a cluster that a single test uses.
    pub(crate) fn stop(&self) {
        self.cluster.lock().unwrap().take().expect("a running cluster").stop();
    }

    /// Kills PostgreSQL like a crash of the machine. Only for a cluster that a single test uses.
    pub(crate) fn kill(&self) {
        let cluster = self.cluster.lock().unwrap().take().expect("a running cluster");
        kill(self.postmaster(), Signal::SIGKILL).unwrap();
        // PostgreSQL is dead already, so that the drop stops nothing.
        drop(cluster);
    }

    /// Returns the main process of PostgreSQL, the parent of all others.
    pub(crate) fn postmaster(&self) -> Pid {
        let data = self.socket_dir.parent().unwrap().join("data");
        let file = fs::read_to_string(data.join("postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
    }

    /// Restarts PostgreSQL with the same data.
    pub(crate) fn start_again(&self) {
        let cluster = Cluster::start(&self.settings).unwrap();
        assert_eq!(cluster.socket_dir(), self.socket_dir);
        *self.cluster.lock().unwrap() = Some(cluster);
    }

    /// Creates a database with the whole schema.
    pub(crate) async fn database(&self) -> PgConnectOptions {
        let name = self.create_database(TEMPLATE).await;
        self.options(ROLE, &name)
    }

    /// Creates a database for a program that gets the URL. The template `template1` gives a database without the
    /// schema. The database is dropped with the returned value.
    pub(crate) async fn lend(&'static self, template: &str) -> LentDatabase {
        let name = self.create_database(template).await;
        let mut url = Url::parse(&format!("postgres://{ROLE}@localhost/{name}")).unwrap();
        url.query_pairs_mut().append_pair("host", self.socket_dir().to_str().unwrap());
        LentDatabase { cluster: self, name, url: url.into() }
    }

    async fn create_database(&self, template: &str) -> String {
        self.template.get_or_init(|| self.make_template()).await;
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin = self.connect(SUPERUSER, "postgres").await;
        let create = format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {ROLE} STRATEGY file_copy");
        admin.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        admin.close().await.unwrap();
        name
    }

    /// Drops a database and ends its sessions.
    pub(crate) async fn drop_database(&self, name: &str) {
        let mut admin = self.connect(SUPERUSER, "postgres").await;
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.execute(sqlx::AssertSqlSafe(drop)).await.unwrap();
    }

    /// Drops a database from code that cannot await.
    pub(crate) fn drop_database_now(&'static self, name: &str) {
        let drop = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(self.drop_database(name));
        };
        // Runs in a new thread, because a runtime cannot start inside the test's runtime.
        thread::scope(|scope| _ = scope.spawn(drop).join());
    }

    /// Opens a session of the superuser, for statements that the application's role must not execute.
    pub(crate) async fn admin(&self) -> PgConnection {
        self.connect(SUPERUSER, "postgres").await
    }

    /// Opens a session of the superuser in another database.
    pub(crate) async fn admin_of(&self, database: &str) -> PgConnection {
        self.connect(SUPERUSER, database).await
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    async fn make_template(&self) {
        let mut admin = self.connect(SUPERUSER, "postgres").await;
        admin.execute(db::CREATE_ROLE).await.unwrap();
        admin.execute("CREATE ROLE pearset_app; GRANT pearset_app TO pearset").await.unwrap();
        admin.execute("CREATE DATABASE pearset_template OWNER pearset").await.unwrap();
        db::migrate(&self.options(ROLE, TEMPLATE)).await.unwrap();
    }

    async fn connect(&self, role: &str, database: &str) -> PgConnection {
        self.options(role, database).connect().await.unwrap()
    }

    fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().socket(self.socket_dir()).username(role);
        // Statements of the tests are not logged, because the canaries would check them. The application's pool has its
        // own setting.
        options.database(database).disable_statement_logging()
    }
}

/// A database that a program under test uses.
pub(crate) struct LentDatabase {
    cluster: &'static TestCluster,
    name: String,
    pub(crate) url: String,
}

impl LentDatabase {
    /// Opens a session of the test that sees the rows of all tenants.
    pub(crate) async fn sql(&self) -> PgConnection {
        self.cluster.connect(SUPERUSER, &self.name).await
    }

    /// Ends all sessions of the database and forbids new ones, or allows new sessions again.
    pub(crate) async fn forbid(&self, forbidden: bool) {
        let (name, allowed) = (&self.name, !forbidden);
        let mut admin = self.cluster.admin().await;
        let allow = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}");
        admin.execute(sqlx::AssertSqlSafe(allow)).await.unwrap();
        let end = format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
        admin.execute(sqlx::AssertSqlSafe(end)).await.unwrap();
    }

    /// Drops the database while programs still use the database.
    pub(crate) async fn take_away(&self) {
        self.cluster.drop_database(&self.name).await;
    }
}

impl Drop for LentDatabase {
    fn drop(&mut self) {
        self.cluster.drop_database_now(&self.name);
    }
}

/// Returns the in-memory file system if enough memory is free, else the folder of temporary files. Each test's database
/// is hundreds of files, and creating files is slow on disks.
fn fastest_folder() -> PathBuf {
    let free = statvfs(IN_MEMORY).map_or(0, |memory| memory.fragment_size() * memory.blocks_available());
    if free >= MIN_FREE_MEMORY { IN_MEMORY.into() } else { env::temp_dir() }
}

/// Removes the folders of earlier runs: the name contains the id of a process that has ended.
fn remove_stale_folders() {
    let parents = [env::temp_dir(), IN_MEMORY.into()];
    let entries = parents.iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    for folder in folders.filter(|folder| is_stale(folder)) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn is_stale(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let process = name.strip_prefix(FOLDER_PREFIX).and_then(|rest| rest.split('-').next());
    process.is_some_and(|process| Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists())
}
