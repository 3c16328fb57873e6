//! The rules: from actions to limits, from limits to a second of the pods' lives, and from that to rewards and what is seen next.
//!
//! Left out: batches and episodes, see [`TaskEnv`](crate::environments::task_env::TaskEnv).

use super::{
    LocalizationConfig, PhaseConfig, Start,
    reward::{OWN, own, shared},
    view::{self, FEATURES, Sample},
};
use crate::{Result, environments::task_env::LoggedTask};
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::{fmt::Debug, marker::PhantomData};
use trimtab_rl::{
    EnvSpec, Presence,
    control::{Entry, Signals, Task},
};
use trimtab_sim::QuotaPod;

/// Budgets that `variable_resources` draws from, millicores.
pub(super) const BUDGETS: [u32; 7] = [500, 750, 1000, 1250, 1500, 1750, 2000];
/// Parts of an episode with rates or agents that are drawn.
const DRAWN_PHASES: u32 = 3;
/// How probably a drawn roster has an agent.
const PRESENT: f64 = 0.75;

/// The environment `localization`.
#[derive(Clone, Debug)]
pub struct Localization {
    config: LocalizationConfig,
    seen: &'static [usize],
}

/// Rules that agents act under: the corrected ones, or the original's.
pub trait Rules: Clone + Debug + Send {
    /// Pods, budget and what is seen.
    fn base(&self) -> &Localization;

    /// One step with the agents' actions, a number or a choice each; writes their rewards. What is seen next is written after it.
    fn act(&self, moment: &mut Moment, actions: &[f64], rng: &mut Pcg64, rewards: &mut [f32]);

    /// Millicores that the last step is said to have changed of an agent's limit.
    fn told_change(&self, moment: &Moment, agent: usize) -> f64 {
        f64::from(moment.changed[agent])
    }
}

/// One moment of an episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Steps so far.
    pub step: u32,
    /// CPU for all, millicores.
    pub budget: u32,
    /// Who is there.
    pub present: Vec<bool>,
    /// Limits asked for, millicores; 0 of who is absent.
    pub limits: Vec<u32>,
    /// How much each response time counts.
    pub priorities: Vec<f64>,
    /// Limits in force, millicores.
    pub in_force: Vec<f64>,
    /// CPU used in the last step, millicores.
    pub used: Vec<f64>,
    /// The same in percent of the limit in force.
    pub percent: Vec<f64>,
    /// What agents are told of this.
    pub readings: Vec<Reading>,
    /// Mean seconds of the answers of the last step.
    pub response: Vec<f64>,
    /// Seconds that a single probe met; `None` where it was given up on.
    pub probe: Vec<Option<f64>>,
    /// Millicores by which the last step changed the limits.
    pub changed: Vec<u32>,
    pods: Vec<QuotaPod>,
    phases: Vec<Phase>,
    phase: usize,
    phase_left: u32,
    /// `agents × history × features`.
    history: Vec<f32>,
}

/// What an agent is told of its pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Limit, millicores.
    pub limit: f64,
    /// CPU used, millicores.
    pub used: f64,
    /// The same in percent of the limit.
    pub percent: f64,
    /// The percentage that it was told before.
    pub before: f64,
}

/// A part of an episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Phase {
    steps: u32,
    users: Vec<usize>,
    present: Vec<bool>,
}

impl Moment {
    /// What the limits that were asked for leave of the budget, millicores; below zero after an agent joined without room.
    pub fn available(&self) -> i64 {
        i64::from(self.budget) - self.limits.iter().map(|limit| i64::from(*limit)).sum::<i64>()
    }

    /// Agents that are there.
    pub fn there(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.present.len()).filter(|agent| self.present[*agent])
    }
}

impl Localization {
    /// The environment with these settings.
    ///
    /// # Errors
    /// As [`LocalizationConfig::validate`].
    pub fn new(config: &LocalizationConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seen: view::seen(config) })
    }

    /// Its settings.
    pub fn config(&self) -> &LocalizationConfig {
        &self.config
    }

    /// Places in [`FEATURES`] of what is seen of each step.
    pub(super) fn seen(&self) -> &'static [usize] {
        self.seen
    }

    /// Numbers that an agent sees.
    pub fn obs_dim(&self) -> usize {
        self.config.history * self.seen.len()
    }

    /// A fresh episode.
    pub fn start(&self, rng: &mut Pcg64) -> Moment {
        let config = &self.config;
        let agents = config.agents;
        let budget = if config.variable_resources {
            BUDGETS[rng.random_range(0..BUDGETS.len())]
        } else {
            config.resources
        };
        let phases = self.phases(rng);
        let priorities = if config.random_priorities {
            (0..agents).map(|_| f64::from(rng.random_range(1..=10)) / 10.0).collect()
        } else if config.priorities.is_empty() {
            vec![1.0; agents]
        } else {
            config.priorities.clone()
        };
        let present = phases[0].present.clone();
        let limits = self.first_limits(budget, &present, rng);
        let mut moment = Moment {
            step: 0,
            budget,
            present,
            pods: limits.iter().map(|limit| QuotaPod::new(f64::from(*limit))).collect(),
            in_force: limits.iter().map(|limit| f64::from(*limit)).collect(),
            limits,
            priorities,
            used: vec![0.0; agents],
            percent: vec![0.0; agents],
            readings: vec![Reading::default(); agents],
            response: vec![0.0; agents],
            probe: vec![None; agents],
            changed: vec![0; agents],
            phase_left: phases[0].steps,
            phases,
            phase: 0,
            history: vec![0.0; agents * self.obs_dim()],
        };
        for agent in 0..agents {
            let users = moment.phases[0].users[agent];
            moment.pods[agent].set_users(users, &config.pod, rng);
        }
        self.run(&mut moment, rng);
        // Nothing is known of the time before.
        moment.readings.iter_mut().for_each(|reading| reading.before = reading.percent);
        self.remember(&mut moment, &vec![true; agents]);
        moment
    }

    fn phases(&self, rng: &mut Pcg64) -> Vec<Phase> {
        let config = &self.config;
        let agents = config.agents;
        if !config.phases.is_empty() {
            let of = |phase: &PhaseConfig| Phase {
                steps: phase.steps,
                users: phase.rps.iter().map(|rps| rps.round() as usize).collect(),
                present: (0..agents)
                    .map(|agent| phase.present.is_empty() || phase.present.contains(&agent))
                    .collect(),
            };
            return config.phases.iter().map(of).collect();
        }
        let drawn = config.random_rps || config.random_roster;
        let count = if drawn { DRAWN_PHASES } else { 1 };
        (0..count).map(|_| self.drawn_phase(config.steps.div_ceil(count), rng)).collect()
    }

    fn drawn_phase(&self, steps: u32, rng: &mut Pcg64) -> Phase {
        let config = &self.config;
        let agents = config.agents;
        let mut present: Vec<bool> =
            (0..agents).map(|_| !config.random_roster || rng.random_bool(PRESENT)).collect();
        if !present.contains(&true) {
            present[rng.random_range(0..agents)] = true;
        }
        if !config.random_rps {
            return Phase { steps, users: vec![config.rps.round() as usize; agents], present };
        }
        // Exponential numbers over their sum are a uniform point of the simplex.
        let shares: Vec<f64> =
            present.iter().map(|p| if *p { -rng.random_range(1e-9f64..1.0).ln() } else { 0.0 }).collect();
        let sum: f64 = shares.iter().sum();
        let there = present.iter().filter(|present| **present).count() as f64;
        let total = there * (config.min_rps + (config.rps - config.min_rps) * rng.random_range(0.0..1.0));
        let users = shares.into_iter().map(|share| (share * total / sum).round() as usize).collect();
        Phase { steps, users, present }
    }

    fn first_limits(&self, budget: u32, present: &[bool], rng: &mut Pcg64) -> Vec<u32> {
        let there = present.iter().filter(|present| **present).count() as u32;
        let spare = f64::from(budget.saturating_sub(there * self.config.min_cpu));
        let shares: Vec<f64> = match self.config.start {
            Start::Min => vec![0.0; present.len()],
            Start::Equal => vec![1.0 / f64::from(there); present.len()],
            Start::Random => {
                let drawn: Vec<f64> = present.iter().map(|_| -rng.random_range(1e-9f64..1.0).ln()).collect();
                // One more share stays free.
                let free = -rng.random_range(1e-9f64..1.0).ln();
                let sum: f64 = free + drawn.iter().sum::<f64>();
                drawn.into_iter().map(|share| share / sum).collect()
            }
        };
        let limit = |(share, present): (f64, &bool)| {
            if *present { self.config.min_cpu + (spare * share) as u32 } else { 0 }
        };
        shares.into_iter().zip(present).map(limit).collect()
    }

    /// Limits that actions ask for; those of who is absent stay.
    pub fn wishes(&self, moment: &Moment, actions: &[f64], wishes: &mut [u32]) {
        for (agent, wish) in wishes.iter_mut().enumerate() {
            let limit = moment.limits[agent];
            *wish = if moment.present[agent] {
                self.config.actions.wish(actions[agent], limit, moment.budget, &self.config)
            } else {
                limit
            };
        }
    }

    /// One step in which limits that are asked for are granted as far as the budget allows.
    pub fn carry_out(&self, moment: &mut Moment, wishes: &[u32], rng: &mut Pcg64) {
        let mut limits = moment.limits.clone();
        self.config.turns.settle(moment.budget, &mut limits, wishes);
        self.impose(moment, &limits, rng);
    }

    /// One step with limits as they are given, whatever the budget.
    pub fn impose(&self, moment: &mut Moment, limits: &[u32], rng: &mut Pcg64) {
        for (agent, limit) in limits.iter().enumerate() {
            moment.changed[agent] = limit.abs_diff(moment.limits[agent]);
            moment.limits[agent] = *limit;
            moment.pods[agent].resize(f64::from(*limit), &self.config.pod, rng);
        }
        self.run(moment, rng);
        moment.step += 1;
    }

    /// Who is there next, and what they see: to be called after rewards are known.
    pub fn turn_page(&self, moment: &mut Moment, rng: &mut Pcg64) {
        let joined = self.next_phase(moment, rng);
        self.remember(moment, &joined);
    }

    /// Lets the pods live for a step and measures them.
    fn run(&self, moment: &mut Moment, rng: &mut Pcg64) {
        for agent in 0..self.config.agents {
            if !moment.present[agent] {
                continue;
            }
            let step = moment.pods[agent].advance(self.config.interval_secs, &self.config.pod, rng);
            moment.in_force[agent] = step.limit;
            moment.used[agent] = step.used;
            moment.percent[agent] = step.percent();
            moment.response[agent] = step.response;
            moment.probe[agent] = step.probe.is_finite().then_some(step.probe);
            let (percent, before) = (step.percent(), moment.readings[agent].percent);
            moment.readings[agent] = Reading { limit: step.limit, used: step.used, percent, before };
        }
    }

    /// Goes over to the next part of the episode when it is time; says who joined.
    fn next_phase(&self, moment: &mut Moment, rng: &mut Pcg64) -> Vec<bool> {
        let agents = self.config.agents;
        moment.phase_left -= 1;
        if moment.phase_left > 0 {
            return vec![false; agents];
        }
        if moment.phase + 1 == moment.phases.len() {
            moment.phase_left = u32::MAX;
            return vec![false; agents];
        }
        moment.phase += 1;
        let Phase { steps, users, present } = moment.phases[moment.phase].clone();
        moment.phase_left = steps;
        let mut joined = vec![false; agents];
        for agent in 0..agents {
            if present[agent] != moment.present[agent] {
                joined[agent] = present[agent];
                let limit = if present[agent] { self.config.min_cpu } else { 0 };
                (moment.limits[agent], moment.in_force[agent]) = (limit, f64::from(limit));
                moment.pods[agent] = QuotaPod::new(f64::from(limit));
                (moment.used[agent], moment.percent[agent]) = (0.0, 0.0);
                moment.readings[agent] = Reading { limit: f64::from(limit), ..Reading::default() };
                (moment.response[agent], moment.probe[agent], moment.changed[agent]) = (0.0, None, 0);
            }
            let users = if present[agent] { users[agent] } else { 0 };
            moment.pods[agent].set_users(users, &self.config.pod, rng);
        }
        moment.present = present;
        joined
    }

    /// Adds what there is to see to the histories, whose every step it becomes for those who are `fresh`.
    fn remember(&self, moment: &mut Moment, fresh: &[bool]) {
        let samples: Vec<Option<Sample>> = (0..self.config.agents)
            .map(|agent| {
                let Reading { limit, used, percent, .. } = moment.readings[agent];
                let priority = moment.priorities[agent];
                moment.present[agent].then_some(Sample { limit, used, percent, priority })
            })
            .collect();
        let scale = [f64::from(moment.budget), moment.available() as f64];
        let (width, mut numbers) = (self.seen.len(), [0.0; FEATURES.len()]);
        for (agent, history) in moment.history.chunks_exact_mut(self.obs_dim()).enumerate() {
            if samples[agent].is_none() {
                history.fill(0.0);
                continue;
            }
            view::write(&samples, agent, scale, &mut numbers);
            let first = if fresh[agent] { 0 } else { history.len() - width };
            history.copy_within(width.., 0);
            for step in history[first..].chunks_exact_mut(width) {
                step.iter_mut().zip(self.seen).for_each(|(number, place)| *number = numbers[*place]);
            }
        }
    }

    /// Writes `agents × obs_dim` numbers.
    pub fn observe(&self, moment: &Moment, obs: &mut [f32]) {
        obs.copy_from_slice(&moment.history);
    }

    /// Writes every agent's reward, given response times in seconds.
    pub fn reward(&self, moment: &Moment, response: impl Fn(usize) -> f64, rewards: &mut [f32]) {
        let services = moment.there().map(|agent| (response(agent), moment.priorities[agent]));
        let shared = shared(&self.config, services);
        for agent in moment.there() {
            let own = own(&self.config, &moment.readings[agent]);
            rewards[agent] = (OWN * own + shared) as f32;
        }
    }
}

impl Rules for Localization {
    fn base(&self) -> &Localization {
        self
    }

    fn act(&self, moment: &mut Moment, actions: &[f64], rng: &mut Pcg64, rewards: &mut [f32]) {
        let mut wishes = vec![0; self.config.agents];
        self.wishes(moment, actions, &mut wishes);
        self.carry_out(moment, &wishes, rng);
        let slowest = self.config.slowest_secs;
        self.reward(moment, |agent| moment.response[agent].min(slowest), rewards);
    }
}

/// Agents under some rules; their actions are choices (`u32`) or numbers (`f32`).
#[derive(Clone, Debug)]
pub struct Agents<R, E> {
    rules: R,
    entry: PhantomData<E>,
}

impl<R: Rules, E> Agents<R, E> {
    /// The agents of an environment.
    pub fn new(rules: R) -> Self {
        Self { rules, entry: PhantomData }
    }
}

/// What is kept between two steps besides the moment: what the last one led to, since a moment is already of the next one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Visit {
    moment: Moment,
    told: Vec<Option<Told>>,
    start: String,
}

/// What a step was for one agent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Told {
    limit: u32,
    used: f64,
    percent: f64,
    response: f64,
    changed: f64,
    reward: f32,
}

impl<R: Rules, E: Entry + Into<f64> + Send + 'static> Task for Agents<R, E> {
    type State = Visit;
    type Entry = E;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        let base = self.rules.base();
        EnvSpec {
            n_envs,
            n_agents: base.config.agents,
            obs_dim: base.obs_dim(),
            action_space: base.config.actions.space(),
            costs: Vec::new(),
            masked: false,
            varying: base.config.varying(),
        }
    }

    fn max_steps(&self) -> Option<u32> {
        Some(self.rules.base().config.steps)
    }

    fn start(&self, rng: &mut Pcg64) -> Visit {
        let moment = self.rules.base().start(rng);
        let users: Vec<String> = moment.phases[0].users.iter().map(usize::to_string).collect();
        let start = format!("{}m {}", moment.budget, users.join("+"));
        Visit { told: vec![None; moment.present.len()], moment, start }
    }

    fn observe(&self, visit: &Visit, obs: &mut [f32]) {
        self.rules.base().observe(&visit.moment, obs);
    }

    fn step(&self, visit: &mut Visit, actions: &[E], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        let actions: Vec<f64> = actions.iter().map(|action| (*action).into()).collect();
        let moment = &mut visit.moment;
        self.rules.act(moment, &actions, rng, signals.rewards);
        for (agent, told) in visit.told.iter_mut().enumerate() {
            *told = moment.present[agent].then(|| Told {
                limit: moment.limits[agent],
                used: moment.used[agent],
                percent: moment.percent[agent],
                response: moment.response[agent],
                changed: self.rules.told_change(moment, agent),
                reward: signals.rewards[agent],
            });
        }
        self.rules.base().turn_page(moment, rng);
        false
    }

    fn presence(&self, visit: &Visit, presence: &mut [Presence]) {
        for (presence, there) in presence.iter_mut().zip(&visit.moment.present) {
            *presence = if *there { Presence::Acting } else { Presence::Absent };
        }
    }

    fn fits(&self, visit: &Visit) -> bool {
        let (agents, moment) = (self.rules.base().config.agents, &visit.moment);
        let sizes = [moment.pods.len(), moment.present.len(), moment.limits.len(), visit.told.len()];
        sizes.iter().all(|size| *size == agents)
            && moment.history.len() == agents * self.rules.base().obs_dim()
            && moment.phase < moment.phases.len()
    }
}

impl<R: Rules, E: Entry + Into<f64> + Send + 'static> LoggedTask for Agents<R, E> {
    const START: &'static str = "budget_and_users";

    fn start_of(&self, visit: &Visit) -> String {
        visit.start.clone()
    }

    fn figures(&self) -> Vec<&'static str> {
        vec!["response_secs", "late_share", "changed_millicores", "limit_millicores", "used_millicores"]
    }

    fn write_figures(&self, visit: &Visit, figures: &mut [f64]) {
        let sla = self.rules.base().config.sla_secs;
        let told = || visit.told.iter().flatten();
        let count = told().count() as f64;
        let sum = |of: &dyn Fn(&Told) -> f64| told().map(of).sum::<f64>();
        figures.copy_from_slice(&[
            sum(&|told| told.response) / count,
            sum(&|told| f64::from(u8::from(told.response > sla))) / count,
            sum(&|told| told.changed),
            sum(&|told| f64::from(told.limit)),
            sum(&|told| told.used),
        ]);
    }

    fn trace_columns(&self) -> Vec<String> {
        let own = ["limit", "used", "percent", "response_secs", "changed", "reward"];
        let of = |agent: usize| own.map(|name| format!("{name}_{agent}"));
        let agents = (0..self.rules.base().config.agents).flat_map(of);
        ["step", "budget"].map(str::to_owned).into_iter().chain(agents).collect()
    }

    fn trace_row(&self, visit: &Visit) -> Vec<String> {
        let mut fields = vec![visit.moment.step.to_string(), visit.moment.budget.to_string()];
        for told in &visit.told {
            match told {
                None => fields.extend(vec![String::new(); 6]),
                Some(t) => fields.extend([
                    t.limit.to_string(),
                    t.used.to_string(),
                    t.percent.to_string(),
                    t.response.to_string(),
                    t.changed.to_string(),
                    t.reward.to_string(),
                ]),
            }
        }
        fields
    }

    /// Keeping every limit.
    fn neutral(&self) -> Option<Vec<u32>> {
        let actions = self.rules.base().config.actions;
        match actions.choices() {
            Some(choices) => Some(vec![choices as u32 / 2]),
            None if actions == super::ActionKind::Continuous => Some(Vec::new()),
            None => None,
        }
    }
}
