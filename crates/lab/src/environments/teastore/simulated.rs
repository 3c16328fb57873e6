//! `teastore_sim`: the same configurations, moves and rewards on the simulated cluster, with response times.
//!
//! Of the application `teastore` the web front end is steered; its other services keep replicas that the traffic's peak does not press.
//! A step carries a change out (a changed CPU limit or heap restarts the pods, as `sim.resize` says), waits, and measures. Memory is asked for
//! as the application file has it; the CPU request follows the limit in the file's proportion.
//!
//! Left out: packets, which are not simulated, and with them the rewards made of them; rewards that are scaled by a table.

use super::{
    TeastoreConfig,
    moves::{Grid, State},
    reward::Reward,
    table::{Column, Row},
    trace,
    view::View,
};
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
use trimtab_model::{Allocation, Bytes, Decision, Millicores, ReplicaBounds, Seconds, Snapshot};
use trimtab_rl::{Actions, EnvSpec, StepBuffers, StepError, VecEnv, on_policy::Log};
use trimtab_sim::{Cluster, ClusterState};

/// The service that is steered.
const STEERED: &str = "webui";
/// USD for an hour of a core and of a GB, as the published environments have it.
const PRICES: [f64; 2] = [0.031_611, 0.004_237];
/// Seconds that the cluster runs before an episode, in which the pods of the first configuration start.
const WARM_UP_SECS: f64 = 600.0;
/// Utilisation of the other services at the traffic's peak.
const OTHERS: f64 = 0.4;

/// Settings of `teastore_sim` besides those it shares with `teastore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeastoreSimConfig {
    /// Seconds between a change and the measurement; a chosen `teastore.cool_down` multiplies it.
    pub wait_secs: f64,
    /// Seconds that are measured.
    pub measure_secs: f64,
}

impl Default for TeastoreSimConfig {
    fn default() -> Self {
        Self { wait_secs: 60.0, measure_secs: 30.0 }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Simulated {
    pub(super) grid: Grid,
    pub(super) view: View,
    reward: Reward,
    penalty: f64,
    /// Where an episode starts; anywhere without.
    start: Option<State>,
    max_steps: u32,
    spec: EnvSpec,
    steered: usize,
    own: Allocation,
    timeout: Seconds,
    replicas: Vec<u32>,
    days: Vec<Day>,
    pub(super) scales: Scales,
    /// Sub-steps of the warm-up, of a wait and of a measurement.
    warm_up: u32,
    wait: u32,
    measure: u32,
    longest_secs: f64,
    /// One cluster each, because cool-downs differ.
    clusters: Vec<Cluster>,
    lanes: Vec<Lane>,
    seen: Snapshot,
    episodes: Vec<Episode>,
    means: Means,
}

/// What numbers are seen over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales {
    pub(super) peak: f64,
    pub(super) bound_ms: f64,
    pub(super) cost: f64,
}

/// One environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lane {
    rng: Pcg64,
    day: usize,
    step: u32,
    now: Measured,
    /// What the last step led to, also where the episode has ended since.
    reached: Measured,
    figures: Means,
}

/// A configuration, what was measured in it, and how it was reached.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Measured {
    state: State,
    values: [f64; Column::ALL.len()],
    action: [u32; 3],
    carried_out: bool,
    reward: f64,
    sum_reward: f64,
}

impl Measured {
    fn row(&self) -> Row {
        let [replicas, cpu, heap] = self.state;
        Row { replicas, cpu, heap, values: self.values }
    }
}

/// Sums of what steps tell.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Means {
    steps: u32,
    sums: [f64; FIGURES.len()],
}

impl Means {
    fn add(&mut self, figures: [f64; FIGURES.len()]) {
        self.steps += 1;
        self.sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
    }

    fn means(&self) -> [f64; FIGURES.len()] {
        self.sums.map(|sum| sum / f64::from(self.steps))
    }
}

/// Names of what a step tells; CPU and memory are 0 until they are known.
const FIGURES: [&str; 8] = [
    "replicas",
    "invalid_share",
    "cpu_usage",
    "memory_usage",
    "cost",
    "num_request",
    "expected_tps",
    "response_time",
];

#[derive(Serialize, Deserialize)]
struct Saved {
    clusters: Vec<ClusterState>,
    lanes: Vec<Lane>,
}

/// Whether the simulated cluster has a column.
pub(super) fn has(column: Column) -> bool {
    !matches!(column, Column::Received | Column::Transmitted)
}

impl Simulated {
    /// `n_envs` clusters with the settings of a configuration.
    ///
    /// # Errors
    /// Whatever in it cannot work.
    ///
    /// # Panics
    /// Never: the application that ships has a web front end.
    pub fn new(config: &RunConfig, n_envs: usize) -> Result<Self> {
        let (rules, times) = (&config.teastore, &config.teastore_sim);
        let grid = rules.grid()?;
        if !rules.table.is_empty() {
            return Err(Error::config("teastore.table", "is set, expected none with teastore_sim"));
        }
        let start = start(rules, &grid)?;
        for (key, secs) in [("wait_secs", times.wait_secs), ("measure_secs", times.measure_secs)] {
            if !(config.sim.substep_secs..=86_400.0).contains(&secs) {
                let message =
                    format!("is {secs}, expected {} (sim.substep_secs) to 86400", config.sim.substep_secs);
                return Err(Error::config(format!("teastore_sim.{key}"), message));
            }
        }
        let mut application = applications::load("teastore")?;
        let steered = application
            .services
            .iter()
            .position(|service| service.name == STEERED)
            .expect("the application that ships has a web front end");
        let service = &mut application.services[steered];
        service.replicas = ReplicaBounds { min: grid.low[0].into(), max: grid.high[0].into() };
        let own = service.allocation;
        let largest = Allocation { cpu_limit: Some(millicores(grid.high[1])), ..own };
        service.allocation = largest;
        let (mut days, mut peak) = (Vec::new(), 0.0);
        for entry in &config.traffic {
            let traffic = Traffic::load(entry, &application)?;
            peak = f64::max(peak, traffic.train_peak.0);
            days.extend(traffic.train);
        }
        if days.is_empty() {
            return Err(Error::config("traffic", "has no training day"));
        }
        let mut replicas = vec![0; application.services.len()];
        replicas_for(&application, peak, OTHERS, &mut replicas);
        application.services[steered].allocation = own;
        let cluster = Cluster::new(&application, config.sim.clone(), 1)?;
        let view = View::new(&rules.observation, rules.one_hot, has)?;
        let spec = EnvSpec {
            n_envs,
            n_agents: 1,
            obs_dim: view.width(&grid),
            action_space: grid.action_space(),
            costs: Vec::new(),
            masked: rules.masked,
            varying: false,
        };
        let [_, cpu, heap] = grid.high.map(f64::from);
        let largest_cost = (PRICES[0] * cpu + PRICES[1] * heap) / 10.0 * f64::from(grid.high[0]);
        let measured = Measured {
            state: grid.low,
            values: [f64::NAN; Column::ALL.len()],
            action: [0; 3],
            carried_out: true,
            reward: 0.0,
            sum_reward: 0.0,
        };
        let lane = Lane {
            rng: Pcg64::seed_from_u64(0),
            day: 0,
            step: 0,
            now: measured,
            reached: measured,
            figures: Means::default(),
        };
        let longest = f64::from(grid.cool_down.iter().copied().max().unwrap_or(1));
        Ok(Self {
            reward: Reward::new(&rules.weighted(), has, None)?,
            penalty: rules.penalty,
            max_steps: rules.max_steps,
            scales: Scales { peak, bound_ms: 1000.0 * application.slo.p95.0, cost: largest_cost },
            warm_up: cluster.substeps_in(WARM_UP_SECS),
            wait: cluster.substeps_in(times.wait_secs),
            measure: cluster.substeps_in(times.measure_secs),
            longest_secs: f64::from(rules.max_steps) * (longest * times.wait_secs + times.measure_secs),
            timeout: application.timeout,
            clusters: vec![cluster; n_envs],
            lanes: vec![lane; n_envs],
            seen: Snapshot::default(),
            episodes: Vec::new(),
            means: Means::default(),
            grid,
            view,
            start,
            spec,
            steered,
            own,
            replicas,
            days,
        })
    }

    fn begin(&mut self, env: usize, obs: &mut [f32]) {
        let lane = &mut self.lanes[env];
        lane.day = lane.rng.random_range(0..self.days.len());
        let day = &self.days[lane.day];
        let room = (day.length.0 - self.longest_secs - WARM_UP_SECS).max(0.0);
        let offset = Seconds((room * lane.rng.random::<f64>() / 60.0).floor() * 60.0);
        let cell = lane.rng.random_range(0..self.grid.cells());
        let state = self.start.unwrap_or_else(|| self.grid.state(cell));
        let seed = lane.rng.random();
        (lane.step, lane.figures) = (0, Means::default());
        lane.now =
            Measured { state, action: [0; 3], carried_out: true, reward: 0.0, sum_reward: 0.0, ..lane.now };
        self.replicas[self.steered] = state[0].into();
        let begin = day.start + offset;
        self.clusters[env].reset(0, begin, &self.replicas, seed);
        self.carry_out(env);
        self.measure(env, self.warm_up - self.measure.min(self.warm_up));
        self.observe(env, obs);
    }

    /// Asks the cluster for the configuration of an environment.
    fn carry_out(&mut self, env: usize) {
        let [replicas, cpu, heap] = self.lanes[env].now.state;
        let limit = millicores(cpu);
        let share = self.own.cpu_limit.map_or(1.0, |own| self.own.cpu_request.cores() / own.cores());
        let mut decision = Decision::default();
        decision.clear(self.replicas.len());
        let wish = &mut decision.services[self.steered];
        wish.replicas = Some(replicas.into());
        wish.cpu_limit = Some(limit);
        wish.cpu_request = Some(Millicores((f64::from(limit.0) * share).round() as u32));
        wish.heap = Some(Bytes(u64::from(heap) * 100_000_000));
        self.clusters[env].apply(0, &decision);
    }

    /// Lets the cluster run, then measures.
    fn measure(&mut self, env: usize, wait: u32) {
        let lane = &mut self.lanes[env];
        let day = &self.days[lane.day];
        let cluster = &mut self.clusters[env];
        let mut rate = |_: usize, time: trimtab_model::Time| day.rate.rate(Seconds((time - day.start).0)).0;
        if wait > 0 {
            cluster.advance(wait, &mut rate);
        }
        cluster.advance(self.measure, &mut rate);
        let tally = cluster.interval(0);
        cluster.observe(0, &mut self.seen);
        let seen = &self.seen.services[self.steered];
        let cpu = seen.cpu.map_or(f64::NAN, |sample| sample.value.cores());
        let memory = seen.memory.map_or(f64::NAN, |sample| sample.value.0 as f64 / 1e9);
        let answered = tally.offered - tally.failed;
        let latency = if answered > 0.0 { tally.mean_latency() } else { self.timeout.0 };
        let previous = lane.now.values[Column::Expected as usize];
        let values = &mut lane.now.values;
        let mut set = |column: Column, value: f64| values[column as usize] = value;
        set(Column::UsedCpu, cpu);
        set(Column::UsedMemory, memory);
        set(Column::Cost, (PRICES[0] * cpu + PRICES[1] * memory) * f64::from(lane.now.state[0]));
        set(Column::Requests, answered / tally.seconds);
        set(Column::Expected, tally.offered / tally.seconds);
        set(Column::Previous, previous);
        set(Column::Response, 1000.0 * latency);
    }

    /// The scale in which a column is seen.
    pub(super) fn scale(&self, column: Column) -> f64 {
        match column {
            Column::Requests | Column::Expected | Column::Previous => self.scales.peak,
            Column::Response => self.scales.bound_ms,
            Column::Cost => self.scales.cost,
            _ => 1.0,
        }
    }

    fn observe(&self, env: usize, obs: &mut [f32]) {
        let now = &self.lanes[env].now;
        self.view.write(&self.grid, now.state, obs, |column| {
            (now.values[column as usize] / self.scale(column)).min(MOST)
        });
    }

    fn act(&mut self, env: usize, action: &[u32]) {
        let now = &mut self.lanes[env].now;
        let target = self.grid.target(now.state, action);
        now.action = [0; 3];
        now.action[..action.len()].copy_from_slice(action);
        now.carried_out = target.is_some();
        let state = target.map_or(now.state, |cell| self.grid.state(cell));
        if state != now.state {
            now.state = state;
            self.carry_out(env);
        }
        self.measure(env, self.wait * self.grid.minutes(action));
        let lane = &mut self.lanes[env];
        let now = &mut lane.now;
        now.reward = if now.carried_out { self.reward.of(&now.row()) } else { self.penalty };
        now.sum_reward += now.reward;
        lane.step += 1;
        lane.reached = *now;
        let known = |column: Column| Some(now.values[column as usize]).filter(|v| !v.is_nan()).unwrap_or(0.0);
        let figures = [
            f64::from(now.state[0]),
            f64::from(u8::from(!now.carried_out)),
            known(Column::UsedCpu),
            known(Column::UsedMemory),
            known(Column::Cost),
            known(Column::Requests),
            known(Column::Expected),
            known(Column::Response),
        ];
        lane.figures.add(figures);
        self.means.add(figures);
    }

    /// The first row with an action outside its space or forbidden.
    fn refused(&self, choices: &[u32]) -> Option<StepError> {
        let width = self.spec.action_space.width();
        let sizes = self.grid.sizes();
        let allowed = |env: usize, action: &[u32]| match width {
            1 => {
                (action[0] as usize) < self.spec.action_space.choices()
                    && (!self.spec.masked || self.grid.target(self.lanes[env].now.state, action).is_some())
            }
            _ => action.iter().zip(sizes).all(|(choice, size)| (*choice as usize) < size),
        };
        let (row, action) =
            choices.chunks_exact(width).enumerate().find(|(env, action)| !allowed(*env, action))?;
        let expected = format!("{:?}, as the mask allows", self.spec.action_space);
        Some(StepError::OutsideSpace { row, action: action[0] as f32, expected })
    }
}

/// Largest number that is seen of what is not an axis.
pub(super) const MOST: f64 = 100.0;

fn millicores(hundreds: u8) -> Millicores {
    Millicores(u32::from(hundreds) * 100)
}

fn start(rules: &TeastoreConfig, grid: &Grid) -> Result<Option<State>> {
    let text = rules.start.trim();
    match grid.named(text) {
        _ if text == "random" => Ok(None),
        Some(state) => Ok(Some(state)),
        None => {
            let message =
                format!("is {text:?}, expected random or state(REPLICAS,MILLICORES,MB) within the bounds");
            Err(Error::config("teastore.start", message))
        }
    }
}

impl VecEnv for Simulated {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.episodes.clear();
        self.means = Means::default();
        let dim = self.spec.obs_dim;
        for (env, obs) in obs.chunks_exact_mut(dim).enumerate() {
            let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(env as u64);
            let lane = &mut self.lanes[env];
            lane.rng = Pcg64::seed_from_u64(mixed);
            lane.now.values = [f64::NAN; Column::ALL.len()];
            self.begin(env, obs);
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
        let (width, dim) = (self.spec.action_space.width(), self.spec.obs_dim);
        for (env, action) in choices.chunks_exact(width).enumerate() {
            self.act(env, action);
            let obs = env * dim..(env + 1) * dim;
            self.observe(env, &mut out.obs[obs.clone()]);
            let lane = &self.lanes[env];
            out.rewards[env] = lane.now.reward as f32;
            let ends = lane.step >= self.max_steps;
            (out.terminated[env], out.truncated[env]) = (false, ends);
            if ends {
                self.episodes.push(Episode {
                    env,
                    start: self.days[lane.day].label.clone(),
                    length: lane.step,
                    episode_return: lane.now.sum_reward,
                    figures: lane.figures.means().to_vec(),
                });
                out.final_obs[obs.clone()].copy_from_slice(&out.obs[obs.clone()]);
                self.begin(env, &mut out.obs[obs]);
            }
        }
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        let choices = self.spec.action_space.choices();
        for (lane, masks) in self.lanes.iter().zip(masks.chunks_exact_mut(choices)) {
            for (choice, allowed) in masks.iter_mut().enumerate() {
                *allowed = !self.spec.masked || self.grid.target(lane.now.state, &[choice as u32]).is_some();
            }
        }
    }

    fn save(&self) -> Vec<u8> {
        let clusters = self.clusters.iter().map(|cluster| cluster.state().clone()).collect();
        let saved = Saved { clusters, lanes: self.lanes.clone() };
        postcard::to_stdvec(&saved).expect("a state in memory has a binary form")
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let Saved { clusters, lanes } =
            postcard::from_bytes(state).map_err(|e| format!("not the state of an environment: {e}"))?;
        let fits = |lane: &Lane| {
            lane.day < self.days.len()
                && [lane.now, lane.reached].iter().all(|m| self.grid.cell(m.state).is_some())
        };
        if lanes.len() != self.lanes.len() || clusters.len() != lanes.len() || !lanes.iter().all(fits) {
            return Err(format!("expected {} environments of these bounds and days", self.lanes.len()));
        }
        for (cluster, state) in self.clusters.iter_mut().zip(clusters) {
            cluster.restore(state)?;
        }
        self.lanes = lanes;
        Ok(())
    }
}

impl Env for Simulated {
    fn episode_columns(&self) -> EpisodeColumns {
        EpisodeColumns { start: "day", figures: FIGURES.to_vec() }
    }

    fn take_episodes(&mut self) -> Vec<Episode> {
        std::mem::take(&mut self.episodes)
    }

    fn take_means(&mut self) -> Log {
        let means = std::mem::take(&mut self.means).means();
        FIGURES.into_iter().zip(means).map(|(name, mean)| (name.into(), mean)).collect()
    }

    fn trace_columns(&self) -> Vec<String> {
        trace::columns(&self.grid, has)
    }

    fn trace_row(&self) -> Vec<String> {
        let reached = &self.lanes[0].reached;
        let action = &reached.action[..self.grid.action_space().width()];
        trace::fields(&self.grid, &reached.row(), action, [reached.reward, reached.sum_reward], has)
    }
}
