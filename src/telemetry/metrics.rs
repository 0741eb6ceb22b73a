//! What the server counts. Every name is here, with its labels and what it means; no label has a value that a client
//! chooses.

use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Label, SharedString, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram, with_local_recorder,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use metrics_process::Collector;

use super::handles::Handles;
use super::logs::dropped_lines;
use crate::error::{Code, Error};

const REQUESTS: &str = "pearset_http_requests_total";
const REQUEST_SECONDS: &str = "pearset_http_request_duration_seconds";
const IN_FLIGHT: &str = "pearset_http_requests_in_flight";
const TRANSACTIONS: &str = "pearset_transactions_total";
const TRANSACTION_SECONDS: &str = "pearset_transaction_duration_seconds";
const RETRIES: &str = "pearset_transaction_retries_total";
const TOKENS: &str = "pearset_tokens_minted_total";
const POOL: &str = "pearset_database_connections";
const POOL_MAX: &str = "pearset_database_connections_max";
const POOL_WAITING: &str = "pearset_database_waiting";
const OUTBOX: &str = "pearset_outbox_events";
const RATE_LIMITED: &str = "pearset_rate_limited_total";
const RATE_LIMIT_STORE_FAILURES: &str = "pearset_rate_limit_store_failures_total";
const SHED: &str = "pearset_shed_total";
const LOG_LINES_DROPPED: &str = "pearset_log_lines_dropped_total";
const BUILD: &str = "pearset_build_info";

const COUNTERS: [(&str, &str); 8] = [
    (REQUESTS, "Answers by route and status. 499: the client went away before there was one."),
    (TRANSACTIONS, "Pieces of work on the database (transactions, and reads without one), by how they ended."),
    (RETRIES, "Pieces of work that were tried again, by reason."),
    (TOKENS, "Embed tokens by the route that made them, and whether it found or made the enrollment."),
    (RATE_LIMITED, "Requests that were refused because their workspace has used up its rate, by plan."),
    (RATE_LIMIT_STORE_FAILURES, "Times that the shared store of the rate limits could not be used."),
    (SHED, "Requests that were turned away because too much is going on, by reason."),
    (LOG_LINES_DROPPED, "Log lines that were lost because standard error was not read fast enough."),
];

const GAUGES: [(&str, &str); 6] = [
    (IN_FLIGHT, "Requests that are being worked on."),
    (POOL, "Sessions to the database, by whether one is used."),
    (POOL_MAX, "Sessions to the database that there may be."),
    (POOL_WAITING, "Pieces of work that wait for a session to the database."),
    (
        OUTBOX,
        "Events in the outbox of all workspaces. An estimate, that of PostgreSQL's statistics (live rows); some seconds \
         old; NaN while the database does not answer.",
    ),
    (BUILD, "1; the label is the version."),
];

const HISTOGRAMS: [(&str, &str); 2] = [
    (REQUEST_SECONDS, "Time from the head of a request to that of its answer, by route."),
    (TRANSACTION_SECONDS, "Time that a piece of work on the database took, with waiting for a session and retries."),
];

/// In seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The status that stands for none: the client went away. No server sends it; nginx counts such requests under it too.
pub const CLIENT_WENT_AWAY: u16 = 499;

/// What one server has counted since its start. Not the process-wide recorder of the `metrics` crate: each application
/// in a process, as the tests have many, counts for itself.
pub struct Metrics {
    recorder: PrometheusRecorder,
    process: Collector,
    routes: Handles<String, Route>,
    transactions: Handles<&'static str, Transaction>,
    tokens: Handles<(&'static str, bool), Counter>,
    in_flight: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let recorder = PrometheusBuilder::new();
        // It fails where there is no bucket.
        let recorder = recorder.set_buckets(&BUCKETS).unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let process = Collector::default();
        let in_flight = with_local_recorder(&recorder, || {
            for (name, help) in COUNTERS {
                describe_counter!(name, help);
            }
            for (name, help) in GAUGES {
                describe_gauge!(name, help);
            }
            for (name, help) in HISTOGRAMS {
                describe_histogram!(name, help);
            }
            process.describe();
            gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
            gauge!(IN_FLIGHT)
        });
        let (routes, transactions, tokens) = (Handles::default(), Handles::default(), Handles::default());
        Self { recorder, process, routes, transactions, tokens, in_flight }
    }
}

/// A route, one for all its bases and methods.
pub struct Route {
    template: SharedString,
    answers: Handles<(&'static str, u16), Answers>,
}

impl Route {
    /// Its path as it stands in the contract.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }
}

struct Answers {
    count: Counter,
    seconds: Histogram,
}

/// A name of work on the database.
pub(crate) struct Transaction {
    committed: Counter,
    refused: Counter,
    unavailable: Counter,
    failed: Counter,
    lost_race: Counter,
    contention: Counter,
    disconnected: Counter,
    seconds: Histogram,
}

impl Transaction {
    fn new(name: &'static str) -> Self {
        let outcome = |outcome| counter!(TRANSACTIONS, "name" => name, "outcome" => outcome);
        let retry = |reason| counter!(RETRIES, "name" => name, "reason" => reason);
        Self {
            committed: outcome("ok"),
            refused: outcome("refused"),
            unavailable: outcome("unavailable"),
            failed: outcome("failed"),
            lost_race: retry("lost_race"),
            contention: retry("contention"),
            disconnected: retry("disconnected"),
            seconds: histogram!(TRANSACTION_SECONDS, "name" => name),
        }
    }

    /// The work is done: well, or with an error. One that a rule asks for is `refused`.
    pub(crate) fn ended<T>(&self, outcome: &Result<T, Error>, took: Duration) {
        self.seconds.record(took);
        match outcome.as_ref().map_err(Error::code) {
            Ok(_) => &self.committed,
            Err(Code::ServiceUnavailable) => &self.unavailable,
            Err(Code::InternalServerError) => &self.failed,
            Err(_) => &self.refused,
        }
        .increment(1);
    }

    /// The work is tried again.
    pub(crate) fn retried(&self, after: &Error) {
        if after.is_disconnect() {
            &self.disconnected
        } else if after.is_contention() {
            &self.contention
        } else {
            &self.lost_race
        }
        .increment(1);
    }
}

/// How many sessions there are to the database.
#[derive(Debug, Clone, Copy)]
pub struct PoolUse {
    /// That there may be.
    pub max: u32,
    /// That nobody uses.
    pub idle: u32,
    /// That are in use.
    pub in_use: u32,
    /// Those who wait for one.
    pub waiting: u32,
}

/// A request that is counted as being worked on for as long as it lives.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl Metrics {
    /// A route by the path that the router matched; `None` where it matched none.
    #[must_use]
    pub fn route(&self, matched: Option<&str>) -> Arc<Route> {
        self.routes.get(matched.unwrap_or_default(), || {
            let template = matched.map_or("unmatched", without_base).to_owned();
            Route { template: SharedString::from(template), answers: Handles::default() }
        })
    }

    /// A request begins.
    #[must_use]
    pub fn begin_request(&self) -> InFlight {
        self.in_flight.increment(1);
        InFlight(self.in_flight.clone())
    }

    /// A request of the route was answered. The method must be one of a bounded number.
    pub fn answered(&self, route: &Route, method: &'static str, status: u16, took: Duration) {
        let answers = route.answers.get(&(method, status), || {
            with_local_recorder(&self.recorder, || {
                let labels = vec![Label::new("method", method), Label::new("route", route.template.clone())];
                let seconds = histogram!(REQUEST_SECONDS, labels.clone());
                let status = Label::new("status", status.to_string());
                Answers { count: counter!(REQUESTS, [labels, vec![status]].concat()), seconds }
            })
        });
        answers.count.increment(1);
        answers.seconds.record(took);
    }

    /// A name of work on the database.
    pub(crate) fn transaction(&self, name: &'static str) -> Arc<Transaction> {
        self.transactions.get(&name, || with_local_recorder(&self.recorder, || Transaction::new(name)))
    }

    /// A token was made on this route, for an enrollment that the request made or found.
    pub fn minted(&self, route: &'static str, enrollment_is_new: bool) {
        let counter = self.tokens.get(&(route, enrollment_is_new), || {
            let enrollment = if enrollment_is_new { "created" } else { "found" };
            with_local_recorder(&self.recorder, || counter!(TOKENS, "route" => route, "enrollment" => enrollment))
        });
        counter.increment(1);
    }

    /// A request was refused because its workspace has used up its rate.
    pub fn rate_limited(&self, plan: &'static str) {
        self.count(|| counter!(RATE_LIMITED, "plan" => plan));
    }

    /// The shared store of the rate limits could not be used.
    pub fn rate_limit_store_failed(&self) {
        self.count(|| counter!(RATE_LIMIT_STORE_FAILURES));
    }

    /// A request was turned away because too much is going on. The reason must be one of a bounded number.
    pub fn shed(&self, reason: &'static str) {
        self.count(|| counter!(SHED, "reason" => reason));
    }

    fn count(&self, counter: impl FnOnce() -> Counter) {
        with_local_recorder(&self.recorder, counter).increment(1);
    }

    /// All of it in Prometheus' text format, with what is true at this moment.
    #[must_use]
    pub fn render(&self, pool: PoolUse, outbox: Option<i64>) -> String {
        with_local_recorder(&self.recorder, || {
            gauge!(POOL, "state" => "idle").set(pool.idle);
            gauge!(POOL, "state" => "in_use").set(pool.in_use);
            gauge!(POOL_MAX).set(pool.max);
            gauge!(POOL_WAITING).set(pool.waiting);
            #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
            gauge!(OUTBOX).set(outbox.map_or(f64::NAN, |rows| rows as f64));
            counter!(LOG_LINES_DROPPED).absolute(dropped_lines());
            self.process.collect();
        });
        self.recorder.handle().render()
    }

    /// Puts the durations into their buckets. Until then each takes eight bytes: to be called every few seconds, for
    /// as long as nobody may ask for them.
    pub fn upkeep(&self) {
        self.recorder.handle().run_upkeep();
    }
}

/// The same route under each of the bases that clients use.
fn without_base(path: &str) -> &str {
    let bare = path.strip_prefix("/api").or_else(|| path.strip_prefix("/v1"));
    bare.filter(|bare| bare.starts_with('/')).unwrap_or(path)
}
