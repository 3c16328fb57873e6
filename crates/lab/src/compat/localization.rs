//! `localization_compat`: MARLISE's environments as they were published.
//!
//! They differ from `localization`, whose settings they read, in what the code does:
//!
//! * agents act one after the other, and the ones before leave less to the ones after (`turns` is not read);
//! * an increase that the budget has no room for is ignored (`continuous`); with three choices "more" *lowers* a limit when the budget
//!   is overdrawn;
//! * five and eleven choices set the limit to a share of the budget, of which 0 means to keep it and every negative one the
//!   least;
//! * rewards and readings are of the second before the action: response times always, use too with numbers for actions; with
//!   choices the old use is told in percent of the new limit;
//! * a response time is that of one probe, and 2 s where it was given up on, which can be less than one that was answered;
//! * with `instant` no change of limits is ever told.
//!
//! Left out: what crashed or hung it (readings a whole second off, division by zero), failed patches that it took for done, limits that
//! went over from one episode to the next, and its training loops.

use crate::{
    Result,
    config::RunConfig,
    environments::{
        Description, Env, Family, Registered,
        description::{ActionEntry, Values},
        localization::{
            ActionKind, Agents, Localization, LocalizationConfig, Moment, Reading, Rules, describe as shared,
        },
        task_env::TaskEnv,
    },
};
use rand_pcg::Pcg64;

/// Seconds that a probe counts as when it was given up on.
const GIVEN_UP_SECS: f64 = 2.0;

/// What else is to be known of response times.
const PROBED: &str = ", each of one probe before the action, {} s where it was given up on";

/// See the module.
pub const REGISTERED: Registered = Registered {
    name: "localization_compat",
    family: Family::MultiAgent,
    summary: "MARLISE's environments as published, with agents in turn and rewards of the second before",
    source: "sensorlab/agent-edgeautoscaling (MARLISE, arXiv:2507.07671)",
    defaults: "[localization]\nrandom_rps = false\nrps = 20.0\n[ppo]\nn_steps = 60\nbatch_size = 240\n",
    also_reads: &[],
    build,
    describe,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Original {
    base: Localization,
}

impl Original {
    /// The original with the settings of `localization`.
    ///
    /// # Errors
    /// As [`Localization::new`].
    pub fn new(config: &LocalizationConfig) -> Result<Self> {
        Ok(Self { base: Localization::new(config)? })
    }

    /// The limit that an action leads to, given what is left of the budget; in whole millicores, the rest cut off.
    fn limit(&self, action: f64, limit: u32, budget: u32, available: i64) -> u32 {
        let config = self.base.config();
        let (limit, least) = (f64::from(limit), f64::from(config.min_cpu));
        let room = limit + available as f64;
        let share_of_budget = |choices: usize| {
            let factor = ActionKind::factor(action, choices);
            if factor.abs() < 1e-9 { limit } else { (factor * f64::from(budget)).max(least).min(room) }
        };
        let found = match config.actions {
            ActionKind::Discrete3 => {
                let step = f64::from(config.increment);
                match action as u32 {
                    0 => (limit - step).max(least),
                    1 => limit,
                    _ => (limit + step).min(room).max(least),
                }
            }
            ActionKind::Discrete5 => share_of_budget(5),
            ActionKind::Discrete11 => share_of_budget(11),
            ActionKind::Continuous => {
                let change = f64::from(config.scale_action) * action;
                if change <= available.max(0) as f64 { (limit + change).max(least) } else { limit }
            }
            ActionKind::Instant => {
                let asked = 0.5 * (action + 1.0) * f64::from(budget);
                let fits = asked - limit <= available as f64;
                if fits { asked.max(least) } else { room.max(least) }
            }
        };
        // What is below zero becomes zero.
        found as u32
    }
}

impl Rules for Original {
    fn base(&self) -> &Localization {
        &self.base
    }

    fn act(&self, moment: &mut Moment, actions: &[f64], rng: &mut Pcg64, rewards: &mut [f32]) {
        let (mut limits, mut available) = (moment.limits.clone(), moment.available());
        for agent in moment.there() {
            let before = limits[agent];
            limits[agent] = self.limit(actions[agent], before, moment.budget, available);
            available += i64::from(before) - i64::from(limits[agent]);
        }
        let with_new_limit = self.base.config().actions.is_choice();
        let told: Vec<Reading> = (0..limits.len())
            .map(|agent| {
                let (used, before) = (moment.used[agent], moment.readings[agent].percent);
                let old = if with_new_limit { limits[agent] } else { moment.limits[agent] };
                let percent = if old > 0 { 100.0 * used / f64::from(old) } else { 0.0 };
                Reading { limit: f64::from(limits[agent]), used, percent, before }
            })
            .collect();
        let probes: Vec<f64> = moment.probe.iter().map(|probe| probe.unwrap_or(GIVEN_UP_SECS)).collect();
        self.base.impose(moment, &limits, rng);
        moment.readings = told;
        self.base.reward(moment, |agent| probes[agent], rewards);
    }

    fn told_change(&self, moment: &Moment, agent: usize) -> f64 {
        let instant = self.base.config().actions == ActionKind::Instant;
        if instant { 0.0 } else { f64::from(moment.changed[agent]) }
    }
}

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    let rules = Original::new(&config.localization)?;
    Ok(if config.localization.actions.is_choice() {
        Box::new(TaskEnv::new(Agents::<_, u32>::new(rules), n_envs))
    } else {
        Box::new(TaskEnv::new(Agents::<_, f32>::new(rules), n_envs))
    })
}

fn describe(config: &RunConfig) -> Result<Description> {
    let rules = Original::new(&config.localization)?;
    let c = rules.base.config();
    let scale = f64::from(c.scale_action);
    let shares = |choices: usize| {
        let name = |choice: u32| match ActionKind::factor(f64::from(choice), choices) {
            factor if factor < -1e-9 => "the least".to_owned(),
            factor if factor > 1e-9 => format!("{:.0} % of the budget", 100.0 * factor),
            _ => "as it is".to_owned(),
        };
        Values::Choices((0..choices as u32).map(name).collect())
    };
    let (meaning, values) = match c.actions {
        ActionKind::Discrete3 => (
            "change of the CPU limit, as far as the budget has room",
            Values::Choices(["decrease", "keep", "increase"].map(str::to_owned).to_vec()),
        ),
        ActionKind::Discrete5 => ("CPU limit, as far as the budget has room", shares(5)),
        ActionKind::Discrete11 => ("CPU limit, as far as the budget has room", shares(11)),
        ActionKind::Continuous => (
            "change of the CPU limit; ignored where the budget has no room for it",
            Values::Number { low: -scale, high: scale, unit: "millicores".to_owned() },
        ),
        ActionKind::Instant => (
            "CPU limit as a share of the budget, as far as it has room",
            Values::Number { low: 0.0, high: 1.0, unit: "of the budget".to_owned() },
        ),
    };
    let mut reward = shared::reward(c);
    reward[0].meaning += ", of the second before the action";
    reward[1].meaning.push_str(&PROBED.replace("{}", &GIVEN_UP_SECS.to_string()));
    Ok(Description {
        agents: shared::agents(c),
        observation: shared::observation(&rules.base),
        action: vec![ActionEntry { name: "cpu".to_owned(), meaning: meaning.to_owned(), values }],
        masks: String::new(),
        reward,
        costs: Vec::new(),
        start: shared::start(c),
        terminated: "never; an agent that leaves ends its own trajectory".to_owned(),
        truncated: format!("after {} steps of {} s", c.steps, c.interval_secs),
        notes: vec![
            "Agents act one after the other; the ones before leave less to the ones after.".to_owned(),
            "Settings are those of `[localization]`, but for `turns` and `slowest_secs`, which it does not read.".to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(actions: ActionKind, action: f64, limit: u32, available: i64) -> u32 {
        let config = LocalizationConfig { actions, ..LocalizationConfig::default() };
        Original::new(&config).unwrap().limit(action, limit, 1000, available)
    }

    #[test]
    fn an_increase_without_room_is_ignored_and_a_choice_of_more_can_mean_less() {
        assert_eq!(limits(ActionKind::Continuous, 1.0, 300, 49), 300);
        assert_eq!(limits(ActionKind::Continuous, 1.0, 300, 50), 350);
        assert_eq!(limits(ActionKind::Continuous, -1.0, 60, 0), 50);
        assert_eq!(limits(ActionKind::Discrete3, 2.0, 300, 10), 310);
        assert_eq!(limits(ActionKind::Discrete3, 2.0, 300, -100), 200);
    }

    #[test]
    fn every_negative_choice_means_the_least() {
        assert_eq!(limits(ActionKind::Discrete5, 0.0, 300, 700), 50);
        assert_eq!(limits(ActionKind::Discrete5, 1.0, 300, 700), 50);
        assert_eq!(limits(ActionKind::Discrete5, 2.0, 300, 700), 300);
        assert_eq!(limits(ActionKind::Discrete5, 3.0, 300, 700), 500);
        assert_eq!(limits(ActionKind::Discrete11, 6.0, 300, 700), 200);
        assert_eq!(limits(ActionKind::Instant, 0.0, 300, 100), 400);
    }

    #[test]
    fn rewards_are_of_the_second_before() {
        use rand::SeedableRng;
        let config = LocalizationConfig { random_rps: false, ..LocalizationConfig::default() };
        let original = Original::new(&config).unwrap();
        let mut rng = Pcg64::seed_from_u64(3);
        let mut moment = original.base().start(&mut rng);
        let (used, probes) = (moment.used.clone(), moment.probe.clone());
        let mut rewards = [0.0; 3];
        original.act(&mut moment, &[0.0; 3], &mut rng, &mut rewards);
        assert_eq!(moment.readings.iter().map(|reading| reading.used).collect::<Vec<_>>(), used);
        let mut expected = [0.0; 3];
        original.base().reward(&moment, |agent| probes[agent].unwrap_or(2.0), &mut expected);
        assert_eq!(rewards, expected);
    }
}
