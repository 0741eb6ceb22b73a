//! The setting.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

use crate::workspaces::Plan;

/// What the numbers of requests are for.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// How many requests a minute the workspaces of each plan may make, or that nothing is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits(Option<PerPlan>);

/// Requests a minute, in the order of the plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PerPlan([NonZeroU32; PLANS]);

const PLANS: usize = 5;
/// More than a server answers.
const MOST: u32 = 10_000_000;

impl RateLimits {
    /// Nothing is limited.
    pub const OFF: Self = Self(None);

    pub(super) fn per_plan(self) -> Option<PerPlan> {
        self.0
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        let limits = [60, 600, 1200, 3000, 3000];
        Self(Some(PerPlan(limits.map(|limit| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN)))))
    }
}

impl PerPlan {
    pub(super) fn of(&self, plan: Plan) -> NonZeroU32 {
        self.0[plan as usize]
    }

    /// The same for something that each plan has.
    pub(super) fn map<T>(self, make: impl Fn(NonZeroU32) -> T) -> [T; PLANS] {
        self.0.map(make)
    }
}

impl FromStr for RateLimits {
    type Err = String;

    /// `off`, or requests a minute of some plans: `free=60,pro=600`. The others keep their usual number.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = Self::default();
        match (text.trim(), &mut limits.0) {
            ("off", _) => return Ok(Self::OFF),
            ("", _) | (_, None) => {}
            (list, Some(PerPlan(limits))) => {
                for part in list.split(',') {
                    let (plan, limit) = read(part).ok_or_else(|| {
                        format!("must be off, or a list such as free=60,pro=600 with numbers of 1 to {MOST}")
                    })?;
                    limits[plan as usize] = limit;
                }
            }
        }
        Ok(limits)
    }
}

fn read(part: &str) -> Option<(Plan, NonZeroU32)> {
    let (plan, limit) = part.split_once('=')?;
    let plan = Plan::from_str(plan.trim(), false).ok()?;
    let limit: NonZeroU32 = limit.trim().parse().ok()?;
    (limit.get() <= MOST).then_some((plan, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Option<[u32; PLANS]> {
        let limits: RateLimits = text.parse().unwrap();
        limits.per_plan().map(|limits| limits.map(NonZeroU32::get))
    }

    #[test]
    fn plans_that_are_not_named_keep_the_usual_number() {
        assert_eq!(numbers(""), Some([60, 600, 1200, 3000, 3000]));
        assert_eq!(numbers("pro=7, enterprise = 10000000"), Some([60, 7, 1200, 3000, 10_000_000]));
        assert_eq!(numbers("free=1,pro=2,business=3,advanced=4,enterprise=5"), Some([1, 2, 3, 4, 5]));
        assert_eq!(numbers("off"), None);
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in [
            "on",
            "0",
            "free",
            "free=",
            "free=0",
            "free=-1",
            "free=x",
            "gold=1",
            "free=10000001",
            "free=1,",
            "free=1;pro=2",
        ] {
            assert!(text.parse::<RateLimits>().is_err(), "{text}");
        }
    }
}
