//! The environment: encode ∘ cluster ∘ guard ∘ decode over a batch of simulated clusters.
//!
//! A decision decodes every row's action into a proposal, lets the guardrails check it, applies it, and lets one
//! decision interval pass. A step holds its action for a few decisions and then encodes what can be seen. Episodes are stretches of training days, at random
//! times, and end by truncation only. Beside the reward travel two constraint signals, the share of violated
//! SLO windows and p95 over the bound.
//!
//! Credit: where every service has a row, what happens to the application as a whole (violations, latency) is put to
//! the services in proportion to the waiting that arose at each, times their number: the mean over the rows is the
//! application's figure, and a service that nothing waited at learns nothing from a violation it had no part in.
//!
//! Left out: learning, and plants other than the simulation.

mod describe;
mod judge;
mod lane;

pub use describe::{describe, names};
pub(crate) use judge::{Interval, Judge};
pub use lane::Episode;

use crate::{
    Result,
    config::{RunConfig, Signal},
    reward::Goal,
    traffic::Day,
};
use lane::{Lane, LaneState};
use serde::{Deserialize, Serialize};
use trimtab_control::{Hpa, Steering};
use trimtab_model::{Application, Decision, Seconds, Snapshot};
use trimtab_nn::{ActionHead, ActionSlice};
use trimtab_rl::{ActionSpace, Actions, ConstraintConfig, EnvSpec, StepBuffers, StepError, VecEnv};
use trimtab_sim::{Cluster, ClusterState, Tally};

/// A batch of simulated clusters under one kind of steering.
pub struct Environment {
    spec: EnvSpec,
    cluster: Cluster,
    days: Vec<Day>,
    lanes: Vec<Lane>,
    judge: Judge,
    substeps: u32,
    hold: u32,
    steps: u32,
    interval: f64,
    proposal: Decision,
    allowed: Decision,
    episodes: Vec<Episode>,
    total: Tally,
    pub(crate) constraints: Vec<ConstraintConfig>,
}

/// The changing part of an [`Environment`], for a checkpoint.
#[derive(Serialize, Deserialize)]
struct EnvironmentState {
    cluster: ClusterState,
    lanes: Vec<LaneState>,
}

impl Environment {
    /// `config.n_envs` clusters that run `application` on the given days, with `inner` inside `trim`.
    ///
    /// # Errors
    /// Whatever in the configuration cannot work.
    pub fn new(config: &RunConfig, application: &Application, days: Vec<Day>, inner: &Hpa) -> Result<Self> {
        let lane = Lane::new(config, application, inner)?;
        let (rows, width) = (lane.codec.rows(), lane.codec.width());
        let action_space = match lane.steering.head() {
            ActionHead::Discrete(n) => ActionSpace::Discrete(n),
            ActionHead::MultiDiscrete(choices) => ActionSpace::MultiDiscrete(choices),
            ActionHead::Gaussian(width) => ActionSpace::Box(width),
        };
        let cluster = Cluster::new(application, config.sim.clone(), config.n_envs)?;
        Ok(Self {
            spec: EnvSpec {
                n_envs: config.n_envs,
                n_agents: rows,
                obs_dim: width,
                action_space,
                costs: Signal::NAMES.to_vec(),
                masked: lane.steering.masked(),
                varying: false,
            },
            substeps: cluster.substeps_in(config.episode.interval_secs),
            cluster,
            days,
            lanes: vec![lane; config.n_envs],
            judge: Judge::new(config, application, rows)?,
            hold: config.episode.hold,
            steps: config.episode.steps,
            interval: config.episode.interval_secs * f64::from(config.episode.hold),
            proposal: Decision::default(),
            allowed: Decision::default(),
            episodes: Vec::new(),
            total: Tally::default(),
            constraints: constraints(config),
        })
    }

    /// The steering of a lane, for its action space and its neutral action.
    pub fn steering(&self) -> &Steering {
        &self.lanes[0].steering
    }

    /// Episodes that ended since the last call.
    pub fn take_episodes(&mut self) -> Vec<Episode> {
        std::mem::take(&mut self.episodes)
    }

    /// What happened in all lanes since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.total)
    }

    /// Requested cores of one replica of every service.
    pub fn one_replica_cores(&self) -> f64 {
        self.cluster.application().services.iter().map(|s| s.allocation.cpu_request.cores()).sum()
    }

    /// What can be seen of a lane.
    pub fn seen(&self, lane: usize) -> &Snapshot {
        &self.lanes[lane].seen
    }

    fn start_episode(&mut self, lane: usize, obs: &mut [f32]) {
        let this = &mut self.lanes[lane];
        let length = f64::from(self.steps) * self.interval;
        let (start, replicas, seed) =
            this.draw_episode(&self.days, length, self.interval, self.cluster.application());
        self.cluster.reset(lane, start, replicas, seed);
        self.cluster.observe(lane, &mut this.seen);
        this.codec.encode(&this.seen, this.steering.echo(), obs);
    }

    fn act(&mut self, actions: Actions<'_>) -> Result<(), StepError> {
        let per_lane = self.spec.n_agents * self.spec.action_space.width();
        for (lane, this) in self.lanes.iter_mut().enumerate() {
            let range = lane * per_lane..(lane + 1) * per_lane;
            let action = match actions {
                Actions::Discrete(choices) => ActionSlice::Choices(&choices[range]),
                Actions::Continuous(numbers) => ActionSlice::Numbers(&numbers[range]),
            };
            self.proposal.clear(self.judge.services());
            this.steering.decode(&this.seen, action, &mut self.proposal).map_err(|error| {
                StepError::OutsideSpace {
                    row: lane * self.spec.n_agents,
                    action: f32::NAN,
                    expected: error.to_string(),
                }
            })?;
            this.guardrails.check(&this.seen, &self.proposal, &mut self.allowed);
            for (before, service) in this.before.iter_mut().zip(&this.seen.services) {
                *before = service.replicas.spec;
            }
            self.cluster.apply(lane, &self.allowed);
        }
        Ok(())
    }

    /// Adds the rewards and costs of a lane's rows from the interval that has just passed.
    fn judge(&mut self, lane: usize, rewards: &mut [f32], costs: &mut [f32]) {
        let this = &mut self.lanes[lane];
        let interval = Interval {
            cluster: &self.cluster,
            lane,
            seen: &this.seen,
            before: &this.before,
            invalid: this.steering.invalid(),
        };
        self.judge.add(&interval, rewards, costs);
        let tally = *self.cluster.interval(lane);
        self.total += tally;
        this.tally(&tally);
    }
}

impl VecEnv for Environment {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.episodes.clear();
        self.total = Tally::default();
        let width = self.spec.n_agents * self.spec.obs_dim;
        for lane in 0..self.spec.n_envs {
            self.lanes[lane].seed(seed, lane);
            self.start_episode(lane, &mut obs[lane * width..(lane + 1) * width]);
        }
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        let (agents, dim, costs) = (self.spec.n_agents, self.spec.obs_dim, Signal::NAMES.len());
        out.rewards.fill(0.0);
        out.costs.fill(0.0);
        for decision in 0..self.hold {
            if decision == 0 || self.steering().acts_while_held() {
                self.act(actions)?;
            }
            let (days, lanes) = (&self.days, &self.lanes);
            self.cluster.advance(self.substeps, &mut |lane, time| {
                let day = &days[lanes[lane].day()];
                day.rate.rate(Seconds((time - day.start).0)).0
            });
            for lane in 0..self.spec.n_envs {
                let rows = lane * agents..(lane + 1) * agents;
                let costs = rows.start * costs..rows.end * costs;
                self.judge(lane, &mut out.rewards[rows], &mut out.costs[costs]);
                let seen = &mut self.lanes[lane].seen;
                if decision + 1 < self.hold {
                    // While an action is held only the inner autoscaler looks.
                    self.cluster.observe_pods(lane, seen);
                } else {
                    self.cluster.observe(lane, seen);
                }
            }
        }
        for lane in 0..self.spec.n_envs {
            let rows = lane * agents..(lane + 1) * agents;
            let obs = rows.start * dim..rows.end * dim;
            let this = &mut self.lanes[lane];
            this.count(&out.rewards[rows.clone()]);
            this.codec.encode(&this.seen, this.steering.echo(), &mut out.obs[obs.clone()]);
            out.terminated[lane] = false;
            out.truncated[lane] = this.ends(self.steps);
            if out.truncated[lane] {
                let episode = this.finish(lane, &self.days);
                self.episodes.push(episode);
                out.final_obs[obs.clone()].copy_from_slice(&out.obs[obs.clone()]);
                self.start_episode(lane, &mut out.obs[obs]);
            }
        }
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        let width = self.spec.n_agents * self.spec.action_space.choices();
        for (this, masks) in self.lanes.iter().zip(masks.chunks_exact_mut(width)) {
            this.steering.mask(&this.seen, masks);
        }
    }

    fn save(&self) -> Vec<u8> {
        let lanes = self.lanes.iter().map(Lane::save).collect();
        let state = EnvironmentState { cluster: self.cluster.state().clone(), lanes };
        postcard::to_stdvec(&state).expect("a state in memory has a binary form")
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let state: EnvironmentState =
            postcard::from_bytes(state).map_err(|e| format!("not the state of an environment: {e}"))?;
        if state.lanes.len() != self.lanes.len() {
            return Err(format!(
                "saved with {} environments, expected {}",
                state.lanes.len(),
                self.lanes.len()
            ));
        }
        self.cluster.restore(state.cluster)?;
        for (lane, (this, saved)) in self.lanes.iter_mut().zip(state.lanes).enumerate() {
            this.restore(saved);
            self.cluster.observe(lane, &mut this.seen);
        }
        Ok(())
    }
}

/// The constraint of the goal `multi`.
fn constraints(config: &RunConfig) -> Vec<ConstraintConfig> {
    if config.goal != Goal::Multi {
        return Vec::new();
    }
    let setting = &config.constraint;
    let limit = if setting.limit > 0.0 {
        setting.limit
    } else {
        let reached = match setting.signal {
            Signal::Tail => config.inner.tail_used,
            Signal::Violation => config.inner.violation_share,
            Signal::Latency => 1.0,
        };
        // An HPA without a violation still leaves room to measure one in ten thousand windows.
        (reached * setting.inner_share).max(1e-4)
    };
    vec![ConstraintConfig {
        kp: setting.kp,
        ki: setting.ki,
        initial_multiplier: setting.multiplier,
        max_multiplier: setting.max_multiplier,
        ..ConstraintConfig::new(setting.signal.name(), limit)
    }]
}

#[cfg(test)]
mod tests;
