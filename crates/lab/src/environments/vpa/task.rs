//! One episode: the container runs an interval, is measured, and the recommendation is carried out or not.
//!
//! Left out: batches ([`TaskEnv`](crate::environments::task_env::TaskEnv)).

use super::{
    Part, VpaConfig, Weights,
    codec::{ACTIONS, Codec, Seen},
    track::Track,
};
use crate::{
    Result,
    environments::task_env::LoggedTask,
    vertical::{Case, measurements},
};
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trimtab_control::{
    vertical::{ContainerUpdater, ExactConfig, Recommend, VpaRecommender, list},
    vpa::{
        Amount, ContainerRecommendation, ContainerResources, Player, Progress, ReplayConfig, Resource,
        ResourceList, Running, Span, Stamp, Tally, UsagePoint, limits,
    },
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
    /// What the exact VPA recommends, step by step from the start of the series, for use that no limit cuts and nobody is killed for.
    exact: Vec<ContainerRecommendation>,
    /// First instant of an episode, and how many steps later it may start at most.
    first: Stamp,
    starts: u32,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct VpaTask {
    lanes: Arc<[Lane]>,
    /// Where the lanes of each recording end.
    ends: Arc<[usize]>,
    hold: u32,
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
    track: Track,
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
    /// Those of [`VpaConfig::recordings`]; a part of a series with fewer than two intervals.
    pub fn new(config: &VpaConfig) -> Result<Self> {
        let recordings = config.recordings()?;
        let mut ends = Vec::with_capacity(recordings.len());
        for cases in &recordings {
            ends.push(ends.last().unwrap_or(&0) + cases.len());
        }
        let cases: Vec<Case> = recordings.into_iter().flatten().collect();
        let mut max_steps = config.max_steps.max(1);
        let steps = |case: &Case| steps(case, config);
        if !config.round_robin {
            let room = cases.iter().map(steps).min().unwrap_or(0);
            max_steps = max_steps.min(room.saturating_sub(1));
        }
        if max_steps == 0 {
            let message = "an episode has no room in the part of some series, expected at least two steps";
            return Err(crate::Error::config("vpa.part", message));
        }
        let lanes = cases.into_iter().map(|case| {
            let room = steps(&case);
            Ok(Lane {
                given: case.given(),
                exact: exact(&case, config.hold)?,
                first: if config.part == Part::Test { case.split } else { start(&case) },
                starts: if config.round_robin { room } else { room.saturating_sub(max_steps) },
                name: case.container,
                points: case.points.into(),
                config: ReplayConfig { round_robin: config.round_robin, ..case.replay },
                has_memory: case.has_memory,
            })
        });
        let lanes: Vec<Lane> = lanes.collect::<Result<_>>()?;
        for lane in &lanes {
            Player::new(&lane.points[..], lane.config)?;
        }
        Ok(Self {
            lanes: lanes.into(),
            ends: ends.into(),
            hold: config.hold,
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

    fn seen<'a>(&'a self, episode: &'a Episode) -> Seen<'a> {
        let lane = &self.lanes[episode.lane as usize];
        Seen {
            now: episode.at.now,
            given: lane.given,
            running: &episode.at.running,
            track: &episode.track,
            exact: self.exact(lane, episode.at.now),
        }
    }

    fn exact<'a>(&self, lane: &'a Lane, now: Stamp) -> &'a ContainerRecommendation {
        let step = lane.config.interval.times(i64::from(self.hold));
        let passed = now.since(Stamp::from(lane.points[0].at)).over(step) as usize;
        &lane.exact[passed % lane.exact.len()]
    }
}

/// What a container has when its episode starts: CPU of a quarter to four times what the exact VPA recommends, memory of one to two
/// times, limits in the proportion of what it was given.
fn drawn(lane: &Lane, exact: &ContainerRecommendation, rng: &mut Pcg64) -> ContainerResources {
    let cpu = 4.0_f64.powf(rng.random_range(-1.0..1.0));
    let memory = 2.0_f64.powf(rng.random_range(0.0..1.0));
    let target = exact.target;
    let requests = list([
        Amount(target.cpu.unwrap_or_default().milli()).scaled(cpu),
        Amount(target.memory.unwrap_or_default().units()).scaled(memory),
    ]);
    let own = lane.config.resources;
    let limits = limits::proportional_limits(&own.limits, &own.requests, &requests, &ResourceList::default());
    ContainerResources { requests, limits }
}

/// What the exact VPA recommends for a case at each step.
fn exact(case: &Case, hold: u32) -> Result<Vec<ContainerRecommendation>> {
    let mut recommender = VpaRecommender::new(&ExactConfig::default())?;
    let running = Running { resources: case.replay.resources, started: start(case), last_termination: None };
    let mut all = Vec::new();
    for (number, (now, usage)) in case.measurements().enumerate() {
        recommender.observe(now, usage, &running);
        if number.is_multiple_of(hold as usize) {
            all.extend(recommender.recommend(now, &running));
        }
    }
    Ok(all)
}

fn start(case: &Case) -> Stamp {
    Stamp::from(case.points[0].at)
}

/// Whole steps in a part of a case.
fn steps(case: &Case, config: &VpaConfig) -> u32 {
    let end = Stamp::from(case.points[case.points.len() - 1].at);
    let length = match config.part {
        Part::Train => case.split.since(start(case)),
        Part::Test => end.since(case.split),
        Part::All => end.since(start(case)),
    };
    length.over(case.replay.interval.times(i64::from(config.hold))) as u32
}

/// Measures the container; what it used, as far as it is up.
fn look(player: &mut Player<Arc<[UsagePoint]>>, episode: &mut Episode) {
    if let Some(look) = player.look() {
        episode.usage = look.usage;
        episode.track.add(look.now, look.usage);
        if look.oom_killed {
            episode.track.out_of_memory(look.now, look.usage[1]);
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
        let recording = rng.random_range(0..self.ends.len());
        let begin = if recording == 0 { 0 } else { self.ends[recording - 1] };
        let number = rng.random_range(begin..self.ends[recording]);
        let lane = &self.lanes[number];
        let later = if self.random_start { rng.random_range(0..=lane.starts) } else { 0 };
        let from = lane.first.plus(lane.config.interval.times(i64::from(later) * i64::from(self.hold)));
        let mut config = lane.config;
        if self.random_start {
            config.resources = drawn(lane, self.exact(lane, from), rng);
        }
        let mut player = Player::new(Arc::clone(&lane.points), config)
            .expect("every lane was played when the task was made")
            .started_at(from);
        let mut episode = Episode {
            lane: number as u32,
            at: *player.progress(),
            usage: [Amount(0); 2],
            track: Track::default(),
            step: Tally::default(),
            reward: 0.0,
            terms: [0.0; 4],
            sum_reward: 0.0,
            recommended: [[0; 4]; 2],
        };
        // What a day before the episode showed is known, as it would be of a container that had run.
        let day_before = from.minus(Span::DAY).max(Stamp::from(lane.points[0].at));
        for (at, usage) in measurements(&lane.points, lane.config.interval, day_before, from) {
            episode.track.add(at, usage);
        }
        episode.track.end_step();
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
        let mut change = self.updater.decide(now, &running, episode.usage, recommendation);
        for _ in 0..self.hold {
            player.advance(change.take());
            look(&mut player, episode);
        }
        episode.track.end_step();
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
