//! One episode: the container runs an interval, is measured, and the recommendation is carried out or not.
//!
//! Left out: batches ([`TaskEnv`](crate::environments::task_env::TaskEnv)).

use super::{
    Part, VpaConfig, Weights,
    codec::{ACTIONS, Codec, Peaks, Seen},
};
use crate::{Result, environments::task_env::LoggedTask, vertical::Case};
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trimtab_control::{
    vertical::ContainerUpdater,
    vpa::{Amount, Player, Progress, ReplayConfig, Resource, Span, Stamp, Tally, UsagePoint},
};
use trimtab_rl::{
    ActionSpace, EnvSpec,
    control::{Signals, Task},
};

/// A container and where its episodes lie.
#[derive(Debug)]
struct Lane {
    name: String,
    points: Arc<[UsagePoint]>,
    config: ReplayConfig,
    given: [Amount; 2],
    has_memory: bool,
    /// First instant of an episode, and how many intervals later it may start at most.
    first: Stamp,
    starts: u32,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct VpaTask {
    lanes: Arc<[Lane]>,
    codec: Codec,
    updater: ContainerUpdater,
    weights: Weights,
    random_start: bool,
    max_steps: u32,
}

/// An episode.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Episode {
    lane: u32,
    at: Progress,
    usage: [Amount; 2],
    peaks: Peaks,
    /// What the last step came to.
    step: Tally,
    reward: f64,
    terms: [f64; 4],
    sum_reward: f64,
    recommended: [[i64; 4]; 2],
}

impl VpaTask {
    /// The task of a configuration.
    ///
    /// # Errors
    /// Those of [`VpaConfig::cases`]; a part of a series with fewer than two intervals.
    pub fn new(config: &VpaConfig) -> Result<Self> {
        let cases = config.cases()?;
        let mut max_steps = config.max_steps.max(1);
        if !config.round_robin {
            let room = cases.iter().map(|case| intervals(case, config.part)).min().unwrap_or(0);
            max_steps = max_steps.min(room.saturating_sub(1));
        }
        if max_steps == 0 {
            let message =
                "an episode has no room in the part of some series, expected at least two intervals";
            return Err(crate::Error::config("vpa.part", message));
        }
        let lanes: Vec<Lane> = cases
            .into_iter()
            .map(|case| {
                let room = intervals(&case, config.part);
                Lane {
                    given: case.given(),
                    first: if config.part == Part::Test { case.split } else { start(&case) },
                    starts: if config.round_robin { room } else { room.saturating_sub(max_steps) },
                    name: case.container,
                    points: case.points.into(),
                    config: ReplayConfig { round_robin: config.round_robin, ..case.replay },
                    has_memory: case.has_memory,
                }
            })
            .collect();
        for lane in &lanes {
            Player::new(&lane.points[..], lane.config)?;
        }
        Ok(Self {
            lanes: lanes.into(),
            codec: Codec::new(config),
            updater: ContainerUpdater::new(config.updater_settings()),
            weights: config.weights,
            random_start: config.random_start,
            max_steps,
        })
    }

    fn player(&self, episode: &Episode) -> Player<Arc<[UsagePoint]>> {
        let lane = &self.lanes[episode.lane as usize];
        Player::resumed(Arc::clone(&lane.points), lane.config, episode.at)
    }

    fn seen<'a>(&self, episode: &'a Episode) -> Seen<'a> {
        Seen {
            given: self.lanes[episode.lane as usize].given,
            usage: episode.usage,
            running: &episode.at.running,
            peaks: &episode.peaks,
        }
    }
}

fn start(case: &Case) -> Stamp {
    Stamp::from(case.points[0].at)
}

/// Whole intervals in a part of a case.
fn intervals(case: &Case, part: Part) -> u32 {
    let end = Stamp::from(case.points[case.points.len() - 1].at);
    let length = match part {
        Part::Train => case.split.since(start(case)),
        Part::Test => end.since(case.split),
        Part::All => end.since(start(case)),
    };
    length.over(case.replay.interval) as u32
}

/// Measures the container; what it used, as far as it is up.
fn look(player: &mut Player<Arc<[UsagePoint]>>, episode: &mut Episode) {
    if let Some(look) = player.look() {
        episode.usage = look.usage;
        episode.peaks.add(look.now, look.usage);
        if look.oom_killed {
            episode.peaks.out_of_memory(look.now, look.usage[0], look.usage[1]);
        }
    }
    episode.at = *player.progress();
}

impl Task for VpaTask {
    type State = Episode;
    type Entry = f32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        EnvSpec {
            n_envs,
            n_agents: 1,
            obs_dim: self.codec.obs_dim(),
            action_space: ActionSpace::Box(ACTIONS),
            costs: vec![],
            masked: false,
            varying: false,
        }
    }

    fn max_steps(&self) -> Option<u32> {
        Some(self.max_steps)
    }

    fn start(&self, rng: &mut Pcg64) -> Episode {
        let number = rng.random_range(0..self.lanes.len());
        let lane = &self.lanes[number];
        let later = if self.random_start { rng.random_range(0..=lane.starts) } else { 0 };
        let from = lane.first.plus(lane.config.interval.times(i64::from(later)));
        let mut player = Player::new(Arc::clone(&lane.points), lane.config)
            .expect("every lane was played when the task was made")
            .started_at(from);
        let mut episode = Episode {
            lane: number as u32,
            at: *player.progress(),
            usage: [Amount(0); 2],
            peaks: Peaks::default(),
            step: Tally::default(),
            reward: 0.0,
            terms: [0.0; 4],
            sum_reward: 0.0,
            recommended: [[0; 4]; 2],
        };
        // What a day before the episode showed is known, as it would be of a container that had run.
        let (day_before, step) =
            (from.minus(Span::DAY).max(Stamp::from(lane.points[0].at)), lane.config.interval);
        let mut place = lane.points.partition_point(|point| Stamp::from(point.at) <= day_before);
        let mut at = day_before;
        while at < from {
            while lane.points.get(place).is_some_and(|point| Stamp::from(point.at) <= at) {
                place += 1;
            }
            let point = &lane.points[place.saturating_sub(1)];
            episode
                .peaks
                .add(at, [Amount::from_cores(point.cpu_cores), Amount::truncated(point.memory_bytes)]);
            at = at.plus(step);
        }
        look(&mut player, &mut episode);
        episode
    }

    fn observe(&self, episode: &Episode, obs: &mut [f32]) {
        self.codec.observe(&self.seen(episode), obs);
    }

    fn step(&self, episode: &mut Episode, actions: &[f32], _: &mut Pcg64, signals: Signals<'_>) -> bool {
        let recommendation = self.codec.recommend(&self.seen(episode), actions);
        for resource in Resource::ALL {
            let lists = [
                &recommendation.lower_bound,
                &recommendation.target,
                &recommendation.upper_bound,
                &recommendation.uncapped_target,
            ];
            episode.recommended[resource as usize] = lists.map(|list| match resource {
                Resource::Cpu => list.cpu.unwrap_or_default().milli(),
                Resource::Memory => list.memory.unwrap_or_default().units(),
            });
        }
        let mut player = self.player(episode);
        let Progress { now, running, tally: before, .. } = episode.at;
        let change = self.updater.decide(now, &running, episode.usage, recommendation);
        player.advance(change);
        look(&mut player, episode);
        let step = episode.at.tally.since(&before);
        let lane = &self.lanes[episode.lane as usize];
        let share = |area: f64, given: f64| area / (given * step.hours).max(f64::MIN_POSITIVE);
        let (cores, gb) = (lane.given[0].cores(), lane.given[1].0 as f64 / 1e9);
        let mean = |cpu: f64, memory: f64| {
            let cpu = share(cpu, cores);
            if lane.has_memory { f64::midpoint(cpu, share(memory, gb)) } else { cpu }
        };
        let Weights { slack, overrun, restart, oom_kill } = self.weights;
        episode.terms = [
            slack * mean(step.cpu.slack, step.memory.slack),
            overrun * mean(step.cpu.overrun, step.memory.overrun),
            restart * f64::from(step.restarts()),
            oom_kill * f64::from(step.oom_kills),
        ];
        episode.reward = -episode.terms.iter().sum::<f64>();
        episode.sum_reward += episode.reward;
        episode.step = step;
        signals.rewards[0] = episode.reward as f32;
        false
    }

    fn fits(&self, episode: &Episode) -> bool {
        self.lanes.get(episode.lane as usize).is_some_and(|lane| episode.at.fits(lane.points.len()))
    }
}

impl LoggedTask for VpaTask {
    const START: &'static str = "container";

    fn start_of(&self, episode: &Episode) -> String {
        self.lanes[episode.lane as usize].name.replace(',', " ")
    }

    fn figures(&self) -> Vec<&'static str> {
        vec!["cpu_slack", "cpu_overrun", "memory_slack", "memory_overrun", "restarts", "oom_kills", "resizes"]
    }

    /// Means over steps: areas are cores and GB on average, the rest counts a step.
    fn write_figures(&self, episode: &Episode, figures: &mut [f64]) {
        let step = &episode.step;
        let hours = step.hours.max(f64::MIN_POSITIVE);
        let all = [
            step.cpu.slack / hours,
            step.cpu.overrun / hours,
            step.memory.slack / hours,
            step.memory.overrun / hours,
            f64::from(step.restarts()),
            f64::from(step.oom_kills),
            f64::from(step.resizes),
        ];
        figures.copy_from_slice(&all);
    }

    fn trace_columns(&self) -> Vec<String> {
        let own = ["container", "time_secs", "cpu_usage", "memory_usage", "cpu_request", "memory_request"];
        let recommended = ["cpu", "memory"]
            .into_iter()
            .flat_map(|r| ["lower", "target", "upper", "uncapped"].map(|bound| format!("{r}_{bound}")));
        let rest = ["recreated", "resized", "oom_killed", "reward", "sum_reward"];
        own.map(str::to_owned).into_iter().chain(recommended).chain(rest.map(str::to_owned)).collect()
    }

    fn trace_row(&self, episode: &Episode) -> Vec<String> {
        let requests = &episode.at.running.resources.requests;
        let mut row = vec![
            self.start_of(episode),
            (episode.at.now.millis().unwrap_or(0) as f64 / 1000.0).to_string(),
            episode.usage[0].0.to_string(),
            episode.usage[1].0.to_string(),
            requests.cpu.unwrap_or_default().milli().to_string(),
            requests.memory.unwrap_or_default().units().to_string(),
        ];
        row.extend(episode.recommended.iter().flatten().map(i64::to_string));
        let step = &episode.step;
        row.extend([step.evictions, step.resizes, step.oom_kills].map(|count| count.to_string()));
        row.extend([episode.reward, episode.sum_reward].map(|value| value.to_string()));
        row
    }

    fn notes(&self) -> Vec<String> {
        vec![format!("{} containers, episodes of {} steps", self.lanes.len(), self.max_steps)]
    }
}
