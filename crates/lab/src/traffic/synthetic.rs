//! Synthetic workloads as traffic: days of 24 hours, each drawn with a seed of its own.
//!
//! A workload that follows the calendar (`diurnal`, and what is noisy or bursty without end) goes on from day to day. One
//! that is a plan with a beginning (`ramp`, `flash_crowd`) begins anew each day, at midnight; a plan of steps (`boutique_rush`,
//! `boutique_fluctuating`) each quarter of an hour, which is how long those load tests last.
//!
//! Left out: recordings, which have days of their own.

use super::{Day, Traffic, TrafficConfig};
use crate::{Error, Result};
use std::sync::Arc;
use trimtab_model::{Application, PerSecond, Seconds, Time};
use trimtab_workload::{
    ArrivalRate, Trace, Workload,
    combine::{Repeat, Scale, Window},
    gallery::{self, Named},
    trace::Period,
};

/// Days there are: ten weekdays and two week-ends.
const DAYS: usize = 14;
const DAY_SECS: f64 = 86_400.0;
/// 2024-01-01, a Monday, as the weeks of `diurnal` begin.
const START: f64 = 1_704_067_200.0;
/// A plan of steps begins anew this often.
const PLAN_SECS: f64 = 900.0;
/// Peaks are looked for in means over this long.
const PEAK_SECS: f64 = 60.0;
/// The first of them are to train on, unless told otherwise.
const TRAIN_DAYS: usize = 7;

/// The synthetic workload called `name`.
pub(super) fn find(name: &str) -> Option<Named> {
    gallery::find(name).filter(|named| !matches!(named.workload, Workload::Replay { .. }))
}

/// Builds, scales and splits.
pub(super) fn load(named: &Named, config: &TrafficConfig, application: &Application) -> Result<Traffic> {
    let place = |source| Error::Trace { file: named.name.to_owned(), source };
    let days: Vec<Day> =
        (0..DAYS).map(|number| day(&named.workload, number)).collect::<Result<_, _>>().map_err(place)?;
    let (train, test) = split(config).map_err(place)?;
    let pick = |numbers: &[usize]| -> Vec<Day> { numbers.iter().map(|&n| days[n].clone()).collect() };
    let (train, test) = (pick(&train), pick(&test));
    let factor = if config.peak_share > 0.0 {
        let (found, wanted) = (peak(&train), config.peak_share * application.largest_capacity());
        if found <= 0.0 || !wanted.is_finite() {
            let message =
                format!("the highest minute of its training days has {found} requests/s, expected more");
            return Err(Error::config(named.name, message));
        }
        wanted / found
    } else {
        1.0
    };
    let scaled = |days: Vec<Day>| -> Result<Vec<Day>> {
        let one = |day: Day| Ok(Day { rate: Arc::new(Scale::new(day.rate, factor).map_err(place)?), ..day });
        days.into_iter().map(one).collect()
    };
    let (train, test) = (scaled(train)?, scaled(test)?);
    Ok(Traffic {
        name: named.name.to_owned(),
        description: format!("Synthetic: {}, scaled.", named.description),
        train_peak: PerSecond(peak(&train)),
        test_peak: PerSecond(peak(&test)),
        train,
        test,
        left_out: Vec::new(),
    })
}

fn day(workload: &Workload, number: usize) -> trimtab_workload::Result<Day> {
    let goes_on = matches!(
        workload,
        Workload::Diurnal(_) | Workload::Noise { .. } | Workload::Mmpp(_) | Workload::Constant(_)
    );
    let (seed, offset) = if goes_on { (0, DAY_SECS * number as f64) } else { (number as u64, 0.0) };
    let built = workload.build(seed)?;
    let rate: Arc<dyn ArrivalRate> = if goes_on {
        Arc::new(Window::new(built, Seconds(offset), Seconds(DAY_SECS))?)
    } else if matches!(workload, Workload::Step(_)) {
        Arc::new(Repeat::new(built, Seconds(PLAN_SECS))?)
    } else {
        Arc::new(built)
    };
    Ok(Day {
        label: format!("day {number}"),
        start: Time(START + DAY_SECS * number as f64),
        length: Seconds(DAY_SECS),
        rate,
    })
}

/// Numbers of the days to train and to test on.
fn split(config: &TrafficConfig) -> trimtab_workload::Result<(Vec<usize>, Vec<usize>)> {
    let periods: Vec<Period> = (0..DAYS)
        .map(|number| Period {
            label: format!("day {number}"),
            day: Some(number),
            date: None,
            offset: Seconds(DAY_SECS * number as f64),
            length: Seconds(DAY_SECS),
            intervals: number..number + 1,
        })
        .collect();
    let numbers = |picked: &[Period]| -> Vec<usize> { picked.iter().map(|p| p.intervals.start).collect() };
    let named = |text: &str| -> trimtab_workload::Result<Option<Vec<usize>>> {
        if text.is_empty() { Ok(None) } else { Ok(Some(numbers(&Trace::pick_days(&periods, text)?))) }
    };
    let others = |days: &[usize]| (0..DAYS).filter(|n| !days.contains(n)).collect();
    Ok(match (named(&config.train)?, named(&config.test)?) {
        (Some(_), Some(_)) => {
            let split = Trace::split_by_name(&periods, &config.train, &config.test)?;
            (numbers(&split.train), numbers(&split.test))
        }
        (Some(train), None) => {
            let test = others(&train);
            (train, test)
        }
        (None, Some(test)) => {
            // Few days to score on do not make calibration longer.
            let usual: Vec<usize> = (0..TRAIN_DAYS).filter(|n| !test.contains(n)).collect();
            (if usual.is_empty() { others(&test) } else { usual }, test)
        }
        (None, None) => ((0..TRAIN_DAYS).collect(), (TRAIN_DAYS..DAYS).collect()),
    })
}

/// Highest minute of `days`, requests per second.
fn peak(days: &[Day]) -> f64 {
    let minutes = (DAY_SECS / PEAK_SECS) as usize;
    let of = |day: &Day| {
        (0..minutes)
            .map(|m| day.rate.mean(Seconds(PEAK_SECS * m as f64), Seconds(PEAK_SECS * (m + 1) as f64)).0)
            .fold(0.0, f64::max)
    };
    days.iter().map(of).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications;

    fn traffic(source: &str, change: impl Fn(&mut TrafficConfig)) -> Traffic {
        let mut config = TrafficConfig { source: source.to_owned(), ..TrafficConfig::default() };
        change(&mut config);
        Traffic::load(&config, &applications::load("redis").unwrap()).unwrap()
    }

    #[test]
    fn a_workload_is_scaled_by_its_training_days_and_halved() {
        let shop = applications::load("redis").unwrap();
        let found = traffic("bursts", |_| {});
        assert_eq!((found.train.len(), found.test.len()), (7, 7));
        assert!((found.train_peak.0 / (0.7 * shop.largest_capacity()) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_plan_begins_anew_each_day_and_a_calendar_goes_on() {
        let crowd = traffic("flash_crowd", |_| {});
        let at = |day: &Day, hour: f64| day.rate.rate(Seconds(3600.0 * hour)).0;
        assert_eq!(at(&crowd.test[0], 1.2), at(&crowd.test[1], 1.2));
        assert!(at(&crowd.test[0], 1.2) > 5.0 * at(&crowd.test[0], 0.5));
        let steps = traffic("boutique_rush", |_| {});
        assert_eq!(at(&steps.test[0], 0.1), at(&steps.test[0], 5.1));
        let weekly = traffic("diurnal", |_| {});
        // Day 7 is a Monday, day 12 a Saturday.
        assert!(at(&weekly.test[5], 12.0) < 0.7 * at(&weekly.test[0], 12.0));
    }

    #[test]
    fn days_are_named_by_their_number() {
        let found = traffic("bursts", |config| config.test = "3..5".into());
        assert_eq!((found.train.len(), found.test.len()), (5, 2));
        assert_eq!(found.test[0].label, "day 3");
    }
}
