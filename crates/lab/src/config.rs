//! Configuration of a run: every setting with its default, layered from file, variables and flags.
//!
//! Layers, weakest first: defaults, a TOML file, variables `TRIMTAB__SECTION__KEY`, flags. An unknown key is
//! an error that names where it stands and the nearest valid one.

mod layers;
mod off_policy;
mod start;
mod validation;

pub use layers::{Layer, resolve};
pub use start::StartConfig;
pub use validation::{Select, ValidationConfig};

use crate::{
    Error, Result,
    compat::{gym_hpa::GymHpaCompatConfig, teastore::TeastoreCompatConfig},
    environments::{
        self,
        horizontal::HorizontalConfig,
        joint::JointConfig,
        localization::LocalizationConfig,
        teastore::{TeastoreConfig, TeastoreSimConfig},
        vpa::VpaConfig,
    },
    reward::Goal,
    traffic::TrafficConfig,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trimtab_control::{ActionKind, GuardrailsConfig, steering::TrimConfig};
use trimtab_rl::{
    A2cConfig, DdpgConfig, DqnConfig, Learners, NetworkConfig, PpoConfig, SacConfig, Schedule, Td3Config,
};
use trimtab_sim::SimConfig;

/// Configuration of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Environment: one of `trimtab env list`, or an application file.
    pub env: String,
    /// What the environment is after: `cost`, `latency` or `multi`.
    pub goal: Goal,
    /// What the policy may do: `trim`, `trim_continuous`, `delta` or `move`.
    pub action: ActionKind,
    /// Algorithm: `ppo` or `a2c` for any action; `dqn` for choices; `ddpg` or `td3` for numbers; `sac` for any action.
    pub algorithm: Algorithm,
    /// Seed of everything random.
    pub seed: u64,
    /// Environment steps to train for.
    pub total_timesteps: u64,
    /// Environments stepped together.
    pub n_envs: usize,
    /// Environment steps between two checkpoints.
    pub checkpoint_timesteps: u64,
    /// Checkpoints that are kept, the newest ones.
    pub keep_checkpoints: usize,
    /// Which policy a finished run reports: `last`, or `best` by validation.
    pub select: Select,
    /// Largest step of the `delta` action.
    pub delta: u32,
    /// Episodes.
    pub episode: EpisodeConfig,
    /// Traffic; several entries are trained on together.
    pub traffic: Vec<TrafficConfig>,
    /// The simulated cluster.
    pub sim: SimConfig,
    /// The autoscaler inside `trim`.
    pub inner: InnerConfig,
    /// Bounds of `trim`.
    pub trim: TrimConfig,
    /// Reward terms and weights; empty: those of the goal.
    pub reward: BTreeMap<String, f64>,
    /// The constraint of the goal `multi`.
    pub constraint: ConstraintSetting,
    /// Share of the inner HPA's cost on the training days that a finished `trim_continuous` policy is set to (see the
    /// `settle` module); 0: it is left as it learned.
    pub settle_cost_share: f64,
    /// Guardrails after every decision.
    pub guardrails: GuardrailsConfig,
    /// Where learning starts.
    pub start: StartConfig,
    /// Validation during training.
    pub validation: ValidationConfig,
    /// The environment `teastore`.
    pub teastore: TeastoreConfig,
    /// The environment `teastore_sim`, beside what it shares with `teastore`.
    pub teastore_sim: TeastoreSimConfig,
    /// The environment `vpa`.
    pub vpa: VpaConfig,
    /// The environment `teastore_compat`.
    pub teastore_compat: TeastoreCompatConfig,
    /// The environments `redis_gym`, `online_boutique_gym`, `chained_services_gym` and `horizontal`.
    pub horizontal: HorizontalConfig,
    /// The environments `redis_compat` and `online_boutique_compat`.
    pub gym_hpa_compat: GymHpaCompatConfig,
    /// The environment `joint`.
    pub joint: JointConfig,
    /// The environments `localization` and `localization_compat`.
    pub localization: LocalizationConfig,
    /// Hyper-parameters of PPO.
    pub ppo: PpoConfig,
    /// Hyper-parameters of A2C.
    pub a2c: A2cConfig,
    /// Hyper-parameters of DQN.
    pub dqn: DqnConfig,
    /// Hyper-parameters of DDPG.
    pub ddpg: DdpgConfig,
    /// Hyper-parameters of TD3.
    pub td3: Td3Config,
    /// Hyper-parameters of SAC.
    pub sac: SacConfig,
}

/// A learning algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Proximal policy optimisation (Schulman et al., 2017).
    #[default]
    Ppo,
    /// Advantage actor-critic (Mnih et al., 2016), synchronous.
    A2c,
    /// Deep Q-learning (Mnih et al., 2015), with its improvements as switches.
    Dqn,
    /// Deep deterministic policy gradient (Lillicrap et al., 2016).
    Ddpg,
    /// Twin delayed DDPG (Fujimoto et al., 2018).
    Td3,
    /// Soft actor-critic (Haarnoja et al., 2018).
    Sac,
}

impl Algorithm {
    /// Its name, which is that of its section too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ppo => "ppo",
            Self::A2c => "a2c",
            Self::Dqn => "dqn",
            Self::Ddpg => "ddpg",
            Self::Td3 => "td3",
            Self::Sac => "sac",
        }
    }

    /// Fails unless it can learn actions of a kind.
    ///
    /// # Errors
    /// [`Error::Config`] naming both.
    pub fn check_action(self, action: ActionKind) -> Result<()> {
        let continuous = action == ActionKind::TrimContinuous;
        let expected = match self {
            Self::Dqn if continuous => "action trim, delta or move, which are choices, not trim_continuous",
            Self::Ddpg | Self::Td3 if !continuous => {
                "action trim_continuous, the only one that is made of numbers"
            }
            _ => return Ok(()),
        };
        Err(Error::config("algorithm", format!("is {}, expected with it {expected}", self.name())))
    }
}

/// Length and pace of episodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EpisodeConfig {
    /// Seconds between two decisions.
    pub interval_secs: f64,
    /// Decisions that an action is held for. The inner autoscaler decides every time, on what it then sees.
    pub hold: u32,
    /// Actions in a training episode, which starts at a random time of a random training day.
    pub steps: u32,
}

impl Default for EpisodeConfig {
    fn default() -> Self {
        Self { interval_secs: 15.0, hold: 4, steps: 60 }
    }
}

/// The HPA inside `trim`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InnerConfig {
    /// CPU target of each service in percent of its request, in the application's order; empty: calibrated on the training days.
    pub target_percent: Vec<u32>,
    /// Scale-down stabilisation window in seconds.
    pub scale_down_secs: f64,
    /// Most of the replicas that may be removed in a minute, in percent.
    pub scale_down_percent: u32,
    /// Share of SLO windows it violated on the training days.
    pub violation_share: f64,
    /// Mean tail it used up on the training days (the signal `tail`).
    pub tail_used: f64,
    /// Settings of the calibration.
    pub calibration: CalibrationConfig,
}

impl Default for InnerConfig {
    fn default() -> Self {
        Self {
            target_percent: Vec::new(),
            scale_down_secs: 0.0,
            scale_down_percent: 100,
            violation_share: 0.0,
            tail_used: 0.0,
            calibration: CalibrationConfig::default(),
        }
    }
}

/// Settings of the search for an HPA's best parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalibrationConfig {
    /// Largest allowed share of SLO windows violated on the training days.
    pub violation_budget: f64,
    /// Scale-down stabilisation windows to try, in seconds.
    pub scale_down_secs: Vec<f64>,
    /// Scale-down rates to try besides 100, in percent of the replicas a minute.
    pub scale_down_percent: Vec<u32>,
    /// Find a target for each service, after the best one for all.
    pub per_service: bool,
}

impl Default for CalibrationConfig {
    fn default() -> Self {
        Self {
            violation_budget: 0.01,
            scale_down_secs: vec![60.0, 120.0, 300.0],
            scale_down_percent: vec![50, 25],
            per_service: true,
        }
    }
}

/// A signal that the environment gives beside the reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Share of requests that failed or were slow, over the 5 % that a p95 allows, to the fourth power, at most 1: a smooth
    /// companion of `violation`, easier to learn from.
    #[default]
    Tail,
    /// Share of SLO windows whose p95 was over the bound.
    Violation,
    /// p95 over the bound, at most 4, mean over windows.
    Latency,
}

impl Signal {
    /// Names in the order in which environments give them.
    pub const NAMES: [&str; 3] = ["tail", "violation", "latency"];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tail => Self::NAMES[0],
            Self::Violation => Self::NAMES[1],
            Self::Latency => Self::NAMES[2],
        }
    }
}

/// The constraint of the goal `multi`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConstraintSetting {
    /// What is bounded.
    pub signal: Signal,
    /// Largest mean per decision; 0: what the inner HPA reached on the training days, times `inner_share`.
    pub limit: f64,
    /// See `limit`.
    pub inner_share: f64,
    /// Gain of the multiplier's integral update, per rollout.
    pub ki: f64,
    /// Gain of its proportional part.
    pub kp: f64,
    /// Multiplier at the start.
    pub multiplier: f64,
    /// Largest multiplier.
    pub max_multiplier: f64,
    /// Steps between two measurements of what the most probable actions cost, for which the bound is to hold; 0: it holds for
    /// the actions that are drawn while learning. Not for applications, whose policies are settled instead.
    pub measure_timesteps: u64,
}

impl Default for ConstraintSetting {
    fn default() -> Self {
        Self {
            signal: Signal::Tail,
            limit: 0.0,
            inner_share: 1.0,
            ki: 0.02,
            kp: 0.0,
            multiplier: 0.5,
            max_multiplier: 100.0,
            measure_timesteps: 0,
        }
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            env: "online_boutique".to_owned(),
            goal: Goal::default(),
            action: ActionKind::default(),
            algorithm: Algorithm::default(),
            seed: 0,
            total_timesteps: 500_000,
            n_envs: 32,
            checkpoint_timesteps: 100_000,
            keep_checkpoints: 2,
            select: Select::default(),
            delta: 1,
            episode: EpisodeConfig::default(),
            traffic: vec![TrafficConfig::default()],
            sim: SimConfig::default(),
            inner: InnerConfig::default(),
            trim: TrimConfig::default(),
            reward: BTreeMap::new(),
            constraint: ConstraintSetting::default(),
            settle_cost_share: 0.99,
            guardrails: GuardrailsConfig::default(),
            start: StartConfig::default(),
            validation: ValidationConfig::default(),
            teastore: TeastoreConfig::default(),
            teastore_sim: TeastoreSimConfig::default(),
            vpa: VpaConfig::default(),
            teastore_compat: TeastoreCompatConfig::default(),
            horizontal: HorizontalConfig::default(),
            gym_hpa_compat: GymHpaCompatConfig::default(),
            joint: JointConfig::default(),
            localization: LocalizationConfig::default(),
            ppo: ppo_defaults(),
            a2c: a2c_defaults(),
            dqn: off_policy::dqn(),
            ddpg: off_policy::ddpg(),
            td3: off_policy::td3(),
            sac: off_policy::sac(),
        }
    }
}

/// Hyper-parameters found for the autoscaling environments; the algorithm's own defaults are elsewhere.
fn ppo_defaults() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 64,
        batch_size: 2048,
        n_epochs: 3,
        gamma: 0.9,
        gae_lambda: 0.9,
        normalize_reward: true,
        network: NetworkConfig { hidden: vec![32], log_std_init: -1.2, ..NetworkConfig::default() },
        ..PpoConfig::default()
    }
}

/// As [`ppo_defaults`], for A2C.
fn a2c_defaults() -> A2cConfig {
    let ppo = ppo_defaults();
    A2cConfig {
        learning_rate: Schedule::linear(2e-3),
        n_steps: 16,
        gamma: ppo.gamma,
        gae_lambda: ppo.gae_lambda,
        normalize_advantage: true,
        normalize_reward: true,
        network: ppo.network,
        ..A2cConfig::default()
    }
}

impl RunConfig {
    /// Checks what the parts cannot check themselves.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key, what is there and what was expected.
    pub fn validate(&self) -> Result<()> {
        let check = |key: &str, right: bool, expected: &str, found: &dyn std::fmt::Display| {
            if right { Ok(()) } else { Err(Error::config(key, format!("is {found}, expected {expected}"))) }
        };
        check("total_timesteps", self.total_timesteps > 0, "at least 1", &self.total_timesteps)?;
        check("n_envs", self.n_envs > 0, "at least 1", &self.n_envs)?;
        check(
            "checkpoint_timesteps",
            self.checkpoint_timesteps > 0,
            "at least 1",
            &self.checkpoint_timesteps,
        )?;
        check("keep_checkpoints", self.keep_checkpoints > 0, "at least 1", &self.keep_checkpoints)?;
        check("traffic", !self.traffic.is_empty(), "at least one entry", &"empty")?;
        check("episode.steps", self.episode.steps > 0, "at least 1", &self.episode.steps)?;
        check("episode.hold", self.episode.hold > 0, "at least 1", &self.episode.hold)?;
        let interval = self.episode.interval_secs;
        let whole = interval > 0.0 && (interval / self.sim.substep_secs).fract() == 0.0;
        check("episode.interval_secs", whole, "a multiple of sim.substep_secs", &interval)?;
        check("constraint.limit", self.constraint.limit >= 0.0, "zero or more", &self.constraint.limit)?;
        check(
            "constraint.inner_share",
            self.constraint.inner_share > 0.0,
            "above zero",
            &self.constraint.inner_share,
        )?;
        check("settle_cost_share", self.settle_cost_share >= 0.0, "zero or more", &self.settle_cost_share)?;
        let budget = self.inner.calibration.violation_budget;
        check(
            "inner.calibration.violation_budget",
            budget > 0.0 && budget < 1.0,
            "above 0 and below 1",
            &budget,
        )?;
        let windows = &self.inner.calibration.scale_down_secs;
        check("inner.calibration.scale_down_secs", !windows.is_empty(), "at least one window", &"empty")?;
        let on_application = environments::find(&self.env).is_none();
        // A run on an application writes one policy, for every service.
        for (key, learners) in [("ppo.learners", self.ppo.learners), ("a2c.learners", self.a2c.learners)] {
            check(key, !on_application || learners == Learners::Shared, "\"shared\"", &"\"independent\"")?;
        }
        for (key, network) in [("ppo.network", &self.ppo.network), ("a2c.network", &self.a2c.network)] {
            let expected = "none: observations of applications are rows of numbers, not graphs";
            check(
                &format!("{key}.encoder"),
                !on_application || network.encoder.is_none(),
                expected,
                &"a graph",
            )?;
        }
        self.validation.validate(self.select)?;
        let on_policy = matches!(self.algorithm, Algorithm::Ppo | Algorithm::A2c);
        for (key, given) in [("start.from", &self.start.from), ("start.clone", &self.start.clone)] {
            check(
                key,
                on_policy || given.is_empty(),
                "algorithm \"ppo\" or \"a2c\" with it",
                &self.algorithm.name(),
            )?;
        }
        check(
            "start.freeze",
            on_policy || self.start.freeze.is_empty(),
            "algorithm \"ppo\" or \"a2c\" with it",
            &self.algorithm.name(),
        )?;
        crate::reward::Reward::new(&self.reward)?;
        self.sim.validate()?;
        Ok(())
    }

    /// The configuration as TOML.
    ///
    /// # Panics
    /// Never: every field has a TOML form.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field of a configuration has a TOML form")
    }

    /// Weights of the reward terms: the given ones, else the goal's.
    pub fn reward_weights(&self) -> BTreeMap<String, f64> {
        if self.reward.is_empty() { self.goal.weights() } else { self.reward.clone() }
    }
}
