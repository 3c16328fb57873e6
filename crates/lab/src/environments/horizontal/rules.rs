//! The rules that simulated and recorded replicas share: what is seen, what may be done, what it is worth.
//!
//! The desired replicas are gym-hpa's: `ceil(0.7·ceil(cpu / target) + 0.3·ceil(memory / target))` within the bounds, targets being three
//! quarters of the requests; in whole numbers `ceil((7a + 3b) / 10)`, which is the same. `cpu` and `memory` are sums over a
//! deployment's pods.
//!
//! Left out: where readings come from.

use super::{
    HorizontalConfig, check, graph,
    numbers::{self, Number},
    weights,
};
use crate::{
    Error, Result,
    config::RunConfig,
    reward::{Goal, Term},
};
use serde::{Deserialize, Serialize};
use trimtab_model::Application;
use trimtab_rl::{ActionSpace, ConstraintConfig, EnvSpec};

/// Numbers of a deployment in a published observation.
pub const FEATURES: usize = 6;
/// Moves of one deployment: nothing, 1 to 7 more, 1 to 7 fewer.
pub(super) const MOVES: usize = 15;
/// Latency over its bound, from where on a constraint no longer tells worse from worse.
pub(super) const SIGNAL_CAP: f64 = 4.0;

/// What an action is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionForm {
    /// A deployment and one of 15 moves, each on its own (gym-hpa).
    Move,
    /// The same as one choice, so that masks can forbid it.
    Pair,
    /// A change of every deployment.
    #[default]
    Delta,
}

/// How an observation is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// The numbers of each deployment.
    #[default]
    Flat,
    /// Numbers of each deployment, then the adjacency: row `i`, column `j` is 1 where deployment `i` calls `j`.
    Graph,
}

/// How numbers are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Over targets, so that they mean the same for every deployment of every application.
    #[default]
    Relative,
    /// As gym-hpa gives them: replicas, millicores, MiB, kB/s.
    Published,
}

/// Every term of the reward.
pub const TERMS: [Term; 3] = [
    Term { name: "match", meaning: "deployments whose replicas are the desired ones (goal `cost`)" },
    Term { name: "latency", meaning: "less the mean latency in ms, at most its cap (goal `latency`)" },
    Term { name: "pods", meaning: "less the mean of the replicas over deployments (goal `multi`)" },
];

/// What is known of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Name.
    pub name: String,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// Target of its CPU in millicores.
    pub cpu_target: u32,
    /// Target of its memory in MiB.
    pub memory_target: u32,
}

/// What is measured of a deployment: sums over its pods, in whole numbers as they are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Replicas asked for.
    pub pods: u32,
    /// CPU in millicores.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// Traffic received in kB/s.
    pub received: u32,
    /// Traffic sent in kB/s.
    pub transmitted: u32,
}

/// `ceil(0.7·ceil(cpu / cpu_target) + 0.3·ceil(memory / memory_target))`, at least 1 and at most `max`. Targets are above 0.
pub fn desired_replicas(cpu: u32, memory: u32, cpu_target: u32, memory_target: u32, max: u32) -> u32 {
    let (by_cpu, by_memory) = (cpu.div_ceil(cpu_target), memory.div_ceil(memory_target));
    (7 * u64::from(by_cpu) + 3 * u64::from(by_memory)).div_ceil(10).clamp(1, u64::from(max)) as u32
}

impl Deployment {
    fn of(service: &trimtab_model::application::Service) -> Self {
        let request = service.allocation;
        let mebibytes = request.memory_request.0 / 1_048_576;
        Self {
            name: service.name.clone(),
            min: service.replicas.min,
            max: service.replicas.max,
            cpu_target: (request.cpu_request.0 * 3 / 4).max(1),
            memory_target: (mebibytes as u32 * 3 / 4).max(1),
        }
    }

    /// Replicas that the formula asks for.
    pub fn desired(&self, reading: &Reading) -> u32 {
        desired_replicas(reading.cpu, reading.memory, self.cpu_target, self.memory_target, self.max)
            .max(self.min)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Deployments in the order of observations and actions.
    pub deployments: Vec<Deployment>,
    /// Steps of an episode.
    pub steps: u32,
    /// Bound on the mean latency under the goal `multi`, in ms.
    pub latency_bound_ms: f64,
    /// The largest latency that counts, in ms.
    pub latency_cap_ms: f64,
    pub(super) goal: Goal,
    pub(super) form: ActionForm,
    pub(super) delta: u32,
    pub(super) masked: bool,
    pub(super) scale: Scale,
    pub(super) numbers: Vec<Number>,
    /// `n × n`; empty for flat observations.
    pub(super) adjacency: Vec<f32>,
    pub(super) weights: [f64; TERMS.len()],
    constraints: Vec<ConstraintConfig>,
}

impl Rules {
    /// The rules of a configuration for an application.
    ///
    /// # Errors
    /// A setting that cannot work.
    pub fn new(config: &RunConfig, application: &Application) -> Result<Self> {
        let settings = &config.horizontal;
        check("steps", settings.steps.into(), settings.steps > 0, "at least 1")?;
        check("delta", settings.delta.into(), (1..=7).contains(&settings.delta), "1 to 7")?;
        for (key, found) in
            [("latency_cap_ms", settings.latency_cap_ms), ("latency_bound_ms", settings.latency_bound_ms)]
        {
            check(key, found, found >= 0.0, "a number of at least 0")?;
        }
        let or = |given: f64, otherwise: f64| if given > 0.0 { given } else { otherwise };
        let objective = application.slo.p95.millis();
        let published = match application.name.as_str() {
            "redis" => 250.0,
            "online_boutique" => 3000.0,
            _ => 6.0 * objective,
        };
        let latency_bound_ms = or(settings.latency_bound_ms, 0.5 * objective);
        Ok(Self {
            deployments: application.services.iter().map(Deployment::of).collect(),
            steps: settings.steps,
            latency_cap_ms: or(settings.latency_cap_ms, published),
            latency_bound_ms,
            goal: config.goal,
            form: settings.action,
            delta: settings.delta,
            masked: settings.masked && settings.action != ActionForm::Move,
            scale: settings.scale,
            numbers: seen(settings)?,
            adjacency: match settings.observation {
                Observation::Flat => Vec::new(),
                Observation::Graph => graph::adjacency(application, &settings.edges)?,
            },
            weights: terms(settings, config.goal)?,
            constraints: constraints(config),
        })
    }

    /// Sizes of a batch.
    pub fn spec(&self, n_envs: usize) -> EnvSpec {
        let n = self.deployments.len();
        EnvSpec {
            n_envs,
            n_agents: 1,
            obs_dim: n * self.features() + self.adjacency.len(),
            action_space: match self.form {
                ActionForm::Move => ActionSpace::MultiDiscrete(vec![n, MOVES]),
                ActionForm::Pair => ActionSpace::Discrete(n * MOVES),
                ActionForm::Delta => ActionSpace::MultiDiscrete(vec![2 * self.delta as usize + 1; n]),
            },
            costs: vec!["latency"],
            masked: self.masked,
            varying: false,
        }
    }

    /// The action that changes nothing.
    pub fn neutral(&self) -> Vec<u32> {
        match self.form {
            ActionForm::Move => vec![0, 0],
            ActionForm::Pair => vec![0],
            ActionForm::Delta => vec![self.delta; self.deployments.len()],
        }
    }

    /// Whether a fresh policy should start from the action that changes nothing: not where that is one choice for the whole
    /// application.
    pub(super) fn starts_neutral(&self) -> bool {
        self.form == ActionForm::Delta
    }

    /// Numbers of a deployment in an observation.
    pub fn features(&self) -> usize {
        self.numbers.len()
    }

    /// Nodes and numbers of each, where observations are graphs.
    pub fn graph(&self) -> Option<(usize, usize)> {
        (!self.adjacency.is_empty()).then_some((self.deployments.len(), self.features()))
    }

    /// What learning keeps to under the goal `multi`.
    pub fn constraints(&self) -> Vec<ConstraintConfig> {
        self.constraints.clone()
    }

    /// The changes that an action asks for, as deployment and change. Calls `each` for those that are not 0.
    fn each_change(&self, action: &[u32], mut each: impl FnMut(usize, i64)) {
        match self.form {
            ActionForm::Move => each(action[0] as usize, change(action[1] as usize)),
            ActionForm::Pair => {
                let choice = action[0] as usize;
                each(choice / MOVES, change(choice % MOVES));
            }
            ActionForm::Delta => {
                for (deployment, choice) in action.iter().enumerate() {
                    each(deployment, i64::from(*choice) - i64::from(self.delta));
                }
            }
        }
    }

    /// Carries out an action that is in its space on the replicas asked for. Returns how many changes would have left a
    /// deployment's bounds; those are not made.
    pub fn carry_out(&self, action: &[u32], pods: &mut [u32]) -> u32 {
        let mut invalid = 0;
        self.each_change(action, |deployment, change| {
            let wanted = i64::from(pods[deployment]) + change;
            if self.allows(deployment, wanted) {
                pods[deployment] = wanted as u32;
            } else if change != 0 {
                invalid += 1;
            }
        });
        invalid
    }

    fn allows(&self, deployment: usize, pods: i64) -> bool {
        let Deployment { min, max, .. } = self.deployments[deployment];
        (i64::from(min)..=i64::from(max)).contains(&pods)
    }

    /// Writes which choices keep every deployment in its bounds.
    pub fn masks(&self, pods: &[u32], masks: &mut [bool]) {
        let fits = |deployment: usize, change: i64| {
            change == 0 || self.allows(deployment, i64::from(pods[deployment]) + change)
        };
        let delta = 2 * self.delta as usize + 1;
        for (choice, allowed) in masks.iter_mut().enumerate() {
            *allowed = match self.form {
                ActionForm::Move => true,
                ActionForm::Pair => fits(choice / MOVES, change(choice % MOVES)),
                ActionForm::Delta => fits(choice / delta, (choice % delta) as i64 - i64::from(self.delta)),
            };
        }
    }

    /// Writes an observation; `before` are the readings a step ago.
    pub fn observe(&self, readings: &[Reading], before: &[Reading], obs: &mut [f32]) {
        let (numbers, adjacency) = obs.split_at_mut(self.deployments.len() * self.features());
        let pairs = readings.iter().zip(before);
        let rows = numbers.chunks_exact_mut(self.features());
        for ((deployment, readings), to) in self.deployments.iter().zip(pairs).zip(rows) {
            for (to, number) in to.iter_mut().zip(&self.numbers) {
                *to = number.of(deployment, readings, self.scale);
            }
        }
        adjacency.copy_from_slice(&self.adjacency);
    }

    /// Deployments whose replicas are the desired ones.
    pub fn matches(&self, readings: &[Reading]) -> usize {
        let pairs = self.deployments.iter().zip(readings);
        pairs.filter(|(deployment, reading)| reading.pods == deployment.desired(reading)).count()
    }

    /// Reward of a step that led to `readings` and a latency in ms, with so many changes that were not made.
    pub fn reward(&self, readings: &[Reading], latency_ms: f64, invalid: u32) -> f64 {
        if invalid > 0 {
            return self.penalty();
        }
        let pods: u32 = readings.iter().map(|reading| reading.pods).sum();
        let terms = [
            self.matches(readings) as f64,
            -latency_ms.min(self.latency_cap_ms),
            -f64::from(pods) / readings.len() as f64,
        ];
        terms.iter().zip(self.weights).map(|(term, weight)| term * weight).sum()
    }

    /// Reward of an action that could not be carried out, in place of the rest: −1, less the latency's cap, or less the
    /// mean of the most replicas.
    pub fn penalty(&self) -> f64 {
        match self.goal {
            Goal::Cost => -1.0,
            Goal::Latency => -self.latency_cap_ms,
            Goal::Multi => {
                let most: u32 = self.deployments.iter().map(|deployment| deployment.max).sum();
                -f64::from(most) / self.deployments.len() as f64
            }
        }
    }

    /// Latency over its bound.
    pub fn signal(&self, latency_ms: f64) -> f64 {
        (latency_ms / self.latency_bound_ms).min(SIGNAL_CAP)
    }

    /// The action that leads from some replicas towards others as far as one action can: of single moves, that of the
    /// deployment that is farthest off.
    pub fn towards(&self, pods: &[u32], wanted: &[u32]) -> Vec<u32> {
        let changes = pods.iter().zip(wanted).map(|(has, wants)| i64::from(*wants) - i64::from(*has));
        if self.form == ActionForm::Delta {
            let most = i64::from(self.delta);
            return changes.map(|change| (change.clamp(-most, most) + most) as u32).collect();
        }
        // The first of those that are farthest off.
        let farthest = changes.enumerate().min_by_key(|(_, change)| -change.abs());
        let (deployment, change) = farthest.unwrap_or_default();
        let choice = match change.clamp(-7, 7) {
            fewer @ ..0 => 7 - fewer,
            more => more,
        } as u32;
        match self.form {
            ActionForm::Move => vec![deployment as u32, choice],
            _ => vec![(deployment * MOVES) as u32 + choice],
        }
    }
}

/// Change of replicas that a move stands for.
pub(super) fn change(choice: usize) -> i64 {
    if choice <= 7 { choice as i64 } else { 7 - choice as i64 }
}

/// The numbers that are seen of a deployment.
fn seen(settings: &HorizontalConfig) -> Result<Vec<Number>> {
    let given = &settings.numbers;
    let mut others = given.iter().enumerate();
    if let Some((_, twice)) = others.find(|(at, number)| given[..*at].contains(number)) {
        return Err(Error::config("horizontal.numbers", format!("has {twice:?} twice")));
    }
    Ok(match settings.observation {
        _ if !given.is_empty() => given.clone(),
        Observation::Flat => numbers::PUBLISHED.to_vec(),
        Observation::Graph => numbers::LOCAL.to_vec(),
    })
}

fn terms(settings: &HorizontalConfig, goal: Goal) -> Result<[f64; TERMS.len()]> {
    let given = if settings.weights.is_empty() { weights(goal) } else { settings.weights.clone() };
    let mut all = [0.0; TERMS.len()];
    for (name, weight) in &given {
        let Some(at) = TERMS.iter().position(|term| term.name == name) else {
            return Err(Error::unknown("reward term", name, TERMS.iter().map(|term| term.name)));
        };
        check(&format!("weights.{name}"), *weight, true, "a number")?;
        all[at] = *weight;
    }
    Ok(all)
}

fn constraints(config: &RunConfig) -> Vec<ConstraintConfig> {
    if config.goal != Goal::Multi {
        return Vec::new();
    }
    let setting = &config.constraint;
    vec![ConstraintConfig {
        kp: setting.kp,
        ki: setting.ki,
        initial_multiplier: setting.multiplier,
        max_multiplier: setting.max_multiplier,
        // The signal is latency over its bound.
        ..ConstraintConfig::new("latency", 1.0)
    }]
}
