//! What one sync reads: the scale target, its pods, and a reading for each metric.
//!
//! Left out: how it was read.

use super::{
    pods::{Pod, PodSample, ReadyStatus},
    spec::{Metric, Resource},
    status::{MetricError, SelectorError},
};
use trimtab_model::{Allocation, PodPhase, ServiceState};

/// The scale subresource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// `spec.replicas`.
    pub spec_replicas: i32,
    /// `status.replicas`.
    pub status_replicas: i32,
}

/// What each pod requests of a resource, in thousandths; see [`pod_request`](super::pod_request).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests<'a> {
    /// The same for every pod; 0 where the target is no utilisation.
    Each(i64),
    /// One for each pod.
    PerPod(&'a [Result<i64, MetricError>]),
}

/// What is known of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading<'a> {
    /// The metrics API failed or answered with nothing.
    Failed,
    /// Of a Resource, ContainerResource or Pods metric.
    Pods {
        /// One for each pod, in the order of the pods; `None` for a pod without a sample.
        samples: &'a [Option<PodSample>],
        /// What the pods request, for a Utilization target.
        requests: Requests<'a>,
        /// Values of pods that have a sample and are not among the pods (any more).
        strays: &'a [i64],
    },
    /// Of an Object metric, in thousandths.
    Value(i64),
    /// Every series of an External metric, in thousandths.
    Series(&'a [i64]),
}

/// What one sync reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation<'a> {
    /// The scale subresource; `None` when it cannot be read.
    pub scale: Option<Scale>,
    /// Whether the scale target's selector can be used.
    pub selector: Result<(), SelectorError>,
    /// The pods that the selector matches.
    pub pods: &'a [Pod],
    /// One for each metric of the spec.
    pub readings: &'a [Reading<'a>],
}

/// A pod with a metric's sample and the pod's request.
pub(super) type Sampled = (Pod, Option<PodSample>, Result<i64, MetricError>);

/// What the controller asks of its input.
pub(super) trait Evidence {
    fn scale(&self) -> Option<Scale>;
    fn selector(&self) -> Result<(), SelectorError>;
    /// Pods as metric `index` sees them, and the values of strays.
    fn sampled(&self, index: usize) -> Result<(impl Iterator<Item = Sampled>, &[i64]), MetricError>;
    fn value(&self, index: usize) -> Result<i64, MetricError>;
    fn series(&self, index: usize) -> Result<&[i64], MetricError>;
    /// Pods that run and are ready.
    fn ready_pods(&self) -> Result<i64, MetricError>;
}

impl Evidence for Observation<'_> {
    fn scale(&self) -> Option<Scale> {
        self.scale
    }

    fn selector(&self) -> Result<(), SelectorError> {
        self.selector
    }

    fn sampled(&self, index: usize) -> Result<(impl Iterator<Item = Sampled>, &[i64]), MetricError> {
        let Some(&Reading::Pods { samples, requests, strays }) = self.readings.get(index) else {
            return Err(MetricError::Unavailable);
        };
        let pods = self.pods.iter().enumerate().map(move |(i, pod)| {
            let request = match requests {
                Requests::Each(request) => Ok(request),
                Requests::PerPod(each) => each.get(i).copied().unwrap_or(Err(MetricError::MissingRequest)),
            };
            (*pod, samples.get(i).copied().flatten(), request)
        });
        Ok((pods, strays))
    }

    fn value(&self, index: usize) -> Result<i64, MetricError> {
        match self.readings.get(index) {
            Some(Reading::Value(value)) => Ok(*value),
            _ => Err(MetricError::Unavailable),
        }
    }

    fn series(&self, index: usize) -> Result<&[i64], MetricError> {
        match self.readings.get(index) {
            Some(Reading::Series(series)) => Ok(series),
            _ => Err(MetricError::Unavailable),
        }
    }

    fn ready_pods(&self) -> Result<i64, MetricError> {
        let runs = |pod: &&Pod| {
            pod.phase == Some(PodPhase::Running)
                && pod.ready.is_some_and(|ready| ready.status == ReadyStatus::True)
        };
        if self.pods.iter().all(|pod| pod.count == 0) {
            return Err(MetricError::NoPods);
        }
        Ok(self.pods.iter().filter(runs).map(|pod| i64::from(pod.count)).sum())
    }
}

/// A service of a snapshot, which has resource metrics only.
pub(super) struct Service<'a> {
    pub(super) state: &'a ServiceState,
    pub(super) current: u32,
    pub(super) metrics: &'a [Metric],
}

impl Service<'_> {
    fn request(allocation: &Allocation, resource: Resource) -> i64 {
        match resource {
            Resource::Cpu => i64::from(allocation.cpu_request.0),
            Resource::Memory => thousandths(allocation.memory_request.0),
        }
    }
}

fn thousandths(bytes: u64) -> i64 {
    (bytes as i64).wrapping_mul(1000)
}

impl Evidence for Service<'_> {
    fn scale(&self) -> Option<Scale> {
        let running: u32 = self.state.replicas.ready + self.state.replicas.starting;
        Some(Scale { spec_replicas: self.current as i32, status_replicas: running as i32 })
    }

    fn selector(&self) -> Result<(), SelectorError> {
        Ok(())
    }

    #[inline]
    fn sampled(&self, index: usize) -> Result<(impl Iterator<Item = Sampled>, &[i64]), MetricError> {
        let Some(&Metric::Resource { resource, .. }) = self.metrics.get(index) else {
            return Err(MetricError::Unavailable);
        };
        let request = match Self::request(&self.state.allocation, resource) {
            0 => Err(MetricError::MissingRequest),
            request => Ok(request),
        };
        let pods = self.state.pods.iter().map(move |group| {
            let sample = group.usage.as_ref().map(|usage| {
                let value = match resource {
                    Resource::Cpu => i64::from(usage.cpu.0),
                    Resource::Memory => thousandths(usage.memory.0),
                };
                PodSample::of(usage, value)
            });
            (Pod::from(group), sample, request)
        });
        Ok((pods, &[]))
    }

    fn value(&self, _: usize) -> Result<i64, MetricError> {
        Err(MetricError::Unavailable)
    }

    fn series(&self, _: usize) -> Result<&[i64], MetricError> {
        Err(MetricError::Unavailable)
    }

    fn ready_pods(&self) -> Result<i64, MetricError> {
        Err(MetricError::Unavailable)
    }
}
