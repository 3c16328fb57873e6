use super::*;
use crate::Error;

const MIDNIGHT: f64 = 10_382.0 * 86_400.0; // 5 June 1998

fn trace(step: f64, counts: &[f64]) -> Trace {
    Trace::new(Origin::Relative(Seconds(0.0)), Seconds(step), counts.to_vec(), vec![]).unwrap()
}

fn only(range: Range<usize>) -> Vec<Range<usize>> {
    std::iter::once(range).collect()
}

/// Hourly counts of 1 from 21:00 on 4 June 1998 for `hours` hours.
fn hourly(hours: usize) -> Trace {
    let origin = Origin::Calendar(Time(MIDNIGHT - 3.0 * 3600.0));
    Trace::new(origin, Seconds(3600.0), vec![1.0; hours], vec![]).unwrap()
}

#[test]
fn peak_and_mean_leave_out_missing_intervals() {
    let origin = Origin::Relative(Seconds(0.0));
    let trace = Trace::new(origin, Seconds(10.0), vec![10.0, 500.0, 30.0, 20.0], only(1..2)).unwrap();
    assert_eq!((trace.peak().0, trace.mean().0, trace.total()), (3.0, 2.0, 560.0));
    assert_eq!(trace.peak_of(&only(3..9)).0, 2.0);
}

#[test]
fn scaling_to_a_peak_keeps_the_shape() {
    let scaled = trace(10.0, &[10.0, 40.0, 20.0]).scaled_to_peak(PerSecond(100.0)).unwrap();
    assert_eq!(scaled.counts(), [250.0, 1000.0, 500.0]);
    assert!(trace(10.0, &[0.0, 0.0]).scaled_to_peak(PerSecond(1.0)).is_err());
}

#[test]
fn compressing_keeps_the_requests_and_raises_the_rates() {
    let fast = trace(60.0, &[60.0, 120.0]).compressed(6.0).unwrap();
    assert_eq!((fast.step().0, fast.total(), fast.peak().0), (10.0, 180.0, 12.0));
}

#[test]
fn a_selection_keeps_calendar_and_gaps() {
    let origin = Origin::Calendar(Time(MIDNIGHT));
    let whole = Trace::new(origin, Seconds(60.0), vec![1.0, 2.0, 0.0, 0.0, 5.0], only(2..4)).unwrap();
    let part = whole.select(1..3).unwrap();
    assert_eq!(part.origin(), Origin::Calendar(Time(MIDNIGHT + 60.0)));
    assert_eq!((part.counts(), part.missing()), ([2.0, 0.0].as_slice(), only(1..2).as_slice()));
    assert!(whole.select(3..6).is_err() && whole.select(3..3).is_err());
}

#[test]
fn coarser_counts_are_sums_and_a_partial_last_one_is_missing() {
    let coarse = trace(60.0, &[1.0, 2.0, 3.0, 4.0, 5.0]).resample(Seconds(120.0)).unwrap();
    assert_eq!((coarse.counts(), coarse.missing()), ([3.0, 7.0, 5.0].as_slice(), only(2..3).as_slice()));
}

#[test]
fn finer_counts_follow_the_line_and_keep_the_sum() {
    // Middle interval: mean 2/s, rise 1/s over the minute, so 1.5 to 2.5; halves 52.5 and 67.5.
    let fine = trace(60.0, &[60.0, 120.0, 180.0]).resample(Seconds(30.0)).unwrap();
    assert_eq!(fine.counts(), [30.0, 30.0, 52.5, 67.5, 90.0, 90.0]);
}

#[test]
fn an_interval_with_a_missing_part_is_missing_and_keeps_what_was_seen() {
    let origin = Origin::Relative(Seconds(0.0));
    let counts = vec![1.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    let gappy = Trace::new(origin, Seconds(60.0), counts, only(3..5)).unwrap();
    let coarse = gappy.resample(Seconds(120.0)).unwrap();
    assert_eq!((coarse.counts(), coarse.missing()), ([2.0, 1.0, 1.0].as_slice(), only(1..3).as_slice()));
}

#[test]
fn days_are_whole_and_dated() {
    let days = hourly(3 + 48 + 5).days();
    let labels: Vec<_> =
        days.iter().map(|day| (day.label.as_str(), day.day, day.intervals.clone())).collect();
    assert_eq!(labels, [("1998-06-05", Some(0), 3..27), ("1998-06-06", Some(1), 27..51)]);
    assert_eq!((days[1].offset.0, days[1].length.0), (27.0 * 3600.0, 86_400.0));
    assert_eq!(hourly(26).days(), []);
}

#[test]
fn days_without_a_calendar_have_numbers() {
    let days = trace(43_200.0, &[1.0; 5]).days();
    assert_eq!(days.iter().map(|day| day.label.as_str()).collect::<Vec<_>>(), ["day 0", "day 1"]);
    assert_eq!(days[0].date, None);
}

#[test]
fn days_with_a_long_outage_are_suspect() {
    let minutes = 3 * 1440;
    let mut counts = vec![1.0; minutes];
    counts[100..159].fill(0.0); // 59 minutes of zeros on day 0
    counts[2000..2060].fill(0.0); // 60 minutes of zeros on day 1
    let origin = Origin::Relative(Seconds(0.0));
    let trace = Trace::new(origin, Seconds(60.0), counts, only(4000..4040)).unwrap();
    let suspects = trace.suspects(&Suspicion::default());
    let shown: Vec<_> = suspects.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["day 1: 60 min without a request", "day 2: 40 min without data"]);
    assert_eq!(suspects[0].run, 2000..2060);
    let sound = trace.sound_days(&Suspicion::default());
    assert_eq!(sound.iter().map(|day| day.day).collect::<Vec<_>>(), [Some(0)]);
}

#[test]
fn days_are_picked_by_number_date_and_range() {
    let days = hourly(3 + 24 * 10).days();
    let pick = |spec: &str| -> Vec<usize> {
        Trace::pick_days(&days, spec).unwrap().iter().filter_map(|day| day.day).collect()
    };
    assert_eq!(pick("0..5"), [0, 1, 2, 3, 4]);
    assert_eq!(pick("0, 2,7..9"), [0, 2, 7, 8]);
    assert_eq!(pick("1998-06-05..1998-06-08"), [0, 1, 2]);
    assert_eq!(pick("1998-06-05..=1998-06-08"), [0, 1, 2, 3]);
    assert_eq!(pick("8..,1998-06-06,8"), [1, 8, 9]);
    assert_eq!(pick("..2"), [0, 1]);
}

#[test]
fn day_names_that_do_not_exist_say_what_does() {
    let days = hourly(3 + 24 * 3).days();
    for (spec, expected) in [
        ("12", "days \"12\": \"12\" is none of them, expected days among 1998-06-05 to 1998-06-07"),
        ("2..1", "days \"2..1\": \"2..1\" is none of them, expected days among 1998-06-05 to 1998-06-07"),
        (
            "0,,1",
            "days \"0,,1\": an empty item, expected numbers such as 0..5 or dates such as \
             1998-06-05..=1998-06-12, separated by commas",
        ),
    ] {
        assert_eq!(Trace::pick_days(&days, spec).unwrap_err().to_string(), expected);
    }
    let undated = trace(43_200.0, &[1.0; 4]).days();
    let error = Trace::pick_days(&undated, "1998-06-05").unwrap_err().to_string();
    assert_eq!(error, "days \"1998-06-05\": dates, and the trace has no calendar, expected day numbers");
}

#[test]
fn the_default_split_trains_on_the_first_seventy_percent_of_the_days() {
    let trace = hourly(3 + 24 * 10);
    let split = trace.split(&trace.days(), Split::TRAIN_SHARE).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (7, 3));
    assert_eq!(split.test[0].label, "1998-06-12");
    let two = hourly(3 + 48);
    let split = two.split(&two.days(), 0.99).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (1, 1));
}

#[test]
fn a_trace_of_less_than_two_days_is_split_by_time() {
    let trace = trace(1.0, &vec![1.0; 3600]);
    let split = trace.split(&trace.days(), Split::TRAIN_SHARE).unwrap();
    assert_eq!(split.train[0].intervals, 0..2520);
    assert_eq!((split.test[0].intervals.clone(), split.test[0].label.as_str()), (2520..3600, "last 30 %"));
    assert!(Trace::split(&self::trace(1.0, &[1.0]), &[], 0.5).is_err());
}

#[test]
fn a_day_in_both_parts_is_an_error() {
    let days = hourly(3 + 24 * 10).days();
    assert_eq!(
        Trace::split_by_name(&days, "0..=5", "5..8"),
        Err(Error::Overlap { day: "1998-06-10".to_owned() })
    );
    assert_eq!(Trace::split_by_name(&days, "0..5", "5..8").unwrap().test.len(), 3);
}

#[test]
fn parts_that_do_not_fit_together_are_errors() {
    let origin = Origin::Relative(Seconds(0.0));
    let new = |step, counts: &[f64], missing| Trace::new(origin, Seconds(step), counts.to_vec(), missing);
    assert!(new(0.0, &[1.0], vec![]).is_err());
    assert!(new(1.0, &[], vec![]).is_err());
    assert!(new(1.0, &[1.0, -1.0], vec![]).is_err());
    assert!(new(1.0, &[1.0], only(0..2)).is_err());
    assert!(new(1.0, &[1.0; 4], vec![2..3, 1..2]).is_err());
}
