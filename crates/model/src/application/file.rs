//! The file format of an application and the checks between file and [`Application`].

use super::{Application, Endpoint, Faults, Jvm, ReplicaBounds, Service, ServiceId, Slo, StartUp, Step};
use crate::{
    Error, Result,
    quantity::{Bytes, Millicores, Seconds},
    snapshot::Allocation,
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplicationFile {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    source: String,
    slo: SloFile,
    #[serde(default = "default_timeout")]
    timeout_secs: f64,
    #[serde(default)]
    defaults: BTreeMap<String, toml::Value>,
    service: Vec<toml::Table>,
    endpoint: Vec<EndpointFile>,
}

fn default_timeout() -> f64 {
    10.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SloFile {
    p95_ms: f64,
    #[serde(default = "default_window")]
    window_secs: f64,
}

fn default_window() -> f64 {
    15.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceFile {
    name: String,
    cpu_request_m: u32,
    cpu_limit_m: Option<u32>,
    memory_request_mib: u64,
    memory_limit_mib: Option<u64>,
    heap_mib: Option<u64>,
    replicas: BoundsFile,
    cpu_per_call_ms: f64,
    #[serde(default = "one")]
    cpu_cv2: f64,
    #[serde(default = "default_cores")]
    cores: u32,
    #[serde(default)]
    idle_cpu_m: f64,
    #[serde(default)]
    idle_memory_mib: f64,
    #[serde(default)]
    memory_per_call_kib: f64,
    #[serde(default)]
    latency_floor_ms: f64,
    #[serde(default)]
    start: StartFile,
    jvm: Option<JvmFile>,
    faults: Option<FaultsFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JvmFile {
    off_heap_mib: f64,
    fill_mib: f64,
    fill_scale_mib: f64,
    live_mib: f64,
    gc_cost: f64,
    #[serde(default = "default_threads")]
    threads: u32,
}

/// Tomcat's `maxThreads`.
fn default_threads() -> u32 {
    200
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsFile {
    #[serde(default)]
    error: f64,
    #[serde(default)]
    degraded: f64,
    #[serde(default)]
    failure: f64,
}

fn one() -> f64 {
    1.0
}

fn default_cores() -> u32 {
    4
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundsFile {
    min: u32,
    max: u32,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the unit belongs in a file's key")]
struct StartFile {
    schedule_secs: f64,
    pull_secs: f64,
    readiness_secs: f64,
    cpu_work_secs: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointFile {
    name: String,
    weight: f64,
    service: String,
    #[serde(default)]
    steps: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    call: Option<String>,
    #[serde(default = "one")]
    times: f64,
    #[serde(default)]
    steps: Vec<StepFile>,
    #[serde(default)]
    parallel: Vec<StepFile>,
}

pub(super) fn read(text: &str) -> Result<Application> {
    let file: ApplicationFile = toml::from_str(text).map_err(|e| Error::Syntax(Box::new(e)))?;
    if file.service.is_empty() {
        return Err(value("service", "at least one [[service]]", "none"));
    }
    let mut services: Vec<Service> = Vec::with_capacity(file.service.len());
    for (index, table) in file.service.into_iter().enumerate() {
        let service = service(index, table, &file.defaults)?;
        if services.iter().any(|s| s.name == service.name) {
            return Err(value(&format!("service[{index}].name"), "a name used once", &service.name));
        }
        services.push(service);
    }
    let endpoints = endpoints(file.endpoint, &services)?;
    let application = Application {
        name: file.name,
        description: file.description,
        source: file.source,
        slo: Slo {
            p95: Seconds(positive("slo.p95_ms", file.slo.p95_ms)? / 1000.0),
            window: Seconds(positive("slo.window_secs", file.slo.window_secs)?),
        },
        timeout: Seconds(positive("timeout_secs", file.timeout_secs)?),
        services,
        endpoints,
    };
    application.call_order()?;
    for (service, visits) in application.services.iter().zip(application.visits()) {
        if visits == 0.0 {
            return Err(value(&service.name, "a service that some endpoint reaches", "no call"));
        }
    }
    Ok(application)
}

fn service(
    index: usize,
    mut table: toml::Table,
    defaults: &BTreeMap<String, toml::Value>,
) -> Result<Service> {
    for (key, default) in defaults {
        table.entry(key.clone()).or_insert_with(|| default.clone());
    }
    let named =
        table.get("name").and_then(toml::Value::as_str).map_or_else(|| format!("[{index}]"), str::to_owned);
    let file: ServiceFile = table.try_into().map_err(|e: toml::de::Error| {
        value(&format!("service {named}"), "a complete service", &e.message().replace('\n', " "))
    })?;
    let name = file.name;
    let key = |field: &str| format!("service {name}: {field}");
    if file.replicas.min == 0 || file.replicas.min > file.replicas.max {
        let found = format!("min {} and max {}", file.replicas.min, file.replicas.max);
        return Err(value(&key("replicas"), "1 ≤ min ≤ max", &found));
    }
    if file.cpu_request_m == 0 {
        return Err(value(&key("cpu_request_m"), "more than zero", "0"));
    }
    if file.cpu_limit_m.is_some_and(|limit| limit < file.cpu_request_m) {
        let found = format!("{} below the request {}", file.cpu_limit_m.unwrap_or(0), file.cpu_request_m);
        return Err(value(&key("cpu_limit_m"), "at least the request", &found));
    }
    if file.memory_limit_mib.is_some_and(|limit| limit < file.memory_request_mib) {
        return Err(value(&key("memory_limit_mib"), "at least the request", "less"));
    }
    if file.cores == 0 {
        return Err(value(&key("cores"), "at least 1", "0"));
    }
    let limit = file.cpu_limit_m.map_or(f64::INFINITY, f64::from);
    let idle = not_negative(&key("idle_cpu_m"), file.idle_cpu_m)?;
    if idle >= limit {
        return Err(value(&key("idle_cpu_m"), "less than the CPU limit", &format!("{idle}")));
    }
    let jvm = file.jvm.as_ref().map(|jvm| self::jvm(jvm, file.heap_mib, &key)).transpose()?;
    let faults = file.faults.as_ref().map(|faults| self::faults(faults, &key)).transpose()?;
    Ok(Service {
        allocation: Allocation {
            cpu_request: Millicores(file.cpu_request_m),
            cpu_limit: file.cpu_limit_m.map(Millicores),
            memory_request: Bytes::mebibytes(file.memory_request_mib),
            memory_limit: file.memory_limit_mib.map(Bytes::mebibytes),
            heap: file.heap_mib.map(Bytes::mebibytes),
        },
        replicas: ReplicaBounds { min: file.replicas.min, max: file.replicas.max },
        cpu_per_call: Seconds(positive(&key("cpu_per_call_ms"), file.cpu_per_call_ms)? / 1000.0),
        cpu_cv2: not_negative(&key("cpu_cv2"), file.cpu_cv2)?,
        cores: file.cores,
        idle_cpu: Millicores(idle.round() as u32),
        idle_memory: Bytes(
            (not_negative(&key("idle_memory_mib"), file.idle_memory_mib)? * 1_048_576.0) as u64,
        ),
        memory_per_call: Bytes(
            (not_negative(&key("memory_per_call_kib"), file.memory_per_call_kib)? * 1024.0) as u64,
        ),
        latency_floor: Seconds(not_negative(&key("latency_floor_ms"), file.latency_floor_ms)? / 1000.0),
        start: StartUp {
            schedule: Seconds(not_negative(&key("start.schedule_secs"), file.start.schedule_secs)?),
            pull: Seconds(not_negative(&key("start.pull_secs"), file.start.pull_secs)?),
            readiness: Seconds(not_negative(&key("start.readiness_secs"), file.start.readiness_secs)?),
            cpu_work: Seconds(not_negative(&key("start.cpu_work_secs"), file.start.cpu_work_secs)?),
        },
        jvm,
        faults,
        name,
    })
}

fn jvm(file: &JvmFile, heap_mib: Option<u64>, key: &impl Fn(&str) -> String) -> Result<Jvm> {
    let Some(heap) = heap_mib else {
        return Err(value(&key("heap_mib"), "the heap of a service with jvm", "none"));
    };
    if file.live_mib >= heap as f64 {
        let found = format!("{} of {heap}", file.live_mib);
        return Err(value(&key("jvm.live_mib"), "less than heap_mib", &found));
    }
    if file.threads == 0 {
        return Err(value(&key("jvm.threads"), "at least 1", "0"));
    }
    let mebibytes = |mib: f64| Bytes((mib * 1_048_576.0) as u64);
    Ok(Jvm {
        off_heap: mebibytes(not_negative(&key("jvm.off_heap_mib"), file.off_heap_mib)?),
        fill: mebibytes(not_negative(&key("jvm.fill_mib"), file.fill_mib)?),
        fill_scale: mebibytes(positive(&key("jvm.fill_scale_mib"), file.fill_scale_mib)?),
        live: mebibytes(not_negative(&key("jvm.live_mib"), file.live_mib)?),
        gc_cost: not_negative(&key("jvm.gc_cost"), file.gc_cost)?,
        threads: file.threads,
    })
}

fn faults(file: &FaultsFile, key: &impl Fn(&str) -> String) -> Result<Faults> {
    let share = |field: &str, share: f64| {
        if (0.0..1.0).contains(&share) {
            Ok(share)
        } else {
            Err(value(&key(field), "a probability below 1", &share.to_string()))
        }
    };
    if file.degraded + file.failure > 1.0 {
        let found = (file.degraded + file.failure).to_string();
        return Err(value(&key("faults"), "degraded and failure of together at most 1", &found));
    }
    Ok(Faults {
        error: share("faults.error", file.error)?,
        degraded: share("faults.degraded", file.degraded)?,
        failure: share("faults.failure", file.failure)?,
    })
}

fn endpoints(files: Vec<EndpointFile>, services: &[Service]) -> Result<Vec<Endpoint>> {
    let mut endpoints = Vec::with_capacity(files.len());
    for file in files {
        let find = |name: &str| find(services, &file.name, name);
        endpoints.push(Endpoint {
            weight: not_negative(&format!("endpoint {}: weight", file.name), file.weight)?,
            service: find(&file.service)?,
            steps: steps(&file.name, file.steps, &find)?,
            name: file.name,
        });
    }
    let total: f64 = endpoints.iter().map(|e| e.weight).sum();
    if total <= 0.0 {
        return Err(value("endpoint", "weights that sum to more than zero", &format!("{total}")));
    }
    for endpoint in &mut endpoints {
        endpoint.weight /= total;
    }
    Ok(endpoints)
}

fn steps(
    endpoint: &str,
    files: Vec<StepFile>,
    find: &impl Fn(&str) -> Result<ServiceId>,
) -> Result<Vec<Step>> {
    files
        .into_iter()
        .map(|file| match file.call {
            Some(callee) if file.parallel.is_empty() => Ok(Step::Call {
                service: find(&callee)?,
                times: positive(&format!("endpoint {endpoint}: times of {callee}"), file.times)?,
                steps: steps(endpoint, file.steps, find)?,
            }),
            None if file.steps.is_empty() && !file.parallel.is_empty() => {
                Ok(Step::Parallel(steps(endpoint, file.parallel, find)?))
            }
            _ => Err(value(
                &format!("endpoint {endpoint}: steps"),
                "either `call` (with `times`, `steps`) or `parallel`",
                "both or neither",
            )),
        })
        .collect()
}

fn find(services: &[Service], endpoint: &str, name: &str) -> Result<ServiceId> {
    services.iter().position(|s| s.name == name).ok_or_else(|| Error::UnknownCallee {
        endpoint: endpoint.to_owned(),
        callee: name.to_owned(),
        known: services.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

fn value(key: &str, expected: &'static str, found: &str) -> Error {
    Error::Value { key: key.to_owned(), expected, found: found.to_owned() }
}

fn positive(key: &str, number: f64) -> Result<f64> {
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err(value(key, "a number above zero", &number.to_string()))
    }
}

fn not_negative(key: &str, number: f64) -> Result<f64> {
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        Err(value(key, "zero or more", &number.to_string()))
    }
}
