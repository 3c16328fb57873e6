//! Cron expressions of five fields, in UTC: when a window begins and ends.
//!
//! Minute, hour, day of month, month, day of week (0 and 7 are Sunday), each `*`, a number, `a-b`, `…/step` or a list of
//! these. As in cron, a day needs to match only one of the two day fields when both are given.
//!
//! Left out: names of months and days, seconds, time zones.

use crate::{Error, Result};
use trimtab_model::Time;

/// A cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether day of month and day of week are both given.
    either_day: bool,
}

/// Days that a search for the next match goes through: every pair of a date and a weekday comes within 28 years, but
/// for the leap years left out in 1900 and 2100.
const HORIZON_DAYS: i64 = 366 * 40;

impl Cron {
    /// Reads an expression such as `0 6 * * 1-5`.
    ///
    /// # Errors
    /// [`Error::Config`] under `key` for anything else.
    pub fn parse(key: &str, text: &str) -> Result<Self> {
        let wrong = || Error::Config {
            key: key.to_owned(),
            expected: "five cron fields such as 0 6 * * 1-5",
            found: format!("{text:?}"),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else { return Err(wrong()) };
        let read = |field, low, high| set(field, low, high).ok_or_else(wrong);
        let week = read(weekdays, 0, 7)?;
        Ok(Self {
            minutes: read(minutes, 0, 59)?,
            hours: read(hours, 0, 23)?,
            days: read(days, 1, 31)?,
            months: read(months, 1, 12)?,
            weekdays: (week | (week >> 7)) & 0x7f,
            either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
        })
    }

    /// The first match after `time`; `None` for a date that never comes.
    pub fn next(&self, time: Time) -> Option<Time> {
        let minute = (time.0 / 60.0).floor() as i64 + 1;
        let (today, now) = (minute.div_euclid(1440), minute.rem_euclid(1440));
        (today..today + HORIZON_DAYS).filter(|day| self.has_day(*day)).find_map(|day| {
            let from = if day == today { now } else { 0 };
            let minute = (from..1440).find(|m| has(self.hours, m / 60) && has(self.minutes, m % 60))?;
            Some(Time((60 * (1440 * day + minute)) as f64))
        })
    }

    /// Whether a day, counted from the epoch, matches.
    fn has_day(&self, day: i64) -> bool {
        let (month, date) = month_and_date(day);
        // The epoch was a Thursday.
        let (date, weekday) = (has(self.days, date), has(self.weekdays, (day + 4).rem_euclid(7)));
        has(self.months, month) && if self.either_day { date || weekday } else { date && weekday }
    }
}

fn has(set: u64, value: i64) -> bool {
    set >> value & 1 == 1
}

/// The values of a field, as bits.
fn set(field: &str, low: u32, high: u32) -> Option<u64> {
    let part = |part: &str| -> Option<u64> {
        let (range, step) =
            part.split_once('/').map_or((part, Some(1)), |(range, s)| (range, s.parse().ok()));
        let step: u32 = step.filter(|step| *step > 0)?;
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None if range == "*" => (low, high),
            None => {
                let first = range.parse().ok()?;
                // `5/10` is every tenth from the fifth on.
                (first, if part.contains('/') { high } else { first })
            }
        };
        (low <= first && first <= last && last <= high)
            .then(|| (first..=last).step_by(step as usize).fold(0, |bits, value| bits | 1 << value))
    };
    field.split(',').try_fold(0, |bits, one| Some(bits | part(one)?))
}

/// Month and day of month of a day counted from the epoch (Hinnant, *chrono-Compatible Low-Level Date Algorithms*,
/// `civil_from_days`).
fn month_and_date(day: i64) -> (i64, i64) {
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    (if shifted < 10 { shifted + 3 } else { shifted - 9 }, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1998-06-12 00:00 UTC, a Friday.
    const FRIDAY: f64 = 897_609_600.0;
    const HOUR: f64 = 3600.0;

    fn next(text: &str, from: f64) -> f64 {
        (Cron::parse("start", text).unwrap().next(Time(from)).unwrap().0 - FRIDAY) / HOUR
    }

    #[test]
    fn the_next_match_is_the_first_minute_after_now_that_fits() {
        assert_eq!(next("0 6 * * *", FRIDAY), 6.0);
        assert_eq!(next("0 6 * * *", FRIDAY + 6.0 * HOUR), 30.0);
        assert_eq!(next("*/20 * * * *", FRIDAY + 1.0), 1.0 / 3.0);
        assert_eq!(next("30 8-10,14 * * *", FRIDAY + 11.0 * HOUR), 14.5);
        // Monday after Friday; Sunday as 0 and as 7; the 1st of July.
        assert_eq!(next("0 0 * * 1", FRIDAY), 72.0);
        assert_eq!((next("0 0 * * 0", FRIDAY), next("0 0 * * 7", FRIDAY)), (48.0, 48.0));
        assert_eq!(next("0 0 1 * *", FRIDAY), 19.0 * 24.0);
        // Either day field is enough when both are given.
        assert_eq!(next("0 0 1 * 1", FRIDAY), 72.0);
        // 1 March 2000 was a leap year's.
        assert_eq!(next("0 0 29 2 *", FRIDAY), (951_782_400.0 - FRIDAY) / HOUR);
    }

    #[test]
    fn a_date_that_never_comes_has_no_next() {
        assert_eq!(Cron::parse("end", "0 0 31 2 *").unwrap().next(Time(0.0)), None);
    }

    #[test]
    fn what_is_no_expression_is_refused_with_its_key() {
        for text in ["", "0 6 * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a * * * *"] {
            let error = Cron::parse("cron.start", text).unwrap_err().to_string();
            assert!(error.starts_with("cron.start is ") && error.contains("five cron fields"), "{error}");
        }
    }
}
