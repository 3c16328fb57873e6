//! From one metric to a number of replicas: ratios, tolerance, and the conservative treatment of what is missing.
//!
//! Source: `replica_calculator.go` and `metrics/utilization.go`. Utilisation is truncated to whole percent before
//! it is divided by the target, and means are truncated to thousandths. Sums of integers wrap as Go's do; where a
//! floating-point count leaves the range of 32 bits it saturates, which Go leaves to the processor.
//!
//! Left out: choosing among metrics ([`controller`](super::controller)).

use super::{
    constants::{Constants, Release},
    observation::{Evidence, Scale},
    pods::Tally,
    spec::{Metric, Resource, Target},
    status::{MetricError, Reported},
};
use trimtab_model::Time;

/// Distance from a ratio of 1 within which nothing changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// Below 1.
    pub down: f64,
    /// Above 1.
    pub up: f64,
}

impl Tolerances {
    /// Whether `ratio` is within; both ends are.
    pub fn covers(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// What one metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    /// Replicas.
    pub replicas: i32,
    /// The metric's value, as the status tells it; before substitution of missing pods.
    pub reported: Reported,
}

/// `(ratio to the target, percent of the requests, mean of a pod)` of `pods` pods.
///
/// # Errors
/// [`MetricError::NoMatch`] when nothing is requested.
pub fn utilization_ratio(
    usage: i64,
    requests: i64,
    pods: i64,
    target_percent: f64,
) -> Result<(f64, i32, i64), MetricError> {
    if requests == 0 || pods == 0 {
        return Err(MetricError::NoMatch);
    }
    let percent = usage.wrapping_mul(100).wrapping_div(requests) as i32;
    Ok((f64::from(percent) / target_percent, percent, usage.wrapping_div(pods)))
}

/// `(ratio to the target, mean of a pod)` of `pods` pods.
///
/// # Errors
/// [`MetricError::NoSamples`] without pods.
pub fn usage_ratio(usage: i64, pods: i64, target: f64) -> Result<(f64, i64), MetricError> {
    if pods == 0 {
        return Err(MetricError::NoSamples);
    }
    let mean = usage.wrapping_div(pods);
    Ok((mean as f64 / target, mean))
}

/// Value per pod that the status of an `averageValue` target tells.
pub fn per_pod_usage(usage: i64, status_replicas: i32, release: Release) -> i64 {
    if usage as f64 >= i64::MAX as f64 {
        return i64::MAX;
    }
    match (status_replicas, release) {
        (0, Release::V1_37) => 0,
        // 1.36 divides by zero and converts the infinity or NaN; x86-64 makes this of it.
        (0, Release::V1_36) => i64::MIN,
        _ => (usage as f64 / f64::from(status_replicas)).ceil() as i64,
    }
}

/// A target, and what trimming makes of it.
#[derive(Clone, Copy)]
struct Aim {
    whole: i64,
    float: f64,
    trimmed: bool,
}

impl Aim {
    fn new(whole: i64, trim: f64) -> Self {
        Self { whole, float: whole as f64 * trim, trimmed: trim != 1.0 }
    }

    /// What a pod that requests `request` uses when it uses all of it, or the target where that is more. Pods without a
    /// sample are rare, and a compiler that sees no harm in it computes this for the others as well.
    #[cold]
    #[inline(never)]
    fn full_share(self, request: i64) -> i64 {
        if self.trimmed {
            (request as f64 * self.float.max(100.0) / 100.0) as i64
        } else {
            request.wrapping_mul(self.whole.max(100)).wrapping_div(100)
        }
    }

    /// The target itself.
    fn exactly(self) -> i64 {
        if self.trimmed { self.float as i64 } else { self.whole }
    }
}

/// Facts that are the same for every metric of a sync.
#[derive(Clone, Copy)]
pub(super) struct Sync<'a> {
    pub(super) now: Time,
    pub(super) scale: Scale,
    pub(super) tolerances: Tolerances,
    pub(super) constants: &'a Constants,
    /// Factor on every target; 1 is the exact HPA.
    pub(super) trim: f64,
}

/// What `metric`, the one of index `index`, asks for.
pub(super) fn propose(
    metric: &Metric,
    index: usize,
    seen: &impl Evidence,
    sync: &Sync<'_>,
) -> Result<Proposal, MetricError> {
    match (metric, metric.target()) {
        (Metric::Unknown { .. }, _) | (_, None) => Err(MetricError::UnknownSource),
        (
            Metric::Resource { resource, .. } | Metric::ContainerResource { resource, .. },
            Some(Target::Utilization(percent)),
        ) => utilization(
            index,
            *resource == Resource::Cpu,
            Aim::new(i64::from(percent), sync.trim),
            seen,
            sync,
        ),
        (
            Metric::Resource { resource, .. } | Metric::ContainerResource { resource, .. },
            Some(Target::AverageValue(value)),
        ) => average(index, *resource == Resource::Cpu, Aim::new(value, sync.trim), seen, sync),
        (Metric::Pods { .. }, Some(Target::AverageValue(value))) => {
            average(index, false, Aim::new(value, sync.trim), seen, sync)
        }
        (Metric::Object { .. } | Metric::External { .. }, Some(Target::Value(value))) => {
            let usage = if matches!(metric, Metric::External { .. }) {
                capped_sum(seen.series(index)?)
            } else {
                seen.value(index)?
            };
            total(usage, Aim::new(value, sync.trim), seen, sync)
        }
        (Metric::Object { .. }, Some(Target::AverageValue(value))) => {
            Ok(shared(seen.value(index)?, Aim::new(value, sync.trim), sync))
        }
        (Metric::External { .. }, Some(Target::AverageValue(value))) => {
            Ok(shared(sum_until_overflow(seen.series(index)?), Aim::new(value, sync.trim), sync))
        }
        _ => Err(MetricError::InvalidTarget),
    }
}

fn utilization(
    index: usize,
    cpu: bool,
    target: Aim,
    seen: &impl Evidence,
    sync: &Sync<'_>,
) -> Result<Proposal, MetricError> {
    let (pods, strays) = seen.sampled(index)?;
    // Every pod must have a request, counted or not. The first that has none is told after the pods are sorted.
    let mut unrequested = None;
    let pods = pods.map(|(pod, sample, request)| {
        let request = request.unwrap_or_else(|error| {
            unrequested.get_or_insert(error);
            0
        });
        (pod, sample, request)
    });
    let tally = Tally::of(pods, strays, cpu, sync.now, sync.constants, |request| target.full_share(request));
    check_samples(&tally)?;
    if let Some(error) = unrequested {
        return Err(error);
    }
    let (first, percent, average) =
        utilization_ratio(tally.usage, tally.requests, tally.ready, target.float)?;
    let mut usage = Counted { usage: tally.usage, over: tally.requests, samples: tally.ready + tally.strays };
    let replicas = substitute(
        &tally,
        sync,
        first,
        &mut usage,
        [
            Counted { usage: tally.missing_share, over: tally.missing_requests, samples: tally.missing },
            Counted { usage: 0, over: tally.unready_requests, samples: tally.unready },
        ],
        |c| {
            let percent = c.usage.wrapping_mul(100).checked_div(c.over).unwrap_or_default() as i32;
            f64::from(percent) / target.float
        },
    );
    Ok(Proposal { replicas, reported: Reported::Utilization { percent, average } })
}

fn average(
    index: usize,
    cpu: bool,
    target: Aim,
    seen: &impl Evidence,
    sync: &Sync<'_>,
) -> Result<Proposal, MetricError> {
    let (pods, strays) = seen.sampled(index)?;
    let pods = pods.map(|(pod, sample, _)| (pod, sample, 0));
    let tally = Tally::of(pods, strays, cpu, sync.now, sync.constants, |_| target.exactly());
    check_samples(&tally)?;
    let samples = tally.ready + tally.strays;
    let usage = tally.usage.wrapping_add(tally.stray_usage);
    let (first, mean) = usage_ratio(usage, samples, target.float)?;
    let replicas = substitute(
        &tally,
        sync,
        first,
        &mut Counted { usage, over: samples, samples },
        [
            Counted { usage: tally.missing_share, over: tally.missing, samples: tally.missing },
            Counted { usage: 0, over: tally.unready, samples: tally.unready },
        ],
        |c| c.usage.wrapping_div(c.over) as f64 / target.float,
    );
    Ok(Proposal { replicas, reported: Reported::AverageValue(mean) })
}

fn check_samples(tally: &Tally) -> Result<(), MetricError> {
    if tally.pods == 0 {
        Err(MetricError::NoPods)
    } else if tally.ready + tally.strays == 0 {
        Err(MetricError::NoSamples)
    } else {
        Ok(())
    }
}

/// What a ratio is computed of: usage over requests or pods, and how many samples stand behind it.
#[derive(Clone, Copy)]
struct Counted {
    usage: i64,
    over: i64,
    samples: i64,
}

impl Counted {
    fn add(&mut self, other: Counted) {
        self.usage = self.usage.wrapping_add(other.usage);
        self.over = self.over.wrapping_add(other.over);
        self.samples += other.samples;
    }
}

/// Replicas from the `first` ratio, with pods that are `missing` or unready given values that hold the change back.
fn substitute(
    tally: &Tally,
    sync: &Sync<'_>,
    first: f64,
    counted: &mut Counted,
    [missing, unready]: [Counted; 2],
    ratio: impl Fn(Counted) -> f64,
) -> i32 {
    let current = sync.scale.spec_replicas;
    let scale_up_unready = tally.unready > 0 && first > 1.0;
    if !scale_up_unready && tally.missing == 0 {
        return if sync.tolerances.covers(first) { current } else { ceil(first * tally.ready as f64) };
    }
    if first < 1.0 {
        counted.add(missing);
    } else if first > 1.0 {
        counted.add(Counted { usage: 0, ..missing });
    }
    if scale_up_unready {
        counted.add(unready);
    }
    let second = ratio(*counted);
    let crossed = (first < 1.0 && second > 1.0) || (first > 1.0 && second < 1.0);
    if sync.tolerances.covers(second) || crossed {
        return current;
    }
    let wanted = ceil(second * counted.samples as f64);
    if (second < 1.0 && wanted > current) || (second > 1.0 && wanted < current) { current } else { wanted }
}

/// Replicas for a target on the whole value.
fn total(usage: i64, target: Aim, seen: &impl Evidence, sync: &Sync<'_>) -> Result<Proposal, MetricError> {
    let ratio = usage as f64 / target.float;
    let current = sync.scale.spec_replicas;
    let replicas = if current == 0 {
        ceil(ratio)
    } else if sync.tolerances.covers(ratio) {
        current
    } else {
        ceil(ratio * seen.ready_pods()? as f64)
    };
    Ok(Proposal { replicas, reported: Reported::Value(usage) })
}

/// Replicas for a target on the value divided among the pods.
fn shared(usage: i64, target: Aim, sync: &Sync<'_>) -> Proposal {
    let pods = sync.scale.status_replicas;
    // Without pods this is infinite or no number at all, and so outside every tolerance.
    let ratio = usage as f64 / (target.float * f64::from(pods));
    let replicas = if sync.tolerances.covers(ratio) { pods } else { ceil(usage as f64 / target.float) };
    Proposal {
        replicas,
        reported: Reported::AverageValue(per_pod_usage(usage, pods, sync.constants.release)),
    }
}

fn capped_sum(series: &[i64]) -> i64 {
    let mut sum = 0_i64;
    for &value in series {
        if value > 0 && sum > i64::MAX - value {
            return i64::MAX;
        }
        sum = sum.wrapping_add(value);
    }
    sum
}

/// Takes every negative sum for an overflow, also that of negative values.
fn sum_until_overflow(series: &[i64]) -> i64 {
    let mut sum = 0_i64;
    for &value in series {
        sum = sum.wrapping_add(value);
        if sum < 0 {
            return i64::MAX;
        }
    }
    sum
}

/// `int32(math.Ceil(x))`, saturating.
fn ceil(x: f64) -> i32 {
    x.ceil() as i32
}
