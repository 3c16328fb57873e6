//! What all of them promise, whatever they see.

use crate::{days, one};
use proptest::prelude::*;
use trimtab_control::{
    Autoscaler, CpuHpaConfig, Keda, KedaConfig, Largest, LatencyTracking, LatencyTrackingConfig, Predictive,
    PredictiveConfig, RequestTracking, RequestTrackingConfig, Schedule, ScheduleConfig, Threshold,
    ThresholdConfig,
    contract::{check_autoscaler, ordeal},
    forecast::{
        Dsp, DspConfig, Forecaster, HoltWinters, HoltWintersConfig, SeasonalNaive, SeasonalNaiveConfig,
    },
    keda::{CronTrigger, Fallback},
};
use trimtab_model::{Application, Time};

fn learned<F: Forecaster>(mut model: F) -> F {
    model.learn(&days(3, |hour| 50.0 + 40.0 * (hour * std::f64::consts::TAU / 24.0).sin()));
    model
}

fn predictive<F: Forecaster + 'static>(model: F, application: &Application) -> Box<dyn Autoscaler> {
    Box::new(Predictive::new(PredictiveConfig::default(), learned(model), application).unwrap())
}

type Make = fn(&Application) -> Box<dyn Autoscaler>;

const ALL: [(&str, Make); 9] = [
    ("hpa", |app| Box::new(CpuHpaConfig { tolerance: 0.0, ..CpuHpaConfig::default() }.build(app).unwrap())),
    ("threshold", |app| {
        let bounds = app.services.iter().map(|s| s.replicas).collect();
        Box::new(Threshold::new(ThresholdConfig::default(), bounds).unwrap())
    }),
    ("requests", |app| Box::new(RequestTracking::new(RequestTrackingConfig::default(), app).unwrap())),
    ("latency", |app| Box::new(LatencyTracking::new(LatencyTrackingConfig::default(), app).unwrap())),
    ("keda", |app| {
        let fallback = Fallback { replicas: 20, ..Fallback::default() };
        let cron = CronTrigger { desired_replicas: 30, ..CronTrigger::default() };
        Box::new(Keda::new(KedaConfig { fallback, cron, ..KedaConfig::default() }, app).unwrap())
    }),
    ("naive", |app| predictive(SeasonalNaive::new(&SeasonalNaiveConfig::default()).unwrap(), app)),
    ("dsp", |app| predictive(Dsp::new(DspConfig::default()).unwrap(), app)),
    ("schedule", |app| {
        Box::new(Schedule::learn(&ScheduleConfig::default(), &days(1, |h| 9.0 * h), app).unwrap())
    }),
    ("largest", |app| {
        let model = HoltWinters::new(HoltWintersConfig::default()).unwrap();
        Box::new(Largest::new(vec![
            Box::new(CpuHpaConfig::default().build(app).unwrap()),
            predictive(model, app),
        ]))
    }),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn every_rule_keeps_its_bounds_decides_alike_and_forgets(seed: u64, hour in 0u32..48) {
        let application = one();
        let snapshots = ordeal(&application, Time(3600.0 * f64::from(hour) + 259_200.0), 200, seed);
        for (name, make) in ALL {
            let checked = check_autoscaler(&|| make(&application), &application, &snapshots);
            prop_assert!(checked.is_ok(), "{}: {}", name, checked.unwrap_err());
        }
    }
}
