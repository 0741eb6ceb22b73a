//! What is counted, by the fault that was there, and every promise that was broken.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::client::Outcome;
use super::kind::Kind;

/// 5.5 s are promised; the rest is for a busy machine.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_millis(5_750);
/// From the end of a fault to normal work.
pub(crate) const RECOVERY: Duration = Duration::from_secs(1);
/// The first of them tell enough.
const SHOWN: usize = 20;

/// The numbers of one kind of fault, from its beginning to the next one's.
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

/// Since when there is no fault; `None` while there is one.
pub(crate) type Calm = Option<Instant>;

/// What all clients count together.
pub(crate) struct Tally {
    rows: Vec<Row>,
    /// The fault that was there last.
    current: AtomicUsize,
    calm: watch::Sender<Calm>,
    /// The same without the faults that leave the database and its network whole.
    sound: watch::Sender<Calm>,
    /// Whether anybody got what he wanted since the last fault.
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

    /// Since when nothing but a client or the server can have left a session alone.
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

    /// Looks at an outcome of a request that was sent at `begin`, when things were as in `before`. `true` when it is
    /// an answer to the request, and no 503.
    pub(crate) fn judge(&self, begin: Instant, before: Calm, outcome: &Outcome, what: &str) -> bool {
        let (after, took, row) = (self.calm(), begin.elapsed(), self.current());
        // Nothing happened in the meantime, and it was over long enough before.
        let calm = before == after && before.is_some_and(|since| begin.duration_since(since) >= RECOVERY);
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
                    if time > RECOVERY {
                        self.violation(format!("nothing worked before {time:?} after the fault"));
                    }
                }
            }
            Outcome::Broken => {
                row.broken.fetch_add(1, Relaxed);
                if calm {
                    self.violation(format!("{what}: no answer, {:?} after the fault", since(before, begin)));
                }
            }
            Outcome::Silence => self.violation(format!("{what}: it hangs")),
        }
        let Outcome::Answer { status, .. } = outcome else { return false };
        row.slowest_answer.fetch_max(micros(took), Relaxed);
        if took > LONGEST_ANSWER {
            self.violation(format!("{what}: {status} only after {took:?}"));
        }
        *status < 500
    }

    /// A promise that was broken.
    pub(crate) fn violation(&self, text: String) {
        self.current().violations.fetch_add(1, Relaxed);
        let mut texts = self.texts.lock().expect("nobody panics with it");
        if texts.len() < SHOWN {
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
