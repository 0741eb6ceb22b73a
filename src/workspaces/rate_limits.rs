//! The setting for rate limits: requests per minute for each plan.

use std::num::NonZeroU32;
use std::str::FromStr;

use clap::ValueEnum;

use super::Plan;

const PLANS: usize = 5;
/// Requests per minute for the plans from low to high, where the setting names no other number.
const DEFAULT_LIMITS: [u32; PLANS] = [60, 600, 1200, 3000, 3000];
/// Upper bound of a limit: more requests per minute than a server can answer.
const MAX_LIMIT: u32 = 10_000_000;

/// Requests per minute that the workspaces of each plan may make, or no limits at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits(Option<[NonZeroU32; PLANS]>);

impl RateLimits {
    /// No request is limited.
    pub const OFF: Self = Self(None);

    /// Returns the limits for the rate limiter, indexed by [`Plan::rank`]; `None` when nothing is limited.
    #[must_use]
    pub fn tiers(&self) -> Option<&[NonZeroU32]> {
        self.0.as_ref().map(<[NonZeroU32; PLANS]>::as_slice)
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self(Some(DEFAULT_LIMITS.map(|limit| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN))))
    }
}

impl FromStr for RateLimits {
    type Err = String;

    /// Reads `off`, or requests per minute of some plans: `free=60,pro=600`. Plans that are not listed keep their
    /// default.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = Self::default();
        match (text.trim(), &mut limits.0) {
            ("off", _) => return Ok(Self::OFF),
            ("", _) | (_, None) => {}
            (list, Some(limits)) => {
                for part in list.split(',') {
                    let (plan, limit) = read(part).ok_or_else(|| {
                        format!("must be off, or a list such as free=60,pro=600 with numbers of 1 to {MAX_LIMIT}")
                    })?;
                    limits[plan.rank()] = limit;
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
    (limit.get() <= MAX_LIMIT).then_some((plan, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Option<[u32; PLANS]> {
        let limits: RateLimits = text.parse().unwrap();
        limits.0.map(|limits| limits.map(NonZeroU32::get))
    }

    #[test]
    fn plans_that_are_not_named_keep_their_default() {
        assert_eq!(numbers(""), Some([60, 600, 1200, 3000, 3000]));
        assert_eq!(numbers("pro=7, enterprise = 10000000"), Some([60, 7, 1200, 3000, 10_000_000]));
        assert_eq!(numbers("free=1,pro=2,business=3,advanced=4,enterprise=5"), Some([1, 2, 3, 4, 5]));
        assert_eq!(numbers("off"), None);
    }

    #[test]
    fn malformed_limits_are_rejected() {
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
