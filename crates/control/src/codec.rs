//! The observation codec: from a [`Snapshot`] to the numbers that a policy sees. It exists once.
//!
//! Each service has a block of features about itself, and all share a block about the traffic. `PerService`
//! gives every service a row of its own (its block and the shared one), so that one small policy, shared by
//! all services, acts on any application; `Flat` gives one row with all blocks. Features are of order 1 and
//! clipped. A missing metric is a flag and a neutral value, never a zero that could be a measurement.
//!
//! Left out: actions ([`crate::steering`]).

use serde::{Deserialize, Serialize};
use trimtab_model::{Application, ServiceState, Snapshot, Time};

/// Changes whenever the meaning of an observation does; travels in every checkpoint.
pub const VERSION: u32 = 1;

/// How the blocks are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One row for each service.
    PerService,
    /// One row for the application.
    Flat,
}

/// What an entry of the observation means, for `trimtab env describe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Short name.
    pub name: &'static str,
    /// Meaning and unit.
    pub meaning: &'static str,
}

macro_rules! features {
    ($const:ident: $($name:literal $meaning:literal),+ $(,)?) => {
        /// Features in order.
        pub const $const: &[Feature] = &[$(Feature { name: $name, meaning: $meaning }),+];
    };
}

features!(SERVICE:
    "spec" "replicas asked for, over the most allowed",
    "ready" "ready replicas over those asked for, at most 2",
    "starting" "replicas not ready yet, over those asked for, at most 2",
    "at_min" "1 when at the fewest replicas",
    "at_max" "1 when at the most replicas",
    "load" "CPU use over the inner autoscaler's target, less 1, from -1 to 2; 0 when missing",
    "load_change" "change of `load` since the last decision, from -1 to 1",
    "load_missing" "1 when there is no CPU sample",
    "load_age" "age of the CPU sample over 30 s, at most 2",
    "saturation" "CPU use over the limit, at most 1.5; 0 without a limit",
    "wanted" "replicas that would bring CPU use to the target, less those asked for, from -3 to 3, over 3",
    "slack" "distance of that number to the next whole replica above, from 0 to 1",
    "inflow_trend" "logarithm of the callers' rate over its 5-minute mean, from -1 to 1",
    "last_shift" "shift of the target in the last decision",
    "last_feed_forward" "replicas added in the last decision, over 2",
    "target" "the inner autoscaler's target over the CPU request",
    "cost_share" "CPU request of a replica over that of one replica of each service",
    "latency_share" "share of the response time without load that this service takes",
    "visits" "logarithm of calls per request, plus 3, over 4",
    "requests_per_quota" "base-2 logarithm of the calls that one quota period can hold, over 6",
    "start" "seconds until a new replica serves, over 60",
    "most" "most replicas allowed, over 10",
);

features!(SHARED:
    "rate" "requests per second over the largest capacity, at most 2; 0 when missing",
    "rate_missing" "1 when there is no request rate",
    "rate_age" "age of the request rate over 30 s, at most 2",
    "trend_1m" "logarithm of the rate over its 1-minute mean, from -1 to 1",
    "trend_5m" "logarithm of the rate over its 5-minute mean, from -1 to 1",
    "trend_30m" "logarithm of the rate over its 30-minute mean, from -2 to 2",
    "volatility" "5-minute mean of the absolute change of the logarithm of the rate between decisions, at most 1, times 4",
    "latency" "logarithm of p95 over the SLO's bound, from -2 to 2; 0 when missing",
    "violating" "1 when p95 is over the bound",
    "day_sin" "sine of the time of day",
    "day_cos" "cosine of the time of day",
    "half_day_sin" "sine of twice the time of day",
    "half_day_cos" "cosine of twice the time of day",
    "weekend" "1 on Saturday and Sunday (UTC)",
    "pressure" "mean of `load` over the services, weighted by their share of the response time",
    "highest_load" "largest `load` of a service that is not at its most replicas, from -1 to 2",
    "starting" "share of the services that have replicas which are not ready yet",
);

/// What the last decision did to a service, fed back as an observation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Echo {
    /// Relative shift of the target.
    pub shift: f32,
    /// Replicas added.
    pub feed_forward: f32,
}

/// Settings of the codec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodecConfig {
    /// How the blocks are put together.
    pub layout: Layout,
    /// CPU target of each service as a share of its request; what `load` is relative to.
    pub targets: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Constants {
    max: f32,
    min: u32,
    target: f32,
    fixed: [f32; 7],
}

impl Constants {
    /// CPU use over the inner autoscaler's target; `None` when missing.
    fn ratio(&self, service: &ServiceState) -> Option<f32> {
        let request = service.allocation.cpu_request.0.max(1) as f32;
        service.cpu.map(|cpu| cpu.value.0 as f32 / (request * self.target))
    }
}

/// What the codec remembers between two encodings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodecMemory {
    time: Option<Time>,
    log_rate: f32,
    /// Means of the logarithm of the rate over 1, 5 and 30 minutes.
    means: [f32; 3],
    volatility: f32,
    load: Vec<f32>,
    inflow: Vec<f32>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Codec {
    layout: Layout,
    constants: Vec<Constants>,
    capacity: f32,
    slo: f32,
    memory: CodecMemory,
    inflow: Vec<f32>,
}

const MEANS_SECS: [f32; 3] = [60.0, 300.0, 1800.0];

impl Codec {
    /// A codec for `application` that has seen nothing.
    pub fn new(config: &CodecConfig, application: &Application) -> Self {
        let visits = application.visits();
        let total_request: f64 = application.services.iter().map(|s| s.allocation.cpu_request.cores()).sum();
        let total_demand: f64 = application
            .services
            .iter()
            .zip(&visits)
            .map(|(s, v)| (s.cpu_per_call.0 + s.latency_floor.0) * v)
            .sum();
        let constants = application
            .services
            .iter()
            .zip(&visits)
            .zip(&config.targets)
            .map(|((service, visits), target)| {
                let quota = service.usable_cores() * 0.1 / service.cpu_per_call.0;
                let cpu_start = service.start.cpu_work.0 / service.usable_cores().min(1.0);
                let start = service.start.schedule.0
                    + service.start.pull.0
                    + service.start.readiness.0.max(cpu_start);
                Constants {
                    max: service.replicas.max as f32,
                    min: service.replicas.min,
                    target: *target as f32,
                    fixed: [
                        *target as f32,
                        (service.allocation.cpu_request.cores() / total_request) as f32,
                        ((service.cpu_per_call.0 + service.latency_floor.0) * visits / total_demand) as f32,
                        (visits.ln() as f32 + 3.0) / 4.0,
                        quota.max(0.1).log2() as f32 / 6.0,
                        start as f32 / 60.0,
                        service.replicas.max as f32 / 10.0,
                    ],
                }
            })
            .collect();
        let services = application.services.len();
        let memory =
            CodecMemory { load: vec![0.0; services], inflow: vec![0.0; services], ..CodecMemory::default() };
        Self {
            layout: config.layout,
            constants,
            capacity: application.largest_capacity() as f32,
            slo: application.slo.p95.0 as f32,
            memory,
            inflow: vec![0.0; services],
        }
    }

    /// Rows of an observation.
    pub fn rows(&self) -> usize {
        match self.layout {
            Layout::PerService => self.constants.len(),
            Layout::Flat => 1,
        }
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        match self.layout {
            Layout::PerService => SERVICE.len() + SHARED.len(),
            Layout::Flat => self.constants.len() * SERVICE.len() + SHARED.len(),
        }
    }

    /// Forgets everything seen.
    pub fn reset(&mut self) {
        let mut memory = std::mem::take(&mut self.memory);
        memory.load.fill(0.0);
        memory.inflow.fill(0.0);
        self.memory = CodecMemory { load: memory.load, inflow: memory.inflow, ..CodecMemory::default() };
    }

    /// The memory, for a checkpoint.
    pub fn memory(&self) -> &CodecMemory {
        &self.memory
    }

    /// Takes on a memory of a codec for the same application.
    pub fn restore(&mut self, memory: CodecMemory) {
        self.memory = memory;
    }

    /// Writes `rows × width` numbers. Call it once a decision: it also remembers what it saw.
    pub fn encode(&mut self, seen: &Snapshot, echo: &[Echo], out: &mut [f32]) {
        let mut shared = [0.0; SHARED.len()];
        let decay = self.encode_shared(seen, &mut shared);
        self.encode_loads(seen, &mut shared);
        self.encode_inflow(seen);
        let width = self.width();
        for (i, constants) in self.constants.iter().enumerate() {
            let at = match self.layout {
                Layout::PerService => i * width,
                Layout::Flat => i * SERVICE.len(),
            };
            let block = &mut out[at..at + SERVICE.len()];
            let service = &seen.services[i];
            let spec = service.replicas.spec.max(1) as f32;
            block[0] = spec / constants.max;
            block[1] = (service.replicas.ready as f32 / spec).min(2.0);
            block[2] = (service.replicas.starting as f32 / spec).min(2.0);
            block[3] = f32::from(service.replicas.spec <= constants.min);
            block[4] = f32::from(service.replicas.spec as f32 >= constants.max);
            block[5..12].fill(0.0);
            if let Some(cpu) = service.cpu {
                let used = cpu.value.0 as f32;
                let ratio = constants.ratio(service).unwrap_or(1.0);
                let load = (ratio - 1.0).clamp(-1.0, 2.0);
                let wanted = ratio * service.replicas.ready as f32;
                block[5] = load;
                block[6] = (load - self.memory.load[i]).clamp(-1.0, 1.0);
                block[8] = (cpu.age.0 as f32 / 30.0).min(2.0);
                block[9] = service.allocation.cpu_limit.map_or(0.0, |l| (used / l.0.max(1) as f32).min(1.5));
                block[10] = (wanted - spec).clamp(-3.0, 3.0) / 3.0;
                block[11] = wanted.ceil() - wanted;
                self.memory.load[i] = load;
            } else {
                block[7] = 1.0;
            }
            let inflow = self.inflow[i].max(0.01).ln();
            if self.memory.inflow[i] == 0.0 {
                self.memory.inflow[i] = inflow;
            }
            self.memory.inflow[i] += decay[1] * (inflow - self.memory.inflow[i]);
            block[12] = (inflow - self.memory.inflow[i]).clamp(-1.0, 1.0);
            let echo = echo.get(i).copied().unwrap_or_default();
            block[13] = echo.shift;
            block[14] = echo.feed_forward / 2.0;
            block[15..].copy_from_slice(&constants.fixed);
            if self.layout == Layout::PerService {
                out[at + SERVICE.len()..at + width].copy_from_slice(&shared);
            }
        }
        if self.layout == Layout::Flat {
            out[width - SHARED.len()..].copy_from_slice(&shared);
        }
        self.memory.time = Some(seen.time);
    }

    /// Fills the shared block; returns the weights by which this decision moves the three means.
    fn encode_shared(&mut self, seen: &Snapshot, out: &mut [f32; SHARED.len()]) -> [f32; 3] {
        let memory = &mut self.memory;
        let elapsed = memory.time.map_or(0.0, |t| (seen.time - t).0 as f32);
        let decay = MEANS_SECS.map(|secs| 1.0 - (-elapsed / secs).exp());
        if let Some(rate) = seen.rate {
            let log = (rate.value.0 as f32).max(0.01).ln();
            if memory.time.is_none() {
                memory.log_rate = log;
                memory.means = [log; 3];
            }
            for (mean, decay) in memory.means.iter_mut().zip(decay) {
                *mean += decay * (log - *mean);
            }
            memory.volatility += decay[1] * ((log - memory.log_rate).abs().min(1.0) - memory.volatility);
            memory.log_rate = log;
            out[0] = (rate.value.0 as f32 / self.capacity).min(2.0);
            out[2] = (rate.age.0 as f32 / 30.0).min(2.0);
            out[3] = (log - memory.means[0]).clamp(-1.0, 1.0);
            out[4] = (log - memory.means[1]).clamp(-1.0, 1.0);
            out[5] = (log - memory.means[2]).clamp(-2.0, 2.0);
            out[6] = 4.0 * memory.volatility;
        } else {
            out[1] = 1.0;
        }
        if let Some(latency) = seen.latency {
            let over = (latency.value.p95.0 as f32).max(1e-4) / self.slo;
            out[7] = over.ln().clamp(-2.0, 2.0);
            out[8] = f32::from(over > 1.0);
        }
        let day = (seen.time.0.rem_euclid(86_400.0) / 86_400.0) as f32 * std::f32::consts::TAU;
        (out[9], out[10]) = day.sin_cos();
        (out[11], out[12]) = (2.0 * day).sin_cos();
        // The epoch was a Thursday.
        let weekday = (seen.time.0 / 86_400.0).floor() as i64 + 3;
        out[13] = f32::from(weekday.rem_euclid(7) >= 5);
        decay
    }

    /// Fills what the shared block says about all services.
    fn encode_loads(&self, seen: &Snapshot, out: &mut [f32; SHARED.len()]) {
        let (mut pressure, mut weight, mut highest, mut starting) = (0.0, 0.0, -1.0f32, 0.0);
        for (constants, service) in self.constants.iter().zip(&seen.services) {
            if let Some(ratio) = constants.ratio(service) {
                let load = (ratio - 1.0).clamp(-1.0, 2.0);
                pressure += constants.fixed[2] * load;
                weight += constants.fixed[2];
                if (service.replicas.spec as f32) < constants.max {
                    highest = highest.max(load);
                }
            }
            starting += f32::from(service.replicas.starting > 0);
        }
        out[14] = if weight > 0.0 { pressure / weight } else { 0.0 };
        out[15] = highest;
        out[16] = starting / self.constants.len() as f32;
    }

    fn encode_inflow(&mut self, seen: &Snapshot) {
        self.inflow.fill(0.0);
        for flow in &seen.flows {
            self.inflow[flow.callee] += flow.rate.value.0 as f32;
        }
    }
}

#[cfg(test)]
mod tests;
