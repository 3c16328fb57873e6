//! What is remembered of a container's use: the step that is over, the highest use of each of the last 24 hours, the last OOM kill.
//!
//! A measurement counts from the next one on. A metrics server tells of the window before, never of the instant; and where a recording
//! has a value for five minutes, whoever saw it at its first instant would know the five minutes to come. Left out: the container
//! itself.

use serde::{Deserialize, Serialize};
use trimtab_control::vpa::{Amount, Span, Stamp};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// The last measurement, which does not count yet.
    newest: Option<(Stamp, [Amount; 2])>,
    /// Measurements of the step that is not over: their number, their sums, the highest.
    count: u32,
    sum: [f64; 2],
    most: [Amount; 2],
    /// Mean and highest use of the last step.
    step: Option<[[f64; 2]; 2]>,
    /// Number of the newest hour, and the highest use of each.
    hour: i64,
    hours: Vec<[Amount; 2]>,
    /// Memory that an OOM kill asks for, and the hour until which it does.
    floor: (Amount, i64),
}

impl Track {
    const HOURS: usize = 24;

    /// Takes in a measurement.
    pub fn add(&mut self, now: Stamp, usage: [Amount; 2]) {
        if let Some((then, before)) = self.newest.replace((now, usage)) {
            self.remember(then, before);
            self.count += 1;
            for slot in [0, 1] {
                self.sum[slot] += before[slot].0 as f64;
                self.most[slot] = self.most[slot].max(before[slot]);
            }
        }
    }

    /// Ends a step: a decision is due.
    pub fn end_step(&mut self) {
        if self.count > 0 {
            let mean = self.sum.map(|sum| sum / f64::from(self.count));
            self.step = Some([mean, self.most.map(|most| most.0 as f64)]);
        }
        (self.count, self.sum, self.most) = (0, [0.0; 2], [Amount(0); 2]);
    }

    /// Takes in an OOM kill at a limit: for a day, a fifth more memory is the least that is asked for, at least 100 MiB more.
    pub fn out_of_memory(&mut self, now: Stamp, limit: Amount) {
        let needed = limit.scaled(1.2).max(Amount(limit.0 + (100 << 20)));
        self.remember(now, [Amount(0), needed]);
        self.floor = (needed, self.hour + Self::HOURS as i64);
    }

    fn remember(&mut self, at: Stamp, usage: [Amount; 2]) {
        let hour = at.millis().unwrap_or(0).div_euclid(Span::HOUR.over(Span::secs(1)) as i64 * 1000);
        if self.hours.is_empty() {
            self.hours.push(usage);
        } else {
            // The hours without a measurement have the use after them.
            let passed = (hour - self.hour).clamp(0, Self::HOURS as i64);
            self.hours.extend((0..passed).map(|_| usage));
        }
        self.hour = self.hour.max(hour);
        let over = self.hours.len().saturating_sub(Self::HOURS);
        self.hours.drain(..over);
        let last = self.hours.len() - 1;
        for slot in [0, 1] {
            self.hours[last][slot] = self.hours[last][slot].max(usage[slot]);
        }
    }

    /// The least memory after an OOM kill.
    pub fn least_memory(&self) -> Amount {
        if self.hour < self.floor.1 { self.floor.0 } else { Amount(0) }
    }

    /// Mean and highest use of the last step; before there was one, the first measurement.
    pub fn last_step(&self, slot: usize) -> [f64; 2] {
        let first = self.newest.map_or(0.0, |(_, usage)| usage[slot].0 as f64);
        self.step.map_or([first; 2], |[mean, most]| [mean[slot], most[slot]])
    }

    /// Whether a step is over.
    pub fn has_step(&self) -> bool {
        self.step.is_some()
    }

    /// The highest of this and the last hour.
    pub fn hour_peak(&self, slot: usize) -> Amount {
        self.hours.iter().rev().take(2).map(|hour| hour[slot]).max().unwrap_or_default()
    }

    /// The highest of the last 24 hours.
    pub fn day_peak(&self, slot: usize) -> Amount {
        self.hours.iter().map(|hour| hour[slot]).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_counts_from_the_next_one_on() {
        let at = |minute: i64| Stamp::from_secs(60 * minute);
        let mut track = Track::default();
        track.add(at(0), [Amount(100), Amount(7)]);
        assert_eq!((track.day_peak(0), track.has_step()), (Amount(0), false));
        track.add(at(1), [Amount(300), Amount(7)]);
        track.add(at(2), [Amount(900), Amount(7)]);
        track.end_step();
        assert_eq!(track.last_step(0), [200.0, 300.0]);
        assert_eq!((track.hour_peak(0), track.day_peak(0)), (Amount(300), Amount(300)));
        track.add(at(180), [Amount(1), Amount(7)]);
        track.add(at(181), [Amount(1), Amount(7)]);
        assert_eq!((track.hour_peak(0), track.day_peak(0)), (Amount(1), Amount(900)));
    }

    #[test]
    fn an_oom_kill_asks_for_a_fifth_more_for_a_day() {
        let mut track = Track::default();
        track.out_of_memory(Stamp::from_secs(0), Amount(1 << 30));
        assert_eq!(track.least_memory(), Amount(1 << 30).scaled(1.2));
        for hour in 0..=25 {
            track.add(Stamp::from_secs(3600 * hour), [Amount(1); 2]);
        }
        assert_eq!(track.least_memory(), Amount(0));
    }
}
