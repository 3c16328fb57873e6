//! A made-up comparison with the shape of a real one: two traffics, four autoscalers, five days, three seeds.
//!
//! Left out: truth. Its figures are plausible, so that the page can be looked at, and mean nothing.

use crate::comparison::{
    AutoscalerSummary, Cell, Comparison, LearningCurve, LearningPoint, MergedLatency, Score, ShiftCell,
    Summary, Timeline, Track, TrafficSummary, judge,
};
use crate::evaluation::{DecisionTime, Elasticity};
use crate::statistics::{Estimate, estimate};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::f64::consts::TAU;

const SERVICES: [&str; 11] = [
    "frontend",
    "cartservice",
    "productcatalogservice",
    "currencyservice",
    "paymentservice",
    "shippingservice",
    "emailservice",
    "checkoutservice",
    "recommendationservice",
    "adservice",
    "redis-cart",
];
/// Name, cost relative to the calibrated HPA's, share of windows over the SLO, actions a day.
const AUTOSCALERS: [(&str, f64, f64, f64); 4] = [
    ("fixed", 1.62, 0.006, 0.0),
    ("hpa", 0.93, 0.094, 610.0),
    ("hpa_calibrated", 1.0, 0.012, 540.0),
    ("trim", 0.91, 0.010, 480.0),
];
const DAYS: usize = 5;
const SEEDS: u64 = 3;
const POINTS: usize = 288;

/// The comparison.
pub(crate) fn comparison() -> Comparison {
    let mut rng = Pcg64Mcg::seed_from_u64(11);
    let traffic = vec![traffic("worldcup", "1998-06", 840.0), traffic("nasa", "1995-07", 610.0)];
    let cells: Vec<Cell> = traffic.iter().flat_map(|t| cells(t, &mut rng)).collect();
    let latency = traffic.iter().flat_map(|t| AUTOSCALERS.map(|a| merged(&t.name, a.0, a.1))).collect();
    let time = AUTOSCALERS.map(|a| decision_time(a.0)).to_vec();
    let shift = shifts(&traffic);
    Comparison {
        title: "Trained autoscaling of Online Boutique against the HPA".into(),
        application: "online_boutique".into(),
        services: SERVICES.map(String::from).to_vec(),
        slo_ms: 500.0,
        autoscalers: AUTOSCALERS.map(|a| described(a.0)).to_vec(),
        summaries: summaries(&traffic, &cells),
        paired: traffic.iter().map(|t| judge(&cells, &t.name, "trim", "hpa_calibrated")).collect(),
        timelines: traffic.iter().map(|t| timeline(t, &mut rng)).collect(),
        learning: (0..SEEDS).flat_map(|s| ["worldcup", "nasa"].map(|t| learning(t, s))).collect(),
        config: "[train]\nenv = \"online_boutique\"\nalgorithm = \"ppo\"\ntotal_timesteps = 40000\n".into(),
        command: "trimtab quickstart --seed 7".into(),
        latency,
        shift,
        time,
        traffic,
        cells,
    }
}

fn traffic(name: &str, month: &str, peak: f64) -> TrafficSummary {
    let days =
        |first: usize, count: usize| (first..first + count).map(|d| format!("{month}-{d:02}")).collect();
    TrafficSummary {
        name: name.into(),
        source: format!("Access log of {month}, one-minute counts, scaled."),
        train_days: days(8, 7),
        test_days: days(15, DAYS),
        train_peak: peak,
        test_peak: peak * 1.08,
    }
}

fn described(name: &str) -> AutoscalerSummary {
    AutoscalerSummary {
        name: name.into(),
        description: format!("What {name} is & how it was fitted <here>."),
    }
}

fn merged(traffic: &str, name: &str, cost: f64) -> MergedLatency {
    let (autoscaler, traffic) = (name.into(), traffic.into());
    MergedLatency { autoscaler, traffic, p50_ms: 71.0 / cost, p95_ms: 262.0 / cost, p99_ms: 618.0 / cost }
}

fn decision_time(name: &str) -> DecisionTime {
    DecisionTime { autoscaler: name.into(), decisions: 172_800, mean_us: 2.1, p50_us: 1.9, p99_us: 4.7 }
}

/// The calibrated HPA and the policy, worse away from the diagonal.
fn shifts(traffic: &[TrafficSummary]) -> Vec<ShiftCell> {
    let around = |mean: f64| Estimate { mean, low: mean - 0.03, high: mean + 0.02 };
    let cell = |name: &str, from: &str, to: &str| {
        let fits = f64::from(from == to);
        ShiftCell {
            autoscaler: name.into(),
            fitted_on: from.into(),
            scored_on: to.into(),
            shared: around(0.4 + 0.4 * fits),
            violation_percent: around(4.0 - 3.0 * fits),
            cost_over_demand: around(1.5),
        }
    };
    let pairs = || traffic.iter().flat_map(|a| traffic.iter().map(move |b| (&a.name, &b.name)));
    ["hpa_calibrated", "trim"].into_iter().flat_map(|n| pairs().map(move |(a, b)| cell(n, a, b))).collect()
}

fn cells(traffic: &TrafficSummary, rng: &mut Pcg64Mcg) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (index, day) in traffic.test_days.iter().enumerate() {
        let busy = 1.0 + 0.06 * (index as f64 * 2.1).sin();
        for (name, cost, violations, actions) in AUTOSCALERS {
            for seed in 0..SEEDS {
                let core_hours = 310.0 * busy * cost * rng.random_range(0.985..1.015);
                let score = Score {
                    core_hours,
                    used_core_hours: 150.0 * busy,
                    gib_hours: core_hours / 1.6,
                    node_hours: None,
                    cost_over_demand: 1.3 * cost,
                    pods: core_hours / 5.1,
                    violation_share: violations * rng.random_range(0.6..1.4),
                    bad_request_share: violations * 0.4,
                    failed_share: 0.0002,
                    goodput: 410.0 * busy,
                    elasticity: Elasticity {
                        under_accuracy: 90.0 * violations,
                        over_accuracy: 40.0 * cost,
                        under_time: 200.0 * violations,
                        over_time: 60.0 * cost,
                        instability: 12.0,
                    },
                    severity: violations * 0.3,
                    mean_ms: 92.0 / cost,
                    p50_ms: 71.0 / cost,
                    p95_ms: 260.0 / cost * rng.random_range(0.95..1.05),
                    p99_ms: 610.0 / cost,
                    scaling_actions: (actions * rng.random_range(0.9..1.1_f64)).round(),
                    churn: actions * 1.4,
                    reversals: actions * 0.02,
                    limit_changes: 0.0,
                    shared: 1.0 - 0.35 * cost - 8.0 * violations * rng.random_range(0.6..1.4),
                    reward: -core_hours - 4000.0 * violations,
                };
                let (autoscaler, traffic) = (name.into(), traffic.name.clone());
                cells.push(Cell { autoscaler, traffic, day: day.clone(), seed, score });
            }
        }
    }
    cells
}

/// Values of the cells of one autoscaler on one traffic, `[day][seed]`.
fn blocks(cells: &[Cell], traffic: &str, name: &str, of: impl Fn(&Score) -> f64) -> Vec<Vec<f64>> {
    let values: Vec<f64> =
        cells.iter().filter(|c| c.traffic == traffic && c.autoscaler == name).map(|c| of(&c.score)).collect();
    values.chunks(SEEDS as usize).map(<[f64]>::to_vec).collect()
}

fn summaries(traffic: &[TrafficSummary], cells: &[Cell]) -> Vec<Summary> {
    let one = |traffic: &str, name: &str| {
        let of = |of: fn(&Score) -> f64| estimate(&blocks(cells, traffic, name, of));
        Summary {
            autoscaler: name.into(),
            traffic: traffic.into(),
            core_hours: of(|s| s.core_hours),
            pods: of(|s| s.pods),
            violation_share: of(|s| s.violation_share),
            bad_request_share: of(|s| s.bad_request_share),
            p95_ms: of(|s| s.p95_ms),
            scaling_actions: of(|s| s.scaling_actions),
            reward: of(|s| s.reward),
        }
    };
    traffic.iter().flat_map(|t| AUTOSCALERS.map(|a| one(&t.name, a.0))).collect()
}

fn timeline(traffic: &TrafficSummary, rng: &mut Pcg64Mcg) -> Timeline {
    let hour = |i: usize| i as f64 * 24.0 / POINTS as f64;
    let wave =
        |h: f64| 0.45 - 0.35 * (TAU * (h - 2.0) / 24.0).cos() + 0.2 * (-((h - 19.0) / 0.9).powi(2)).exp();
    let rate: Vec<f32> = (0..POINTS)
        .map(|i| (traffic.test_peak * wave(hour(i)) * rng.random_range(0.93..1.07)) as f32)
        .collect();
    let tracks = AUTOSCALERS
        .map(|(name, cost, violations, actions)| {
            let replicas: Vec<Vec<f32>> = (0..SERVICES.len())
                .map(|service| {
                    let most = if service == 0 { 24.0 } else { 4.0 + (service * 5 % 9) as f64 };
                    (0..POINTS)
                        .map(|i| {
                            let seen = if actions == 0.0 { 0.8 } else { wave(hour(i.saturating_sub(2))) };
                            (most * seen * cost).ceil().max(1.0) as f32
                        })
                        .collect()
                })
                .collect();
            let pods: Vec<f32> = (0..POINTS).map(|i| replicas.iter().map(|r| r[i]).sum()).collect();
            let p95_ms = (0..POINTS)
                .map(|i| {
                    let burst = if rng.random::<f64>() < violations * 4.0 { 3.0 } else { 1.0 };
                    ((150.0 + 140.0 * wave(hour(i))) / cost * burst * rng.random_range(0.9..1.1)) as f32
                })
                .collect();
            let cores = pods.iter().map(|p| p * 0.2).collect();
            Track { autoscaler: name.into(), pods, p95_ms, cores, replicas }
        })
        .to_vec();
    Timeline {
        traffic: traffic.name.clone(),
        day: traffic.test_days[0].clone(),
        seed: 0,
        point_secs: 300.0,
        rate,
        tracks,
    }
}

fn learning(traffic: &str, seed: u64) -> LearningCurve {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let points = (1..=40u64)
        .map(|i| {
            let left = (-(i as f64) / 9.0).exp();
            LearningPoint {
                timesteps: i * 2048,
                episode_return: -340.0 - 120.0 * left + rng.random_range(-6.0..6.0),
                cost: 4.1 + 0.6 * left + rng.random_range(-0.05..0.05),
                violation_share: 0.01 + 0.05 * left * rng.random_range(0.7..1.3),
                multiplier: Some(2.0 * (1.0 - left) + 0.02 * i as f64 * rng.random_range(0.9..1.1)),
            }
        })
        .collect();
    LearningCurve { traffic: traffic.into(), seed, points }
}
