//! What every environment promises to the algorithms, as a check that anyone can run on theirs.
//!
//! [`check_env`] steps an environment with random allowed actions and fails at the first promise of [`VecEnv`] that is
//! broken. It is to an environment here what `gymnasium.utils.env_checker` is there.
//!
//! Left out: whether the task is the one that was meant, and whether it can be learned.

use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::{ActionSpace, Actions, EnvSpec, Presence, StepBuffers, StepError, VecEnv};

/// What an environment did while it was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Steps of every environment.
    pub steps: usize,
    /// Episodes that reached a terminal state.
    pub terminated: usize,
    /// Episodes that were cut off and not terminal.
    pub truncated: usize,
    /// Whether first observations depend on the seed.
    pub random_start: bool,
}

/// A kind of promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Sizes are at least 1, names differ, and nothing of the specification ever changes.
    Sizes,
    /// Every observation, reward and cost is written, and is a finite number.
    Numbers,
    /// Masks allow a choice of every head; they, and presence, say something only where the specification announces it.
    Masks,
    /// Every agent acts at some time, and somebody is always there.
    Presence,
    /// An equal seed gives an equal stream, and the environments of a batch have streams of their own.
    Seeding,
    /// What was saved goes on as what it was saved from, and damaged bytes are an error.
    Saving,
    /// Where an episode ends, `obs` is the next one's first and `final_obs` its own last.
    Autoreset,
    /// Actions outside the space are refused with an error.
    Actions,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.found)
    }
}

impl std::error::Error for Violation {}

fn broken<T>(promise: Promise, found: impl Into<String>) -> Result<T, Violation> {
    Err(Violation { promise, found: found.into() })
}

/// Runs environments that `make` gives, all alike and fresh, for `steps` steps (several episodes' worth shows the most)
/// with random actions.
///
/// # Errors
/// The first broken promise.
pub fn check_env(make: &mut dyn FnMut() -> Box<dyn VecEnv>, steps: usize) -> Result<Report, Violation> {
    let env = make();
    check_spec(env.spec())?;
    if make().spec() != env.spec() {
        return broken(Promise::Sizes, "two fresh batches have different specifications");
    }
    let mut report = Report { steps, random_start: check_starts(make)?, ..Report::default() };
    check_run(make, &mut report)?;
    check_refusals(make)?;
    Ok(report)
}

fn check_spec(spec: &EnvSpec) -> Result<(), Violation> {
    let EnvSpec { n_envs, n_agents, obs_dim, action_space, costs, masked, .. } = spec;
    let empty_head = match action_space {
        ActionSpace::MultiDiscrete(choices) => choices.contains(&0),
        ActionSpace::Discrete(choices) => *choices == 0,
        ActionSpace::Box(_) => false,
    };
    if [*n_envs, *n_agents, *obs_dim, action_space.width()].contains(&0) || empty_head {
        return broken(Promise::Sizes, format!("a size is 0 in {spec:?}"));
    }
    if *masked && action_space.choices() == 0 {
        return broken(Promise::Sizes, "a continuous action has no choices to mask");
    }
    match costs.iter().enumerate().find(|(at, name)| costs[..*at].contains(name)) {
        Some((_, name)) => broken(Promise::Sizes, format!("two costs are called {name:?}")),
        None => Ok(()),
    }
}

/// Whether first observations depend on the seed.
fn check_starts(make: &mut dyn FnMut() -> Box<dyn VecEnv>) -> Result<bool, Violation> {
    let (mut env, mut other) = (make(), make());
    let spec = env.spec().clone();
    let per_env = spec.n_agents * spec.obs_dim;
    let unwritten = vec![f32::NAN; spec.rows() * spec.obs_dim];
    let (mut random, mut lanes_differ, mut first) = (false, spec.n_envs == 1, vec![]);
    for seed in 0..32 {
        let (mut obs, mut again) = (unwritten.clone(), unwritten.clone());
        env.reset(seed, &mut obs);
        other.reset(seed, &mut again);
        finite("the first observation", &obs)?;
        if obs != again {
            return broken(Promise::Seeding, format!("two resets with seed {seed} differ"));
        }
        lanes_differ |= obs.chunks_exact(per_env).any(|lane| *lane != obs[..per_env]);
        random |= seed > 0 && first != obs;
        first = obs;
    }
    if random && !lanes_differ {
        return broken(Promise::Seeding, "all environments of the batch start alike under 32 seeds");
    }
    Ok(random)
}

/// A run beside its twin, which is saved and restored on the way.
fn check_run(make: &mut dyn FnMut() -> Box<dyn VecEnv>, report: &mut Report) -> Result<(), Violation> {
    let (mut env, mut twin) = (make(), make());
    let spec = env.spec().clone();
    let EnvSpec { n_envs, n_agents, obs_dim, .. } = spec;
    let (mut out, mut other) = (StepBuffers::new(&spec), StepBuffers::new(&spec));
    let mut choices = Chooser::new(&spec);
    let mut acted = vec![false; n_agents];
    let (mut ends, mut stale) = (0, 0);
    env.reset(7, &mut out.obs);
    twin.reset(7, &mut other.obs);
    for step in 0..report.steps {
        if step == report.steps / 2 {
            let state = env.save();
            twin = make();
            twin.restore(&state).or_else(|why| broken(Promise::Saving, why))?;
            if twin.save() != state {
                return broken(Promise::Saving, "a restored batch does not save the same bytes");
            }
        }
        choices.look(&*env)?;
        acted.iter_mut().enumerate().for_each(|(agent, acted)| *acted |= choices.acts(agent));
        let actions = choices.draw();
        spoil(&mut out);
        spoil(&mut other);
        env.step(actions, &mut out).or_else(|why| broken(Promise::Actions, why.to_string()))?;
        twin.step(actions, &mut other).or_else(|why| broken(Promise::Saving, why.to_string()))?;
        if *env.spec() != spec {
            return broken(Promise::Sizes, format!("the specification changed in step {step}"));
        }
        check_written(&spec, &out)?;
        for lane in 0..n_envs {
            let obs = lane * n_agents * obs_dim..(lane + 1) * n_agents * obs_dim;
            let (terminated, truncated) = (out.terminated[lane], out.truncated[lane]);
            if terminated || truncated {
                finite("the last observation of an episode", &out.final_obs[obs.clone()])?;
                report.terminated += usize::from(terminated);
                report.truncated += usize::from(truncated && !terminated);
                stale += usize::from(out.final_obs[obs.clone()] == out.obs[obs]);
                ends += 1;
            } else {
                // What is there has no meaning.
                out.final_obs[obs.clone()].fill(0.0);
                other.final_obs[obs].fill(0.0);
            }
        }
        if out != other {
            let promise = if step < report.steps / 2 { Promise::Seeding } else { Promise::Saving };
            return broken(promise, format!("step {step} of a twin is another"));
        }
    }
    if report.random_start && ends > 2 && stale == ends {
        return broken(
            Promise::Autoreset,
            "after every end, obs is still the last of the episode that ended",
        );
    }
    match acted.iter().position(|acted| !acted) {
        Some(agent) => broken(Promise::Presence, format!("agent {agent} never acts")),
        None => Ok(()),
    }
}

/// Damaged bytes and actions outside the space.
fn check_refusals(make: &mut dyn FnMut() -> Box<dyn VecEnv>) -> Result<(), Violation> {
    let mut env = make();
    let spec = env.spec().clone();
    let mut out = StepBuffers::new(&spec);
    env.reset(1, &mut out.obs);
    let state = env.save();
    for (damaged, what) in
        [(&b"\xffno state"[..], "no state at all"), (&state[..state.len() / 2], "half a state")]
    {
        if make().restore(damaged).is_ok() {
            return broken(Promise::Saving, format!("{what} was restored without an error"));
        }
    }
    let entries = spec.rows() * spec.action_space.width();
    let too_large = vec![spec.action_space.choices() as u32; entries];
    let (beyond, missing) = (vec![1.5; entries], vec![f32::NAN; entries]);
    let wrong = match spec.action_space {
        ActionSpace::Box(_) => {
            vec![Actions::Continuous(&beyond), Actions::Continuous(&missing), Actions::Discrete(&too_large)]
        }
        _ => vec![Actions::Discrete(&too_large), Actions::Continuous(&beyond)],
    };
    for actions in wrong {
        let mut env = make();
        env.reset(1, &mut out.obs);
        match env.step(actions, &mut out) {
            Err(StepError::OutsideSpace { .. }) => {}
            Err(other) => return broken(Promise::Actions, format!("{actions:?} gave {other}")),
            Ok(()) => return broken(Promise::Actions, format!("{actions:?} were taken")),
        }
    }
    Ok(())
}

/// Fills what a step has to write with what it must not contain.
fn spoil(out: &mut StepBuffers) {
    for numbers in [&mut out.obs, &mut out.rewards, &mut out.costs, &mut out.final_obs] {
        numbers.fill(f32::NAN);
    }
}

fn finite(what: &str, numbers: &[f32]) -> Result<(), Violation> {
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(number) => broken(Promise::Numbers, format!("{what} has {number}, or was not written")),
        None => Ok(()),
    }
}

fn check_written(spec: &EnvSpec, out: &StepBuffers) -> Result<(), Violation> {
    let sizes = |out: &StepBuffers| {
        [out.obs.len(), out.rewards.len(), out.costs.len(), out.final_obs.len()]
            .into_iter()
            .chain([out.terminated.len(), out.truncated.len()])
            .collect::<Vec<_>>()
    };
    if sizes(out) != sizes(&StepBuffers::new(spec)) {
        return broken(Promise::Sizes, "a step changed the size of its buffers");
    }
    finite("an observation", &out.obs)?;
    finite("a reward", &out.rewards)?;
    finite("a cost", &out.costs)
}

/// Random actions that masks allow.
struct Chooser {
    spec: EnvSpec,
    rng: Pcg64,
    masks: Vec<bool>,
    presence: Vec<Presence>,
    choices: Vec<u32>,
    numbers: Vec<f32>,
}

impl Chooser {
    fn new(spec: &EnvSpec) -> Self {
        let entries = spec.rows() * spec.action_space.width();
        Self {
            rng: Pcg64::seed_from_u64(1),
            masks: vec![false; spec.rows() * spec.action_space.choices()],
            presence: vec![Presence::Absent; spec.rows()],
            choices: vec![0; entries],
            numbers: vec![0.0; entries],
            spec: spec.clone(),
        }
    }

    /// Asks what is allowed and who is there.
    fn look(&mut self, env: &dyn VecEnv) -> Result<(), Violation> {
        env.action_masks(&mut self.masks);
        env.presence(&mut self.presence);
        if !self.spec.masked && self.masks.contains(&false) {
            return broken(
                Promise::Masks,
                "a choice is forbidden though the specification says masked: false",
            );
        }
        if !self.spec.varying && self.presence.iter().any(|presence| *presence != Presence::Acting) {
            return broken(
                Promise::Masks,
                "an agent does not act though the specification says varying: false",
            );
        }
        let mut groups = self.presence.chunks_exact(self.spec.n_agents);
        match groups.position(|agents| agents.iter().all(|presence| *presence == Presence::Absent)) {
            Some(env) => broken(Promise::Presence, format!("all agents of environment {env} are absent")),
            None => Ok(()),
        }
        .and_then(|()| self.check_masks())
    }

    fn check_masks(&self) -> Result<(), Violation> {
        let heads = self.heads();
        let total: usize = heads.iter().sum();
        for (row, masks) in self.masks.chunks_exact(total.max(1)).enumerate() {
            let mut first = 0;
            for (head, count) in heads.iter().enumerate() {
                if !masks[first..first + count].contains(&true) {
                    return broken(Promise::Masks, format!("head {head} of row {row} has no allowed choice"));
                }
                first += count;
            }
        }
        Ok(())
    }

    fn heads(&self) -> Vec<usize> {
        match &self.spec.action_space {
            ActionSpace::Discrete(count) => vec![*count],
            ActionSpace::MultiDiscrete(counts) => counts.clone(),
            ActionSpace::Box(_) => vec![],
        }
    }

    /// Whether `agent` acts in some environment.
    fn acts(&self, agent: usize) -> bool {
        self.presence.iter().skip(agent).step_by(self.spec.n_agents).any(|p| *p == Presence::Acting)
    }

    fn draw(&mut self) -> Actions<'_> {
        let heads = self.heads();
        if heads.is_empty() {
            self.numbers.iter_mut().for_each(|number| *number = self.rng.random_range(-1.0..=1.0));
            return Actions::Continuous(&self.numbers);
        }
        let mut first = 0;
        for (at, choice) in self.choices.iter_mut().enumerate() {
            let count = heads[at % heads.len()];
            let allowed: Vec<usize> = (0..count).filter(|choice| self.masks[first + choice]).collect();
            *choice = allowed[self.rng.random_range(0..allowed.len())] as u32;
            first += count;
        }
        Actions::Discrete(&self.choices)
    }
}

#[cfg(test)]
mod tests;
