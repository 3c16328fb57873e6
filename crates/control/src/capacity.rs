//! What a load test tells of each service: how many of its calls a request from outside makes, what a call costs, and
//! how many calls a pod serves at its CPU limit. Rules that count requests need their targets in these terms.
//!
//! Left out: measuring it; here it comes from the application's own figures.

use trimtab_model::{Application, Millicores, ReplicaBounds};

/// One service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Calls at the service for each request from outside.
    pub visits: f64,
    /// Millicore-seconds of a call.
    pub millicores_per_call: f64,
    /// Calls per second that one pod serves at its CPU limit.
    pub calls_per_pod: f64,
    /// CPU request of a pod.
    pub request: Millicores,
    /// CPU that an idle pod uses.
    pub idle: Millicores,
    /// Replicas allowed.
    pub bounds: ReplicaBounds,
}

impl Capacity {
    /// Every service of an application, in its order.
    pub fn of(application: &Application) -> Vec<Self> {
        let services = application.services.iter().zip(application.visits());
        services
            .map(|(service, visits)| Self {
                visits,
                millicores_per_call: 1000.0 * service.cpu_per_call.0,
                calls_per_pod: service.usable_cores() / service.cpu_per_call.0,
                request: service.allocation.cpu_request,
                idle: service.idle_cpu,
                bounds: service.replicas,
            })
            .collect()
    }

    /// The fewest allowed replicas that serve `rate` requests per second from outside with `calls` calls per second
    /// and pod, above 0.
    pub fn replicas(&self, rate: f64, calls: f64) -> u32 {
        self.within(rate * self.visits / calls)
    }

    /// The fewest allowed replicas that are at least `pods`.
    pub fn within(&self, pods: f64) -> u32 {
        (pods.ceil().min(f64::from(u32::MAX)) as u32).clamp(self.bounds.min, self.bounds.max)
    }
}
