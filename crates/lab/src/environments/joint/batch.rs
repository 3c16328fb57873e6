//! The batch: from choices to a decision, a stretch of the simulated cluster, and what is seen and earned.
//!
//! Left out: the cluster itself ([`trimtab_sim::Cluster`]).

use super::{JointAgents, JointConfig};
use crate::{
    Error, Result, applications,
    config::RunConfig,
    environments::{Env, Episode, EpisodeColumns},
    initial::replicas_for,
    traffic::{Day, Traffic},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_model::{Allocation, Application, Bytes, Decision, Millicores, Seconds, Snapshot};
use trimtab_rl::{ActionSpace, Actions, EnvSpec, StepBuffers, StepError, VecEnv, on_policy::Log};
use trimtab_sim::{Cluster, ClusterState, Tally};

/// Choices of each of a service's three heads: less, the same, more.
const CHOICES: usize = 3;
/// Heads of a service: replicas, CPU, memory.
pub(super) const HEADS: usize = 3;
/// Quarters of its own resources that a pod starts with.
const WHOLE: u32 = 4;
/// Largest number that is seen.
pub(super) const MOST: f64 = 10.0;

/// Of each service: name, meaning, unit.
pub(super) const OWN: [(&str, &str, &str); 9] = [
    ("replicas", "replicas asked for, over the most allowed", "1"),
    ("ready", "replicas that are ready, over those asked for", "1"),
    ("pending", "pods that wait for room, over replicas asked for", "1"),
    ("resizing", "pods that do not have their new resources yet, over replicas asked for", "1"),
    ("cpu", "CPU of a pod, over the application's own", "1"),
    ("memory", "memory of a pod, over the application's own", "1"),
    (
        "cpu_use",
        "CPU used by a ready pod, over its limit (its request without one); 0 where it is not known",
        "1",
    ),
    (
        "memory_use",
        "working set of a ready pod, over its limit (its request without one); 0 where it is not known",
        "1",
    ),
    ("calls", "CPU that arriving calls take, over that of the ready pods; 0 where it is not known", "1"),
];

/// Of the application.
pub(super) const SHARED: [(&str, &str, &str); 4] = [
    ("latency_known", "1 where response times were measured", "1"),
    ("p95", "95th percentile of response times, over the bound of the SLO", "1"),
    ("rate", "requests per second, over the training days' peak", "1"),
    ("nodes_cpu", "CPU asked for on the nodes, over what they have", "1"),
];

/// See the module.
#[derive(Clone)]
pub struct Joint {
    config: JointConfig,
    spec: EnvSpec,
    application: Application,
    cluster: Cluster,
    days: Vec<Day>,
    peak: f64,
    node_cpu: f64,
    substeps: u32,
    steps: u32,
    interval: f64,
    /// Cores and GiB of one replica of every service.
    one_each: [f64; 2],
    lanes: Vec<Lane>,
    decision: Decision,
    seen: Snapshot,
    episodes: Vec<Episode>,
    total: Tally,
    last: Tally,
    last_actions: Vec<u32>,
}

/// One environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lane {
    rng: Pcg64,
    day: usize,
    step: u32,
    episode_return: f64,
    tally: Tally,
    replicas: Vec<u32>,
    cpu: Vec<u32>,
    memory: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    cluster: ClusterState,
    lanes: Vec<Lane>,
}

impl Joint {
    /// `n_envs` clusters with the settings of a configuration.
    ///
    /// # Errors
    /// Whatever in it cannot work.
    pub fn new(config: &RunConfig, n_envs: usize) -> Result<Self> {
        config.joint.validate()?;
        let application = applications::load(&config.joint.application)?;
        let (mut days, mut peak) = (Vec::new(), 0.0);
        for entry in &config.traffic {
            let traffic = Traffic::load(entry, &application)?;
            peak = f64::max(peak, traffic.train_peak.0);
            days.extend(traffic.train);
        }
        if days.is_empty() {
            return Err(Error::config("traffic", "has no training day"));
        }
        let services = application.services.len();
        let (n_agents, rows) = match config.joint.agents {
            JointAgents::One => (1, services),
            JointAgents::Services => (services, 1),
        };
        let spec = EnvSpec {
            n_envs,
            n_agents,
            obs_dim: rows * OWN.len() + SHARED.len(),
            action_space: ActionSpace::MultiDiscrete(vec![CHOICES; rows * HEADS]),
            costs: Vec::new(),
            masked: true,
            varying: false,
        };
        let cluster = Cluster::new(&application, config.sim.clone(), n_envs)?;
        let lane = Lane {
            rng: Pcg64::seed_from_u64(0),
            day: 0,
            step: 0,
            episode_return: 0.0,
            tally: Tally::default(),
            replicas: vec![0; services],
            cpu: vec![WHOLE; services],
            memory: vec![WHOLE; services],
        };
        let sum = |of: fn(&Allocation) -> f64| application.services.iter().map(|s| of(&s.allocation)).sum();
        let interval = config.episode.interval_secs * f64::from(config.episode.hold);
        Ok(Self {
            one_each: [sum(|a| a.cpu_request.cores()), sum(|a| gib(a.memory_request))],
            config: config.joint.clone(),
            substeps: cluster.substeps_in(interval),
            node_cpu: f64::from(config.sim.nodes.cpu_m),
            cluster,
            days,
            peak,
            steps: config.episode.steps,
            interval,
            lanes: vec![lane; n_envs],
            decision: Decision::default(),
            seen: Snapshot::default(),
            episodes: Vec::new(),
            total: Tally::default(),
            last: Tally::default(),
            last_actions: vec![1; services * HEADS],
            application,
            spec,
        })
    }

    /// Services that it decides on.
    pub fn application(&self) -> &Application {
        &self.application
    }

    fn start(&mut self, lane: usize, obs: &mut [f32]) {
        let this = &mut self.lanes[lane];
        this.day = this.rng.random_range(0..self.days.len());
        let day = &self.days[this.day];
        let length = f64::from(self.steps) * self.interval;
        let room = ((day.length.0 - length) / self.interval).floor().max(0.0) as u32;
        let offset = Seconds(f64::from(this.rng.random_range(0..=room)) * self.interval);
        let utilization = this.rng.random_range(0.4..0.9);
        replicas_for(&self.application, day.rate.rate(offset).0, utilization, &mut this.replicas);
        (this.step, this.episode_return, this.tally) = (0, 0.0, Tally::default());
        this.cpu.fill(WHOLE);
        this.memory.fill(WHOLE);
        let seed = this.rng.random();
        self.cluster.reset(lane, day.start + offset, &this.replicas, seed);
        self.observe(lane, obs);
    }

    /// Takes on the choices of one environment, a head for each of replicas, CPU and memory of each service.
    fn decide(&mut self, lane: usize, choices: &[u32]) {
        let this = &mut self.lanes[lane];
        self.decision.clear(self.application.services.len());
        for (at, (service, wish)) in
            self.application.services.iter().zip(&mut self.decision.services).enumerate()
        {
            let heads = &choices[at * HEADS..(at + 1) * HEADS];
            let moved = |value: u32, choice: u32| (value + choice).saturating_sub(1);
            this.replicas[at] = moved(this.replicas[at], heads[0]);
            this.cpu[at] = moved(this.cpu[at], heads[1]);
            this.memory[at] = moved(this.memory[at], heads[2]);
            let own = service.allocation;
            let cpu = |m: Millicores| Millicores((m.0 * this.cpu[at]).div_ceil(WHOLE));
            let memory = |b: Bytes| Bytes(b.0 * u64::from(this.memory[at]) / u64::from(WHOLE));
            wish.replicas = Some(this.replicas[at]);
            wish.cpu_request = Some(cpu(own.cpu_request));
            wish.cpu_limit = own.cpu_limit.map(cpu);
            wish.memory_request = Some(memory(own.memory_request));
            wish.memory_limit = own.memory_limit.map(memory);
            wish.heap = own.heap.map(memory);
        }
        self.cluster.apply(lane, &self.decision);
    }

    fn observe(&mut self, lane: usize, obs: &mut [f32]) {
        self.cluster.observe(lane, &mut self.seen);
        let (seen, this) = (&self.seen, &self.lanes[lane]);
        let latency = seen.latency.map(|sample| sample.value.p95.0 / self.application.slo.p95.0);
        let used: f64 = self.cluster.nodes(lane).map(|(cpu, ..)| f64::from(cpu)).sum();
        let nodes = self.cluster.nodes(lane).count().max(1) as f64;
        let shared = [
            f64::from(u8::from(latency.is_some())),
            latency.unwrap_or(0.0),
            seen.rate.map_or(0.0, |sample| sample.value.0 / self.peak),
            used / (nodes * self.node_cpu),
        ];
        let write = |numbers: &[f64], out: &mut [f32]| {
            out.iter_mut().zip(numbers).for_each(|(out, number)| *out = number.clamp(0.0, MOST) as f32);
        };
        let dim = self.spec.obs_dim;
        for (at, (service, state)) in self.application.services.iter().zip(&seen.services).enumerate() {
            let spec = f64::from(state.replicas.spec.max(1));
            let given = state.allocation;
            let limit = given.cpu_limit.unwrap_or(given.cpu_request).cores().max(1e-3);
            let memory = given.memory_limit.unwrap_or(given.memory_request).0.max(1) as f64;
            let capacity = f64::from(state.replicas.ready.max(1)) * limit;
            let own = [
                f64::from(state.replicas.spec) / f64::from(service.replicas.max),
                f64::from(state.replicas.ready) / spec,
                f64::from(self.cluster.placed(lane, at).1) / spec,
                state.resizing.map_or(0.0, |change| f64::from(change.waiting) / spec),
                f64::from(this.cpu[at]) / f64::from(WHOLE),
                f64::from(this.memory[at]) / f64::from(WHOLE),
                state.cpu.map_or(0.0, |sample| sample.value.cores() / limit),
                state.memory.map_or(0.0, |sample| sample.value.0 as f64 / memory),
                state.rate.map_or(0.0, |sample| sample.value.0 * service.cpu_per_call.0 / capacity),
            ];
            match self.config.agents {
                JointAgents::One => write(&own, &mut obs[at * OWN.len()..(at + 1) * OWN.len()]),
                JointAgents::Services => {
                    let row = &mut obs[at * dim..(at + 1) * dim];
                    write(&own, &mut row[..OWN.len()]);
                    write(&shared, &mut row[OWN.len()..]);
                }
            }
        }
        if self.config.agents == JointAgents::One {
            write(&shared, &mut obs[self.application.services.len() * OWN.len()..]);
        }
    }

    /// Rewards of one environment's agents for the stretch that has just passed.
    fn reward(&self, lane: usize, rewards: &mut [f32]) {
        let tally = self.cluster.interval(lane);
        let config = &self.config;
        let shared = config.latency * tally.bad_request_share()
            + config.oom * tally.oom_kills
            + config.pending * tally.pending_pod_seconds / tally.seconds;
        match config.agents {
            JointAgents::One => {
                let asked = [tally.requested_core_seconds, tally.requested_gib_seconds];
                let cost: f64 =
                    asked.iter().zip(self.one_each).map(|(a, one)| 0.5 * a / tally.seconds / one).sum();
                rewards[0] = -(config.cost * cost + shared) as f32;
            }
            JointAgents::Services => {
                let services = rewards.len() as f64;
                let this = &self.lanes[lane];
                for (at, (reward, service)) in rewards.iter_mut().zip(&self.application.services).enumerate()
                {
                    let own = service.allocation;
                    let quarters =
                        |quarters: u32, of: f64, one: f64| of * f64::from(quarters) / f64::from(WHOLE) / one;
                    let pod = 0.5 * quarters(this.cpu[at], own.cpu_request.cores(), self.one_each[0])
                        + 0.5 * quarters(this.memory[at], gib(own.memory_request), self.one_each[1]);
                    // Of all services together it is the application's cost.
                    let cost = f64::from(this.replicas[at]) * pod * services;
                    *reward = -(config.cost * cost + shared) as f32;
                }
            }
        }
    }

    /// The first choice that may not be taken, by row of the batch.
    fn refused(&self, choices: &[u32]) -> Option<StepError> {
        let mut masks = vec![true; self.spec.rows() * self.spec.action_space.choices()];
        self.action_masks(&mut masks);
        let width = self.spec.action_space.width();
        let allowed = |at: usize, choice: u32| {
            let choice = choice as usize;
            choice < CHOICES && masks[at * CHOICES + choice]
        };
        let (at, choice) = choices.iter().enumerate().find(|(at, choice)| !allowed(*at, **choice))?;
        let expected = format!("{:?}, as the mask allows", self.spec.action_space);
        Some(StepError::OutsideSpace { row: at / width, action: *choice as f32, expected })
    }
}

fn gib(bytes: Bytes) -> f64 {
    bytes.0 as f64 / f64::from(1u32 << 30)
}

impl VecEnv for Joint {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        (self.total, self.last) = (Tally::default(), Tally::default());
        self.episodes.clear();
        let width = self.spec.n_agents * self.spec.obs_dim;
        for (lane, obs) in obs.chunks_exact_mut(width).enumerate() {
            let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(lane as u64);
            self.lanes[lane].rng = Pcg64::seed_from_u64(mixed);
            self.start(lane, obs);
        }
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        let Actions::Discrete(choices) = actions else {
            let expected = format!("{:?}", self.spec.action_space);
            return Err(StepError::OutsideSpace { row: 0, action: f32::NAN, expected });
        };
        if let Some(error) = self.refused(choices) {
            return Err(error);
        }
        let per_lane = self.application.services.len() * HEADS;
        for lane in 0..self.spec.n_envs {
            self.decide(lane, &choices[lane * per_lane..(lane + 1) * per_lane]);
        }
        self.last_actions.copy_from_slice(&choices[..per_lane]);
        let (days, lanes) = (&self.days, &self.lanes);
        self.cluster.advance(self.substeps, &mut |lane, time| {
            let day = &days[lanes[lane].day];
            day.rate.rate(Seconds((time - day.start).0)).0
        });
        let (agents, dim) = (self.spec.n_agents, self.spec.obs_dim);
        for lane in 0..self.spec.n_envs {
            let rows = lane * agents..(lane + 1) * agents;
            let obs = rows.start * dim..rows.end * dim;
            self.reward(lane, &mut out.rewards[rows.clone()]);
            let tally = *self.cluster.interval(lane);
            self.total += tally;
            if lane == 0 {
                self.last = tally;
            }
            let this = &mut self.lanes[lane];
            this.tally += tally;
            this.step += 1;
            this.episode_return += out.rewards[rows].iter().map(|reward| f64::from(*reward)).sum::<f64>();
            let ends = this.step >= self.steps;
            (out.terminated[lane], out.truncated[lane]) = (false, ends);
            self.observe(lane, &mut out.obs[obs.clone()]);
            if ends {
                let this = &self.lanes[lane];
                self.episodes.push(Episode {
                    env: lane,
                    start: self.days[this.day].label.clone(),
                    length: this.step,
                    episode_return: this.episode_return,
                    figures: figures(&this.tally).to_vec(),
                });
                out.final_obs[obs.clone()].copy_from_slice(&out.obs[obs.clone()]);
                self.start(lane, &mut out.obs[obs]);
            }
        }
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        let per_lane = self.application.services.len() * HEADS * CHOICES;
        for (this, masks) in self.lanes.iter().zip(masks.chunks_exact_mut(per_lane)) {
            for (at, (service, masks)) in
                self.application.services.iter().zip(masks.chunks_exact_mut(HEADS * CHOICES)).enumerate()
            {
                let bounds = service.replicas;
                let ranges = [
                    (this.replicas[at], bounds.min, bounds.max),
                    (this.cpu[at], 1, self.config.max_quarters),
                    (this.memory[at], 1, self.config.max_quarters),
                ];
                for (masks, (value, least, most)) in masks.chunks_exact_mut(CHOICES).zip(ranges) {
                    masks.copy_from_slice(&[value > least, true, value < most]);
                }
            }
        }
    }

    fn save(&self) -> Vec<u8> {
        let saved = Saved { cluster: self.cluster.state().clone(), lanes: self.lanes.clone() };
        postcard::to_stdvec(&saved).expect("a state in memory has a binary form")
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let Saved { cluster, lanes } =
            postcard::from_bytes(state).map_err(|e| format!("not the state of an environment: {e}"))?;
        let services = self.application.services.len();
        let fits = |lane: &Lane| {
            [&lane.replicas, &lane.cpu, &lane.memory].iter().all(|values| values.len() == services)
                && lane.day < self.days.len()
        };
        if lanes.len() != self.lanes.len() || !lanes.iter().all(fits) {
            return Err(format!("expected {} environments of {services} services", self.lanes.len()));
        }
        self.cluster.restore(cluster)?;
        self.lanes = lanes;
        Ok(())
    }
}

/// Names of what an episode tells.
const FIGURES: [&str; 6] =
    ["core_hours", "gib_hours", "bad_request_share", "violation_share", "oom_kills", "pending_pod_hours"];

fn figures(tally: &Tally) -> [f64; FIGURES.len()] {
    [
        tally.core_hours(),
        tally.requested_gib_seconds / 3600.0,
        tally.bad_request_share(),
        tally.violation_share(),
        tally.oom_kills,
        tally.pending_pod_seconds / 3600.0,
    ]
}

impl Env for Joint {
    fn episode_columns(&self) -> EpisodeColumns {
        EpisodeColumns { start: "day", figures: FIGURES.to_vec() }
    }

    fn take_episodes(&mut self) -> Vec<Episode> {
        std::mem::take(&mut self.episodes)
    }

    /// Rates, so that they do not depend on how many steps there were.
    fn take_means(&mut self) -> Log {
        let tally = std::mem::take(&mut self.total);
        let seconds = tally.seconds.max(1.0);
        vec![
            ("cores".into(), tally.requested_core_seconds / seconds),
            ("gib".into(), tally.requested_gib_seconds / seconds),
            ("bad_request_share".into(), tally.bad_request_share()),
            ("oom_kills_per_hour".into(), 3600.0 * tally.oom_kills / seconds),
            ("pending_pods".into(), tally.pending_pod_seconds / seconds),
        ]
    }

    /// Everything stays as it is.
    fn neutral(&self) -> Option<Vec<u32>> {
        Some(vec![1; self.spec.action_space.width()])
    }

    fn trace_columns(&self) -> Vec<String> {
        let services = self.application.services.iter();
        let heads = ["replicas", "cpu", "memory"];
        let chosen = services.flat_map(|service| heads.map(|head| format!("{}_{head}", service.name)));
        chosen.chain(FIGURES.map(str::to_owned)).collect()
    }

    fn trace_row(&self) -> Vec<String> {
        let moves = self.last_actions.iter().map(|choice| (i64::from(*choice) - 1).to_string());
        moves.chain(figures(&self.last).map(|figure| figure.to_string())).collect()
    }
}
