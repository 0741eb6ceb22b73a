//! The counter of a single server. The algorithm is GCRA: a workspace may use the limit of a whole minute at once and
//! then regains requests evenly.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::WINDOW;
use super::status::RateLimitStatus;
use crate::values::clock::Clock;
use crate::values::id::WorkspaceId;

/// The application's clock for `governor`: the monotonic clock, which no operator can set. With the time of day,
/// setting the machine's clock back by a day would reject requests for a day.
#[derive(Clone)]
struct Monotonic(Arc<dyn Clock>);

impl governor::clock::Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The workspaces of one tier. A change of tier gives a workspace an unused limit.
struct Tier {
    limit: NonZeroU32,
    workspaces: RateLimiter<WorkspaceId, DashMapStateStore<WorkspaceId>, Monotonic, StateInformationMiddleware>,
}

/// The request counters of all workspaces.
pub(super) struct Local {
    tiers: Vec<Tier>,
    clock: Monotonic,
    /// The time of the next removal of workspaces that have their full limit again, in seconds.
    next_sweep: AtomicU64,
}

impl Local {
    pub(super) fn new(limits: &[NonZeroU32], clock: &Arc<dyn Clock>) -> Self {
        let clock = Monotonic(Arc::clone(clock));
        let tier = |limit: &NonZeroU32| {
            let workspaces = RateLimiter::dashmap_with_clock(Quota::per_minute(*limit), clock.clone());
            Tier { limit: *limit, workspaces: workspaces.with_middleware() }
        };
        let tiers = limits.iter().map(tier).collect();
        let next_sweep = AtomicU64::new((clock.now() + WINDOW).as_secs());
        Self { tiers, clock, next_sweep }
    }

    pub(super) fn limit(&self, tier: usize) -> NonZeroU32 {
        self.tiers[tier].limit
    }

    /// Counts a request if the workspace is within its limit.
    pub(super) fn take(&self, workspace_id: WorkspaceId, tier: usize) -> RateLimitStatus {
        self.sweep();
        let Tier { limit, workspaces } = &self.tiers[tier];
        let limit = *limit;
        let quota = Quota::per_minute(limit);
        match workspaces.check_key(&workspace_id) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                // The burst capacity has no fraction of a request, so this time is too long by at most the time in
                // which one request is regained.
                let whole_in = quota.replenish_interval() * (limit.get() - remaining);
                RateLimitStatus { limit, remaining, whole_in, rejected_for: None }
            }
            Err(rejected) => {
                let wait = rejected.wait_time_from(self.clock.now());
                let whole_in = wait + quota.replenish_interval() * (limit.get() - 1);
                RateLimitStatus { limit, remaining: 0, whole_in, rejected_for: Some(wait) }
            }
        }
    }

    /// Removes workspaces with a full limit, so that memory is in proportion to the workspaces with recent requests. The
    /// first request of each window does the removal.
    fn sweep(&self) {
        let now = self.clock.now();
        let due = self.next_sweep.load(Ordering::Relaxed);
        if now.as_secs() < due {
            return;
        }
        let next = (now + WINDOW).as_secs();
        if self.next_sweep.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            for tier in &self.tiers {
                tier.workspaces.retain_recent();
                tier.workspaces.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::values::clock::Timestamp;
    use crate::values::id::Ids;

    /// The tier whose limit a test chooses.
    const TIER: usize = 0;
    /// A tier with a limit that no test reaches.
    const OTHER_TIER: usize = 1;

    struct ManualClock(Mutex<Duration>);

    impl ManualClock {
        fn advance(&self, by: Duration) {
            *self.0.lock().unwrap() += by;
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Timestamp {
            panic!("the limiter must not read the time of day");
        }

        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    /// Returns a limiter with this limit for [`TIER`], started `offset` after the clock.
    fn local(limit: u32, offset: Duration) -> (Local, Arc<ManualClock>, WorkspaceId) {
        let manual = Arc::new(ManualClock(Mutex::new(offset)));
        let clock: Arc<dyn Clock> = manual.clone();
        let limits = [limit, 600].map(|limit| NonZeroU32::new(limit).unwrap());
        let workspace_id = Ids::seeded(1).next(Timestamp::from(time::macros::datetime!(2026-03-01 0:00 UTC)));
        (Local::new(&limits, &clock), manual, workspace_id)
    }

    #[test]
    fn the_whole_minute_may_be_used_at_once_and_comes_back_evenly() {
        let (local, clock, workspace_id) = local(600, Duration::ZERO);
        for remaining in (0..600).rev() {
            let status = local.take(workspace_id, TIER);
            let whole_in = Duration::from_millis(u64::from(600 - remaining) * 100);
            let limit = NonZeroU32::new(600).unwrap();
            assert_eq!(status, RateLimitStatus { limit, remaining, whole_in, rejected_for: None });
        }
        let rejected = local.take(workspace_id, TIER);
        assert_eq!(rejected.rejected_for, Some(Duration::from_millis(100)));
        assert_eq!((rejected.remaining, rejected.whole_in), (0, Duration::from_mins(1)));
        clock.advance(Duration::from_millis(99));
        assert!(!local.take(workspace_id, TIER).is_admitted());
        clock.advance(Duration::from_millis(1));
        assert!(local.take(workspace_id, TIER).is_admitted());
        assert!(!local.take(workspace_id, TIER).is_admitted());
        clock.advance(Duration::from_mins(1));
        assert_eq!(local.take(workspace_id, TIER).remaining, 599);
    }

    /// Holds at any moment of a second, and also for limits that do not divide a minute.
    #[test]
    fn a_client_that_waits_for_retry_after_is_admitted() {
        for limit in [1, 2, 7, 60, 61, 997, 3000] {
            for offset in 0..1000 {
                let (local, clock, workspace_id) = local(limit, Duration::from_millis(offset));
                while local.take(workspace_id, TIER).is_admitted() {
                    clock.advance(Duration::from_micros(offset));
                }
                let wait = local.take(workspace_id, TIER).rejected_for.unwrap();
                let mut headers = hyper::HeaderMap::new();
                let status = local.take(workspace_id, TIER);
                status.write(&mut headers, Timestamp::from(time::macros::datetime!(2026-03-01 0:00 UTC)));
                let seconds = headers["retry-after"].to_str().unwrap().parse().unwrap();
                assert!(Duration::from_secs(seconds) < wait + Duration::from_secs(1), "{seconds} s for {wait:?}");
                clock.advance(Duration::from_secs(seconds));
                assert!(local.take(workspace_id, TIER).is_admitted(), "{limit} a minute at {offset} ms");
            }
        }
    }

    #[test]
    fn idle_workspaces_take_no_memory() {
        let (local, clock, last) = local(60, Duration::ZERO);
        let ids = Ids::seeded(2);
        let now = Timestamp::from(time::macros::datetime!(2026-03-01 0:00 UTC));
        for _ in 0..5_000 {
            local.take(ids.next(now), TIER);
        }
        assert_eq!(local.tiers[TIER].workspaces.len(), 5_000);
        clock.advance(WINDOW * 2);
        local.take(last, OTHER_TIER);
        assert_eq!(local.tiers[TIER].workspaces.len(), 0);
    }

    #[test]
    fn idle_workspaces_are_removed_once_per_window() {
        let (local, clock, idle) = local(60, Duration::ZERO);
        let (most, rest) = (Duration::from_secs(59), Duration::from_secs(1));
        assert_eq!(most + rest, WINDOW);
        let kept = || {
            local.take(idle, OTHER_TIER);
            local.tiers[TIER].workspaces.len()
        };
        for _ in 0..2 {
            local.take(idle, TIER);
            clock.advance(most);
            assert_eq!(kept(), 1);
            clock.advance(rest);
            assert_eq!(kept(), 0);
        }
    }
}
