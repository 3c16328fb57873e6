//! Trained agents and rules without learning in the same published evaluation, over seeds.
//!
//! Everybody meets the same users, budget and order of events; a seed is one episode. Measures are means over the seconds and the
//! services that are there. Differences are to the first contender, paired by seed.
//!
//! Left out: training, and how a table is printed.

use super::{
    Localization, LocalizationConfig, Moment,
    baselines::{BASELINES, Baseline, Player},
    scenario::Scenario,
};
use crate::{
    Error, Result, policy_file,
    run_dir::RunDir,
    statistics::{Estimate, estimate},
};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::Serialize;
use std::path::Path;
use trimtab_nn::{ActionSliceMut, Agent, Policy};

/// What takes part.
#[derive(Clone, Debug)]
pub struct Contender {
    /// As it was typed.
    pub name: String,
    /// Each training seed's own; one entry for a rule.
    players: Vec<Kind>,
}

#[derive(Clone, Debug)]
enum Kind {
    Rule(Baseline),
    /// Policies, one for all agents or one each, and the settings they were trained with.
    Learned(Vec<Policy>, Box<LocalizationConfig>),
}

/// One contender's figures, means with intervals over training seeds and episodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Contender.
    pub name: String,
    /// Mean response time, seconds.
    pub response_secs: Estimate,
    /// How much shorter it is than the first contender's, percent of that one's; above zero is better.
    pub improvement_percent: Estimate,
    /// Millicores by which limits were changed in an episode, all services together.
    pub changed_millicores: Estimate,
    /// Share of seconds and services with a mean response time above the SLA.
    pub late_share: Estimate,
    /// CPU limits of all services together, millicores.
    pub limit_millicores: Estimate,
    /// Mean response time of each service, seconds, while it is there.
    pub services_secs: Vec<f64>,
    /// Millicores by which each service's limit was changed in an episode.
    pub services_changed: Vec<f64>,
}

/// A whole evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Name of the scenario.
    pub scenario: String,
    /// What it asks.
    pub meaning: String,
    /// Seconds of the SLA.
    pub sla_secs: f64,
    /// Episodes of each player.
    pub seeds: u64,
    /// Contenders, in the order in which they were given.
    pub contenders: Vec<Figures>,
}

/// What one episode came to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Score {
    response: f64,
    changed: f64,
    late: f64,
    limits: f64,
    services: Vec<f64>,
    services_changed: Vec<f64>,
}

impl Contender {
    /// A rule by its name, or the directory of a run or of one run for each seed (`seed-N`), with `@N` after it: all agents have
    /// agent N's weights.
    ///
    /// # Errors
    /// A name that is neither, a run in another environment, or one without such an agent.
    pub fn load(name: &str) -> Result<Self> {
        if let Some((_, rule, _)) = BASELINES.iter().find(|(known, ..)| *known == name) {
            return Ok(Self { name: name.to_owned(), players: vec![Kind::Rule(*rule)] });
        }
        let (path, agent) = match name.rsplit_once('@') {
            Some((path, agent)) => (path, Some(agent)),
            None => (name, None),
        };
        let mut dirs = Vec::new();
        if RunDir::new(path).exists() {
            dirs.push(RunDir::new(path));
        }
        for seed in 0.. {
            let dir = RunDir::new(Path::new(path).join(format!("seed-{seed}")));
            if !dir.exists() {
                break;
            }
            dirs.push(dir);
        }
        if dirs.is_empty() {
            let known = BASELINES.iter().map(|(known, ..)| *known);
            return Err(Error::unknown("run or rule", name, known));
        }
        let players = dirs.iter().map(|dir| learned(dir, agent)).collect::<Result<_>>()?;
        Ok(Self { name: name.to_owned(), players })
    }
}

fn learned(dir: &RunDir, agent: Option<&str>) -> Result<Kind> {
    let config = dir.config()?;
    if config.env != super::REGISTERED.name {
        let message = format!("was trained in environment {:?}, expected \"localization\"", config.env);
        return Err(Error::run(dir.path(), message));
    }
    let mut policies = policy_file::read_all(dir, &config)?;
    if let Some(agent) = agent {
        let count = policies.len();
        let chosen = agent.parse::<usize>().ok().and_then(|agent| policies.get(agent).cloned());
        let wrong = || Error::run(dir.path(), format!("has no agent {agent:?}, expected 0 to {}", count - 1));
        policies = vec![chosen.ok_or_else(wrong)?];
    }
    Ok(Kind::Learned(policies, Box::new(config.localization)))
}

/// Scores contenders in `scenario`, with seeds 0 to `seeds` − 1. `base` has what rules without learning need: pods, SLA.
///
/// # Errors
/// Policies that do not fit the scenario's agents, or settings that cannot work.
pub fn compare(
    scenario: &Scenario,
    base: &LocalizationConfig,
    contenders: &[Contender],
    seeds: u64,
) -> Result<Evaluation> {
    let mut all = Vec::new();
    for contender in contenders {
        let scores = contender
            .players
            .iter()
            .map(|player| (0..seeds).map(|seed| episode(scenario, base, player, seed)).collect())
            .collect::<Result<Vec<Vec<Score>>>>()?;
        all.push(scores);
    }
    let first = |seed: usize| {
        let players = &all[0];
        players.iter().map(|scores| scores[seed].response).sum::<f64>() / players.len() as f64
    };
    let figures = |(contender, scores): (&Contender, &Vec<Vec<Score>>)| {
        let of = |measure: &dyn Fn(&Score, usize) -> f64| {
            let values =
                |player: &Vec<Score>| player.iter().enumerate().map(|(at, s)| measure(s, at)).collect();
            estimate(&scores.iter().map(values).collect::<Vec<Vec<f64>>>())
        };
        let mean = |pick: &dyn Fn(&Score) -> &Vec<f64>| {
            let episodes = || scores.iter().flatten().map(pick);
            let count = episodes().count() as f64;
            let agents = episodes().next().map_or(0, Vec::len);
            (0..agents).map(|agent| episodes().map(|values| values[agent]).sum::<f64>() / count).collect()
        };
        Figures {
            name: contender.name.clone(),
            response_secs: of(&|score, _| score.response),
            improvement_percent: of(&|score, at| 100.0 * (1.0 - score.response / first(at))),
            changed_millicores: of(&|score, _| score.changed),
            late_share: of(&|score, _| score.late),
            limit_millicores: of(&|score, _| score.limits),
            services_secs: mean(&|score| &score.services),
            services_changed: mean(&|score| &score.services_changed),
        }
    };
    Ok(Evaluation {
        scenario: scenario.name.to_owned(),
        meaning: scenario.meaning.to_owned(),
        sla_secs: base.sla_secs,
        seeds,
        contenders: contenders.iter().zip(&all).map(figures).collect(),
    })
}

fn episode(scenario: &Scenario, base: &LocalizationConfig, player: &Kind, seed: u64) -> Result<Score> {
    let config = match player {
        Kind::Rule(_) => scenario.apply(base),
        // The pods are the evaluation's, what agents see and do is the run's.
        Kind::Learned(_, own) => {
            scenario.apply(&LocalizationConfig { pod: base.pod, sla_secs: base.sla_secs, ..(**own).clone() })
        }
    };
    let rules = Localization::new(&config)?;
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut moment = rules.start(&mut rng);
    let mut limits = vec![0; config.agents];
    let mut tally = Tally::new(config.agents);
    match player {
        Kind::Rule(rule) => {
            let mut player = Player::new(*rule, config.agents);
            for _ in 0..config.steps {
                player.decide(&moment, &config, &mut limits);
                if player.beyond_budget() {
                    rules.impose(&mut moment, &limits, &mut rng);
                } else {
                    rules.carry_out(&mut moment, &limits, &mut rng);
                }
                tally.count(&moment, config.sla_secs);
                rules.turn_page(&mut moment, &mut rng);
            }
        }
        Kind::Learned(policies, _) => {
            let mut team = Team::new(&rules, policies)?;
            for _ in 0..config.steps {
                let actions = team.act(&rules, &moment);
                rules.wishes(&moment, actions, &mut limits);
                rules.carry_out(&mut moment, &limits, &mut rng);
                tally.count(&moment, config.sla_secs);
                rules.turn_page(&mut moment, &mut rng);
            }
        }
    }
    Ok(tally.score(config.steps))
}

/// Policies at work.
struct Team {
    agents: Vec<Agent>,
    obs: Vec<f32>,
    actions: Vec<f64>,
    choices: bool,
}

impl Team {
    fn new(rules: &Localization, policies: &[Policy]) -> Result<Self> {
        let config = rules.config();
        let agents = config.agents;
        if policies.len() != 1 && policies.len() != agents {
            let message = format!(
                "has policies of {} agents, expected {agents} or one for all: after the directory, @N gives agent N's weights to all",
                policies.len()
            );
            return Err(Error::config("policy", message));
        }
        if policies.iter().any(|policy| policy.obs_dim() != rules.obs_dim()) {
            return Err(Error::config(
                "policy",
                format!("sees another state than {} numbers", rules.obs_dim()),
            ));
        }
        let of = |agent: usize| Agent::new(policies[agent % policies.len()].clone(), 1);
        Ok(Self {
            agents: (0..agents).map(of).collect(),
            obs: vec![0.0; agents * rules.obs_dim()],
            actions: vec![0.0; agents],
            choices: config.actions.is_choice(),
        })
    }

    fn act(&mut self, rules: &Localization, moment: &Moment) -> &[f64] {
        rules.observe(moment, &mut self.obs);
        let rows = self.obs.chunks_exact(rules.obs_dim());
        for (agent, ((worker, obs), action)) in
            self.agents.iter_mut().zip(rows).zip(&mut self.actions).enumerate()
        {
            if !moment.present[agent] {
                worker.forget_all();
            } else if self.choices {
                let mut choice = [0];
                worker.act(obs, None, ActionSliceMut::Choices(&mut choice));
                *action = f64::from(choice[0]);
            } else {
                let mut number = [0.0];
                worker.act(obs, None, ActionSliceMut::Numbers(&mut number));
                *action = f64::from(number[0]);
            }
        }
        &self.actions
    }
}

/// Sums over the steps of an episode.
struct Tally {
    score: Score,
    there: Vec<f64>,
}

impl Tally {
    fn new(agents: usize) -> Self {
        let zeros = vec![0.0; agents];
        let score = Score { services: zeros.clone(), services_changed: zeros.clone(), ..Score::default() };
        Self { score, there: zeros }
    }

    fn count(&mut self, moment: &Moment, sla: f64) {
        let there = moment.there().count() as f64;
        for agent in moment.there() {
            let (response, changed) = (moment.response[agent], f64::from(moment.changed[agent]));
            self.score.response += response / there;
            self.score.late += f64::from(u8::from(response > sla)) / there;
            self.score.changed += changed;
            self.score.limits += f64::from(moment.limits[agent]);
            self.score.services[agent] += response;
            self.score.services_changed[agent] += changed;
            self.there[agent] += 1.0;
        }
    }

    fn score(mut self, steps: u32) -> Score {
        let steps = f64::from(steps);
        self.score.response /= steps;
        self.score.late /= steps;
        self.score.limits /= steps;
        let times = self.score.services.iter_mut().zip(&self.there);
        times.for_each(|(seconds, there)| *seconds /= there.max(1.0));
        self.score
    }
}
