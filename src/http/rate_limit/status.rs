//! The rate limit headers of an answer.

use std::num::NonZeroU32;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};

use super::WINDOW;
use crate::values::clock::Timestamp;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const IETF_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const IETF_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The rate limit of a workspace after a request was counted or rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Requests per window.
    pub(super) limit: NonZeroU32,
    /// Requests that the workspace may make at once now.
    pub(super) remaining: u32,
    /// The time until the workspace has its full limit again.
    pub(super) whole_in: Duration,
    /// The time until the next request is admitted, if this request was rejected.
    pub(super) rejected_for: Option<Duration>,
}

impl RateLimitStatus {
    /// Returns whether the request is within the limit.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.rejected_for.is_none()
    }

    /// Writes the headers. Times are rounded up, so that a client that waits as long as the header says is admitted.
    pub fn write(&self, headers: &mut HeaderMap, now: Timestamp) {
        let Self { limit, remaining, whole_in, rejected_for } = *self;
        let whole_at = now.unix_millis() + u64::try_from(whole_in.as_micros().div_ceil(1_000)).unwrap_or_default();
        headers.insert(LIMIT, HeaderValue::from(limit.get()));
        headers.insert(REMAINING, HeaderValue::from(remaining));
        headers.insert(RESET, HeaderValue::from(whole_at.div_ceil(1_000)));
        insert(headers, IETF_POLICY, format!("\"default\";q={limit};w={}", WINDOW.as_secs()));
        insert(headers, IETF_LIMIT, format!("\"default\";r={remaining};t={}", seconds(whole_in)));
        if let Some(wait) = rejected_for {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds(wait).max(1)));
        }
    }
}

/// Returns whole seconds, rounded up.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn written(whole_in: Duration, rejected_for: Option<Duration>, now: Timestamp) -> Vec<String> {
        let mut headers = HeaderMap::new();
        let limit = NonZeroU32::new(600).unwrap();
        RateLimitStatus { limit, remaining: 599, whole_in, rejected_for }.write(&mut headers, now);
        let names = [LIMIT, REMAINING, RESET, IETF_POLICY, IETF_LIMIT, RETRY_AFTER];
        let values = names.iter().filter_map(|name| headers.get(name));
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn headers_are_those_of_the_contract() {
        let now = Timestamp::from(datetime!(2026-03-01 00:00:00.950 UTC));
        assert_eq!(
            written(Duration::from_millis(100), None, now),
            ["600", "599", "1772323202", "\"default\";q=600;w=60", "\"default\";r=599;t=1"]
        );
        assert_eq!(written(Duration::from_millis(50), None, now)[2], "1772323201", "the end of the second");
        assert_eq!(written(Duration::ZERO, None, now)[4], "\"default\";r=599;t=0");
        assert_eq!(written(Duration::from_micros(1_000_001), None, now)[4], "\"default\";r=599;t=2");
        for (wait, seconds) in [(0, "1"), (1, "1"), (1_000_000_000, "1"), (1_000_000_001, "2")] {
            assert_eq!(written(Duration::ZERO, Some(Duration::from_nanos(wait)), now)[5], seconds, "{wait}");
        }
    }
}
