//! The counters of each kind of fault, and every violation of a promise.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::client::Outcome;
use super::kind::Kind;

/// The maximum time until an answer: the promised 5.5 s, and a reserve for a busy machine.
pub(crate) const MAX_ANSWER: Duration = Duration::from_millis(5_750);
/// The maximum time from the end of a fault until requests succeed again.
pub(crate) const MAX_RECOVERY: Duration = Duration::from_secs(1);
/// The maximum number of printed violations.
const MAX_PRINTED: usize = 20;

/// The counters of one kind of fault, from the beginning of a fault to the beginning of the next one.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) faults: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) unavailable: AtomicU64,
    pub(crate) broken: AtomicU64,
    slowest_answer: AtomicU64,
    slowest_recovery: AtomicU64,
    pub(crate) violations: AtomicU64,
}

impl Row {
    pub(crate) fn slowest_answer(&self) -> Duration {
        Duration::from_micros(self.slowest_answer.load(Relaxed))
    }

    pub(crate) fn slowest_recovery(&self) -> Duration {
        Duration::from_micros(self.slowest_recovery.load(Relaxed))
    }
}

/// The end of the last fault; `None` during a fault.
pub(crate) type Calm = Option<Instant>;

/// The counters that all clients share.
pub(crate) struct Tally {
    rows: Vec<Row>,
    /// The last fault.
    current: AtomicUsize,
    calm: watch::Sender<Calm>,
    /// The end of the last fault of the database or its network.
    sound: watch::Sender<Calm>,
    /// 1 after the first success since the last fault.
    recovered: AtomicUsize,
    texts: Mutex<Vec<String>>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let rows = Kind::ALL.iter().map(|_| Row::default()).collect();
        let (current, recovered) = (AtomicUsize::new(0), AtomicUsize::new(1));
        let [calm, sound] = [(); 2].map(|()| watch::Sender::new(Some(Instant::now())));
        Self { rows, current, calm, sound, recovered, texts: Mutex::default() }
    }

    pub(crate) fn row(&self, kind: Kind) -> &Row {
        &self.rows[kind.number()]
    }

    pub(crate) fn current(&self) -> &Row {
        &self.rows[self.current.load(Relaxed)]
    }

    pub(crate) fn calm(&self) -> Calm {
        *self.calm.borrow()
    }

    /// Returns the time since which only a client or the server can have abandoned a session.
    pub(crate) fn sound(&self) -> Calm {
        *self.sound.borrow()
    }

    pub(crate) fn fault_begins(&self, kind: Kind) {
        self.current.store(kind.number(), Relaxed);
        self.calm.send_replace(None);
        if kind.breaks_database() {
            self.sound.send_replace(None);
        }
        self.current().faults.fetch_add(1, Relaxed);
    }

    pub(crate) fn fault_ends(&self) {
        self.recovered.store(0, Relaxed);
        let now = Instant::now();
        self.calm.send_replace(Some(now));
        self.sound.send_modify(|sound| *sound = sound.or(Some(now)));
    }

    /// Judges the outcome of a request that was sent at `begin`; `before` is the value of [`Self::calm`] at that time.
    /// Returns `true` for an answer other than a server error.
    pub(crate) fn judge(&self, begin: Instant, before: Calm, outcome: &Outcome, what: &str) -> bool {
        let (after, took, row) = (self.calm(), begin.elapsed(), self.current());
        // No fault began since `begin`, and the last fault ended long enough before.
        let calm = before == after && before.is_some_and(|since| begin.duration_since(since) >= MAX_RECOVERY);
        match outcome {
            Outcome::Answer { status: 503, retry_after, .. } => {
                row.unavailable.fetch_add(1, Relaxed);
                if !retry_after {
                    self.violation(format!("{what}: 503 without Retry-After"));
                }
                if calm {
                    self.violation(format!("{what}: 503 after {took:?}, {:?} after the fault", since(before, begin)));
                }
            }
            Outcome::Answer { status, body, .. } if *status >= 500 => {
                self.violation(format!("{what}: {status} {body}"));
            }
            Outcome::Answer { .. } => {
                if let Some(since) = after
                    && self.recovered.swap(1, Relaxed) == 0
                {
                    let time = since.elapsed();
                    row.slowest_recovery.fetch_max(micros(time), Relaxed);
                    if time > MAX_RECOVERY {
                        self.violation(format!("no request succeeded until {time:?} after the fault"));
                    }
                }
            }
            Outcome::Broken => {
                row.broken.fetch_add(1, Relaxed);
                if calm {
                    self.violation(format!("{what}: no answer, {:?} after the fault", since(before, begin)));
                }
            }
            Outcome::TimedOut => self.violation(format!("{what}: the server hangs")),
        }
        let Outcome::Answer { status, .. } = outcome else { return false };
        row.slowest_answer.fetch_max(micros(took), Relaxed);
        if took > MAX_ANSWER {
            self.violation(format!("{what}: {status} only after {took:?}"));
        }
        *status < 500
    }

    /// Counts a violation of a promise, and prints the first ones.
    pub(crate) fn violation(&self, text: String) {
        self.current().violations.fetch_add(1, Relaxed);
        let mut texts = self.texts.lock().expect("no thread panics with the lock");
        if texts.len() < MAX_PRINTED {
            eprintln!("VIOLATION: {text}");
            texts.push(text);
        }
    }

    pub(crate) fn violations(&self) -> u64 {
        self.rows.iter().map(|row| row.violations.load(Relaxed)).sum()
    }

    pub(crate) fn sum(&self, number: impl Fn(&Row) -> &AtomicU64) -> u64 {
        self.rows.iter().map(|row| number(row).load(Relaxed)).sum()
    }
}

fn since(calm: Calm, begin: Instant) -> Duration {
    calm.map_or(Duration::ZERO, |since| begin.duration_since(since))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
