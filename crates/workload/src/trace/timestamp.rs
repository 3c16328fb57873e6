//! The time of a row: a number in some unit, or a date and time.
//!
//! Left out: time zones by name and daylight saving; a time without an offset is UTC.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};
use trimtab_model::Time;

/// Unit of a numeric time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Millionths of a second.
    Microseconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days of 24 hours.
    Days,
}

impl TimeUnit {
    /// Length in seconds.
    pub fn secs(self) -> f64 {
        match self {
            Self::Microseconds => 1e-6,
            Self::Milliseconds => 1e-3,
            Self::Seconds => 1.0,
            Self::Minutes => 60.0,
            Self::Hours => 3600.0,
            Self::Days => 86_400.0,
        }
    }

    /// The unit that a column name tells, such as `minute`, `time_ms` or `Time (s)`.
    pub(super) fn from_column(name: &str) -> Option<Self> {
        let lower = name.to_lowercase();
        // What stands behind "of" is the larger unit: "minute of day", "time_of_day".
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_alphanumeric()).take_while(|word| *word != "of").collect();
        words.into_iter().rev().find_map(|word| match word {
            "us" | "usec" | "micros" | "microsecond" | "microseconds" => Some(Self::Microseconds),
            "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => Some(Self::Milliseconds),
            "s" | "sec" | "secs" | "second" | "seconds" => Some(Self::Seconds),
            "min" | "mins" | "minute" | "minutes" => Some(Self::Minutes),
            "h" | "hr" | "hrs" | "hour" | "hours" => Some(Self::Hours),
            "day" | "days" => Some(Self::Days),
            _ => None,
        })
    }

    /// The unit of a number without any hint: seconds, unless it can only be an epoch in smaller units.
    pub(super) fn from_size(number: f64) -> Self {
        match number.abs() {
            n if n >= 1e14 => Self::Microseconds,
            n if n >= 1e11 => Self::Milliseconds,
            _ => Self::Seconds,
        }
    }
}

/// Reads a date and time such as `1998-06-05 12:30:00`, `1998-06-05T12:30:00Z` or
/// `1998-06-05T14:30:00+02:00`, or a date alone, which is its midnight. Without an offset it is UTC.
pub fn parse_time(text: &str) -> Option<Time> {
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(Time(timestamp.as_second() as f64 + f64::from(timestamp.subsec_nanosecond()) * 1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_with_and_without_an_offset() {
        // 1998-06-05 is 10,382 days after the epoch.
        let midnight = 10_382.0 * 86_400.0;
        for (text, after) in [
            ("1998-06-05", 0.0),
            ("1998-06-05 12:30", 45_000.0),
            ("1998-06-05 12:30:00", 45_000.0),
            ("1998-06-05T12:30:00", 45_000.0),
            ("1998-06-05T12:30:00Z", 45_000.0),
            ("1998-06-05 12:30:00+00:00", 45_000.0),
            ("1998-06-05T14:30:00+02:00", 45_000.0),
            ("1998-06-05T12:30:00.500", 45_000.5),
        ] {
            assert_eq!(parse_time(text), Some(Time(midnight + after)), "{text}");
        }
        for text in ["", "12:30", "05/06/1998", "1998-13-01", "1998-06-05 25:00:00", "42"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn a_column_name_can_tell_the_unit() {
        for (name, unit) in [
            ("minute", Some(TimeUnit::Minutes)),
            ("Time (s)", Some(TimeUnit::Seconds)),
            ("timestamp_ms", Some(TimeUnit::Milliseconds)),
            ("hours", Some(TimeUnit::Hours)),
            ("minute_of_day", Some(TimeUnit::Minutes)),
            ("time_of_day", None),
            ("time", None),
            ("period", None),
            ("messages", None),
        ] {
            assert_eq!(TimeUnit::from_column(name), unit, "{name}");
        }
    }
}
