//! Laws that hold for any trace and any workload.

use crate::{
    ArrivalRate, Noise, NoiseConfig, Origin, Replay, Trace,
    combine::{Concatenate, Repeat, Window},
    gallery,
    shape::{Constant, ConstantConfig},
};
use proptest::prelude::*;
use trimtab_model::Seconds;

fn traces() -> impl Strategy<Value = Trace> {
    let count = prop_oneof![2 => Just(0.0), 5 => 0.0..500.0f64, 1 => 0.0..1e6f64];
    (proptest::collection::vec(count, 1..60), 1.0..300.0f64).prop_map(|(counts, step)| {
        Trace::new(Origin::Relative(Seconds(0.0)), Seconds(step), counts, vec![]).unwrap()
    })
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #[test]
    fn resampling_to_any_step_keeps_the_total(trace in traces(), step in 0.5..2000.0f64) {
        let resampled = trace.resample(Seconds(step)).unwrap();
        prop_assert!(close(resampled.total(), trace.total()));
        prop_assert!(resampled.counts().iter().all(|&count| count >= 0.0));
    }

    #[test]
    fn splitting_intervals_and_joining_them_again_is_the_identity(trace in traces(), parts in 1..7u32) {
        let fine = trace.resample(Seconds(trace.step().0 / f64::from(parts))).unwrap();
        let again = fine.resample(trace.step()).unwrap();
        prop_assert_eq!(again.counts().len(), trace.counts().len());
        for (a, b) in again.counts().iter().zip(trace.counts()) {
            prop_assert!((a - b).abs() <= 1e-9 * (1.0 + trace.total()));
        }
    }

    #[test]
    fn a_replay_is_never_negative_and_never_above_the_peak(trace in traces(), share in -0.1..1.1f64) {
        let rate = Replay::new(&trace).rate(Seconds(share * trace.duration().0)).0;
        prop_assert!(rate >= 0.0 && rate <= trace.peak().0 * (1.0 + 1e-9));
    }

    #[test]
    fn the_replay_of_every_interval_keeps_its_count(trace in traces()) {
        let (replay, step) = (Replay::new(&trace), trace.step().0);
        for (i, &count) in trace.counts().iter().enumerate() {
            let (from, to) = (step * i as f64, step * (i + 1) as f64);
            let played = replay.mean(Seconds(from), Seconds(to)).0 * (to - from);
            prop_assert!((played - count).abs() <= 1e-9 * (1.0 + trace.total()), "{} {}", played, count);
        }
    }

    #[test]
    fn two_means_weighed_by_time_are_the_mean_of_both(trace in traces(), cuts in [0.0..1.0f64, 0.0..1.0, 0.0..1.0]) {
        let mut t = cuts.map(|cut| cut * trace.duration().0);
        t.sort_by(f64::total_cmp);
        let repeated = Repeat::new(Replay::new(&trace), Seconds(trace.duration().0 / 3.0)).unwrap();
        let requests = |from: f64, to: f64| repeated.mean(Seconds(from), Seconds(to)).0 * (to - from);
        let (whole, parts) = (requests(t[0], t[2]), requests(t[0], t[1]) + requests(t[1], t[2]));
        prop_assert!((whole - parts).abs() <= 1e-9 * (1.0 + trace.total()));
    }

    #[test]
    fn repeating_a_whole_trace_equals_playing_it_twice(trace in traces(), share in 0.0..2.0f64) {
        let (replay, length) = (Replay::new(&trace), trace.duration());
        let repeat = Repeat::new(replay.clone(), length).unwrap();
        let twice = Concatenate::new(vec![
            (Box::new(replay.clone()) as Box<dyn ArrivalRate>, length),
            (Box::new(replay), length),
        ]).unwrap();
        let t = Seconds(share * length.0);
        // Where one lies on a seam, rounding may put the other before it.
        let distance = (t.0 / trace.step().0).fract();
        prop_assume!(distance > 1e-6 && distance < 1.0 - 1e-6);
        prop_assert!(close(repeat.rate(t).0, twice.rate(t).0));
        prop_assert_eq!(twice.duration(), Some(Seconds(2.0 * length.0)));
    }

    #[test]
    fn cutting_a_trace_in_two_and_joining_the_windows_changes_nothing(trace in traces(), share in 0.01..0.99f64) {
        let (replay, length) = (Replay::new(&trace), trace.duration().0);
        let cut = share * length;
        let window = |from: f64, to: f64| -> (Box<dyn ArrivalRate>, Seconds) {
            let view = Window::new(replay.clone(), Seconds(from), Seconds(to - from)).unwrap();
            (Box::new(view), Seconds(to - from))
        };
        let joined = Concatenate::new(vec![window(0.0, cut), window(cut, length)]).unwrap();
        for share in [0.013, 0.257, 0.5001, 0.911] {
            let t = Seconds(share * length);
            let distance = (t.0 / trace.step().0).fract();
            if distance > 1e-6 && distance < 1.0 - 1e-6 {
                prop_assert!(close(joined.rate(t).0, replay.rate(t).0));
            }
        }
    }

    #[test]
    fn every_named_workload_is_a_pure_function_that_is_never_negative(seed: u64, t in -1e5..3e6f64, width in 0.0..1e4f64) {
        for named in gallery::all().into_iter().filter(|named| crate::shipped::find(named.name).is_err()) {
            let (a, b) = (named.workload.build(seed).unwrap(), named.workload.build(seed).unwrap());
            let (from, to) = (Seconds(t), Seconds(t + width));
            prop_assert!(a.rate(from).0 >= 0.0 && a.rate(from).0.is_finite());
            prop_assert!(a.mean(from, to).0 >= 0.0 && a.mean(from, to).0.is_finite());
            prop_assert_eq!(a.rate(from).0.to_bits(), b.rate(from).0.to_bits());
            prop_assert_eq!(a.mean(from, to).0.to_bits(), b.mean(from, to).0.to_bits());
        }
    }

    #[test]
    fn noise_keeps_order_of_time_out_of_it(seed: u64, times in proptest::collection::vec(0.0..1e6f64, 1..20)) {
        let noise = |seed| {
            let inner = Constant::new(&ConstantConfig { rate: 10.0 }).unwrap();
            let config = NoiseConfig { sigma: 0.4, phi: 0.7, grid_secs: 60.0, horizon_secs: 1e5 };
            Noise::new(inner, &config, seed).unwrap()
        };
        let forward = noise(seed);
        let there: Vec<f64> = times.iter().map(|&t| forward.rate(Seconds(t)).0).collect();
        let fresh = noise(seed);
        let mut back: Vec<f64> = times.iter().rev().map(|&t| fresh.rate(Seconds(t)).0).collect();
        back.reverse();
        prop_assert_eq!(there, back);
    }
}
