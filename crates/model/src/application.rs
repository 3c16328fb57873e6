//! An application as data: services, what a call costs them, and who calls whom.
//!
//! The file format is TOML with units in the key names ([`Application::from_toml`]); `apps/*.toml` are
//! examples. Left out: node pools and anything that a cluster, not an application, decides.

mod conditions;
mod file;

pub use conditions::{Faults, Jvm};

use crate::{
    Error, Result,
    quantity::{Bytes, Millicores, Seconds},
    snapshot::Allocation,
};
use serde::Serialize;

/// Index of a service in [`Application::services`].
pub type ServiceId = usize;

/// A service-level objective on response time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slo {
    /// Bound on the 95th percentile of each window.
    pub p95: Seconds,
    /// Length of a window.
    pub window: Seconds,
}

/// Fewest and most replicas allowed, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReplicaBounds {
    /// Fewest.
    pub min: u32,
    /// Most.
    pub max: u32,
}

/// How long a new pod takes until it serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StartUp {
    /// From the decision to the node: control plane and scheduler.
    pub schedule: Seconds,
    /// Image pull.
    pub pull: Seconds,
    /// Readiness: initial delay plus on average half a probe period.
    pub readiness: Seconds,
    /// CPU seconds of work before the pod can be ready (runtime start, warm-up).
    pub cpu_work: Seconds,
}

/// One service: what its pods are given and what a call costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Service {
    /// Name of the Deployment.
    pub name: String,
    /// Resources of each pod at the start.
    pub allocation: Allocation,
    /// Replica bounds.
    pub replicas: ReplicaBounds,
    /// Mean CPU time of one call.
    pub cpu_per_call: Seconds,
    /// Squared coefficient of variation of that CPU time.
    pub cpu_cv2: f64,
    /// Most cores that one pod can use at a time (1 for a single-threaded server).
    pub cores: u32,
    /// CPU that an idle pod uses.
    pub idle_cpu: Millicores,
    /// Working set of an idle pod.
    pub idle_memory: Bytes,
    /// Working set that each call in progress adds.
    pub memory_per_call: Bytes,
    /// Time of a call that no CPU can shorten: network, disk, a database outside the application.
    pub latency_floor: Seconds,
    /// How long a new pod takes.
    pub start: StartUp,
    /// Its Java heap, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jvm: Option<Jvm>,
    /// How it fails, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
}

/// Part of a call tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Step {
    /// Calls made one after the other.
    Call {
        /// Called service.
        service: ServiceId,
        /// Calls per visit; a mean, so fractions are allowed.
        times: f64,
        /// What the callee does in turn for each of these calls.
        steps: Vec<Step>,
    },
    /// Steps made at the same time; the slowest counts.
    Parallel(Vec<Step>),
}

/// A kind of request from outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Endpoint {
    /// Name, such as `GET /cart`.
    pub name: String,
    /// Share of all requests; the weights of an application sum to 1.
    pub weight: f64,
    /// Service that takes the request.
    pub service: ServiceId,
    /// What it does, one step after the other.
    pub steps: Vec<Step>,
}

/// An application: services in a fixed order and the requests they answer together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Application {
    /// Short name.
    pub name: String,
    /// One sentence for a listing.
    pub description: String,
    /// Where the figures come from.
    pub source: String,
    /// Objective.
    pub slo: Slo,
    /// After this long a waiting request is given up.
    pub timeout: Seconds,
    /// Services; position is identity.
    pub services: Vec<Service>,
    /// Requests, weights normalised.
    pub endpoints: Vec<Endpoint>,
}

impl Application {
    /// Reads an application file.
    ///
    /// # Errors
    /// [`Error`] for anything that a plant could not carry out; see its variants.
    pub fn from_toml(text: &str) -> Result<Self> {
        file::read(text)
    }

    /// Index of the service called `name`.
    pub fn service(&self, name: &str) -> Option<ServiceId> {
        self.services.iter().position(|s| s.name == name)
    }

    /// Mean calls that one request from outside causes at each service.
    pub fn visits(&self) -> Vec<f64> {
        let mut visits = vec![0.0; self.services.len()];
        for endpoint in &self.endpoints {
            visits[endpoint.service] += endpoint.weight;
            each_call(&endpoint.steps, endpoint.service, endpoint.weight, &mut |_, to, n| visits[to] += n);
        }
        visits
    }

    /// Edges of the call graph: caller, callee, mean calls per request from outside. Callers first.
    pub fn edges(&self) -> Vec<(ServiceId, ServiceId, f64)> {
        let mut edges: Vec<(ServiceId, ServiceId, f64)> = Vec::new();
        for endpoint in &self.endpoints {
            each_call(&endpoint.steps, endpoint.service, endpoint.weight, &mut |from, to, n| match edges
                .iter_mut()
                .find(|e| e.0 == from && e.1 == to)
            {
                Some(edge) => edge.2 += n,
                None => edges.push((from, to, n)),
            });
        }
        edges.sort_by_key(|e| (e.0, e.1));
        edges
    }

    /// Services ordered so that callers stand before those they call.
    ///
    /// # Errors
    /// [`Error::Cycle`]; never for an application that was read by [`Application::from_toml`].
    pub fn call_order(&self) -> Result<Vec<ServiceId>> {
        let edges = self.edges();
        let mut open = vec![0usize; self.services.len()];
        for edge in &edges {
            open[edge.1] += 1;
        }
        let mut order: Vec<ServiceId> = (0..open.len()).filter(|&s| open[s] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            let caller = order[next];
            for edge in edges.iter().filter(|e| e.0 == caller) {
                open[edge.1] -= 1;
                if open[edge.1] == 0 {
                    order.push(edge.1);
                }
            }
            next += 1;
        }
        if order.len() == self.services.len() { Ok(order) } else { Err(self.cycle(&edges, &open)) }
    }

    /// Names one cycle: from any service still open, follow open callers until one repeats.
    fn cycle(&self, edges: &[(ServiceId, ServiceId, f64)], open: &[usize]) -> Error {
        let mut path = vec![open.iter().position(|&n| n > 0).unwrap_or(0)];
        loop {
            let here = path[path.len() - 1];
            let caller = edges.iter().find(|e| e.1 == here && open[e.0] > 0).map_or(here, |e| e.0);
            let seen = path.iter().position(|&s| s == caller);
            path.push(caller);
            if let Some(first) = seen {
                let mut names: Vec<&str> =
                    path[first..].iter().map(|&s| self.services[s].name.as_str()).collect();
                names.reverse();
                return Error::Cycle { path: names.join(" → ") };
            }
        }
    }

    /// The largest rate of requests from outside at which every service, at its most replicas and its CPU
    /// limit, still keeps up (utilisation 1). Infinite where no service has a limit.
    pub fn largest_capacity(&self) -> f64 {
        let visits = self.visits();
        let mut capacity = f64::INFINITY;
        for (service, visits) in self.services.iter().zip(visits) {
            if visits > 0.0 {
                let pod = service.usable_cores() / service.cpu_per_call.0;
                capacity = capacity.min(f64::from(service.replicas.max) * pod / visits);
            }
        }
        capacity
    }
}

impl Service {
    /// Cores that one pod has for calls: the smaller of limit and thread count, less idle use.
    pub fn usable_cores(&self) -> f64 {
        let limit = self.allocation.cpu_limit.map_or(f64::INFINITY, Millicores::cores);
        limit.min(f64::from(self.cores)) - self.idle_cpu.cores()
    }
}

/// Visits every call of a tree with its caller and the calls per request that it stands for.
fn each_call(
    steps: &[Step],
    caller: ServiceId,
    weight: f64,
    visit: &mut impl FnMut(ServiceId, ServiceId, f64),
) {
    for step in steps {
        match step {
            Step::Call { service, times, steps } => {
                visit(caller, *service, weight * times);
                each_call(steps, *service, weight * times, visit);
            }
            Step::Parallel(branches) => each_call(branches, caller, weight, visit),
        }
    }
}

#[cfg(test)]
mod tests;
