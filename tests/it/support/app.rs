//! The production application on its own database, with a clock that stands still and reproducible ids.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::Router;
use pearset::testing::app::{Parts, assemble};
use pearset::testing::build_app;
use pearset::testing::db::Db;
use pearset::testing::domains::LinkAddress;
use pearset::testing::embed_tokens::{Keyring, SigningKeySource};
use pearset::testing::http::overload;
use pearset::testing::http::rate_limit::{Limiter, SharedStore};
use pearset::testing::programs::AccessMode;
use pearset::testing::provisioning::{CreateProgram, CreateWorkspace};
use pearset::testing::surfaces::state::AppState;
use pearset::testing::telemetry::Metrics;
use pearset::testing::values::clock::{Clock, Timestamp};
use pearset::testing::values::id::{GroupDefaultLinkId, GroupId, Ids, ProgramId, WorkspaceId};
use pearset::testing::work::{self, Command, Work};
use pearset::testing::workspaces::{self, ApiKey, NewApiKey, Plan, RateLimits, Scope, Scopes};
use pearset_embedded_postgres::SUPERUSER;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection};
use time::macros::datetime;
use url::Url;

use super::actor::Actor;
use super::canaries;
use super::cluster::{SHARED, TestCluster};

/// A clock that moves only when a test moves it.
pub(crate) struct ManualClock(Mutex<(Timestamp, Duration)>);

impl ManualClock {
    fn new(now: Timestamp) -> Self {
        Self(Mutex::new((now, Duration::ZERO)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let (now, elapsed) = &mut *self.0.lock().unwrap();
        *now = *now + by;
        *elapsed += by;
    }

    /// Sets the wall clock, also back, like an operator who sets the machine's clock. `elapsed` does not change.
    pub(crate) fn set(&self, now: Timestamp) {
        self.0.lock().unwrap().0 = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// The application under test.
pub(crate) struct TestApp {
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) router: Router,
    database: PgConnectOptions,
    cluster: &'static TestCluster,
}

/// Rate limits above the number of requests that any test makes while its clock stands still. The limits are not
/// switched off, because every answer must have the headers of its limit.
const PLENTY: &str = "free=1000000,pro=1000000,business=1000000,advanced=1000000,enterprise=1000000";

/// Sessions of the application's pool.
pub(crate) const POOL_SIZE: usize = 8;

/// More permits than any test needs, also on a busy machine: only the sessions limit tests that are not about
/// admission.
const ADMISSION: overload::Limits =
    overload::Limits { in_progress: 8 * POOL_SIZE, waiting: 2_000, queue_timeout: Duration::from_millis(5_400) };

impl TestApp {
    /// Starts the application on the cluster that the tests share.
    pub(crate) async fn start() -> Self {
        Self::on(&SHARED).await
    }

    /// Starts the application on a cluster of the test's choice.
    pub(crate) async fn on(cluster: &'static TestCluster) -> Self {
        Self::set_up(cluster, PLENTY).await
    }

    /// Starts the application with these rate limits, in the format of the setting.
    pub(crate) async fn limited(rate_limits: &str) -> Self {
        Self::set_up(&SHARED, rate_limits).await
    }

    /// Starts a second server on the same database with the given rate limits, which counts requests in Redis.
    pub(crate) async fn peer(&self, rate_limits: &str, redis_url: &str) -> Router {
        let store = SharedStore::new(redis::Client::open(redis_url).unwrap(), Arc::clone(&self.state.metrics));
        store.connect().await;
        let limiter = limiter(rate_limits, &self.shared_clock(), Some(store));
        build_app(self.state_with(self.state.db.clone(), limiter, ADMISSION))
    }

    /// Starts a second server that shares only the database with this server.
    pub(crate) async fn another_server(&self) -> Router {
        build_app(self.ready_state(self.state.db.clone(), ADMISSION).await)
    }

    /// Starts an application with these limits of requests in progress and waiting.
    pub(crate) async fn with_limits(admission: overload::Limits) -> Self {
        let mut app = Self::start().await;
        app.state = app.ready_state(app.state.db.clone(), admission).await;
        app.router = build_app(app.state.clone());
        app
    }

    fn shared_clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn state_with(&self, db: Db, limiter: Limiter, admission: overload::Limits) -> AppState {
        assemble(Parts {
            db,
            clock: self.shared_clock(),
            ids: Arc::clone(&self.state.ids),
            keyring: Keyring::new(&SigningKeySource::Database).unwrap(),
            limiter,
            admission,
            metrics: Arc::clone(&self.state.metrics),
            public_url: public_url(),
        })
    }

    async fn set_up(cluster: &'static TestCluster, rate_limits: &str) -> Self {
        let database = cluster.database().await;
        let (ids, metrics) = (Arc::new(Ids::seeded(42)), Arc::<Metrics>::default());
        let clock = Arc::new(ManualClock::new(Timestamp::from(datetime!(2026-03-01 12:00:00.250 UTC))));
        let state = assemble(Parts {
            db: Db::new(database.clone(), POOL_SIZE, Arc::clone(&ids), Arc::clone(&metrics)).unwrap(),
            clock: clock.clone(),
            ids,
            keyring: Keyring::new(&SigningKeySource::Database).unwrap(),
            limiter: limiter(rate_limits, &(clock.clone() as Arc<dyn Clock>), None),
            admission: ADMISSION,
            metrics,
            public_url: public_url(),
        });
        state.keyring.refresh(&state.db, clock.now()).await.unwrap();
        Self { router: build_app(state.clone()), state, clock, database, cluster }
    }

    /// Makes the application reach its database by other connection options.
    pub(crate) async fn reach_database_by(&mut self, options: PgConnectOptions, pool_size: usize) {
        self.state = self.state_by(options, pool_size).await;
        self.router = build_app(self.state.clone());
    }

    /// Starts a second server that reaches the same database by other connection options and shares only the database
    /// with this server.
    pub(crate) async fn another_server_by(&self, options: PgConnectOptions, pool_size: usize) -> Router {
        build_app(self.state_by(options, pool_size).await)
    }

    async fn state_by(&self, options: PgConnectOptions, pool_size: usize) -> AppState {
        let db = Db::new(options, pool_size, Arc::clone(&self.state.ids), Arc::clone(&self.state.metrics)).unwrap();
        self.ready_state(db, ADMISSION).await
    }

    /// Returns a state with a limiter and keys of its own.
    async fn ready_state(&self, db: Db, admission: overload::Limits) -> AppState {
        let limiter = limiter(PLENTY, &self.shared_clock(), None);
        let state = self.state_with(db, limiter, admission);
        state.keyring.refresh(&state.db, state.clock.now()).await.unwrap();
        state
    }

    /// Opens a session of the test that sees the committed rows of all tenants.
    pub(crate) async fn sql(&self) -> PgConnection {
        self.superuser().connect().await.unwrap()
    }

    /// Opens the same session as [`Self::sql`], for tests in which the database may be unavailable.
    pub(crate) async fn try_sql(&self) -> sqlx::Result<PgConnection> {
        self.superuser().connect().await
    }

    /// Returns the connection options of the application's database.
    pub(crate) fn database(&self) -> &PgConnectOptions {
        &self.database
    }

    /// Returns connection options that bypass row level security.
    pub(crate) fn superuser(&self) -> PgConnectOptions {
        self.database.clone().username(SUPERUSER)
    }

    /// Returns the name of the application's database.
    pub(crate) fn database_name(&self) -> &str {
        self.database.get_database().unwrap()
    }

    /// Returns a caller without an API key.
    pub(crate) fn stranger(&self) -> Actor {
        Actor::new(self.router.clone(), None)
    }

    /// Creates a workspace on the highest plan with a public program, a default group with one default link, and an
    /// API key with all scopes.
    pub(crate) async fn workspace(&self, slug: &str) -> Workspace {
        self.workspace_on(slug, Plan::Enterprise).await
    }

    /// Creates the same workspace on another plan.
    pub(crate) async fn workspace_on(&self, slug: &str, plan: Plan) -> Workspace {
        let (ids, now) = (Arc::clone(&self.state.ids), self.clock.now());
        let key = ApiKey::generate(&ids);
        let create = CreateWorkspace {
            name: "Acme".to_owned(),
            slug: slug.parse().unwrap(),
            plan,
            key: key.clone(),
            public_url: Url::parse("http://127.0.0.1:8080").unwrap(),
        };
        // Uses a session of the test, because the application gives up after a time that a very busy machine exceeds.
        let conn = &mut self.sql().await;
        conn.execute("BEGIN").await.unwrap();
        let actor = work::Actor::command_line(ids.next(now));
        let made = create.apply(&mut Work::new(conn, actor, 0, &ids, &*self.clock)).await.unwrap();
        conn.execute("COMMIT").await.unwrap();
        Workspace {
            id: made.workspace_id,
            program_id: made.program_id,
            group_id: made.group_id,
            actor: Actor::new(self.router.clone(), Some(key)),
        }
    }

    /// Creates an API key with these scopes and returns a caller with the key.
    pub(crate) async fn actor_with(&self, workspace: &Workspace, scopes: &[Scope]) -> Actor {
        let now = self.clock.now();
        let key = ApiKey::generate(&self.state.ids);
        let new = NewApiKey {
            id: self.state.ids.next(now),
            workspace_id: workspace.id,
            program_id: None,
            name: "test".to_owned(),
            scopes: Scopes::from(scopes.to_vec()),
            expires_at: None,
        };
        workspaces::insert_api_key(&mut self.sql().await, &new, key.hash(), now).await.unwrap();
        Actor::new(self.router.clone(), Some(key))
    }

    /// Creates a further program of a workspace.
    pub(crate) async fn create_program(&self, workspace_id: WorkspaceId, address: LinkAddress) -> NewProgram {
        let (ids, now) = (&self.state.ids, self.clock.now());
        let create = CreateProgram {
            id: ids.next(now),
            name: "Second".to_owned(),
            url: "https://second.example.com/".to_owned(),
            access_mode: AccessMode::Public,
            address,
        };
        let conn = &mut self.sql().await;
        // The program, its default group and its default domain refer to each other. The constraints are deferred, so
        // the rows need one transaction.
        conn.execute("BEGIN").await.unwrap();
        let work = &mut Work::new(conn, work::Actor::command_line(workspace_id), 0, ids, &*self.clock);
        let defaults = create.apply(work).await.unwrap();
        conn.execute("COMMIT").await.unwrap();
        NewProgram { id: create.id, group_id: defaults.group_id }
    }

    /// Adds a default link to the workspace's group.
    pub(crate) async fn add_default_link(&self, workspace: &Workspace, url: &str) -> GroupDefaultLinkId {
        let now = self.clock.now();
        let link = pearset::testing::groups::DefaultLink { id: self.state.ids.next(now), url: url.to_owned() };
        let conn = &mut self.sql().await;
        pearset::testing::groups::insert_group_default_link(conn, workspace.id, workspace.group_id, &link, now)
            .await
            .unwrap();
        link.id
    }
}

impl Drop for TestApp {
    /// Drops the database with the test, because hundreds of databases would fill the disk.
    fn drop(&mut self) {
        let metrics = self.state.metrics.render(self.state.db.pool_use(), None);
        assert!(thread::panicking() || canaries::find(&metrics).is_none(), "{metrics}");
        self.cluster.drop_database_now(self.database_name());
    }
}

/// A program that a test has created.
pub(crate) struct NewProgram {
    pub(crate) id: ProgramId,
    pub(crate) group_id: GroupId,
}

/// Returns a limiter with these rate limits, in the form of the setting.
fn limiter(rate_limits: &str, clock: &Arc<dyn Clock>, store: Option<SharedStore>) -> Limiter {
    let limits: RateLimits = rate_limits.parse().unwrap();
    Limiter::new(limits.tiers(), clock, store)
}

/// The address of the application under test.
fn public_url() -> Url {
    Url::parse("https://partners.example.com").unwrap()
}

/// A tenant, and a caller that has all rights in the tenant.
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) program_id: ProgramId,
    pub(crate) group_id: GroupId,
    pub(crate) actor: Actor,
}
