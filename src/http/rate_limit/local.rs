//! The count of one server: GCRA, which lets a workspace use its whole minute at once and then gives it back evenly.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::limits::{PerPlan, WINDOW};
use super::standing::Standing;
use crate::values::clock::Clock;
use crate::values::id::WorkspaceId;
use crate::workspaces::Plan;

type OfPlan = RateLimiter<WorkspaceId, DashMapStateStore<WorkspaceId>, Monotonic, StateInformationMiddleware>;

/// The application's clock for `governor`. The one that nobody sets: with it, a day of the machine's clock back would
/// be a day without requests.
#[derive(Clone)]
struct Monotonic(Arc<dyn Clock>);

impl governor::clock::Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The requests of each workspace.
pub(super) struct Local {
    limits: PerPlan,
    /// In the order of the plans. A workspace that changes its plan begins anew.
    plans: [OfPlan; 5],
    clock: Monotonic,
    /// When workspaces that have all of their requests again are forgotten, in seconds.
    next_sweep: AtomicU64,
}

impl Local {
    pub(super) fn new(limits: PerPlan, clock: &Arc<dyn Clock>) -> Self {
        let clock = Monotonic(Arc::clone(clock));
        let plans = limits
            .map(|limit| RateLimiter::dashmap_with_clock(Quota::per_minute(limit), clock.clone()).with_middleware());
        let next_sweep = AtomicU64::new((clock.now() + WINDOW).as_secs());
        Self { limits, plans, clock, next_sweep }
    }

    pub(super) fn limit(&self, plan: Plan) -> NonZeroU32 {
        self.limits.of(plan)
    }

    /// Counts a request, if the workspace may make it.
    pub(super) fn take(&self, workspace_id: WorkspaceId, plan: Plan) -> Standing {
        self.sweep();
        let limit = self.limit(plan);
        let quota = Quota::per_minute(limit);
        match self.plans[plan as usize].check_key(&workspace_id) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                // Of a request that is on its way back, no more than that is known: at worst, this is late by the time
                // that one of them takes.
                let whole_in = quota.replenish_interval() * (limit.get() - remaining);
                Standing { limit, remaining, whole_in, refused_for: None }
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                let whole_in = wait + quota.replenish_interval() * (limit.get() - 1);
                Standing { limit, remaining: 0, whole_in, refused_for: Some(wait) }
            }
        }
    }

    /// Once in each window, the first request of it does this for everybody: what is kept is in proportion to the
    /// workspaces that have been there lately.
    fn sweep(&self) {
        let now = self.clock.now();
        let due = self.next_sweep.load(Ordering::Relaxed);
        if now.as_secs() < due {
            return;
        }
        let next = (now + WINDOW).as_secs();
        if self.next_sweep.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            for plan in &self.plans {
                plan.retain_recent();
                plan.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::http::rate_limit::RateLimits;
    use crate::values::clock::Timestamp;
    use crate::values::id::Ids;

    struct Hand(Mutex<Duration>);

    impl Hand {
        fn advance(&self, by: Duration) {
            *self.0.lock().unwrap() += by;
        }
    }

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            panic!("the time of day is of no matter");
        }

        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    /// A limiter for the plan `free` that began so long after the clock did.
    fn local(free: u32, offset: Duration) -> (Local, Arc<Hand>, WorkspaceId) {
        let hand = Arc::new(Hand(Mutex::new(offset)));
        let clock: Arc<dyn Clock> = hand.clone();
        let limits: RateLimits = format!("free={free}").parse().unwrap();
        let workspace_id = Ids::seeded(1).next(Timestamp::from(time::macros::datetime!(2026-03-01 0:00 UTC)));
        (Local::new(limits.per_plan().unwrap(), &clock), hand, workspace_id)
    }

    #[test]
    fn the_whole_minute_may_be_used_at_once_and_comes_back_evenly() {
        let (local, hand, workspace_id) = local(600, Duration::ZERO);
        for remaining in (0..600).rev() {
            let standing = local.take(workspace_id, Plan::Free);
            let whole_in = Duration::from_millis(u64::from(600 - remaining) * 100);
            let limit = NonZeroU32::new(600).unwrap();
            assert_eq!(standing, Standing { limit, remaining, whole_in, refused_for: None });
        }
        let refused = local.take(workspace_id, Plan::Free);
        assert_eq!(refused.refused_for, Some(Duration::from_millis(100)));
        assert_eq!((refused.remaining, refused.whole_in), (0, Duration::from_mins(1)));
        hand.advance(Duration::from_millis(99));
        assert!(!local.take(workspace_id, Plan::Free).is_admitted());
        hand.advance(Duration::from_millis(1));
        assert!(local.take(workspace_id, Plan::Free).is_admitted());
        assert!(!local.take(workspace_id, Plan::Free).is_admitted());
        hand.advance(Duration::from_mins(1));
        assert_eq!(local.take(workspace_id, Plan::Free).remaining, 599);
    }

    /// At any moment of a second, and also for limits that do not divide a minute.
    #[test]
    fn who_waits_as_long_as_told_passes() {
        for limit in [1, 2, 7, 60, 61, 997, 3000] {
            for offset in 0..1000 {
                let (local, hand, workspace_id) = local(limit, Duration::from_millis(offset));
                while local.take(workspace_id, Plan::Free).is_admitted() {
                    hand.advance(Duration::from_micros(offset));
                }
                let wait = local.take(workspace_id, Plan::Free).refused_for.unwrap();
                let mut headers = hyper::HeaderMap::new();
                let standing = local.take(workspace_id, Plan::Free);
                standing.write(&mut headers, Timestamp::from(time::macros::datetime!(2026-03-01 0:00 UTC)));
                let seconds = headers["retry-after"].to_str().unwrap().parse().unwrap();
                assert!(Duration::from_secs(seconds) < wait + Duration::from_secs(1), "{seconds} s for {wait:?}");
                hand.advance(Duration::from_secs(seconds));
                assert!(local.take(workspace_id, Plan::Free).is_admitted(), "{limit} a minute at {offset} ms");
            }
        }
    }

    #[test]
    fn workspaces_that_are_gone_take_no_room() {
        let (local, hand, last) = local(60, Duration::ZERO);
        let ids = Ids::seeded(2);
        let now = Timestamp::from(time::macros::datetime!(2026-03-01 0:00 UTC));
        for _ in 0..5_000 {
            local.take(ids.next(now), Plan::Free);
        }
        assert_eq!(local.plans[0].len(), 5_000);
        hand.advance(WINDOW * 2);
        local.take(last, Plan::Pro);
        assert_eq!(local.plans[0].len(), 0);
    }

    #[test]
    fn who_is_gone_is_looked_for_once_in_each_window() {
        let (local, hand, gone) = local(60, Duration::ZERO);
        let (most, rest) = (Duration::from_secs(59), Duration::from_secs(1));
        assert_eq!(most + rest, WINDOW);
        let kept = || {
            local.take(gone, Plan::Pro);
            local.plans[0].len()
        };
        for _ in 0..2 {
            local.take(gone, Plan::Free);
            hand.advance(most);
            assert_eq!(kept(), 1);
            hand.advance(rest);
            assert_eq!(kept(), 0);
        }
    }
}
