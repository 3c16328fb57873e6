//! The horizontal environments over the simulated cluster, a whole batch stepped together.
//!
//! An episode starts anywhere in the traffic's period with replicas drawn uniformly from the bounds, pods ready and a minute and a
//! half of traffic behind it, so that every metric is there. What is seen is what a controller would see: CPU and memory as the
//! resource metrics give them, calls a second as Prometheus rates them, counted as kilobytes. A metric that is missing keeps its
//! last value. Latency is the mean response time over the step, failed requests counting with the timeout.
//!
//! Left out: rules, which recorded environments share ([`super::Rules`]).

use super::{
    Reading, Rules, check,
    load::Load,
    table::{self, clock},
};
use crate::{
    Result,
    config::RunConfig,
    environments::{Env, Episode, EpisodeColumns},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, Snapshot, Time};
use trimtab_rl::{
    ActionSpace, Actions, ConstraintConfig, EnvSpec, StepBuffers, StepError, VecEnv, on_policy::Log,
};
use trimtab_sim::{Cluster, ClusterState};

/// Seconds of traffic before the first observation of an episode.
const WARM_UP_SECS: f64 = 90.0;

/// Figures of a step, whose means are logged and in `episodes.csv`.
pub(super) const FIGURES: [&str; 4] = ["avg_pods", "avg_latency", "at_desired", "invalid_share"];

/// See the module.
pub struct Simulated {
    rules: Rules,
    spec: EnvSpec,
    cluster: Cluster,
    load: Load,
    /// Fewest and most replicas.
    bounds: Vec<(u32, u32)>,
    /// Kilobytes of a call, by application.
    kilobytes: f64,
    timeout_ms: f64,
    substeps: u32,
    warm_up: u32,
    /// Steps since the episodes began; they begin and end together.
    step: u32,
    lanes: Vec<Lane>,
    seen: Snapshot,
    decision: Decision,
    /// What lane 0 was at the end of the last step.
    reached: Vec<Reading>,
    reached_latency: f64,
    reached_secs: f64,
    episodes: Vec<Episode>,
    means: Means,
}

/// One environment of the batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lane {
    rng: Pcg64Mcg,
    /// Where in the traffic's period its episode began.
    phase: f64,
    /// Factor on its traffic.
    factor: f64,
    /// Of its bursts.
    seed: u64,
    pods: Vec<u32>,
    readings: Vec<Reading>,
    /// Those a step ago; at the start of an episode the same.
    before: Vec<Reading>,
    latency: f64,
    episode_return: f64,
    episode: Means,
}

/// Sums of the figures of steps.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Means {
    sums: [f64; FIGURES.len()],
    steps: f64,
}

impl Means {
    fn add(&mut self, figures: [f64; FIGURES.len()]) {
        self.sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        self.steps += 1.0;
    }

    fn of(&self) -> impl Iterator<Item = f64> {
        self.sums.map(|sum| sum / self.steps).into_iter()
    }
}

/// The changing part of a [`Simulated`].
#[derive(Serialize, Deserialize)]
struct Saved {
    cluster: ClusterState,
    step: u32,
    lanes: Vec<Lane>,
}

impl Simulated {
    /// `n_envs` clusters under the given rules.
    ///
    /// # Errors
    /// A setting that cannot work.
    pub fn new(config: &RunConfig, application: &Application, rules: Rules, n_envs: usize) -> Result<Self> {
        let settings = &config.horizontal;
        let interval = settings.interval_secs;
        let whole = interval > 0.0 && (interval / config.sim.substep_secs).fract() == 0.0;
        check("interval_secs", interval, whole, "a multiple of sim.substep_secs")?;
        check(
            "call_kilobytes",
            settings.call_kilobytes,
            settings.call_kilobytes >= 0.0,
            "a number of at least 0",
        )?;
        let cluster = Cluster::new(application, config.sim.clone(), n_envs)?;
        let load = Load::new(settings, application.largest_capacity())?;
        let n = rules.deployments.len();
        let lane = Lane {
            rng: Pcg64Mcg::seed_from_u64(0),
            phase: 0.0,
            factor: 1.0,
            seed: 0,
            pods: vec![1; n],
            readings: vec![Reading::default(); n],
            before: vec![Reading::default(); n],
            latency: 0.0,
            episode_return: 0.0,
            episode: Means::default(),
        };
        let mut this = Self {
            spec: rules.spec(n_envs),
            substeps: cluster.substeps_in(interval),
            warm_up: cluster.substeps_in(WARM_UP_SECS),
            cluster,
            load,
            bounds: rules.deployments.iter().map(|deployment| (deployment.min, deployment.max)).collect(),
            kilobytes: call_kilobytes(config, application),
            timeout_ms: application.timeout.millis(),
            step: 0,
            lanes: vec![lane; n_envs],
            seen: Snapshot::default(),
            decision: Decision::default(),
            reached: vec![Reading::default(); n],
            reached_latency: 0.0,
            reached_secs: 0.0,
            episodes: Vec::new(),
            means: Means::default(),
            rules,
        };
        this.seed(0);
        this.start();
        Ok(this)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What environment `env` shows.
    ///
    /// # Panics
    /// There is no such environment.
    pub fn readings(&self, env: usize) -> &[Reading] {
        &self.lanes[env].readings
    }

    /// What environment 0 showed at the end of the last step, and its latency in ms, also where its episode ended with it.
    pub fn reached(&self) -> (&[Reading], f64) {
        (&self.reached, self.reached_latency)
    }

    fn seed(&mut self, seed: u64) {
        for (env, lane) in self.lanes.iter_mut().enumerate() {
            // Weyl's sequence keeps neighbouring lanes of neighbouring seeds apart.
            let mixed = seed.wrapping_add((env as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            lane.rng = Pcg64Mcg::seed_from_u64(mixed);
        }
    }

    /// Starts an episode everywhere.
    fn start(&mut self) {
        self.step = 0;
        for (env, lane) in self.lanes.iter_mut().enumerate() {
            lane.phase = lane.rng.random_range(0.0..self.load.period());
            lane.seed = lane.rng.random();
            lane.factor = self.load.factor(&mut lane.rng);
            for (pods, (min, max)) in lane.pods.iter_mut().zip(&self.bounds) {
                *pods = lane.rng.random_range(*min..=*max);
            }
            self.cluster.reset(env, Time(0.0), &lane.pods, lane.rng.random());
            lane.episode_return = 0.0;
            lane.episode = Means::default();
            lane.readings.fill(Reading::default());
            lane.latency = 0.0;
        }
        self.advance(self.warm_up);
        self.lanes.iter_mut().for_each(|lane| lane.before.clone_from(&lane.readings));
    }

    /// Lets time pass, and looks at what came of it.
    fn advance(&mut self, substeps: u32) {
        let (lanes, load) = (&self.lanes, &self.load);
        self.cluster.advance(substeps, &mut |env, time| {
            let lane = &lanes[env];
            lane.factor * load.rate(lane.phase + time.0, lane.seed)
        });
        for (env, lane) in self.lanes.iter_mut().enumerate() {
            self.cluster.observe(env, &mut self.seen);
            lane.before.clone_from(&lane.readings);
            read(&self.seen, self.kilobytes, &mut lane.readings);
            for (reading, pods) in lane.readings.iter_mut().zip(&lane.pods) {
                reading.pods = *pods;
            }
            let tally = self.cluster.interval(env);
            if tally.offered > 0.0 {
                let failed = tally.failed / tally.offered;
                lane.latency = (1.0 - failed) * 1000.0 * tally.mean_latency() + failed * self.timeout_ms;
            }
        }
    }

    fn refused(&self, actions: Actions<'_>) -> Option<StepError> {
        let width = self.spec.action_space.width();
        let expected = || {
            let allowed = if self.spec.masked { ", as the mask allows" } else { "" };
            format!("{:?}{allowed}", self.spec.action_space)
        };
        let Actions::Discrete(choices) = actions else {
            return Some(StepError::OutsideSpace { row: 0, action: f32::NAN, expected: expected() });
        };
        let mut masks = vec![true; if self.spec.masked { self.spec.action_space.choices() } else { 0 }];
        choices.chunks_exact(width).zip(&self.lanes).enumerate().find_map(|(row, (action, lane))| {
            self.rules.masks(&lane.pods, &mut masks);
            let mut first = 0;
            action.iter().enumerate().find_map(|(at, &choice)| {
                let count = match &self.spec.action_space {
                    ActionSpace::MultiDiscrete(counts) => counts[at],
                    space => space.choices(),
                };
                let inside = (choice as usize) < count;
                let allowed = inside && masks.get(first + choice as usize).is_none_or(|allowed| *allowed);
                first += count;
                (!allowed).then(|| StepError::OutsideSpace {
                    row,
                    action: choice as f32,
                    expected: expected(),
                })
            })
        })
    }

    /// Makes the decisions of all lanes; returns the changes that were not made, by lane.
    fn act(&mut self, choices: &[u32]) -> Vec<u32> {
        let width = self.spec.action_space.width();
        let Self { lanes, rules, cluster, decision, .. } = self;
        let carried = lanes.iter_mut().zip(choices.chunks_exact(width)).enumerate();
        carried
            .map(|(env, (lane, action))| {
                let invalid = rules.carry_out(action, &mut lane.pods);
                decision.clear(lane.pods.len());
                for (service, pods) in decision.services.iter_mut().zip(&lane.pods) {
                    service.replicas = Some(*pods);
                }
                cluster.apply(env, decision);
                invalid
            })
            .collect()
    }
}

/// Kilobytes of a call that are configured, or an application's own.
fn call_kilobytes(config: &RunConfig, application: &Application) -> f64 {
    match config.horizontal.call_kilobytes {
        given if given > 0.0 => given,
        // A small command with its packet headers; see apps/redis.toml.
        _ if application.name == "redis" => 0.11,
        _ => 1.0,
    }
}

/// Takes what can be seen into readings; what is missing stays as it was.
fn read(seen: &Snapshot, kilobytes: f64, readings: &mut [Reading]) {
    for (view, reading) in seen.services.iter().zip(readings.iter_mut()) {
        let ready = view.replicas.ready;
        if let Some(cpu) = view.cpu {
            reading.cpu = cpu.value.0.saturating_mul(ready);
        }
        if let Some(memory) = view.memory {
            reading.memory = (memory.value.0 * u64::from(ready) / 1_048_576) as u32;
        }
        if let Some(rate) = view.rate {
            reading.received = (rate.value.0 * kilobytes) as u32;
            reading.transmitted = 0;
        }
    }
    // Calls that a service makes are what it sends.
    let mut sent = vec![0.0; readings.len()];
    for flow in &seen.flows {
        if let Some(caller) = flow.caller {
            sent[caller] += flow.rate.value.0;
        }
    }
    for (reading, sent) in readings.iter_mut().zip(sent) {
        reading.transmitted = (sent * kilobytes) as u32;
    }
}

impl VecEnv for Simulated {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.seed(seed);
        self.start();
        self.episodes.clear();
        self.means = Means::default();
        for (lane, obs) in self.lanes.iter().zip(obs.chunks_exact_mut(self.spec.obs_dim)) {
            self.rules.observe(&lane.readings, &lane.before, obs);
        }
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        if let Some(error) = self.refused(actions) {
            return Err(error);
        }
        let Actions::Discrete(choices) = actions else { return Ok(()) };
        let invalid = self.act(choices);
        self.advance(self.substeps);
        self.step += 1;
        let ended = self.step >= self.rules.steps;
        for (env, lane) in self.lanes.iter_mut().enumerate() {
            let pods: u32 = lane.pods.iter().sum();
            let figures = [
                f64::from(pods),
                lane.latency,
                self.rules.matches(&lane.readings) as f64,
                f64::from(u8::from(invalid[env] > 0)),
            ];
            lane.episode.add(figures);
            self.means.add(figures);
            let reward = self.rules.reward(&lane.readings, lane.latency, invalid[env]);
            lane.episode_return += reward;
            out.rewards[env] = reward as f32;
            out.costs[env] = self.rules.signal(lane.latency) as f32;
            (out.terminated[env], out.truncated[env]) = (false, ended);
            if ended {
                self.episodes.push(Episode {
                    env,
                    start: format!("{:.0}", lane.phase),
                    length: self.step,
                    episode_return: lane.episode_return,
                    figures: lane.episode.of().collect(),
                });
            }
        }
        let first = &self.lanes[0];
        self.reached.copy_from_slice(&first.readings);
        self.reached_latency = first.latency;
        self.reached_secs = first.phase + self.cluster.time(0).0;
        let dim = self.spec.obs_dim;
        if ended {
            for (lane, obs) in self.lanes.iter().zip(out.final_obs.chunks_exact_mut(dim)) {
                self.rules.observe(&lane.readings, &lane.before, obs);
            }
            self.start();
        }
        for (lane, obs) in self.lanes.iter().zip(out.obs.chunks_exact_mut(dim)) {
            self.rules.observe(&lane.readings, &lane.before, obs);
        }
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        let width = self.spec.action_space.choices();
        for (lane, masks) in self.lanes.iter().zip(masks.chunks_exact_mut(width)) {
            if self.spec.masked {
                self.rules.masks(&lane.pods, masks);
            } else {
                masks.fill(true);
            }
        }
    }

    fn save(&self) -> Vec<u8> {
        let saved =
            Saved { cluster: self.cluster.state().clone(), step: self.step, lanes: self.lanes.clone() };
        postcard::to_stdvec(&saved).expect("a state in memory has a binary form")
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let Saved { cluster, step, lanes } =
            postcard::from_bytes(state).map_err(|e| format!("not the state of an environment: {e}"))?;
        let n = self.rules.deployments.len();
        let fits = lanes
            .iter()
            .all(|lane: &Lane| [lane.pods.len(), lane.readings.len(), lane.before.len()] == [n; 3]);
        if lanes.len() != self.lanes.len() || !fits {
            return Err(format!("expected {} environments of {n} deployments", self.lanes.len()));
        }
        self.cluster.restore(cluster)?;
        (self.step, self.lanes) = (step, lanes);
        Ok(())
    }
}

impl Env for Simulated {
    fn episode_columns(&self) -> EpisodeColumns {
        EpisodeColumns { start: "load_phase_secs", figures: FIGURES.to_vec() }
    }

    fn take_episodes(&mut self) -> Vec<Episode> {
        std::mem::take(&mut self.episodes)
    }

    fn take_means(&mut self) -> Log {
        let means = std::mem::take(&mut self.means);
        FIGURES.iter().map(|name| (*name).into()).zip(means.of()).collect()
    }

    fn neutral(&self) -> Option<Vec<u32>> {
        self.rules.starts_neutral().then(|| self.rules.neutral())
    }

    fn constraints(&self) -> Vec<ConstraintConfig> {
        self.rules.constraints()
    }

    fn graph(&self) -> Option<(usize, usize)> {
        self.rules.graph()
    }

    /// The published columns, so that a trace is a table.
    fn trace_columns(&self) -> Vec<String> {
        table::columns(&self.rules.deployments)
    }

    fn trace_row(&self) -> Vec<String> {
        let date = clock(self.reached_secs);
        table::fields(&date, &self.rules.deployments, &self.reached, self.reached_latency)
    }
}
