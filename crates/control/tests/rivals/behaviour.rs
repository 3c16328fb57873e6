//! What each rule does.

use crate::{Scene, asks, days, one};
use trimtab_control::{
    CpuHpaConfig, Hpa, Keda, KedaConfig, LatencyTracking, LatencyTrackingConfig, Oracle, Predictive,
    PredictiveConfig, RateSeries, RequestTracking, RequestTrackingConfig, Schedule, ScheduleConfig,
    forecast::{
        Dsp, DspConfig, Forecaster, HoltWinters, HoltWintersConfig, SeasonalNaive, SeasonalNaiveConfig,
    },
    keda::{Behavior, CronTrigger, Fallback},
    oracle::Level,
    target_tracking::Pace,
};
use trimtab_model::{Seconds, Time};

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3600.0;

#[test]
fn request_tracking_holds_half_of_what_a_pod_serves() {
    let mut rule = RequestTracking::new(RequestTrackingConfig::default(), &one()).unwrap();
    let scene = |time| Scene { time, rate: Some(45.0), ..Scene::default() };
    assert_eq!(asks(&mut rule, &scene(0.0)), None);
    // 10 calls/s a pod, for 3 minutes too many.
    assert_eq!(asks(&mut rule, &scene(180.0)), Some(5));
}

#[test]
fn request_tracking_waits_a_quarter_of_an_hour_to_scale_in() {
    let mut rule = RequestTracking::new(RequestTrackingConfig::default(), &one()).unwrap();
    let scene = |time| Scene { time, replicas: 8, rate: Some(21.0), ..Scene::default() };
    assert_eq!(asks(&mut rule, &scene(0.0)), None);
    assert_eq!(asks(&mut rule, &scene(885.0)), None);
    assert_eq!(asks(&mut rule, &scene(900.0)), Some(3));
}

#[test]
fn latency_tracking_takes_a_damped_step_towards_its_share_of_the_slo() {
    let pace = Pace { scale_out_after_secs: 0.0, ..Pace::default() };
    let config = LatencyTrackingConfig { pace, ..LatencyTrackingConfig::default() };
    let mut rule = LatencyTracking::new(config, &one()).unwrap();
    // 180 ms over a target of 80 ms: the root of 2.25 is 1.5.
    let scene = Scene { replicas: 4, p95_ms: Some(180.0), ..Scene::default() };
    assert_eq!(asks(&mut rule, &scene), Some(6));
}

#[test]
fn latency_tracking_at_a_timeout_at_most_doubles() {
    let pace = Pace { scale_out_after_secs: 0.0, ..Pace::default() };
    let config = LatencyTrackingConfig { pace, damping: 1.0, ..LatencyTrackingConfig::default() };
    let mut rule = LatencyTracking::new(config, &one()).unwrap();
    assert_eq!(asks(&mut rule, &Scene { p95_ms: Some(30_000.0), ..Scene::default() }), Some(4));
}

#[test]
fn latency_tracking_scales_out_the_service_that_is_busy() {
    let two = crate::ONE.replace("[[endpoint]]", "[[service]]\nname = \"other\"\ncpu_request_m = 100\n\
        cpu_limit_m = 200\nmemory_request_mib = 64\nreplicas = { min = 1, max = 10 }\ncpu_per_call_ms = 10\n[[endpoint]]")
        .replace("service = \"only\"\n", "service = \"only\"\nsteps = [{ call = \"other\" }]\n");
    let application = trimtab_model::Application::from_toml(&two).unwrap();
    let pace = Pace { scale_out_after_secs: 0.0, ..Pace::default() };
    let config = LatencyTrackingConfig { pace, ..LatencyTrackingConfig::default() };
    let mut rule = LatencyTracking::new(config, &application).unwrap();
    let mut seen = Scene { p95_ms: Some(180.0), cpu: 150, ..Scene::default() }.snapshot();
    seen.services.push(Scene { cpu: 20, ..Scene::default() }.service());
    assert_eq!(crate::decide(&mut rule, &seen), [Some(3), None]);
}

#[test]
fn kedas_hpa_holds_the_threshold_a_pod() {
    let mut keda = Keda::new(KedaConfig::default(), &one()).unwrap();
    assert_eq!(asks(&mut keda, &Scene { rate: Some(35.0), ..Scene::default() }), Some(4));
}

/// The service with a minimum of 0.
fn idle_application() -> trimtab_model::Application {
    let mut application = one();
    application.services[0].replicas.min = 0;
    application
}

#[test]
fn keda_scales_to_zero_after_the_cooldown_and_back_at_the_next_poll() {
    let mut keda = Keda::new(KedaConfig::default(), &idle_application()).unwrap();
    let mut ask = |time, replicas, rate| {
        asks(&mut keda, &Scene { time, replicas, rate: Some(rate), ..Scene::default() })
    };
    assert_eq!(ask(0.0, 1, 5.0), Some(1));
    for time in [30.0, 150.0, 300.0] {
        assert_eq!(ask(time, 1, 0.0), Some(1));
    }
    // The cooldown is over at 300 s; the next poll is the one that acts.
    assert_eq!(ask(330.0, 1, 0.0), Some(0));
    assert_eq!(ask(345.0, 0, 5.0), None);
    assert_eq!(ask(360.0, 0, 5.0), Some(1));
}

#[test]
fn a_rate_at_the_activation_threshold_is_not_active() {
    let config = KedaConfig { activation_threshold: 5.0, ..KedaConfig::default() };
    let mut keda = Keda::new(config, &idle_application()).unwrap();
    let scene = |time, rate| Scene { time, replicas: 0, rate: Some(rate), ..Scene::default() };
    assert_eq!(asks(&mut keda, &scene(0.0, 5.0)), None);
    assert_eq!(asks(&mut keda, &scene(30.0, 5.1)), Some(1));
}

#[test]
fn keda_falls_back_after_more_failures_than_the_threshold() {
    let cases = [
        (Behavior::Static, 4),
        (Behavior::CurrentReplicas, 2),
        (Behavior::CurrentReplicasIfHigher, 4),
        (Behavior::CurrentReplicasIfLower, 2),
    ];
    for (behavior, expected) in cases {
        let fallback = Fallback { failure_threshold: 2, replicas: 4, behavior };
        let mut keda =
            Keda::new(KedaConfig { fallback, ..KedaConfig::default() }, &idle_application()).unwrap();
        let blind = |step: u32| Scene { time: 15.0 * f64::from(step), ..Scene::default() };
        assert_eq!([0, 1].map(|step| asks(&mut keda, &blind(step))), [Some(2); 2]);
        assert_eq!(asks(&mut keda, &blind(2)), Some(expected), "{behavior:?}");
        // One reading is enough to return.
        assert_eq!(asks(&mut keda, &Scene { time: 45.0, rate: Some(35.0), ..Scene::default() }), Some(4));
    }
}

#[test]
fn without_a_fallback_a_failed_metric_changes_nothing() {
    let mut keda = Keda::new(KedaConfig::default(), &idle_application()).unwrap();
    for step in 0..200 {
        let blind = Scene { time: 15.0 * f64::from(step), replicas: 3, ..Scene::default() };
        assert_eq!(asks(&mut keda, &blind), Some(3));
    }
}

#[test]
fn the_cron_trigger_asks_for_its_replicas_within_its_window() {
    let cron = CronTrigger { desired_replicas: 4, ..CronTrigger::default() };
    let mut keda = Keda::new(KedaConfig { cron, ..KedaConfig::default() }, &one()).unwrap();
    let mut ask = |hour: f64, replicas| {
        let time = 100.0 * DAY + hour * HOUR;
        asks(&mut keda, &Scene { time, replicas, rate: Some(9.0), ..Scene::default() })
    };
    assert_eq!(ask(5.99, 1), Some(1));
    assert_eq!(ask(6.0, 1), Some(4));
    assert_eq!(ask(19.99, 4), Some(4));
    // After it the HPA still waits for its stabilisation window.
    assert_eq!(ask(20.0, 4), Some(4));
    assert_eq!(ask(20.1, 4), Some(1));
}

#[test]
fn a_predictive_hpa_prepares_for_the_largest_rate_within_its_horizon() {
    let mut model = SeasonalNaive::new(&SeasonalNaiveConfig::default()).unwrap();
    model.learn(&days(2, |hour| if hour < 9.0 { 10.0 } else { 48.0 }));
    let mut rule = Predictive::new(PredictiveConfig::default(), model, &one()).unwrap();
    let mut ask = |hour: f64, replicas| {
        let time = 2.0 * DAY + hour * HOUR;
        asks(&mut rule, &Scene { time, replicas, rate: Some(10.0), ..Scene::default() })
    };
    // 10 requests/s need 100 m, 80 m a pod.
    assert_eq!(ask(8.9, 2), Some(2));
    // Five minutes ahead it is nine: 480 m.
    assert_eq!(ask(8.92, 2), Some(6));
}

#[test]
fn a_model_without_a_forecast_leaves_the_rate_that_is_seen() {
    let mut rule =
        Predictive::new(PredictiveConfig::default(), Dsp::new(DspConfig::default()).unwrap(), &one())
            .unwrap();
    assert_eq!(asks(&mut rule, &Scene { rate: Some(40.0), ..Scene::default() }), Some(5));
    assert_eq!(asks(&mut rule, &Scene { replicas: 5, ..Scene::default() }), Some(5));
}

#[test]
fn a_forecast_that_learns_from_today_follows_it() {
    let mut model = HoltWinters::new(HoltWintersConfig::default()).unwrap();
    model.learn(&days(2, |_| 10.0));
    let mut rule = Predictive::new(PredictiveConfig::default(), model, &one()).unwrap();
    let mut last = None;
    for step in 0..120 {
        let time = 2.0 * DAY + 15.0 * f64::from(step);
        last = asks(&mut rule, &Scene { time, rate: Some(38.0), ..Scene::default() });
    }
    // 380 m at 80 m a pod.
    assert_eq!(last, Some(5));
}

#[test]
fn the_timetable_begins_a_slot_early_and_keeps_the_one_before() {
    let config =
        ScheduleConfig { quantile_percent: 100.0, target_percent: 50.0, ..ScheduleConfig::default() };
    let history = days(3, |hour| if (9.0..17.0).contains(&hour) { 50.0 } else { 10.0 });
    let mut rule = Schedule::learn(&config, &history, &one()).unwrap();
    let mut ask = |hour: f64| asks(&mut rule, &Scene { time: 7.0 * DAY + hour * HOUR, ..Scene::default() });
    assert_eq!([8.9, 8.97, 12.0, 16.97, 17.0].map(&mut ask), [1, 5, 5, 5, 1].map(Some));
    assert_eq!(rule.table().len(), 24);
}

#[test]
fn the_timetable_leaves_out_what_was_rarer_than_its_quantile() {
    let mut history = days(10, |_| 10.0);
    history[3].rates.fill(100.0);
    let learn = |quantile_percent| {
        let config = ScheduleConfig { quantile_percent, target_percent: 50.0, ..ScheduleConfig::default() };
        Schedule::learn(&config, &history, &one()).unwrap().table()[12][0]
    };
    assert_eq!((learn(80.0), learn(100.0)), (1, 10));
}

#[test]
fn the_oracle_is_ready_before_the_traffic_comes() {
    let mut application = one();
    application.services[0].start.schedule = Seconds(2.0);
    application.services[0].start.readiness = Seconds(28.0);
    let levels = [(10.0, 1), (50.0, 4), (100.0, 7)];
    let levels = levels.map(|(rate, replicas)| Level { rate, replicas: vec![replicas] }).to_vec();
    let future =
        RateSeries { start: Time(0.0), step: Seconds(15.0), rates: vec![10.0, 10.0, 10.0, 10.0, 51.0, 5.0] };
    let mut oracle = Oracle::new(levels, vec![future], Seconds(15.0), &application).unwrap();
    let mut ask = |time| asks(&mut oracle, &Scene { time, ..Scene::default() });
    // The peak begins at 60 s; a pod of the next decision needs 45 s.
    assert_eq!([0.0, 15.0, 60.0, 75.0, 90.0].map(&mut ask), [Some(1), Some(7), Some(7), Some(1), None]);
}

#[test]
fn an_hpa_with_default_numbers_is_the_default_hpa() {
    let application = one();
    let plain = Hpa::default_for(&application).unwrap();
    let built = CpuHpaConfig::default().build(&application).unwrap();
    assert_eq!(built.controllers()[0].spec(), plain.controllers()[0].spec());
    let wide = CpuHpaConfig { tolerance: 0.5, ..CpuHpaConfig::default() }.build(&application).unwrap();
    let scene = Scene { replicas: 4, cpu: 110, ..Scene::default() };
    let mut both = [plain, wide];
    assert_eq!(both.each_mut().map(|hpa| asks(hpa, &scene)), [Some(6), Some(4)]);
}
