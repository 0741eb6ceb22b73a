//! Two servers on one database, each with one session whose round trips wait for permission.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::{Call, Outcome, Scenario, outcome};
use crate::support::actor::{Actor, Answer};
use crate::support::app::TestApp;
use crate::support::cluster::SHARED;
use crate::support::invariants;
use crate::support::proxy::{Proxy, Watcher};

/// API keys are cached: some runs have this trip, some do not.
const FIND_KEY: &str = "workspaces::find_grant";
const FIND: &str = "enrollments::find_candidates";
/// The time after which a call without an answer may be waiting for the other client.
const SOON: Duration = Duration::from_millis(3);
const TOO_LONG: Duration = Duration::from_secs(15);

/// Holds the trips of one client.
struct Turnstile {
    open: AtomicBool,
    waiting: std::sync::Mutex<Option<oneshot::Sender<()>>>,
    finds: AtomicUsize,
    changed: Arc<Notify>,
}

impl Turnstile {
    fn new(changed: &Arc<Notify>) -> Self {
        Self {
            open: AtomicBool::new(true),
            waiting: std::sync::Mutex::default(),
            finds: AtomicUsize::new(0),
            changed: Arc::clone(changed),
        }
    }

    fn is_waiting(&self) -> bool {
        self.waiting.lock().unwrap().is_some()
    }

    /// Releases the waiting trip. False if no trip waits.
    fn release(&self) -> bool {
        self.waiting.lock().unwrap().take().is_some_and(|trip| trip.send(()).is_ok())
    }
}

impl Watcher for Turnstile {
    async fn trip(&self, name: String) {
        if name == FIND {
            self.finds.fetch_add(1, Ordering::Relaxed);
        }
        if self.open.load(Ordering::Relaxed) || name == FIND_KEY || name.starts_with("prepare ") {
            return;
        }
        let (go, released) = oneshot::channel();
        *self.waiting.lock().unwrap() = Some(go);
        self.changed.notify_one();
        released.await.expect("every waiting trip is released");
    }
}

struct Client {
    actor: Actor,
    turnstile: Arc<Turnstile>,
    _proxy: Proxy,
}

impl Client {
    /// Returns whether the trip of a call waits or the call is answered.
    fn rests(&self, call: &JoinHandle<Answer>) -> bool {
        self.turnstile.is_waiting() || call.is_finished()
    }
}

/// The result of two interleaved calls.
pub(super) struct Run {
    pub(super) outcome: Outcome,
    /// The number of waits of one client for a lock of the other client.
    pub(super) waits: usize,
    /// The number of look-ups by both clients. More than two mean that a client looked up again.
    pub(super) finds: usize,
}

pub(super) struct Stage {
    clients: [Client; 2],
    changed: Arc<Notify>,
    runs: AtomicUsize,
    /// A session for queries of the test.
    sql: Mutex<sqlx::PgConnection>,
    app: TestApp,
}

impl Stage {
    pub(super) async fn set_up() -> Self {
        let app = TestApp::start().await;
        let workspace = app.workspace("acme").await;
        let changed = Arc::<Notify>::default();
        let clients = ["first", "second"].map(|name| {
            let turnstile = Arc::new(Turnstile::new(&changed));
            let proxy = Proxy::before(&app, &SHARED, name, Arc::clone(&turnstile));
            (turnstile, proxy)
        });
        let [first, second] = clients.map(async |(turnstile, proxy)| {
            let server = app.another_server_by(proxy.options(), 1).await;
            Client { actor: workspace.actor.at(&server), turnstile, _proxy: proxy }
        });
        let clients = [first.await, second.await];
        let sql = Mutex::new(app.sql().await);
        Self { clients, changed, runs: AtomicUsize::new(0), sql, app }
    }

    /// Returns the outcome of sequential calls.
    pub(super) async fn one_after_the_other(&self, scenario: &Scenario, first: usize) -> Outcome {
        let mark = self.arrange(scenario).await;
        let earlier = self.begin(&scenario.calls[first], first, &mark).await.unwrap();
        let later = self.begin(&scenario.calls[1 - first], 1 - first, &mark).await.unwrap();
        let answers = if first == 0 { [earlier, later] } else { [later, earlier] };
        self.outcome(&mark, answers).await
    }

    /// Returns the result of calls whose trips are sent in this order. A client that waits for a lock of the other client
    /// misses its turns; the remaining trips alternate.
    pub(super) async fn interleaved(&self, scenario: &Scenario, schedule: impl Iterator<Item = usize>) -> Run {
        let mark = self.arrange(scenario).await;
        for client in &self.clients {
            client.turnstile.open.store(false, Ordering::Relaxed);
            client.turnstile.finds.store(0, Ordering::Relaxed);
        }
        let running = [0, 1].map(|client| self.begin(&scenario.calls[client], client, &mark));
        let mut waits = usize::from(self.come_to_rest(&running).await);
        let turns = schedule.chain([0, 1].into_iter().cycle());
        for client in turns {
            if running.iter().all(JoinHandle::is_finished) {
                break;
            }
            if self.clients[client].turnstile.release() || !self.any_is_waiting() {
                waits += usize::from(self.come_to_rest(&running).await);
            }
        }
        let finds = self.clients.iter().map(|client| client.turnstile.finds.load(Ordering::Relaxed)).sum();
        for client in &self.clients {
            client.turnstile.open.store(true, Ordering::Relaxed);
        }
        let [first, second] = running;
        let outcome = self.outcome(&mark, [first.await.unwrap(), second.await.unwrap()]).await;
        Run { outcome, waits, finds }
    }

    /// Checks the invariants that hold after any number of runs.
    pub(super) async fn check_invariants(&self) {
        invariants::check(&self.app).await;
    }

    /// Creates the state before a run. Returns the mark of the run.
    async fn arrange(&self, scenario: &Scenario) -> String {
        let mark = format!("z{:05}", self.runs.fetch_add(1, Ordering::Relaxed));
        if let Some(before) = &scenario.before {
            self.begin(before, 0, &mark).await.unwrap().expect(201);
        }
        mark
    }

    fn begin(&self, (path, body): &Call, client: usize, mark: &str) -> JoinHandle<Answer> {
        let body = serde_json::from_str(&body.to_string().replace('#', mark)).unwrap();
        let (actor, changed, path) = (self.clients[client].actor.clone(), Arc::clone(&self.changed), *path);
        tokio::spawn(async move {
            let answer = actor.post(path, body).await;
            changed.notify_one();
            answer
        })
    }

    async fn outcome(&self, mark: &str, answers: [Answer; 2]) -> Outcome {
        outcome::read(&mut *self.sql.lock().await, mark, answers).await
    }

    fn any_is_waiting(&self) -> bool {
        self.clients.iter().any(|client| client.turnstile.is_waiting())
    }

    /// Waits until nothing more happens without a release. Returns whether a client waits for a lock then.
    async fn come_to_rest(&self, running: &[JoinHandle<Answer>; 2]) -> bool {
        let began = Instant::now();
        loop {
            let moving = self.clients.iter().zip(running).filter(|(client, call)| !client.rests(call)).count();
            if moving == 0 {
                return false;
            }
            assert!(began.elapsed() < TOO_LONG, "the calls do not come to rest");
            if timeout(SOON, self.changed.notified()).await.is_err() && self.waiting_for_locks().await == moving {
                return true;
            }
        }
    }

    async fn waiting_for_locks(&self) -> usize {
        let query = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let sessions = invariants::count(&mut *self.sql.lock().await, query).await;
        usize::try_from(sessions).unwrap()
    }
}
