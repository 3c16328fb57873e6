//! Our controller in a story, one sync at a time.

use crate::story::{Amounts, Condition, Container, Done, Pod, Step, Story, Value};
use trimtab_control::hpa::{
    self, Constants, ContainerRequest, Controller, InitRequest, Metric, MetricError, Observation,
    PodRequests, PodSample, Reading, ReadyCondition, ReadyStatus, Release, Reported, Requests, Resource,
    Scale, SelectorError, pod_request,
};
use trimtab_model::{PodPhase, Seconds, Time};

/// A run of a story up to some step.
pub(crate) struct Run {
    constants: Constants,
    period: f64,
    controller: Option<Controller>,
    pub(crate) replicas: i32,
    steps: u32,
}

/// The whole story.
pub(crate) fn tell(story: &Story) -> Result<Vec<Done>, String> {
    let mut run = Run::new(story);
    story.steps.iter().map(|step| run.step(step)).collect()
}

impl Run {
    pub(crate) fn new(story: &Story) -> Self {
        let mut constants = Constants {
            tolerance: story.tolerance,
            downscale_stabilization_secs: story.downscale,
            cpu_initialization_secs: story.cpu_init,
            initial_readiness_secs: story.readiness,
            release: Release::V1_36,
            ..Constants::default()
        };
        let gate = |name: &str| story.gates.get(name).copied().unwrap_or(true);
        constants.gates.scale_to_zero = gate("HPAScaleToZero");
        constants.gates.configurable_tolerance = gate("HPAConfigurableTolerance");
        constants.gates.pod_level_resources = gate("PodLevelResources");
        Self { constants, period: story.period, controller: None, replicas: story.replicas, steps: 0 }
    }

    /// When the next sync comes.
    pub(crate) fn next(&self) -> f64 {
        1.0 + f64::from(self.steps + 1) * self.period
    }

    pub(crate) fn step(&mut self, step: &Step) -> Result<Done, String> {
        let now = Time(self.next());
        self.steps += 1;
        if let Some(replicas) = step.replicas {
            self.replicas = replicas;
        }
        if let Some(manifest) = &step.spec {
            let spec = manifest.spec().map_err(|error| error.to_string())?;
            match &mut self.controller {
                Some(controller) => controller.set_spec(spec),
                None => self.controller = Some(Controller::admitted(spec, self.constants)),
            }
        }
        let controller = self.controller.as_mut().ok_or("the first step has no spec")?;

        let pods: Vec<hpa::Pod> = step.pods.iter().map(pod).collect::<Result<_, _>>()?;
        let sources: Vec<Source> = controller
            .spec()
            .metrics
            .iter()
            .map(|metric| Source::new(metric, step, self.constants.gates.pod_level_resources))
            .collect();
        let readings: Vec<Reading<'_>> = sources.iter().map(Source::reading).collect();
        let seen = Observation {
            scale: (!step.get_fails)
                .then_some(Scale { spec_replicas: self.replicas, status_replicas: step.status_replicas }),
            selector: match step.selector.as_str() {
                "missing" => Err(SelectorError::Missing),
                "invalid" => Err(SelectorError::Invalid),
                // Only pods make two selectors collide.
                "ambiguous" if !step.pods.is_empty() => Err(SelectorError::Ambiguous),
                _ => Ok(()),
            },
            pods: &pods,
            readings: &readings,
        };
        let mut outcome = controller.decide(now, &seen);
        if let Some(rescale) = outcome.rescale {
            if !step.update_fails {
                self.replicas = rescale.replicas;
            }
            controller.commit(now, &mut outcome, !step.update_fails);
        }
        Ok(done(controller, &outcome, self.replicas))
    }
}

fn done(controller: &Controller, outcome: &hpa::Outcome, replicas: i32) -> Done {
    let status = controller.status();
    let value = |reported: &Result<Reported, MetricError>| {
        let none = Value { percent: None, average: None, value: None };
        match reported.ok()? {
            Reported::Utilization { percent, average } => {
                Some(Value { percent: Some(percent), average: Some(average), ..none })
            }
            Reported::AverageValue(average) => Some(Value { average: Some(average), ..none }),
            Reported::Value(value) => Some(Value { value: Some(value), ..none }),
        }
    };
    let condition = |c: &hpa::Condition| Condition {
        kind: format!("{:?}", c.kind),
        status: if c.status { "True" } else { "False" }.to_owned(),
        reason: format!("{:?}", c.reason),
        since: c.since.0,
    };
    Done {
        syncs: 1,
        replicas,
        current: status.current_replicas,
        desired: status.desired_replicas,
        last_scale: status.last_scale_time.map(|time| time.0),
        metrics: status.current_metrics.iter().map(value).collect(),
        conditions: status.conditions.iter().map(condition).collect(),
        events: controller.events(outcome).map(|event| event.reason()).collect(),
    }
}

fn pod(pod: &Pod) -> Result<hpa::Pod, String> {
    Ok(hpa::Pod {
        count: 1,
        phase: match pod.phase.as_str() {
            "Pending" => Some(PodPhase::Pending),
            "Running" => Some(PodPhase::Running),
            "Succeeded" => Some(PodPhase::Succeeded),
            "Failed" => Some(PodPhase::Failed),
            "Unknown" => None,
            other => return Err(format!("no phase {other}")),
        },
        deleting: pod.deleting,
        started: pod.started.map(Time),
        ready: pod.ready.as_ref().map(|ready| ReadyCondition {
            status: match ready.status.as_str() {
                "True" => ReadyStatus::True,
                "False" => ReadyStatus::False,
                _ => ReadyStatus::Unknown,
            },
            since: Time(ready.since),
        }),
    })
}

/// Where the metric of one entry of the spec is found among a step's readings.
pub(crate) fn key(metric: &Metric) -> String {
    match metric {
        Metric::Resource { resource, .. } => format!("{}/", name(*resource)),
        Metric::ContainerResource { resource, container, .. } => format!("{}/{container}", name(*resource)),
        Metric::Pods { metric, .. } | Metric::Object { metric, .. } | Metric::External { metric, .. } => {
            metric.name.clone()
        }
        Metric::Unknown { source_type } => source_type.clone(),
    }
}

fn name(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cpu",
        Resource::Memory => "memory",
    }
}

/// What a [`Reading`] borrows from.
enum Source {
    Failed,
    Pods { samples: Vec<Option<PodSample>>, strays: Vec<i64>, requests: Vec<Result<i64, MetricError>> },
    Value(i64),
    Series(Vec<i64>),
}

impl Source {
    fn new(metric: &Metric, step: &Step, pod_level: bool) -> Self {
        let Some(reading) = step.readings.get(&key(metric)).filter(|reading| !reading.fails) else {
            return Self::Failed;
        };
        let (resource, container) = match metric {
            Metric::Object { .. } => return Self::Value(reading.value),
            Metric::External { .. } => return Self::Series(reading.series.clone()),
            Metric::Resource { resource, .. } => (*resource, None),
            Metric::ContainerResource { resource, container, .. } => (*resource, Some(container.as_str())),
            Metric::Pods { .. } | Metric::Unknown { .. } => (Resource::Cpu, None),
        };
        let of = |pod: &Pod| reading.samples.iter().find(|sample| sample.pod == pod.name);
        let sample = |pod: &Pod| {
            of(pod).map(|s| PodSample { value: s.value, at: Time(s.at), window: Seconds(s.window) })
        };
        let stray = |sample: &&crate::story::Sample| step.pods.iter().all(|pod| pod.name != sample.pod);
        Self::Pods {
            samples: step.pods.iter().map(sample).collect(),
            strays: reading.samples.iter().filter(stray).map(|sample| sample.value).collect(),
            requests: step.pods.iter().map(|pod| request(pod, resource, container, pod_level)).collect(),
        }
    }

    fn reading(&self) -> Reading<'_> {
        match self {
            Self::Failed => Reading::Failed,
            Self::Pods { samples, strays, requests } => {
                Reading::Pods { samples, strays, requests: Requests::PerPod(requests) }
            }
            Self::Value(value) => Reading::Value(*value),
            Self::Series(series) => Reading::Series(series),
        }
    }
}

fn request(pod: &Pod, resource: Resource, container: Option<&str>, gate: bool) -> Result<i64, MetricError> {
    let amount = |amounts: &Amounts| match resource {
        Resource::Cpu => amounts.cpu,
        Resource::Memory => amounts.memory.map(|bytes| bytes * 1000),
    };
    fn one<'a>(container: &'a Container, amount: impl Fn(&Amounts) -> Option<i64>) -> ContainerRequest<'a> {
        ContainerRequest { name: &container.name, request: amount(&container.requests) }
    }
    let containers: Vec<_> = pod.containers.iter().map(|c| one(c, amount)).collect();
    let init: Vec<_> = pod
        .init
        .iter()
        .map(|c| InitRequest { container: one(c, amount), restartable: c.restartable })
        .collect();
    let any = |amounts: &&Amounts| amounts.cpu.is_some() || amounts.memory.is_some();
    let pod_level = pod.pod_level.as_ref().filter(any).map(amount);
    let pod = PodRequests { containers: &containers, init: &init, pod_level, overhead: None };
    pod_request(&pod, container, gate)
}
