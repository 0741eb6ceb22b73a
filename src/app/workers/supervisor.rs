//! Runs background workers: repeats their rounds, survives their failures, counts their rounds, and drains them at
//! shutdown.
//!
//! Several servers run the same workers. A worker therefore claims rows with `FOR UPDATE SKIP LOCKED` in the transaction
//! of a tenant, and finds the tenants through `db::WorkFinder`.

use std::any::Any;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::error::Result;
use crate::telemetry::Metrics;
use crate::values::clock::Clock;
use crate::values::id::Ids;

/// The outcome of a successful round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The round worked on this many items. The next round begins after the worker's interval.
    Done(u64),
    /// The worker has nothing left to do, now or later.
    Finished,
}

type RunRound = dyn Fn() -> BoxFuture<'static, Result<Round>> + Send + Sync;

/// A background worker.
pub struct Worker {
    /// The name in logs and metrics.
    name: &'static str,
    /// The pause between two rounds.
    interval: Duration,
    /// The pause before the first round.
    first_pause: Duration,
    round: Arc<RunRound>,
}

impl Worker {
    /// Creates a worker whose rounds are run by `round`. The first round begins after `interval`.
    pub fn new<F>(name: &'static str, interval: Duration, round: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Round>> + Send + 'static,
    {
        Self { name, interval, first_pause: interval, round: Arc::new(move || Box::pin(round())) }
    }

    /// Returns the worker with a first round that begins at once.
    #[must_use]
    pub fn starting_at_once(self) -> Self {
        Self { first_pause: Duration::ZERO, ..self }
    }
}

/// The pauses after failed rounds: the first is at most `first`, each further one up to twice as long, up to `last`.
#[derive(Debug, Clone, Copy)]
struct BackOff {
    first: Duration,
    last: Duration,
}

impl BackOff {
    const DEFAULT: Self = Self { first: Duration::from_secs(1), last: Duration::from_mins(1) };

    /// Returns the pause after this many failures in a row: between half of the ceiling and the ceiling, so that servers
    /// that failed together do not try again together.
    fn pause(self, failures: u32, ids: &Ids) -> Duration {
        let ceiling = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(self.last);
        ceiling.mul_f64(0.5 + ids.fraction() / 2.0)
    }
}

/// The parts of the application that the supervision of a worker needs.
#[derive(Clone)]
struct Parts {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    back_off: BackOff,
}

/// Runs workers, each in a task of its own. Dropping the supervisor ends the workers at once.
pub struct Supervisor {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Supervisor {
    /// Starts the workers.
    #[must_use]
    pub fn start(workers: Vec<Worker>, metrics: &Arc<Metrics>, clock: &Arc<dyn Clock>, ids: &Arc<Ids>) -> Self {
        Self::start_with(workers, metrics, clock, ids, BackOff::DEFAULT)
    }

    fn start_with(
        workers: Vec<Worker>,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
        ids: &Arc<Ids>,
        back_off: BackOff,
    ) -> Self {
        let (metrics, clock, ids) = (Arc::clone(metrics), Arc::clone(clock), Arc::clone(ids));
        let parts = Parts { metrics, clock, ids, back_off };
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        for worker in workers {
            tasks.spawn(supervise(worker, parts.clone(), stop.subscribe()));
        }
        Self { stop, tasks }
    }

    /// Lets no new round begin. Rounds in progress go on.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops the workers and waits for their rounds in progress, at most for `limit`. Rounds that take longer are
    /// cancelled.
    pub async fn drain(mut self, limit: Duration) {
        self.stop();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(limit, ended).await.is_err() {
            tracing::warn!("cancelled rounds of background workers that were still in progress at shutdown");
        }
    }
}

/// Repeats the rounds of a worker until the worker is finished or the supervisor stops.
async fn supervise(worker: Worker, parts: Parts, mut stop: watch::Receiver<bool>) {
    let name = worker.name;
    let counts = parts.metrics.worker(name);
    let (mut pause, mut failures) = (worker.first_pause, 0);
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            () = sleep(pause) => {}
        }
        match run_round(&worker).await {
            Ok(Ok(round)) => {
                (failures, pause) = (0, worker.interval);
                parts.metrics.worker_succeeded(name, parts.clock.now());
                match round {
                    Round::Done(items) => tracing::debug!(worker = name, items, "background worker: round done"),
                    Round::Finished => {
                        tracing::debug!(worker = name, "background worker: finished");
                        return;
                    }
                }
            }
            Ok(Err(error)) => {
                failures += 1;
                pause = parts.back_off.pause(failures, &parts.ids);
                counts.failed();
                let (retry_in, cause) = (pause.as_secs_f64(), error.source());
                tracing::warn!(worker = name, %error, ?cause, retry_in, "background worker: round failed");
            }
            Err(panic) => {
                failures += 1;
                pause = parts.back_off.pause(failures, &parts.ids);
                counts.panicked();
                let (retry_in, panic) = (pause.as_secs_f64(), panic_text(&*panic));
                tracing::error!(worker = name, panic, retry_in, "background worker: round panicked");
            }
        }
    }
}

/// Waits until the supervisor stops or is dropped.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the supervisor was dropped.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Runs a round in a separate task, so that a panic is caught. Dropping the future cancels the round.
async fn run_round(worker: &Worker) -> std::result::Result<Result<Round>, Box<dyn Any + Send>> {
    let mut task = JoinSet::new();
    let round = Arc::clone(&worker.round);
    // The round is created inside of the task, so that a panic in its creation is caught as well.
    task.spawn(async move { round().await });
    match task.join_next().await {
        Some(Ok(outcome)) => Ok(outcome),
        Some(Err(ended)) => Err(ended.try_into_panic().unwrap_or_else(|_| Box::new("cancelled"))),
        None => Err(Box::new("no round was started")),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without text")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;
    use tokio::time::Instant;

    use super::*;
    use crate::error::Error;
    use crate::telemetry::metrics::PoolUse;
    use crate::values::clock::SystemClock;

    const MOMENT: Duration = Duration::from_millis(1);
    const BACK_OFF: BackOff = BackOff { first: MOMENT, last: Duration::from_millis(4) };
    /// Longer than any test takes.
    const FOREVER: Duration = Duration::from_hours(1);

    /// Counts the rounds of a worker.
    #[derive(Clone, Default)]
    struct Rounds(Arc<AtomicU32>);

    impl Rounds {
        /// Counts a round and returns its number, from one on.
        fn begin(&self) -> u32 {
            self.0.fetch_add(1, Ordering::SeqCst) + 1
        }

        fn count(&self) -> u32 {
            self.0.load(Ordering::SeqCst)
        }

        async fn reach(&self, count: u32) {
            let reached = async {
                while self.count() < count {
                    sleep(MOMENT).await;
                }
            };
            timeout(Duration::from_secs(30), reached).await.expect("rounds go on");
        }
    }

    fn start(worker: Worker) -> (Supervisor, Arc<Metrics>) {
        let (metrics, clock): (_, Arc<dyn Clock>) = (Arc::default(), Arc::new(SystemClock));
        let ids = Arc::new(Ids::seeded(1));
        (Supervisor::start_with(vec![worker], &metrics, &clock, &ids, BACK_OFF), metrics)
    }

    /// Returns the value of a series, without its name.
    fn value(metrics: &Metrics, series: &str) -> Option<f64> {
        let text = metrics.render(PoolUse { max: 0, idle: 0, in_use: 0, waiting: 0 }, None);
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }

    fn runs(metrics: &Metrics, worker: &str, outcome: &str) -> f64 {
        let series = format!(r#"pearset_worker_runs_total{{worker="{worker}",outcome="{outcome}"}}"#);
        value(metrics, &series).expect("the worker is listed")
    }

    #[tokio::test]
    async fn a_worker_that_fails_goes_on() {
        let rounds = Rounds::default();
        let counted = rounds.clone();
        let worker = Worker::new("test", MOMENT, move || {
            let number = counted.begin();
            async move { if number < 4 { Err(Error::unavailable("away")) } else { Ok(Round::Done(1)) } }
        });
        let (supervisor, metrics) = start(worker);
        let last_success = r#"pearset_worker_last_success_timestamp_seconds{worker="test"}"#;
        assert_eq!(value(&metrics, last_success), None, "no round has succeeded");
        rounds.reach(6).await;
        supervisor.drain(FOREVER).await;
        assert!((runs(&metrics, "test", "failed") - 3.0).abs() < 0.5);
        assert!(runs(&metrics, "test", "ok") > 1.5);
        assert!(runs(&metrics, "test", "panicked") < 0.5);
        let now = SystemClock.now().unix_seconds();
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        let seen = value(&metrics, last_success).expect("a round has succeeded") as i64;
        assert!((now - 60..=now).contains(&seen), "{seen} at {now}");
    }

    #[tokio::test]
    async fn a_worker_that_panics_goes_on() {
        let rounds = Rounds::default();
        let counted = rounds.clone();
        let worker = Worker::new("test", MOMENT, move || {
            let number = counted.begin();
            // The first panic is inside of the future, the second one before there is a future.
            assert!(number != 2, "round {number}");
            async move {
                assert!(number != 1, "round {number}");
                Ok(Round::Done(0))
            }
        });
        let (supervisor, metrics) = start(worker);
        rounds.reach(4).await;
        supervisor.drain(FOREVER).await;
        assert!((runs(&metrics, "test", "panicked") - 2.0).abs() < 0.5);
        assert!(runs(&metrics, "test", "ok") > 0.5);
    }

    #[tokio::test]
    async fn a_worker_that_is_finished_runs_no_more() {
        let rounds = Rounds::default();
        let counted = rounds.clone();
        let worker = Worker::new("test", MOMENT, move || {
            let number = counted.begin();
            async move { Ok(if number == 3 { Round::Finished } else { Round::Done(0) }) }
        });
        let (supervisor, metrics) = start(worker.starting_at_once());
        rounds.reach(3).await;
        sleep(20 * MOMENT).await;
        assert_eq!(rounds.count(), 3);
        supervisor.drain(FOREVER).await;
        assert!((runs(&metrics, "test", "ok") - 3.0).abs() < 0.5);
    }

    #[tokio::test]
    async fn the_first_round_waits_for_the_interval_unless_it_starts_at_once() {
        for (at_once, expected) in [(false, 0), (true, 1)] {
            let rounds = Rounds::default();
            let counted = rounds.clone();
            let worker = Worker::new("test", FOREVER, move || {
                counted.begin();
                async { Ok(Round::Done(0)) }
            });
            let (_supervisor, _) = start(if at_once { worker.starting_at_once() } else { worker });
            rounds.reach(expected).await;
            sleep(20 * MOMENT).await;
            assert_eq!(rounds.count(), expected);
        }
    }

    /// A worker whose round begins, waits for `go_on`, and ends.
    fn waiting(rounds: &Rounds, ended: &Rounds, go_on: &Arc<Notify>) -> Worker {
        let (rounds, ended, go_on) = (rounds.clone(), ended.clone(), Arc::clone(go_on));
        Worker::new("test", MOMENT, move || {
            rounds.begin();
            let (ended, go_on) = (ended.clone(), Arc::clone(&go_on));
            async move {
                go_on.notified().await;
                ended.begin();
                Ok(Round::Done(0))
            }
        })
    }

    #[tokio::test]
    async fn drain_waits_for_a_round_in_progress_and_begins_no_other() {
        let (rounds, ended, go_on) = (Rounds::default(), Rounds::default(), Arc::new(Notify::new()));
        let (supervisor, metrics) = start(waiting(&rounds, &ended, &go_on));
        rounds.reach(1).await;
        let drain = tokio::spawn(supervisor.drain(FOREVER));
        sleep(20 * MOMENT).await;
        assert!(!drain.is_finished(), "the round is in progress");
        go_on.notify_one();
        timeout(Duration::from_secs(30), drain).await.expect("the round has ended").unwrap();
        assert_eq!((rounds.count(), ended.count()), (1, 1));
        assert!((runs(&metrics, "test", "ok") - 1.0).abs() < 0.5);
    }

    #[tokio::test]
    async fn drain_cancels_a_round_that_takes_too_long() {
        let (rounds, ended, go_on) = (Rounds::default(), Rounds::default(), Arc::new(Notify::new()));
        let (supervisor, _) = start(waiting(&rounds, &ended, &go_on));
        rounds.reach(1).await;
        let begin = Instant::now();
        supervisor.drain(20 * MOMENT).await;
        assert!(begin.elapsed() >= 20 * MOMENT);
        go_on.notify_one();
        sleep(20 * MOMENT).await;
        assert_eq!((rounds.count(), ended.count()), (1, 0), "the round was cancelled");
    }

    #[test]
    fn pauses_after_failures_grow_to_a_limit_with_jitter() {
        let ids = Ids::seeded(1);
        for (failures, ceiling) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60), (u32::MAX, 60)] {
            let ceiling = Duration::from_secs(ceiling);
            let pauses: Vec<Duration> = (0..100).map(|_| BackOff::DEFAULT.pause(failures, &ids)).collect();
            assert!(pauses.iter().all(|pause| (ceiling / 2..=ceiling).contains(pause)), "{failures}: {pauses:?}");
            assert_ne!(pauses.iter().min(), pauses.iter().max());
        }
    }
}
