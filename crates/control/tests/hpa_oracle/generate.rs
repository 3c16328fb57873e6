//! Random stories. Our controller takes part while a story is made, so that the pods follow the replicas it asks for.
//!
//! Times and amounts lie on boundaries far more often than chance would have it: ratios at the ends of the tolerance,
//! ages equal to windows and periods, starts exactly one initialisation period ago.
//!
//! Left out: what Go leaves to the processor, which is a count that leaves the range of 32 bits where the controller
//! does not look; and two pods of one name, two writes of the HPA between syncs, and conflicts, which an API server
//! prevents or a client retries.

mod pods;
mod specs;

use crate::{
    ours::{Run, key},
    story::{Pod, Reading, Sample, Step, Story},
};
use pods::Population;
use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64Mcg;
use trimtab_control::hpa::{HpaSpec, Metric, Resource, Target};

/// One of `choices`.
pub(crate) fn pick<T: Copy>(rng: &mut impl Rng, choices: &[T]) -> T {
    *choices.choose(rng).expect("there are choices")
}

/// Story number `number` of `seed`.
pub(crate) fn story(seed: u64, number: u64) -> Result<Story, String> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let rng = &mut rng;
    let mut gates = std::collections::BTreeMap::new();
    for gate in ["HPAScaleToZero", "HPAConfigurableTolerance", "PodLevelResources"] {
        gates.insert(gate.to_owned(), rng.random_bool(0.75));
    }
    let mut story = Story {
        period: pick(rng, &[15.0, 15.0, 15.0, 15.0, 5.0, 30.0, 60.0]),
        downscale: pick(rng, &[300.0, 300.0, 0.0, 15.0, 60.0, 120.0, 90.5]),
        tolerance: pick(rng, &[0.1, 0.1, 0.1, 0.0, 0.05, 0.5]),
        cpu_init: pick(rng, &[300.0, 300.0, 0.0, 60.0, 120.0]),
        readiness: pick(rng, &[30.0, 30.0, 0.0, 10.0, 120.0]),
        gates,
        replicas: if rng.random_bool(0.1) { 0 } else { rng.random_range(1..=12) },
        other_hpa: rng.random_bool(0.08),
        steps: Vec::new(),
    };
    let length = pick(rng, &[5, 10, 20, 40, 40, 80]);
    let mut population = Population::new(rng, &story);
    let mut run = Run::new(&story);
    let mut spec = None;
    let mut regime = Regime::new(rng);
    for index in 0..length {
        let written = if index == 0 || rng.random_bool(0.03) { Some(specs::spec(rng)?) } else { None };
        if let Some((_, read)) = &written {
            spec = Some(read.clone());
        }
        let spec = spec.as_ref().ok_or("the first step has a spec")?;
        let by_hand = rng.random_bool(0.02).then(|| pick(rng, &[0, 1, 2, 5, 11, 30]));
        let replicas = by_hand.unwrap_or(run.replicas);
        let now = run.next();
        let pods = population.advance(rng, now, replicas);
        if rng.random_bool(0.1) {
            regime = Regime::new(rng);
        }
        let mut step = Step {
            spec: written.map(|(manifest, _)| manifest),
            replicas: by_hand,
            status_replicas: match rng.random_range(0..10) {
                0 => rng.random_range(0..15),
                1..=3 => pods.len() as i32,
                _ => replicas,
            },
            selector: regime.selector(rng, story.other_hpa),
            get_fails: rng.random_bool(0.01),
            update_fails: rng.random_bool(0.02),
            pods,
            readings: std::collections::BTreeMap::new(),
        };
        for metric in &spec.metrics {
            let reading = regime.reading(rng, metric, spec, &step, now, replicas);
            step.readings.entry(key(metric)).or_insert(reading);
        }
        run.step(&step)?;
        story.steps.push(step);
    }
    Ok(story)
}

/// What the load and the metrics are like for a while.
struct Regime {
    ratio: f64,
    spread: bool,
    missing: f64,
    failing: f64,
    odd: f64,
    selector: f64,
}

impl Regime {
    fn new(rng: &mut impl Rng) -> Self {
        Self {
            ratio: pick(
                rng,
                &[0.0, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 1.0, 1.0, 1.05, 1.1, 1.11, 1.5, 2.0, 3.0, 10.0, 300.0],
            ),
            spread: rng.random_bool(0.5),
            missing: pick(rng, &[0.0, 0.0, 0.0, 0.1, 0.3, 1.0]),
            failing: pick(rng, &[0.0, 0.0, 0.0, 0.05, 0.5]),
            odd: pick(rng, &[0.0, 0.0, 0.0, 0.2]),
            selector: pick(rng, &[0.0, 0.0, 0.0, 0.0, 0.2]),
        }
    }

    fn selector(&self, rng: &mut impl Rng, other: bool) -> String {
        let wrong =
            if other { ["ambiguous", "ambiguous", "missing"] } else { ["missing", "invalid", "invalid"] };
        if rng.random_bool(self.selector) { pick(rng, &wrong) } else { "ok" }.to_owned()
    }

    /// `amount` times the ratio, sometimes off it.
    fn value(&self, rng: &mut impl Rng, amount: f64) -> i64 {
        let off = if self.spread { pick(rng, &[0.7, 0.99, 1.0, 1.0, 1.01, 1.4]) } else { 1.0 };
        let value = (amount * self.ratio * off) as i64;
        if rng.random_bool(self.odd) {
            pick(rng, &[0, 1, -1, -value, value + 1, value - 1, value.saturating_mul(100)])
        } else {
            value
        }
    }

    fn reading(
        &self,
        rng: &mut impl Rng,
        metric: &Metric,
        spec: &HpaSpec,
        step: &Step,
        now: f64,
        replicas: i32,
    ) -> Reading {
        let reading = Reading { fails: rng.random_bool(self.failing), ..Reading::default() };
        let Some(target) = metric.target() else { return reading };
        match (metric, target) {
            (
                Metric::Object { .. } | Metric::External { .. },
                Target::Value(target) | Target::AverageValue(target),
            ) => {
                let shared = matches!(metric.target(), Some(Target::AverageValue(_)));
                let over = if shared { f64::from(step.status_replicas) } else { 1.0 };
                let mut value = self.value(rng, target as f64 * over);
                let external = matches!(metric, Metric::External { .. });
                // Where the controller caps, it is given something to cap.
                if rng.random_bool(self.odd) && external && (shared || replicas != 0) {
                    value = pick(rng, &[i64::MAX, i64::MAX - 1, 1 << 62]);
                }
                Reading { value, series: series(rng, value), ..reading }
            }
            _ => {
                let pods: Vec<&Pod> = step.pods.iter().collect();
                let mut samples: Vec<Sample> = Vec::new();
                for pod in pods {
                    let likely = if pod.phase == "Running" { 1.0 - self.missing } else { 0.3 };
                    if rng.random_bool(likely) {
                        let value = self.value(rng, full(metric, target, pod));
                        samples.push(self.sample(rng, pod.name.clone(), value, now));
                    }
                }
                if rng.random_bool(0.08) {
                    let value = self.value(rng, 300.0);
                    samples.push(self.sample(rng, "stray".to_owned(), value, now));
                }
                debug_assert!(!spec.metrics.is_empty());
                Reading { samples, ..reading }
            }
        }
    }

    fn sample(&self, rng: &mut impl Rng, pod: String, value: i64, now: f64) -> Sample {
        let age = pick(rng, &[0.0, 0.0, 0.25, 5.0, 15.0, 30.0, 45.0, 60.0, 300.0]);
        Sample { pod, value, at: now - age, window: pick(rng, &[0.0, 15.0, 30.0, 30.0, 60.0]) }
    }
}

/// What a pod uses when it is at its target, in thousandths.
fn full(metric: &Metric, target: Target, pod: &Pod) -> f64 {
    match (metric, target) {
        (Metric::Resource { resource, .. }, Target::Utilization(percent)) => {
            requested(pod, *resource, None) * f64::from(percent) / 100.0
        }
        (Metric::ContainerResource { resource, container, .. }, Target::Utilization(percent)) => {
            requested(pod, *resource, Some(container)) * f64::from(percent) / 100.0
        }
        (_, Target::AverageValue(value) | Target::Value(value)) => value as f64,
        _ => 100.0,
    }
}

fn requested(pod: &Pod, resource: Resource, container: Option<&str>) -> f64 {
    let sum: i64 = pod
        .containers
        .iter()
        .filter(|c| container.is_none_or(|name| name == c.name))
        .filter_map(|c| match resource {
            Resource::Cpu => c.requests.cpu,
            Resource::Memory => c.requests.memory.map(|bytes| bytes * 1000),
        })
        .sum();
    sum as f64
}

/// `value` as one series or several that add up to it, or as two that add up to too much.
fn series(rng: &mut impl Rng, value: i64) -> Vec<i64> {
    if value >= 1 << 62 {
        return pick(rng, &[true, false]).then(|| vec![value]).unwrap_or_else(|| vec![value, value]);
    }
    match rng.random_range(0..6) {
        0 => vec![value / 2, value - value / 2],
        1 => vec![value + 500, -500],
        2 => vec![0, value],
        _ => vec![value],
    }
}
