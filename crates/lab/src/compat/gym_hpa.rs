//! `redis_compat` and `online_boutique_compat`: the simulated mode of gym-hpa, k8s-hpa and `GRLScaler` as it was published.
//!
//! It replays a recorded table. What its code does and its documentation does not say:
//!
//! * the first observation is random numbers (CPU and memory up to 10,000, traffic up to 20,000) with one replica everywhere;
//! * after the first action a row is drawn from the whole table, and its replicas replace what the action did; at the start of the second
//!   call another row is drawn, of which the agent has seen nothing;
//! * from then on a row must have the replicas of the *last* deployment alone, and the same change of them from the row before it in
//!   the file, or the replicas if no row has both; the change stays what it was until that deployment is moved again;
//! * an agent's own replicas stay beside the row's measurements; what the table says of desired replicas is ignored;
//! * a move that leads out of the bounds is not made, and the reward of the step is −1, or −250 or −3000 ms;
//! * the goal `multi` has no code: its reward is always 0;
//! * an episode ends after 25 steps as terminated.
//!
//! Where no row has the replicas of the last deployment the original fails; here the table is refused at once.
//!
//! Left out: the real cluster. Without a table of the user's the environment makes one by running `redis_gym` or
//! `online_boutique_gym` at random, and says so; numbers of the originals need theirs.

use crate::{
    Error, Result,
    config::RunConfig,
    environments::{
        Description, Env, Family, Registered,
        description::{ActionEntry, Entry, Term, Values},
        horizontal::{
            self, ActionForm, Deployment, HorizontalConfig, Reading, Rules, Simulated,
            table::{Report, Row, Table, clock, columns, fields},
        },
        task_env::{LoggedTask, TaskEnv},
    },
    reward::Goal,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trimtab_rl::{
    ActionSpace, Actions, EnvSpec, StepBuffers, VecEnv,
    control::{Signals, Task},
};

const STEPS: u32 = 25;
/// Moves of a deployment.
const MOVES: usize = 15;
/// Largest random number of CPU and memory, and of traffic, before the first step.
const JUNK: [u32; 2] = [10_000, 20_000];
/// Episodes of the table that is made where none is given, of [`STEPS`] rows each.
const STAND_IN_EPISODES: u32 = 200;

/// Settings of `redis_compat` and `online_boutique_compat`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GymHpaCompatConfig {
    /// Recorded table (`redis_gym_observation.csv`, `online_boutique_gym_observation.csv`); empty: one that a random policy makes in
    /// the simulated cluster.
    pub table: String,
}

/// Redis' leader and follower.
pub const REDIS: Registered =
    registered("redis_compat", "redis_gym as gym-hpa published its simulated mode, defects included");
/// Online Boutique.
pub const ONLINE_BOUTIQUE: Registered = registered(
    "online_boutique_compat",
    "online_boutique_gym as gym-hpa published its simulated mode, defects included",
);

const fn registered(name: &'static str, summary: &'static str) -> Registered {
    Registered {
        name,
        family: Family::Recorded,
        summary,
        source: "jpedro1992/gym-hpa, simulated mode; the same code in julien6/k8s-hpa and ntu-ben/GRLScaler",
        defaults: "[ppo]\nnormalize_observation = true\nnormalize_reward = true\n",
        also_reads: &["goal"],
        build,
        describe,
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Replay {
    deployments: Vec<Deployment>,
    goal: Goal,
    /// Largest latency, and the price of a move out of the bounds, in ms.
    cap: f64,
    table: Arc<Table>,
    /// Rows by the replicas of the last deployment, from its fewest on.
    by_replicas: Arc<Vec<Vec<u32>>>,
    /// Whether the table was made for want of one.
    stand_in: bool,
}

/// Where an episode is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    step: u32,
    readings: Vec<Reading>,
    /// Replicas before the last change of each deployment.
    before: Vec<u32>,
    /// As the table gives them: those of a row, and 1 at first.
    desired: Vec<u32>,
    latency: f64,
    invalid: bool,
}

impl Replay {
    /// The environment over a table.
    ///
    /// # Errors
    /// A sentence that says which replicas the table lacks.
    pub fn new(goal: Goal, cap: f64, deployments: Vec<Deployment>, table: Table) -> Result<Self, String> {
        let last = deployments.last().ok_or("is of no deployment")?;
        let mut by_replicas = vec![Vec::new(); (last.max - last.min + 1) as usize];
        for (at, row) in table.rows.iter().enumerate() {
            if let Some(reading) = row.readings.last() {
                by_replicas[(reading.pods - last.min) as usize].push(at as u32);
            }
        }
        if let Some(missing) = by_replicas.iter().position(Vec::is_empty) {
            let pods = missing as u32 + last.min;
            return Err(format!(
                "has no row with {pods} replicas of {}, where the original fails",
                last.name
            ));
        }
        let (table, by_replicas) = (Arc::new(table), Arc::new(by_replicas));
        Ok(Self { deployments, goal, cap, table, by_replicas, stand_in: false })
    }

    /// Rows that the original's selection leaves to draw from: those of the last deployment's replicas and their change from the
    /// row before, or of its replicas.
    pub fn selected(&self, pods: u32, change: i64) -> Vec<u32> {
        let min = self.deployments.last().map_or(1, |deployment| deployment.min);
        let same = &self.by_replicas[(pods - min) as usize];
        let last = |row: u32| self.table.rows[row as usize].readings.last().map_or(0, |reading| reading.pods);
        // Before the first row there is none, so that it has no change.
        let changed = |row: &u32| *row > 0 && i64::from(last(*row)) - i64::from(last(*row - 1)) == change;
        let both: Vec<u32> = same.iter().copied().filter(changed).collect();
        if both.is_empty() { same.clone() } else { both }
    }

    /// `simulation_update()`.
    fn update(&self, moment: &mut Moment, rng: &mut Pcg64) {
        let row = if moment.step == 1 {
            let row = rng.random_range(0..self.table.rows.len());
            for ((reading, before), recorded) in
                moment.readings.iter_mut().zip(&mut moment.before).zip(&self.table.rows[row].readings)
            {
                (reading.pods, *before) = (recorded.pods, recorded.pods);
            }
            row
        } else {
            let last = moment.readings.len() - 1;
            let pods = moment.readings[last].pods;
            let rows = self.selected(pods, i64::from(pods) - i64::from(moment.before[last]));
            rows[rng.random_range(0..rows.len())] as usize
        };
        let Row { readings, latency } = &self.table.rows[row];
        moment.latency = *latency;
        for (reading, recorded) in moment.readings.iter_mut().zip(readings) {
            *reading = Reading { pods: reading.pods, ..*recorded };
        }
        for ((desired, deployment), reading) in
            moment.desired.iter_mut().zip(&self.deployments).zip(&moment.readings)
        {
            *desired = deployment.desired(reading);
        }
    }

    fn reward(&self, moment: &Moment) -> f64 {
        match (self.goal, moment.invalid) {
            (Goal::Cost, true) => -1.0,
            (Goal::Cost, false) => {
                let pairs = moment.readings.iter().zip(&moment.desired);
                pairs.filter(|(reading, desired)| reading.pods == **desired).count() as f64
            }
            (Goal::Latency, true) => -self.cap,
            (Goal::Latency, false) => -moment.latency.min(self.cap),
            (Goal::Multi, _) => 0.0,
        }
    }
}

impl Task for Replay {
    type State = Moment;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        let n = self.deployments.len();
        EnvSpec {
            n_envs,
            n_agents: 1,
            obs_dim: n * horizontal::FEATURES,
            action_space: ActionSpace::MultiDiscrete(vec![n, MOVES]),
            costs: vec![],
            masked: false,
            varying: false,
        }
    }

    fn max_steps(&self) -> Option<u32> {
        None
    }

    fn start(&self, rng: &mut Pcg64) -> Moment {
        let [usage, traffic] = JUNK;
        let readings = self.deployments.iter().map(|_| Reading {
            pods: 1,
            cpu: rng.random_range(1..=usage),
            memory: rng.random_range(1..=usage),
            received: rng.random_range(1..=traffic),
            transmitted: rng.random_range(1..=traffic),
        });
        let readings: Vec<Reading> = readings.collect();
        let ones = vec![1; readings.len()];
        Moment { step: 0, readings, before: ones.clone(), desired: ones, latency: 0.0, invalid: false }
    }

    fn observe(&self, moment: &Moment, obs: &mut [f32]) {
        let rows = obs.chunks_exact_mut(horizontal::FEATURES);
        for ((to, reading), desired) in rows.zip(&moment.readings).zip(&moment.desired) {
            let Reading { pods, cpu, memory, received, transmitted } = *reading;
            let numbers = [pods, *desired, cpu, memory, received, transmitted];
            to.iter_mut().zip(numbers).for_each(|(to, number)| *to = number as f32);
        }
    }

    fn step(&self, moment: &mut Moment, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        if moment.step == 1 {
            self.update(moment, rng);
        }
        moment.step += 1;
        let (at, choice) = (actions[0] as usize, i64::from(actions[1]));
        let change = if choice <= 7 { choice } else { 7 - choice };
        let Deployment { min, max, .. } = self.deployments[at];
        let wanted = i64::from(moment.readings[at].pods) + change;
        moment.invalid = !(i64::from(min)..=i64::from(max)).contains(&wanted);
        if change != 0 && !moment.invalid {
            (moment.before[at], moment.readings[at].pods) = (moment.readings[at].pods, wanted as u32);
        }
        self.update(moment, rng);
        signals.rewards[0] = self.reward(moment) as f32;
        moment.step >= STEPS
    }

    fn fits(&self, moment: &Moment) -> bool {
        let n = self.deployments.len();
        let within = moment
            .readings
            .iter()
            .zip(&self.deployments)
            .all(|(reading, deployment)| (deployment.min..=deployment.max).contains(&reading.pods));
        within && [moment.readings.len(), moment.before.len(), moment.desired.len()] == [n; 3]
    }
}

impl LoggedTask for Replay {
    const START: &'static str = "start";

    fn start_of(&self, _moment: &Moment) -> String {
        "random".to_owned()
    }

    fn figures(&self) -> Vec<&'static str> {
        vec!["avg_pods", "avg_latency", "at_desired", "invalid_share"]
    }

    fn write_figures(&self, moment: &Moment, figures: &mut [f64]) {
        let pods: u32 = moment.readings.iter().map(|reading| reading.pods).sum();
        let pairs = moment.readings.iter().zip(&moment.desired);
        let at_desired = pairs.filter(|(reading, desired)| reading.pods == **desired).count();
        let invalid = f64::from(u8::from(moment.invalid));
        figures.copy_from_slice(&[f64::from(pods), moment.latency, at_desired as f64, invalid]);
    }

    fn trace_columns(&self) -> Vec<String> {
        columns(&self.deployments)
    }

    fn trace_row(&self, moment: &Moment) -> Vec<String> {
        fields(&clock(f64::from(moment.step)), &self.deployments, &moment.readings, moment.latency)
    }

    fn notes(&self) -> Vec<String> {
        let made = "the table is a stand-in that a random policy made in the simulated cluster, not the published one";
        let stand_in = self.stand_in.then(|| made.to_owned());
        stand_in.into_iter().chain(self.table.report.notes()).collect()
    }
}

/// The corrected environment's configuration, for its application and its rules.
fn corrected(config: &RunConfig) -> RunConfig {
    let env = if config.env == REDIS.name { "redis_gym" } else { "online_boutique_gym" };
    let horizontal = HorizontalConfig { action: ActionForm::Move, ..HorizontalConfig::default() };
    RunConfig { env: env.to_owned(), goal: config.goal, horizontal, ..RunConfig::default() }
}

fn replay(config: &RunConfig) -> Result<Replay> {
    let own = corrected(config);
    let rules = horizontal::rules(&own)?;
    let path = &config.gym_hpa_compat.table;
    let table =
        if path.is_empty() { stand_in(&own, &rules)? } else { Table::read(path, &rules.deployments)? };
    let made = Replay::new(config.goal, rules.latency_cap_ms, rules.deployments, table);
    let replay = made.map_err(|message| Error::config("gym_hpa_compat.table", message))?;
    Ok(Replay { stand_in: path.is_empty(), ..replay })
}

/// A table that a random policy makes.
fn stand_in(config: &RunConfig, rules: &Rules) -> Result<Table> {
    let mut env = Simulated::new(config, &horizontal::application(config)?, rules.clone(), 1)?;
    let mut out = StepBuffers::new(env.spec());
    let mut rng = Pcg64::seed_from_u64(0);
    let mut rows = Vec::new();
    env.reset(0, &mut out.obs);
    for _ in 0..STAND_IN_EPISODES * STEPS {
        let action = [rng.random_range(0..rules.deployments.len() as u32), rng.random_range(0..MOVES as u32)];
        env.step(Actions::Discrete(&action), &mut out).map_err(|source| {
            // A random action of the space is never refused.
            Error::config(config.env.clone(), source.to_string())
        })?;
        let (readings, latency) = env.reached();
        rows.push(Row { readings: readings.to_vec(), latency });
    }
    let report = Report { rows: rows.len(), ..Report::default() };
    Ok(Table { rows, report })
}

fn build(config: &RunConfig, n_envs: usize) -> Result<Box<dyn Env>> {
    Ok(Box::new(TaskEnv::new(replay(config)?, n_envs)))
}

fn describe(config: &RunConfig) -> Result<Description> {
    let replay = replay(config)?;
    let parts = [
        ("num_pods", "replicas", "1", 1.0, 8.0),
        ("desired_replicas", "replicas that the formula asks for", "1", 1.0, 8.0),
        ("cpu_usage", "CPU of all pods", "millicores", 0.0, f64::INFINITY),
        ("mem_usage", "memory of all pods, in fact its rate of change", "MiB", 0.0, f64::INFINITY),
        ("traffic_in", "traffic received", "kB/s", 0.0, f64::INFINITY),
        ("traffic_out", "traffic sent", "kB/s", 0.0, f64::INFINITY),
    ];
    let of = |deployment: &Deployment| {
        let name = deployment.name.clone();
        parts.map(move |(part, meaning, unit, low, high)| {
            Entry::number(&format!("{name}_{part}"), meaning, unit, low, high)
        })
    };
    let names: Vec<String> = replay.deployments.iter().map(|deployment| deployment.name.clone()).collect();
    let moves = std::iter::once("None".to_owned())
        .chain((1..=7).map(|n| format!("Add-{n}")))
        .chain((1..=7).map(|n| format!("Stop-{n}")));
    let entry = |name: &str, meaning: &str, choices: Vec<String>| ActionEntry {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        values: Values::Choices(choices),
    };
    let (term, meaning) = match config.goal {
        Goal::Cost => (
            "match",
            "deployments whose replicas are the desired ones; −1 instead for a move out of the bounds"
                .to_owned(),
        ),
        Goal::Latency => (
            "latency",
            format!(
                "less the recorded latency in ms, at most {0}; −{0} instead for a move out of the bounds",
                replay.cap
            ),
        ),
        Goal::Multi => ("nothing", "0: the goal has no code".to_owned()),
    };
    Ok(Description {
        agents: "1 agent".to_owned(),
        observation: replay.deployments.iter().flat_map(of).collect(),
        action: vec![
            entry("deployment", "which deployment", names),
            entry("move", "change of its replicas", moves.collect()),
        ],
        masks: String::new(),
        reward: vec![Term { name: term.to_owned(), weight: 1.0, meaning }],
        costs: Vec::new(),
        start: "one replica everywhere and random numbers".to_owned(),
        terminated: format!("after {STEPS} steps"),
        truncated: "never".to_owned(),
        notes: vec![
            format!("The table: {}.", replay.notes().join("; ")),
            "After the first action a row is drawn from the whole table and its replicas replace what the action did; at the second call another row is drawn before the action.".to_owned(),
            "From then on a row has the replicas of the last deployment and the same change of them from the row before, or the replicas if there is no such row; other deployments do not matter.".to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests;
