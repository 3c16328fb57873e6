//! k8s-hpa's topology files: services with their throughput and failures, and who sends to whom.
//!
//! A service at its CPU request answers `computation_throughput` calls a second and replica, so that the CPU of a call is the request
//! over the throughput and limit = request; the rest of `1 / throughput`, in which the published mock service sleeps, is a
//! floor that no CPU shortens. Every call of a service goes on to all that it is connected to, one after the other. 70 % of the memory is in
//! use when idle (KARMA's figure), and pods are up after two seconds and a second of CPU. The objective is a p95 of 200 ms, because the
//! files name none.
//!
//! Left out: images, warnings, which change nothing, what a connection can carry where that is limited between services, which is
//! refused, and `INPUT`'s throughput, which is traffic (`horizontal.rate`).

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use trimtab_model::Application;

/// A service of the file.
#[derive(Deserialize)]
struct Service {
    cpu: u32,
    ram: u32,
    min_replicas: u32,
    max_replicas: u32,
    computation_throughput: f64,
    #[serde(default)]
    error_probability: f64,
    #[serde(default)]
    degraded_probability: f64,
    #[serde(default)]
    failure_probability: f64,
}

#[derive(Deserialize)]
struct Connection {
    source: String,
    destination: String,
    #[serde(default = "unlimited")]
    throughput: f64,
}

fn unlimited() -> f64 {
    -1.0
}

#[derive(Deserialize)]
struct File {
    services: BTreeMap<String, Service>,
    connections: Vec<Connection>,
}

const INPUT: &str = "INPUT";
const OUTPUT: &str = "OUTPUT";

/// The application of a topology, called `name`.
///
/// # Errors
/// A sentence that names what cannot be read or simulated.
pub(super) fn parse(name: &str, text: &str) -> Result<Application, String> {
    let file: File = serde_json::from_str(text).map_err(|e| format!("is no topology: {e}"))?;
    let mut calls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut entries = Vec::new();
    for Connection { source, destination, throughput } in &file.connections {
        for end in [source, destination] {
            if end != INPUT && end != OUTPUT && !file.services.contains_key(end) {
                let known = file.services.keys().map(String::as_str);
                return Err(crate::Error::unknown("service", end, known).to_string());
            }
        }
        if source == OUTPUT || destination == INPUT {
            return Err(format!(
                "has a connection from {source} to {destination}, expected INPUT first and OUTPUT last"
            ));
        }
        if source == INPUT {
            entries.push(destination.as_str());
        } else if destination != OUTPUT {
            if *throughput >= 0.0 {
                return Err(format!(
                    "limits what {source} sends to {destination} to {throughput}, expected −1: only INPUT has a rate"
                ));
            }
            calls.entry(source).or_default().push(destination);
        }
    }
    if entries.is_empty() {
        return Err("has no connection from INPUT, expected one".to_owned());
    }
    let mut toml =
        format!("name = {name:?}\ndescription = \"{} services of a topology file\"\n", file.services.len());
    toml += "slo = { p95_ms = 200, window_secs = 15 }\n[defaults]\ncores = 1\ncpu_cv2 = 1.0\nmemory_per_call_kib = 128\nstart = { schedule_secs = 2.0, cpu_work_secs = 1.0 }\n";
    for (name, service) in &file.services {
        service.write(name, &mut toml)?;
    }
    for entry in entries {
        let steps = steps(entry, &calls, &mut BTreeSet::new())?;
        // Writing to a string cannot fail.
        let _ = write!(
            toml,
            "[[endpoint]]\nname = \"{entry}\"\nweight = 1\nservice = {entry:?}\nsteps = {steps}\n"
        );
    }
    Application::from_toml(&toml).map_err(|e| {
        let source = std::error::Error::source(&e).map_or(String::new(), |source| format!(": {source}"));
        format!("{e}{source}")
    })
}

impl Service {
    fn write(&self, name: &str, toml: &mut String) -> Result<(), String> {
        let throughput = self.computation_throughput;
        if !(throughput > 0.0 && throughput.is_finite()) {
            return Err(format!(
                "service {name}: computation_throughput is {throughput}, expected a number above 0"
            ));
        }
        let (cpu, ram) = (self.cpu, self.ram);
        // A pod uses at most one core, however much it may ask for.
        let work = f64::from(cpu.min(1000)) / throughput;
        let floor = (1000.0 / throughput - work).max(0.0);
        let (min, max, idle) = (self.min_replicas, self.max_replicas, 0.7 * f64::from(ram));
        let (error, degraded, failure) =
            (self.error_probability, self.degraded_probability, self.failure_probability);
        // Writing to a string cannot fail.
        let _ = write!(
            toml,
            "[[service]]\nname = {name:?}\ncpu_request_m = {cpu}\ncpu_limit_m = {cpu}\nmemory_request_mib = {ram}\nidle_memory_mib = {idle:?}\nreplicas = {{ min = {min}, max = {max} }}\ncpu_per_call_ms = {work:?}\nlatency_floor_ms = {floor:?}\nfaults = {{ error = {error:?}, degraded = {degraded:?}, failure = {failure:?} }}\n"
        );
        Ok(())
    }
}

/// What a service does for a call, as TOML.
fn steps<'a>(
    service: &'a str,
    calls: &BTreeMap<&'a str, Vec<&'a str>>,
    above: &mut BTreeSet<&'a str>,
) -> Result<String, String> {
    if !above.insert(service) {
        return Err(format!("has a cycle through {service}, expected none"));
    }
    let mut list = Vec::new();
    for callee in calls.get(service).into_iter().flatten() {
        list.push(format!("{{ call = {callee:?}, steps = {} }}", steps(callee, calls, above)?));
    }
    above.remove(service);
    Ok(format!("[{}]", list.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications::load;

    /// k8s-hpa's `topology.json`: four services in a diamond.
    const PUBLISHED: &str = r#"{"services": {
        "A": {"image": "service-a-image:v1.0", "cpu": 500, "ram": 256, "min_replicas": 1, "max_replicas": 5, "computation_throughput": 100,
              "warning_probability": 0.01, "error_probability": 0.001, "degraded_probability": 0.001, "failure_probability": 0.0001},
        "B": {"image": "service-b-image:v1.0", "cpu": 400, "ram": 512, "min_replicas": 1, "max_replicas": 3, "computation_throughput": 80,
              "warning_probability": 0.02, "error_probability": 0.002, "degraded_probability": 0.002, "failure_probability": 0.0002},
        "C": {"image": "service-c-image:v1.0", "cpu": 600, "ram": 512, "min_replicas": 1, "max_replicas": 4, "computation_throughput": 150,
              "warning_probability": 0.01, "error_probability": 0.001, "degraded_probability": 0.001, "failure_probability": 0.0001},
        "D": {"image": "service-d-image:v1.0", "cpu": 700, "ram": 1024, "min_replicas": 1, "max_replicas": 6, "computation_throughput": 300,
              "warning_probability": 0.015, "error_probability": 0.0015, "degraded_probability": 0.0015, "failure_probability": 0.00015}},
      "connections": [
        {"source": "INPUT", "destination": "A", "throughput": 200}, {"source": "A", "destination": "B", "throughput": -1},
        {"source": "A", "destination": "C", "throughput": -1}, {"source": "B", "destination": "D", "throughput": -1},
        {"source": "C", "destination": "D", "throughput": -1}, {"source": "D", "destination": "OUTPUT", "throughput": -1}]}"#;

    #[test]
    fn the_published_topology_is_the_application_that_ships() {
        let (read, shipped) =
            (parse("chained_services", PUBLISHED).unwrap(), load("chained_services").unwrap());
        assert_eq!(read.edges(), shipped.edges());
        assert!((read.largest_capacity() - shipped.largest_capacity()).abs() < 1e-6);
        for (own, other) in read.services.iter().zip(&shipped.services) {
            assert_eq!((&own.name, own.replicas, own.faults), (&other.name, other.replicas, other.faults));
            assert_eq!(own.allocation, other.allocation);
            assert!((own.cpu_per_call.0 - other.cpu_per_call.0).abs() < 1e-6);
            assert!((own.latency_floor.0 - other.latency_floor.0).abs() < 1e-6);
        }
    }

    #[test]
    fn mistakes_in_a_topology_are_named() {
        let wrong = |from: &str, to: &str| parse("x", &PUBLISHED.replace(from, to)).unwrap_err();
        assert!(wrong("\"destination\": \"B\"", "\"destination\": \"BB\"").contains("did you mean \"B\""));
        assert!(wrong("\"source\": \"INPUT\"", "\"source\": \"A\"").contains("INPUT"));
        assert!(wrong("\"destination\": \"OUTPUT\"", "\"destination\": \"A\"").contains("cycle"));
        assert!(
            wrong("\"computation_throughput\": 80", "\"computation_throughput\": 0").contains("service B")
        );
        assert!(
            wrong("\"destination\": \"B\", \"throughput\": -1", "\"destination\": \"B\", \"throughput\": 5")
                .contains("sends to B")
        );
        assert!(
            wrong("\"min_replicas\": 1, \"max_replicas\": 3", "\"min_replicas\": 4, \"max_replicas\": 3")
                .contains("replicas")
        );
        assert!(wrong("{\"services\"", "{\"sevices\"").contains("no topology"));
    }
}
