//! The metrics of the server: all names, labels and meanings. No label has a value that a client chooses.

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
use crate::values::clock::Timestamp;

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
const WORKER_RUNS: &str = "pearset_worker_runs_total";
const WORKER_LAST_SUCCESS: &str = "pearset_worker_last_success_timestamp_seconds";
const BUILD: &str = "pearset_build_info";

const COUNTERS: [(&str, &str); 9] = [
    (REQUESTS, "Answers by route and status. 499: the client disconnected before the answer."),
    (TRANSACTIONS, "Transactions, and reads without a transaction, by outcome."),
    (RETRIES, "Transactions that were retried, by reason."),
    (TOKENS, "Embed tokens by the route that minted them, and by whether the request found or created the enrollment."),
    (RATE_LIMITED, "Requests that were rejected because their workspace exceeded its rate limit, by plan."),
    (RATE_LIMIT_STORE_FAILURES, "Times that the shared store of the rate limits could not be used."),
    (SHED, "Requests that were rejected because the server is overloaded, by reason."),
    (LOG_LINES_DROPPED, "Log lines that were lost because standard error was not read fast enough."),
    (WORKER_RUNS, "Rounds of the background workers, by worker and outcome."),
];

const GAUGES: [(&str, &str); 7] = [
    (IN_FLIGHT, "Requests in progress."),
    (POOL, "Sessions to the database, by whether they are in use."),
    (POOL_MAX, "The most sessions to the database."),
    (POOL_WAITING, "Transactions that wait for a session to the database."),
    (
        OUTBOX,
        "Events in the outbox of all workspaces. An estimate of PostgreSQL's statistics (live rows), some seconds old; \
         NaN while the database does not answer.",
    ),
    (WORKER_LAST_SUCCESS, "Time of the last successful round of a background worker, in seconds since 1970."),
    (BUILD, "Always 1; the label is the version."),
];

const HISTOGRAMS: [(&str, &str); 2] = [
    (REQUEST_SECONDS, "Time from the head of a request to the head of its answer, by route."),
    (TRANSACTION_SECONDS, "Duration of transactions, including the wait for a session and retries."),
];

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The status of a request whose client disconnected before the answer. No server sends this status; nginx uses
/// the same number in its logs.
pub const CLIENT_WENT_AWAY: u16 = 499;

/// The metrics of one application since its start. Not the process-wide recorder of the `metrics` crate: each application
/// in a process counts for itself, and tests run many applications in one process.
pub struct Metrics {
    recorder: PrometheusRecorder,
    process: Collector,
    routes: Handles<String, Route>,
    transactions: Handles<&'static str, Transaction>,
    tokens: Handles<(&'static str, bool), Counter>,
    workers: Handles<&'static str, WorkerMetrics>,
    in_flight: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let recorder = PrometheusBuilder::new();
        // Never an error: the call fails only without buckets.
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
        Self {
            recorder,
            process,
            routes: Handles::default(),
            transactions: Handles::default(),
            tokens: Handles::default(),
            workers: Handles::default(),
            in_flight,
        }
    }
}

/// The metrics of a route, the same for all bases and methods.
pub struct Route {
    template: SharedString,
    answers: Handles<(&'static str, u16), Answers>,
}

impl Route {
    /// Returns the path of the route as the contract spells it.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }
}

struct Answers {
    count: Counter,
    seconds: Histogram,
}

/// The metrics of the transactions with one name.
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

    /// Counts a transaction that has ended. An error that a rule of the API demands counts as `refused`.
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

    /// Counts a retry.
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

/// The metrics of a background worker.
pub struct WorkerMetrics {
    succeeded: Counter,
    failed: Counter,
    panicked: Counter,
}

impl WorkerMetrics {
    fn new(name: &'static str) -> Self {
        let outcome = |outcome| counter!(WORKER_RUNS, "worker" => name, "outcome" => outcome);
        Self { succeeded: outcome("ok"), failed: outcome("failed"), panicked: outcome("panicked") }
    }

    /// Counts a round that ended with an error.
    pub fn failed(&self) {
        self.failed.increment(1);
    }

    /// Counts a round that panicked.
    pub fn panicked(&self) {
        self.panicked.increment(1);
    }
}

/// The sessions to the database.
#[derive(Debug, Clone, Copy)]
pub struct PoolUse {
    /// The most sessions.
    pub max: u32,
    /// Idle sessions.
    pub idle: u32,
    /// Sessions in use.
    pub in_use: u32,
    /// Callers that wait for a session.
    pub waiting: u32,
}

/// A request that counts as in progress until the value is dropped.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl Metrics {
    /// Returns the metrics of a route by the path that the router matched; `None` for a request that matched no route.
    #[must_use]
    pub fn route(&self, matched: Option<&str>) -> Arc<Route> {
        self.routes.get(matched.unwrap_or_default(), || {
            let template = matched.map_or("unmatched", without_base).to_owned();
            Route { template: SharedString::from(template), answers: Handles::default() }
        })
    }

    /// Counts a request as in progress.
    #[must_use]
    pub fn begin_request(&self) -> InFlight {
        self.in_flight.increment(1);
        InFlight(self.in_flight.clone())
    }

    /// Counts an answer. The method must be one of a bounded number of names.
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

    /// Returns the metrics of the transactions with this name.
    pub(crate) fn transaction(&self, name: &'static str) -> Arc<Transaction> {
        self.transactions.get(&name, || with_local_recorder(&self.recorder, || Transaction::new(name)))
    }

    /// Counts an embed token of this route, for an enrollment that the request created or found.
    pub fn minted(&self, route: &'static str, enrollment_is_new: bool) {
        let counter = self.tokens.get(&(route, enrollment_is_new), || {
            let enrollment = if enrollment_is_new { "created" } else { "found" };
            with_local_recorder(&self.recorder, || counter!(TOKENS, "route" => route, "enrollment" => enrollment))
        });
        counter.increment(1);
    }

    /// Counts a request that was rejected because the workspace exceeded its rate limit.
    pub fn rate_limited(&self, plan: &'static str) {
        self.count(|| counter!(RATE_LIMITED, "plan" => plan));
    }

    /// Counts a failure of the shared store of the rate limits.
    pub fn rate_limit_store_failed(&self) {
        self.count(|| counter!(RATE_LIMIT_STORE_FAILURES));
    }

    /// Counts a request that was rejected because the server is overloaded. The reason must be one of a bounded number of
    /// names.
    pub fn shed(&self, reason: &'static str) {
        self.count(|| counter!(SHED, "reason" => reason));
    }

    /// Returns the metrics of a background worker. From then on the worker is listed with zero rounds.
    #[must_use]
    pub fn worker(&self, name: &'static str) -> Arc<WorkerMetrics> {
        self.workers.get(&name, || with_local_recorder(&self.recorder, || WorkerMetrics::new(name)))
    }

    /// Counts a successful round of a background worker.
    pub fn worker_succeeded(&self, name: &'static str, now: Timestamp) {
        self.worker(name).succeeded.increment(1);
        // Created by the first success: a worker that never succeeded has no time, not the year 1970.
        let last_success = with_local_recorder(&self.recorder, || gauge!(WORKER_LAST_SUCCESS, "worker" => name));
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit into the 52 bits of a double")]
        last_success.set(now.unix_seconds() as f64);
    }

    fn count(&self, counter: impl FnOnce() -> Counter) {
        with_local_recorder(&self.recorder, counter).increment(1);
    }

    /// Returns all metrics in the text format of Prometheus, with the present values of the gauges.
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

    /// Puts the recorded durations into their buckets. Until then each duration takes eight bytes, so this must run every
    /// few seconds where nobody reads the metrics.
    pub fn upkeep(&self) {
        self.recorder.handle().run_upkeep();
    }
}

/// Returns the path without the base that the client used.
fn without_base(path: &str) -> &str {
    let bare = path.strip_prefix("/api").or_else(|| path.strip_prefix("/v1"));
    bare.filter(|bare| bare.starts_with('/')).unwrap_or(path)
}
