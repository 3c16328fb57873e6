//! Pods, samples, rules and logs as the cases write them.

use crate::cases::Input;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use trimtab_control::hpa::{
    Constants, ContainerRequest, InitRequest, MetricError, Pod, PodRequests, PodSample, Policy, PolicyKind,
    Reading, ReadyCondition, ReadyStatus, Recommendation, Requests, Rules, ScaleEvent, Select, pod_request,
};
use trimtab_model::{PodPhase, Seconds, Time};

/// The family's constants, overridden by a case's own.
pub(crate) fn constants(defaults: &Value, inputs: &Value) -> Result<Constants, Failed> {
    let mut constants = Constants::default();
    let set = |key: &str, value: &mut f64| {
        if let Some(number) = inputs[key].as_f64().or(defaults[key].as_f64()) {
            *value = number;
        }
    };
    set("tolerance", &mut constants.tolerance);
    set("downscale_stabilization_s", &mut constants.downscale_stabilization_secs);
    set("cpu_initialization_period_s", &mut constants.cpu_initialization_secs);
    set("initial_readiness_delay_s", &mut constants.initial_readiness_secs);
    set("scale_up_limit_factor", &mut constants.scale_up_limit_factor);
    set("scale_up_limit_minimum", &mut constants.scale_up_limit_minimum);
    if let Some(gates) = inputs["feature_gates"].as_object() {
        for (gate, on) in gates {
            let on = on.as_bool().ok_or("a gate is on or off")?;
            match gate.as_str() {
                "HPAScaleToZero" => constants.gates.scale_to_zero = on,
                "HPAConfigurableTolerance" => constants.gates.configurable_tolerance = on,
                "PodLevelResources" => constants.gates.pod_level_resources = on,
                other => return Err(format!("no gate `{other}`").into()),
            }
        }
    }
    Ok(constants)
}

/// The pods of a case, with their names.
pub(crate) struct Pods {
    pub(crate) names: Vec<String>,
    pub(crate) pods: Vec<Pod>,
}

/// Samples of one metric.
pub(crate) struct Samples {
    pub(crate) samples: Vec<Option<PodSample>>,
    pub(crate) strays: Vec<i64>,
    reported: bool,
}

impl Samples {
    /// An API that has nothing to tell answers with an error.
    pub(crate) fn reading<'a>(&'a self, requests: Requests<'a>) -> Reading<'a> {
        if self.reported {
            Reading::Pods { samples: &self.samples, requests, strays: &self.strays }
        } else {
            Reading::Failed
        }
    }
}

impl Pods {
    pub(crate) fn read(inputs: &Value) -> Result<Self, Failed> {
        let mut read = Self { names: Vec::new(), pods: Vec::new() };
        for pod in inputs.list("pods")? {
            read.names.push(pod.text("name")?.to_owned());
            read.pods.push(Pod {
                count: 1,
                phase: match pod["phase"].as_str() {
                    Some("Pending") => Some(PodPhase::Pending),
                    Some("Running") => Some(PodPhase::Running),
                    Some("Succeeded") => Some(PodPhase::Succeeded),
                    Some("Failed") => Some(PodPhase::Failed),
                    Some("Unknown") | None => None,
                    Some(other) => return Err(format!("no phase `{other}`").into()),
                },
                deleting: pod["deletion_requested"].as_bool().unwrap_or_default(),
                started: pod["start_time_s"].as_f64().map(Time),
                ready: match &pod["ready_condition"] {
                    Value::Null => None,
                    condition => Some(ReadyCondition {
                        status: match condition.text("status")? {
                            "True" => ReadyStatus::True,
                            "False" => ReadyStatus::False,
                            _ => ReadyStatus::Unknown,
                        },
                        since: Time(condition.float("last_transition_s")?),
                    }),
                },
            });
        }
        Ok(read)
    }

    /// Samples given by index; those past the last pod belong to nobody.
    pub(crate) fn indexed(&self, values: &[Option<i64>], at: Time, window: Seconds) -> Samples {
        let sample = |value: i64| PodSample { value, at, window };
        let (mine, strays) = values.split_at(values.len().min(self.pods.len()));
        let mut samples: Vec<_> = mine.iter().map(|value| value.map(sample)).collect();
        samples.resize(self.pods.len(), None);
        Samples { samples, strays: strays.iter().flatten().copied().collect(), reported: !values.is_empty() }
    }

    fn samples(&self, list: &[Value], value: impl Fn(&Value) -> Option<i64>) -> Result<Samples, Failed> {
        let mut samples =
            Samples { samples: vec![None; self.pods.len()], strays: Vec::new(), reported: !list.is_empty() };
        for metric in list {
            let Some(value) = value(metric) else { continue };
            let name = metric.text("pod")?;
            let at = Time(metric.float("timestamp_s")?);
            let window = Seconds(metric.float("window_s")?);
            match self.names.iter().position(|pod| pod == name) {
                Some(index) => samples.samples[index] = Some(PodSample { value, at, window }),
                None => samples.strays.push(value),
            }
        }
        Ok(samples)
    }

    /// Values per container: of one container, or the sum.
    pub(crate) fn resource_samples(
        &self,
        inputs: &Value,
        container: Option<&str>,
    ) -> Result<Samples, Failed> {
        self.samples(inputs.list("metrics")?, |metric| match container {
            Some(name) => metric["containers"][name].as_i64(),
            None => metric["containers"].as_object()?.values().map(Value::as_i64).sum(),
        })
    }

    /// One value per pod.
    pub(crate) fn plain_samples(&self, inputs: &Value) -> Result<Samples, Failed> {
        self.samples(inputs.list("metrics")?, |metric| metric["value_milli"].as_i64())
    }

    /// Requests of every pod.
    pub(crate) fn requests(
        &self,
        inputs: &Value,
        container: Option<&str>,
        gate: bool,
    ) -> Result<Vec<Result<i64, MetricError>>, Failed> {
        let one = |pod: &Value| -> Result<Result<i64, MetricError>, Failed> {
            fn request(container: &Value) -> ContainerRequest<'_> {
                let name = container["name"].as_str().unwrap_or_default();
                ContainerRequest { name, request: container["request_milli"].as_i64() }
            }
            let containers: Vec<_> = pod.list("containers")?.iter().map(request).collect();
            let restarts = |c: &Value| c["restartable"] == true;
            let init = pod.list("init_containers")?.iter();
            let init: Vec<_> =
                init.map(|c| InitRequest { container: request(c), restartable: restarts(c) }).collect();
            let pod_level = pod["pod_level_request_milli"].as_i64().map(Some);
            let pod = PodRequests { containers: &containers, init: &init, pod_level, overhead: None };
            Ok(pod_request(&pod, container, gate))
        };
        inputs.list("pods")?.iter().map(one).collect()
    }
}

/// Rules of one direction.
pub(crate) fn rules(value: &Value) -> Result<Rules, Failed> {
    let policy = |policy: &Value| -> Result<Policy, Failed> {
        Ok(Policy {
            kind: match policy.text("type")? {
                "Pods" => PolicyKind::Pods,
                "Percent" => PolicyKind::Percent,
                other => return Err(format!("no policy `{other}`").into()),
            },
            value: policy.int("value")? as u32,
            period_secs: policy.int("period_s")? as u32,
        })
    };
    Ok(Rules {
        stabilization_secs: value["stabilization_window_s"].as_f64(),
        select: match value["select_policy"].as_str() {
            Some("Max") | None => Select::Max,
            Some("Min") => Select::Min,
            Some("Disabled") => Select::Disabled,
            Some(other) => return Err(format!("no select policy `{other}`").into()),
        },
        policies: value.list("policies")?.iter().map(policy).collect::<Result<_, _>>()?,
        tolerance: value["tolerance"].as_f64(),
    })
}

/// Scale events, given with their ages.
pub(crate) fn events(inputs: &Value, key: &str, now: Time) -> Result<Vec<ScaleEvent>, Failed> {
    let event = |event: &Value| -> Result<ScaleEvent, Failed> {
        Ok(ScaleEvent {
            change: event.int("replica_change")? as i32,
            at: Time(now.0 - event.float("age_s")?),
            outdated: event["outdated"].as_bool().unwrap_or_default(),
        })
    };
    inputs.list(key)?.iter().map(event).collect()
}

/// The stabilisation log; `None` before the first sync.
pub(crate) fn recommendations(inputs: &Value, now: Time) -> Result<Option<Vec<Recommendation>>, Failed> {
    if inputs["recommendations"].is_null() {
        return Ok(None);
    }
    let entry = |entry: &Value| -> Result<Recommendation, Failed> {
        let replicas = entry.int("replicas")? as i32;
        Ok(Recommendation { replicas, at: Time(now.0 - entry.float("age_s")?) })
    };
    inputs.list("recommendations")?.iter().map(entry).collect::<Result<_, _>>().map(Some)
}

/// A set of names, in the order in which the case lists them when they are the same set.
pub(crate) fn order(mut names: Vec<&String>, wanted: &Value) -> Value {
    names.sort();
    let mut listed: Vec<&str> = wanted.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    listed.sort_unstable();
    if listed == names { wanted.clone() } else { json!(names) }
}
