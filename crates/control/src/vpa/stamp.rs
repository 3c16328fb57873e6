//! Instants and lengths of time as upstream counts them: whole nanoseconds, and a "never" before all of them.
//!
//! The decay of a histogram divides nanoseconds by nanoseconds; seconds in floating point would round elsewhere.
//! Left out: calendars and time zones.

use serde::{Deserialize, Serialize};
use trimtab_model::{Seconds, Time};

const NANOS: i64 = 1_000_000_000;
/// Seconds from 1 January of year 1, where Go's zero time lies and its rounding starts, to the Unix epoch.
const YEAR_ONE_TO_EPOCH: i128 = 62_135_596_800;

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span(i64);

impl Span {
    /// One minute.
    pub const MINUTE: Self = Self::secs(60);
    /// One hour.
    pub const HOUR: Self = Self::secs(3600);
    /// One day of 24 hours.
    pub const DAY: Self = Self::secs(86_400);

    /// Whole seconds.
    pub const fn secs(seconds: i64) -> Self {
        Self(seconds * NANOS)
    }

    /// How often `unit` goes into this length.
    pub fn over(self, unit: Self) -> f64 {
        self.0 as f64 / unit.0 as f64
    }

    /// The same length in minutes, with the rounding of Go's `Duration.Minutes`.
    pub fn minutes(self) -> f64 {
        let minute = Self::MINUTE.0;
        (self.0 / minute) as f64 + (self.0 % minute) as f64 / minute as f64
    }

    /// The length `count` times over, at most the longest one.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// The part of this length that is a whole number of `unit`s.
    #[must_use]
    pub const fn whole(self, unit: Self) -> Self {
        Self(self.0 - self.0 % unit.0)
    }

    /// Whether time passes in it.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl From<Seconds> for Span {
    fn from(length: Seconds) -> Self {
        Self(nanos(length.0))
    }
}

/// An instant in nanoseconds since the Unix epoch, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp(i64);

impl Default for Stamp {
    fn default() -> Self {
        Self::NEVER
    }
}

impl Stamp {
    /// Before every instant; stands for Go's zero time. Differences with it saturate, as Go's do.
    pub const NEVER: Self = Self(i64::MIN);

    /// Milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1_000_000)
    }

    /// Seconds since the Unix epoch.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * NANOS)
    }

    /// Whether it is an instant at all.
    pub const fn is_set(self) -> bool {
        self.0 != i64::MIN
    }

    /// Milliseconds since the Unix epoch; nothing for never.
    pub fn millis(self) -> Option<i64> {
        self.is_set().then(|| self.0.div_euclid(1_000_000))
    }

    /// Time from `earlier` to this instant; negative when it lies after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The instant `length` later.
    #[must_use]
    pub const fn plus(self, length: Span) -> Self {
        Self(self.0.saturating_add(length.0))
    }

    /// The instant `length` earlier.
    #[must_use]
    pub const fn minus(self, length: Span) -> Self {
        Self(self.0.saturating_sub(length.0))
    }

    /// The nearest multiple of `unit` since year 1, the later one of two equally near.
    #[must_use]
    pub fn round_to(self, unit: Span) -> Self {
        let since_year_one = i128::from(self.0) + YEAR_ONE_TO_EPOCH * i128::from(NANOS);
        let over = since_year_one.rem_euclid(i128::from(unit.0)) as i64;
        if over < unit.0 - over { Self(self.0 - over) } else { Self(self.0 + (unit.0 - over)) }
    }

    /// The instant without its fraction of a second: what an API object keeps of it.
    #[must_use]
    pub const fn whole_seconds(self) -> Self {
        if self.is_set() { Self(self.0 - self.0.rem_euclid(NANOS)) } else { self }
    }
}

impl From<Time> for Stamp {
    fn from(time: Time) -> Self {
        Self(nanos(time.0))
    }
}

/// Nanoseconds of a number of seconds; whole seconds are exact.
fn nanos(seconds: f64) -> i64 {
    let whole = seconds.floor();
    (whole as i64).saturating_mul(NANOS).saturating_add(((seconds - whole) * 1e9).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_of_a_model_time_are_exact() {
        assert_eq!(Stamp::from(Time(1_700_000_001.0)), Stamp::from_secs(1_700_000_001));
        assert_eq!(Stamp::from(Time(1_700_000_000.5)), Stamp::from_millis(1_700_000_000_500));
    }

    #[test]
    fn rounding_goes_to_the_nearest_multiple_and_up_from_the_middle() {
        let noon = Stamp::from_secs(1_700_006_400 - 43_200);
        assert_eq!(noon.round_to(Span::DAY), Stamp::from_secs(1_700_006_400));
        assert_eq!(noon.minus(Span::secs(1)).round_to(Span::DAY), Stamp::from_secs(1_700_006_400 - 86_400));
    }

    #[test]
    fn rounding_counts_from_year_one_and_not_from_the_epoch() {
        // 62135596800 s are not a multiple of 7 h.
        let rounded = Stamp::from_secs(0).round_to(Span::HOUR.times(7));
        assert_ne!(rounded, Stamp::from_secs(0));
    }

    #[test]
    fn a_difference_with_never_is_the_longest_one() {
        assert_eq!(Stamp::from_secs(0).since(Stamp::NEVER), Span(i64::MAX));
        assert_eq!(Stamp::NEVER.since(Stamp::from_secs(0)), Span(i64::MIN));
        assert!(!Stamp::NEVER.whole_seconds().is_set());
    }
}
