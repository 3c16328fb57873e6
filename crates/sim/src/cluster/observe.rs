//! What a controller sees of a lane: ages, windows and missing values as a real pipeline would give them.

use super::Cluster;
use trimtab_model::{
    Bytes, Flow, Latency, Millicores, PerSecond, PodGroup, PodPhase, PodUsage, Readiness, Replicas, Sample,
    Seconds, Snapshot, Time,
};

impl Cluster {
    /// Writes what can be seen of `lane` now.
    pub fn observe(&self, lane: usize, seen: &mut Snapshot) {
        self.observe_pods(lane, seen);
        self.observe_traffic(lane, seen);
    }

    /// Writes what the application's own metrics show: rates, flows and response times.
    fn observe_traffic(&self, lane: usize, seen: &mut Snapshot) {
        let this = &self.state.lane[lane];
        let now = this.time;
        let services = self.application.services.len();
        let rates = this.metrics.rates(services, self.config.scrape_secs);
        let rate = |service| {
            let rates = rates?;
            Some(Sample { value: PerSecond(rates.of(service)), age: Seconds(now - rates.at) })
        };
        seen.rate = rate(services);
        seen.latency = this.metrics.latency().map(|w| Sample {
            value: Latency {
                mean: Seconds(f64::from(w.mean)),
                p95: Seconds(f64::from(w.p95)),
                p99: Seconds(f64::from(w.p99)),
            },
            age: Seconds(now - w.end),
        });
        seen.flows.clear();
        for (service, view) in seen.services.iter_mut().enumerate() {
            view.rate = rate(service);
            view.latency = None;
            if let Some(sample) = view.rate
                && self.entry[service] > 0.0
                && let Some(total) = seen.rate
            {
                let value = PerSecond(total.value.0 * f64::from(self.entry[service]));
                seen.flows.push(Flow {
                    caller: None,
                    callee: service,
                    rate: Sample { value, age: sample.age },
                });
            }
        }
        for callee in 0..services {
            for &(caller, calls) in &self.callers[callee] {
                if let Some(sample) = seen.services[caller].rate {
                    let value = PerSecond(sample.value.0 * f64::from(calls));
                    let rate = Sample { value, age: sample.age };
                    seen.flows.push(Flow { caller: Some(caller), callee, rate });
                }
            }
        }
    }

    /// Writes the time, and what Kubernetes itself shows: pods and their resource metrics. The rest stays as it was, which is
    /// all that an HPA needs and costs half of [`Cluster::observe`].
    pub fn observe_pods(&self, lane: usize, seen: &mut Snapshot) {
        let this = &self.state.lane[lane];
        let now = this.time;
        seen.time = Time(now);
        seen.services.resize_with(self.application.services.len(), Default::default);
        let latch = this.metrics.resources();
        let window = self.config.metrics_resolution_secs;
        for (service, view) in seen.services.iter_mut().enumerate() {
            let at = service * self.lanes + lane;
            let pods = &self.state.pods[at];
            let described = &self.application.services[service];
            let latched = latch.filter(|l| l.present[service]);
            // The cast rounds down: to the nearest millicore, after half of one is added.
            let sample =
                latched.map(|l| (Millicores((l.cpu[service] + 0.5) as u32), Bytes(l.memory[service] as u64)));
            let age = Seconds(latch.map_or(0.0, |l| now - l.at));
            view.allocation = self.state.allocation[at];
            view.cpu = sample.map(|(value, _)| Sample { value, age });
            view.memory = sample.map(|(_, value)| Sample { value, age });
            view.pods.clear();
            view.resizing = None;
            let usage = |running_at: f64, ready_at: f64| {
                let latch = latched.filter(|l| running_at <= l.at - window)?;
                let starting = (described.idle_cpu, described.idle_memory);
                let (cpu, memory) = if ready_at <= latch.at { sample.unwrap_or(starting) } else { starting };
                Some(PodUsage { cpu, memory, at: Time(latch.at), window: Seconds(window) })
            };
            if !self.state.fleets.is_empty() {
                self.observe_fleet(lane, service, view, usage);
                continue;
            }
            view.replicas = Replicas {
                spec: self.state.spec[at],
                ready: pods.ready(),
                starting: pods.total() - pods.ready(),
            };
            for cohort in pods.cohorts() {
                let running = cohort.running_at <= now;
                let ready = cohort.ready_at <= now;
                view.pods.push(PodGroup {
                    count: cohort.count,
                    phase: if running { PodPhase::Running } else { PodPhase::Pending },
                    deleting: false,
                    started: running.then_some(Time(cohort.running_at)),
                    readiness: running.then_some(Readiness {
                        ready,
                        since: Time(if ready { cohort.ready_at } else { cohort.running_at }),
                    }),
                    usage: usage(cohort.running_at, cohort.ready_at),
                });
            }
        }
    }
}
