//! A policy that starts from a teacher: any autoscaler runs the training days, what it decides is written down as the
//! nearest actions of the learner, and the policy learns to act like that before it learns anything else.
//!
//! The teacher runs the days through the learner's actions, at the learner's pace: what it asks for while an action is
//! held, or beyond the action's bounds, does not happen until the next action can do it. So what it is seen to do is
//! what a learner can do, and where that leads. Then the clone itself decides on the same days, the teacher says what it
//! would have done, and the policy learns again from all of it (`DAgger`: Ross, Gordon and Bagnell 2011), because a clone
//! that errs comes to where its teacher never was. The critic learns what came of it: the discounted rewards and constrained
//! costs that followed, on the scale that the learner will see them on. (Not so a critic with observations of its own.)
//!
//! Left out: how a network learns from demonstrations ([`trimtab_rl::cloning`]) and which action is nearest
//! ([`trimtab_control::Steering::nearest`]).

mod recorder;

use crate::{
    Error, Result,
    comparison::Build,
    config::{Algorithm, RunConfig, Signal},
    contenders::{self, Entrant, Fitting},
    evaluation::{Detail, Scenario},
    policy_file,
    reward::Goal,
    traffic::{Day, Traffic},
    training,
    validation::{Evaluation, Validation},
};
use recorder::{Recorder, Witness};
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;
use trimtab_control::Autoscaler;
use trimtab_nn::{ActionHead, ActionSlice, ActorCritic, Agent, Policy, actor_critic::Group};
use trimtab_rl::{
    buffer::ActionBuffer,
    cloning::{CloningConfig, Demonstrations, clone_behaviour, discounted_returns},
    normalize::RewardNormalizer,
};

/// Seeds of the demonstrated days start here.
const FIRST_SEED: u64 = 3_000;
/// A continuous action agrees that is at most this far from the teacher's: half of what the teacher's are rounded to.
const NEAR: f32 = 0.0625;
/// Steps that a recurrent policy learns from in one piece, unless the configuration says otherwise.
const SEQUENCE_LENGTH: usize = 16;

/// What came of cloning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cloned {
    /// Name of the teacher.
    pub teacher: String,
    /// Decisions learned from: actions of all services on all days.
    pub decisions: usize,
    /// Share of the numbers or choices in which the clone's best action is the teacher's, within 1/16 of the range where it
    /// is a number.
    pub agreement: f64,
    /// The same where the teacher's is not the neutral one; `None` where it always is.
    pub agreement_acting: Option<f64>,
    /// Share of the teacher's numbers or choices that are not the neutral one.
    pub acting: f64,
    /// The same of the clone's, where the teacher had decided before.
    pub clone_acting: f64,
    /// Days that both were scored on: those held out for validation, or, where there are none, the last training day.
    pub days: Vec<String>,
    /// The teacher's score.
    pub of_teacher: Evaluation,
    /// The clone's score.
    pub of_clone: Evaluation,
}

/// Everything needed to ask a teacher.
pub(crate) struct Lesson<'a> {
    pub(crate) config: &'a RunConfig,
    pub(crate) scenario: &'a Scenario,
    pub(crate) stop: &'a AtomicBool,
}

impl Lesson<'_> {
    /// Makes `policy` a clone of the teacher that the configuration names.
    ///
    /// # Errors
    /// An unknown teacher, or whatever cloning fails with.
    pub(crate) fn teach(&self, policy: &mut ActorCritic) -> Result<Cloned> {
        let (name, config) = (&self.config.start.clone, self.config);
        let (mut lessons, mut scored) = (Vec::new(), Vec::new());
        for setting in &config.traffic {
            let mut traffic = Traffic::load(setting, &self.scenario.application)?;
            let held_out = if config.validation.is_on() { config.validation.days } else { 0 };
            scored.extend(traffic.train.split_off(traffic.train.len().saturating_sub(held_out)));
            lessons.push((self.teacher(&traffic)?, traffic.train));
        }
        let last = lessons.last().and_then(|(_, days)| days.last().cloned());
        let Some(last) = last else {
            return Err(Error::config("traffic.train", "names no day, expected at least one"));
        };
        if scored.is_empty() {
            scored.push(last);
        }
        for group in Group::ALL {
            policy.unfreeze(group);
        }
        let mut recorder = Recorder::new(config, self.scenario)?;
        let mut witness = Witness::new(config, &self.scenario.application)?;
        let demonstrations = loop {
            for (build, days) in &lessons {
                for day in days {
                    self.run(day, build(0)?, &mut recorder, &mut witness)?;
                }
            }
            let demonstrations = self.learn(policy, &recorder, &witness)?;
            if recorder.rounds() >= config.start.dagger_rounds {
                break demonstrations;
            }
            recorder.let_decide(policy.clone().into());
        };
        self.judge(&demonstrations, policy.clone().into(), scored, name)
    }

    fn teacher(&self, traffic: &Traffic) -> Result<Build<'static>> {
        let name = &self.config.start.clone;
        if name == contenders::CALIBRATED {
            // It is the inner HPA, which has been calibrated already.
            let inner = policy_file::inner(self.config, &self.scenario.application)?;
            return Ok(Box::new(move |_| Ok(Box::new(inner.clone()) as Box<dyn Autoscaler>)));
        }
        let entrant = Entrant::find(name, self.scenario, traffic, &[0])?;
        let settings = &self.config.inner.calibration;
        let mut fitting = Fitting::new(self.scenario, traffic, settings, 1).until(self.stop);
        Ok(fitting.contender(entrant, &mut |_, _| ())?.build)
    }

    /// Makes `policy` decide as was recorded, and returns that.
    fn learn(
        &self,
        policy: &mut ActorCritic,
        recorder: &Recorder,
        witness: &Witness,
    ) -> Result<Demonstrations> {
        let mut demonstrations = recorder.demonstrations();
        if policy.architecture().critic_obs_dim.is_none() {
            demonstrations.returns = self.returns(witness, &demonstrations);
        }
        let mut cloning = self.config.start.cloning.clone();
        if policy.is_recurrent() {
            let length = cloning.sequence_length.unwrap_or(SEQUENCE_LENGTH);
            cloning = CloningConfig { sequence_length: Some(length), ..cloning };
            demonstrations = recorder::whole_sequences(demonstrations, policy, length);
        }
        clone_behaviour(&cloning, &demonstrations, policy, self.config.seed)?;
        Ok(demonstrations)
    }

    /// Discounted sums of the rewards and constrained costs that followed each action.
    fn returns(&self, witness: &Witness, demonstrations: &Demonstrations) -> Vec<f32> {
        let (config, lanes, starts) = (self.config, demonstrations.lanes, &demonstrations.starts);
        let (gamma, normalize) = match config.algorithm {
            Algorithm::A2c => (config.a2c.gamma, config.a2c.normalize_reward),
            _ => (config.ppo.gamma, config.ppo.normalize_reward),
        };
        let mut scale = 1.0;
        if normalize {
            let mut normalizer = RewardNormalizer::new(lanes, gamma);
            let mut scaled = vec![0.0; lanes];
            for (rewards, starts) in witness.rewards.chunks_exact(lanes).zip(starts.chunks_exact(lanes)) {
                (0..lanes).filter(|row| starts[*row]).for_each(|row| normalizer.end_episode(row));
                normalizer.normalize(rewards, &[], &mut scaled);
            }
            scale = normalizer.scale();
        }
        let name = config.constraint.signal.name();
        let bounded = Signal::NAMES.iter().position(|signal| *signal == name);
        let bounded = bounded.filter(|_| config.goal == Goal::Multi);
        let mut signals = Vec::with_capacity(2 * witness.rewards.len());
        for (reward, costs) in witness.rewards.iter().zip(witness.costs.chunks_exact(Signal::NAMES.len())) {
            signals.push((f64::from(*reward) * scale) as f32);
            signals.extend(bounded.map(|at| costs[at]));
        }
        discounted_returns(&signals, starts, lanes, gamma)
    }

    fn run(
        &self,
        day: &Day,
        teacher: Box<dyn Autoscaler>,
        recorder: &mut Recorder,
        witness: &mut Witness,
    ) -> Result<()> {
        if self.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        recorder.ask(teacher);
        let seed = FIRST_SEED + recorder.seed();
        witness.begin();
        let mut watch = |plant: &_, seen: &_| witness.watch(plant, seen);
        self.scenario.watch_day(None, recorder, day, seed, Detail::Sums, &mut watch)?;
        Ok(())
    }

    fn judge(
        &self,
        demonstrations: &Demonstrations,
        policy: Policy,
        days: Vec<Day>,
        teacher: &str,
    ) -> Result<Cloned> {
        let labels = days.iter().map(|day| day.label.clone()).collect();
        let validation = Validation::new(self.config, days, 1)?;
        let of_clone = validation.policy(&policy)?;
        // Fitted once more, on the first traffic: the score is about a teacher, not about every traffic's.
        let traffic = Traffic::load(&self.config.traffic[0], &self.scenario.application)?;
        let build = self.teacher(&traffic)?;
        let neutral = Recorder::new(self.config, self.scenario)?.neutral();
        let decisions = demonstrations.obs.len() / policy.obs_dim();
        let Agreement { all, alike, acting, acting_alike, clone_acting } =
            agreement(demonstrations, policy, &neutral);
        let share = |part: u32, whole: u32| (whole > 0).then(|| f64::from(part) / f64::from(whole));
        Ok(Cloned {
            teacher: teacher.to_owned(),
            decisions,
            agreement: share(alike, all).unwrap_or(1.0),
            agreement_acting: share(acting_alike, acting),
            acting: share(acting, all).unwrap_or(0.0),
            clone_acting: share(clone_acting, all).unwrap_or(0.0),
            days: labels,
            of_teacher: validation.evaluate(&|| build(0))?,
            of_clone,
        })
    }
}

/// How many numbers or choices there are, and what they are.
#[derive(Clone, Copy, Debug, Default)]
struct Agreement {
    all: u32,
    /// The clone's is the teacher's.
    alike: u32,
    /// The teacher's is not neutral.
    acting: u32,
    acting_alike: u32,
    /// The clone's is not neutral.
    clone_acting: u32,
}

/// Compares a clone with its teacher; `neutral` are the choices that change nothing.
fn agreement(demonstrations: &Demonstrations, policy: Policy, neutral: &[u32]) -> Agreement {
    let (rows, dim, head) = (demonstrations.lanes, policy.obs_dim(), policy.head().clone());
    let (width, outputs) = (head.width(), head.outputs());
    let continuous = matches!(head, ActionHead::Gaussian(_));
    let mut agent = Agent::new(policy, rows);
    let mut action = ActionBuffer::new(&head, rows);
    let mut found = Agreement::default();
    let mut count = |ours_acts: bool, theirs_acts: bool, same: bool| {
        found.all += 1;
        found.alike += u32::from(same);
        found.acting += u32::from(theirs_acts);
        found.acting_alike += u32::from(theirs_acts && same);
        found.clone_acting += u32::from(ours_acts);
    };
    for (step, obs) in demonstrations.obs.chunks_exact(rows * dim).enumerate() {
        if demonstrations.starts[step * rows] {
            agent.forget_all();
        }
        let masks = demonstrations.masks.get(step * rows * outputs..(step + 1) * rows * outputs);
        let masks = masks.filter(|masks| !continuous && !masks.is_empty());
        agent.act(obs, masks, action.part_mut(0, rows * width));
        match (action.all(), demonstrations.actions.part(step * rows * width, rows * width)) {
            (ActionSlice::Choices(ours), ActionSlice::Choices(theirs)) => {
                for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    let neutral = neutral[at % neutral.len()];
                    count(*ours != neutral, *theirs != neutral, ours == theirs);
                }
            }
            (ActionSlice::Numbers(ours), ActionSlice::Numbers(theirs)) => {
                for (ours, theirs) in ours.iter().zip(theirs) {
                    count(ours.abs() > NEAR, *theirs != 0.0, (ours - theirs).abs() <= NEAR);
                }
            }
            _ => unreachable!("both are of the policy's head"),
        }
    }
    found
}

/// Fails for a teacher that does not exist or cannot be cloned, before anything is simulated.
pub(crate) fn check(config: &RunConfig) -> Result<()> {
    let name = &config.start.clone;
    if name.is_empty() {
        return Ok(());
    }
    let (normalized, recurrent) = match config.algorithm {
        Algorithm::A2c => (config.a2c.normalize_observation, config.a2c.network.recurrence.is_some()),
        _ => (config.ppo.normalize_observation, config.ppo.network.recurrence.is_some()),
    };
    if normalized {
        let message = "asks for observations whose scale is known before learning, expected normalize_observation = false";
        return Err(Error::config("start.clone", message));
    }
    let cloning = &config.start.cloning;
    cloning.validate().map_err(|error| match error {
        trimtab_rl::Error::Config { key, expected, found } => {
            Error::config(format!("start.cloning.{key}"), format!("is {found}, expected {expected}"))
        }
        error => Error::Rl(error),
    })?;
    let length = cloning.sequence_length.unwrap_or(SEQUENCE_LENGTH);
    if recurrent && !(length > 0 && cloning.batch_size.is_multiple_of(length)) {
        let expected =
            format!("is {}, expected a multiple of the sequences' length, {length}", cloning.batch_size);
        return Err(Error::config("start.cloning.batch_size", expected));
    }
    if name == contenders::CALIBRATED {
        return Ok(());
    }
    let scenario = training::scenario(config)?;
    let traffic = Traffic::load(&config.traffic[0], &scenario.application)?;
    Entrant::find(name, &scenario, &traffic, &[0]).map(drop)
}

/// What a configuration starts from: another run's policy, where it names one.
///
/// # Errors
/// Whatever keeps that policy from being read.
pub(crate) fn earlier_policy(config: &RunConfig) -> Result<Option<ActorCritic>> {
    if config.start.from.is_empty() {
        return Ok(None);
    }
    let dir = crate::run_dir::RunDir::new(&config.start.from);
    let mut found = policy_file::read_all(&dir, &dir.config()?)?;
    if config.start.agent >= found.len() {
        let message = format!(
            "is {}, expected 0 to {}, the agents of {}",
            config.start.agent,
            found.len() - 1,
            config.start.from
        );
        return Err(Error::config("start.agent", message));
    }
    training::actor_critic(found.swap_remove(config.start.agent)).map(Some)
}
