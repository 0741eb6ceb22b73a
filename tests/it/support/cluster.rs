//! The throwaway PostgreSQL of a test run. Linux ends it with the process; a later run removes its folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::{env, fs, process, thread};

use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use pearset::db;
use pearset_embedded_postgres::{Cluster, SUPERUSER, Settings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;
use url::Url;

use super::canaries;

const FOLDER_PREFIX: &str = "pearset-test-";
/// Linux's file system in memory.
const IN_MEMORY: &str = "/dev/shm";
/// Many times what a run has been seen to take (a hundred megabytes), in bytes: it is memory, and others need it, too.
const ROOM: u64 = 2 << 30;
const ROLE: &str = "pearset";
pub(crate) const TEMPLATE: &str = "pearset_template";

/// The cluster that all tests share which do not count what happens in it.
pub(crate) static SHARED: LazyLock<TestCluster> = LazyLock::new(|| {
    remove_stale_folders();
    TestCluster::start("shared")
});

/// A cluster with a migrated template database.
pub(crate) struct TestCluster {
    /// `None` while it is stopped.
    cluster: Mutex<Option<Cluster>>,
    settings: Settings,
    socket_dir: PathBuf,
    template: OnceCell<()>,
    databases: AtomicU32,
}

impl TestCluster {
    /// A cluster of its own, for a test that counts what the whole server does.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, false)
    }

    /// The same where what was acknowledged outlives a crash of PostgreSQL.
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

    /// Stops PostgreSQL. Only for a cluster of a test's own.
    pub(crate) fn stop(&self) {
        self.cluster.lock().unwrap().take().expect("a running cluster").stop();
    }

    /// Ends PostgreSQL as the machine's end would. Only for a cluster of a test's own.
    pub(crate) fn kill(&self) {
        let cluster = self.cluster.lock().unwrap().take().expect("a running cluster");
        kill(self.postmaster(), Signal::SIGKILL).unwrap();
        // It has nothing left to stop.
        drop(cluster);
    }

    /// The process that all others of PostgreSQL are children of.
    pub(crate) fn postmaster(&self) -> Pid {
        let data = self.socket_dir.parent().unwrap().join("data");
        let file = fs::read_to_string(data.join("postmaster.pid")).unwrap();
        Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
    }

    /// Starts PostgreSQL again, with the same data.
    pub(crate) fn start_again(&self) {
        let cluster = Cluster::start(&self.settings).unwrap();
        assert_eq!(cluster.socket_dir(), self.socket_dir);
        *self.cluster.lock().unwrap() = Some(cluster);
    }

    /// A fresh database with the whole schema.
    pub(crate) async fn database(&self) -> PgConnectOptions {
        let name = self.create_database(TEMPLATE).await;
        self.options(ROLE, &name)
    }

    /// A fresh database of the same owner, for a program that is given its URL. `template1` makes one without the
    /// schema. It goes with the returned value.
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

    /// Ends a database that nobody needs any more.
    pub(crate) async fn drop_database(&self, name: &str) {
        let mut admin = self.connect(SUPERUSER, "postgres").await;
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.execute(sqlx::AssertSqlSafe(drop)).await.unwrap();
    }

    /// The same from where nothing can be awaited.
    pub(crate) fn drop_database_now(&'static self, name: &str) {
        let drop = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(self.drop_database(name));
        };
        // On a thread of its own: a runtime cannot be started inside of the test's.
        thread::scope(|scope| _ = scope.spawn(drop).join());
    }

    /// A session as the superuser, for what the application's role must not do.
    pub(crate) async fn admin(&self) -> PgConnection {
        self.connect(SUPERUSER, "postgres").await
    }

    /// The same in another database.
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
        // What a test says itself is not looked at. The application's pool has a setting of its own.
        options.database(database).disable_statement_logging()
    }
}

/// A database for a program.
pub(crate) struct LentDatabase {
    cluster: &'static TestCluster,
    name: String,
    pub(crate) url: String,
}

impl LentDatabase {
    /// A session of the test's own, which sees the rows of all tenants.
    pub(crate) async fn sql(&self) -> PgConnection {
        self.cluster.connect(SUPERUSER, &self.name).await
    }

    /// Ends all its sessions and takes no new ones, or takes them again.
    pub(crate) async fn forbid(&self, forbidden: bool) {
        let (name, allowed) = (&self.name, !forbidden);
        let mut admin = self.cluster.admin().await;
        let allow = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}");
        admin.execute(sqlx::AssertSqlSafe(allow)).await.unwrap();
        let end = format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
        admin.execute(sqlx::AssertSqlSafe(end)).await.unwrap();
    }

    /// Takes it away from under whoever uses it.
    pub(crate) async fn take_away(&self) {
        self.cluster.drop_database(&self.name).await;
    }
}

impl Drop for LentDatabase {
    fn drop(&mut self) {
        self.cluster.drop_database_now(&self.name);
    }
}

/// In memory, where there is room: each test's database is hundreds of files, and to make files is what disks are
/// slowest at.
fn fastest_folder() -> PathBuf {
    let room = statvfs(IN_MEMORY).map_or(0, |memory| memory.fragment_size() * memory.blocks_available());
    if room >= ROOM { IN_MEMORY.into() } else { env::temp_dir() }
}

/// Of earlier runs: the number in the name is that of a process which has ended.
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
