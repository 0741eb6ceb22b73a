//! Points in time as the API writes them, and the clock. The clock is a value that is passed in, so that tests can stop
//! it.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::validation::{Invalid, Text};

/// The source of the present time.
pub trait Clock: Send + Sync {
    /// Returns the present time, in whole milliseconds.
    fn now(&self) -> Timestamp;

    /// Returns the time that has passed since some fixed moment, for measuring durations. Setting the machine's clock does
    /// not change this time.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from(OffsetDateTime::now_utc())
    }

    fn elapsed(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }
}

/// A point in time in UTC. The resolution is one millisecond, as in answers, so that a written time and the time that is
/// read back are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(OffsetDateTime);

const FORMAT: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

impl Timestamp {
    /// Returns the beginning of the second.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self(self.0.replace_millisecond(0).unwrap_or(self.0))
    }

    /// Returns whole seconds since 1970, rounded down (the NumericDate of a JWT).
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// Returns whole milliseconds since 1970, or 0 for an earlier time.
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.0.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
    }
}

impl Text for Timestamp {
    /// Reads an RFC 3339 time.
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let time = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| Invalid::format("Invalid date: must be an RFC 3339 date and time"))?;
        // The range of PostgreSQL differs from the range of `OffsetDateTime`. No request means a year before 1970 or after
        // 9999.
        time.checked_to_offset(UtcOffset::UTC)
            .filter(|time| (1970..=9999).contains(&time.year()))
            .map(Self::from)
            .ok_or(Invalid::format("Invalid date: the year is out of range"))
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        let time = time.to_offset(UtcOffset::UTC);
        let time = time.replace_millisecond(time.millisecond()).unwrap_or(time);
        Self(time)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self::from(self.0 + duration)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_offset(UtcOffset::UTC).format(FORMAT).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_text(&text).map_err(|invalid| D::Error::custom(invalid.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        let time = Timestamp::from(datetime!(2026-03-01 01:02:03.456_789 +02:00));
        assert_eq!(time.to_string(), "2026-02-28T23:02:03.456Z");
        assert_eq!(time, Timestamp::from(datetime!(2026-02-28 23:02:03.456 UTC)));
        assert_eq!(time.unix_seconds(), 1_772_319_723);
        assert_eq!(time.unix_millis(), 1_772_319_723_456);
    }

    #[test]
    fn rfc_3339_times_are_read_and_others_rejected() {
        for (text, time) in [
            ("2026-03-01T01:02:03.456789+02:00", "2026-02-28T23:02:03.456Z"),
            ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_text(text).map(|time| time.to_string()).as_deref(), Ok(time));
        }
        for text in [
            "",
            "tomorrow",
            "2026-03-01",
            "2026-13-01",
            "2026-02-30T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "2026-03-01 01:02",
        ] {
            assert!(Timestamp::from_text(text).is_err(), "{text}");
        }
    }
}
