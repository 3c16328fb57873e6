//! A policy that starts from a teacher: any autoscaler runs the training days, what it decides is written down as the
//! nearest actions of the learner, and the policy learns to act like that before it learns anything else.
//!
//! The teacher runs the days through the learner's actions, at the learner's pace: what it asks for while an action is
//! held, or beyond the action's bounds, does not happen until the next action can do it. So what it is seen to do is
//! what a learner can do, and where that leads.
//!
//! Left out: how a network learns from demonstrations ([`trimtab_rl::cloning`]) and which action is nearest
//! ([`trimtab_control::Steering::nearest`]).

use crate::{
    Error, Result,
    comparison::Build,
    config::RunConfig,
    contenders::{self, Entrant, Fitting},
    evaluation::{Detail, Scenario},
    policy_file,
    traffic::{Day, Traffic},
    training,
    validation::{Evaluation, Validation},
};
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;
use trimtab_control::{Autoscaler, Codec, CodecConfig, Steering};
use trimtab_model::{Decision, Snapshot};
use trimtab_nn::{ActionHead, ActionSlice, ActorCritic, Agent, Policy, actor_critic::Group};
use trimtab_rl::{
    buffer::ActionBuffer,
    cloning::{Demonstrations, clone_behaviour},
};

/// Seeds of the demonstrated days start here.
const FIRST_SEED: u64 = 3_000;
/// A continuous action agrees that is at most this far from the teacher's: half of what the teacher's are rounded to.
const NEAR: f32 = 0.0625;

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

/// A teacher's decisions as they are made.
struct Recorder {
    teacher: Box<dyn Autoscaler>,
    codec: Codec,
    steering: Steering,
    hold: u32,
    held: u32,
    /// The latest action of all rows.
    action: ActionBuffer,
    /// What the teacher asks for.
    wish: Decision,
    obs: Vec<f32>,
    masks: Vec<bool>,
    actions: ActionBuffer,
    starts: Vec<bool>,
}

impl Lesson<'_> {
    /// Makes `policy` a clone of the teacher that the configuration names.
    ///
    /// # Errors
    /// An unknown teacher, a policy that sees scaled observations, or whatever cloning fails with.
    pub(crate) fn teach(&self, policy: &mut ActorCritic) -> Result<Cloned> {
        let (name, config) = (&self.config.start.clone, self.config);
        if config.ppo.normalize_observation || config.a2c.normalize_observation {
            let message = "asks for observations whose scale is known before learning, expected normalize_observation = false";
            return Err(Error::config("start.clone", message));
        }
        let mut recorder: Option<Recorder> = None;
        let (mut last, mut scored) = (None, Vec::new());
        for setting in &config.traffic {
            let mut traffic = Traffic::load(setting, &self.scenario.application)?;
            let held_out = if config.validation.is_on() { config.validation.days } else { 0 };
            scored.extend(traffic.train.split_off(traffic.train.len().saturating_sub(held_out)));
            last = traffic.train.last().cloned();
            let build = self.teacher(&traffic)?;
            for day in &traffic.train {
                self.run(day, build(0)?, &mut recorder)?;
            }
            if let Some(recorder) = &mut recorder {
                recorder.teacher = build(0)?;
            }
        }
        if scored.is_empty() {
            scored.extend(last);
        }
        let Some(recorder) = recorder else {
            return Err(Error::config("traffic.train", "names no day, expected at least one"));
        };
        let Recorder { teacher, obs, masks, actions, starts, codec, .. } = recorder;
        drop(teacher);
        let lanes = codec.rows();
        let demonstrations =
            Demonstrations { lanes, obs, critic_obs: vec![], masks, actions, starts, returns: vec![] };
        for group in Group::ALL {
            policy.unfreeze(group);
        }
        clone_behaviour(&config.start.cloning, &demonstrations, policy, config.seed)?;
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

    fn run(&self, day: &Day, teacher: Box<dyn Autoscaler>, recorder: &mut Option<Recorder>) -> Result<()> {
        if self.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let mut this = match recorder.take() {
            Some(before) => Recorder { teacher, ..before },
            None => Recorder::new(self.config, self.scenario, teacher)?,
        };
        let seed = FIRST_SEED + this.starts.iter().filter(|start| **start).count() as u64;
        self.scenario.run_day(&mut this, day, seed, Detail::Sums)?;
        *recorder = Some(this);
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
        let neutral = Recorder::new(self.config, self.scenario, build(0)?)?.steering.neutral();
        let decisions = demonstrations.obs.len() / policy.obs_dim();
        let [agreement, agreement_acting] = agreement(demonstrations, policy, &neutral);
        let agreement = agreement.unwrap_or(1.0);
        Ok(Cloned {
            teacher: teacher.to_owned(),
            decisions,
            agreement,
            agreement_acting,
            days: labels,
            of_teacher: validation.evaluate(&|| build(0))?,
            of_clone,
        })
    }
}

impl Recorder {
    fn new(config: &RunConfig, scenario: &Scenario, teacher: Box<dyn Autoscaler>) -> Result<Self> {
        let application = &scenario.application;
        let inner = policy_file::inner(config, application)?;
        let targets = Steering::targets(&inner);
        let steering = Steering::new(config.action, config.trim.clone(), config.delta, inner, application)?;
        let codec = Codec::new(&CodecConfig { layout: steering.layout(), targets }, application);
        let head = steering.head();
        Ok(Self {
            teacher,
            hold: config.episode.hold,
            held: 0,
            action: ActionBuffer::new(&head, codec.rows()),
            actions: ActionBuffer::new(&head, 0),
            wish: Decision::default(),
            obs: Vec::new(),
            masks: Vec::new(),
            starts: Vec::new(),
            codec,
            steering,
        })
    }

    fn record(&mut self, seen: &Snapshot) -> trimtab_control::Result<()> {
        let (rows, at) = (self.codec.rows(), self.obs.len());
        self.obs.resize(at + rows * self.codec.width(), 0.0);
        self.codec.encode(seen, self.steering.echo(), &mut self.obs[at..]);
        let head = self.steering.head();
        if self.steering.masked() {
            let at = self.masks.len();
            self.masks.resize(at + rows * head.outputs(), true);
            self.steering.mask(seen, &mut self.masks[at..]);
        }
        self.steering.nearest(seen, &self.wish, self.action.part_mut(0, rows * head.width()))?;
        match (&mut self.actions, self.action.all()) {
            (ActionBuffer::Choices(all), ActionSlice::Choices(new)) => all.extend_from_slice(new),
            (ActionBuffer::Numbers(all), ActionSlice::Numbers(new)) => all.extend_from_slice(new),
            _ => unreachable!("both buffers are of the steering's head"),
        }
        let is_first = self.held == 0;
        self.starts.extend((0..rows).map(|_| is_first));
        Ok(())
    }
}

/// Decides as the teacher does, as far as the learner's actions can.
impl Autoscaler for Recorder {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        self.wish.clear(proposal.services.len());
        self.teacher.decide(seen, &mut self.wish);
        let fresh = self.held.is_multiple_of(self.hold);
        if fresh {
            self.record(seen).expect("the buffers are of the steering's head");
        }
        if fresh || self.steering.acts_while_held() {
            let decoded = self.steering.decode(seen, self.action.all(), proposal);
            decoded.expect("the nearest action is inside the space");
        }
        self.held += 1;
    }

    fn reset(&mut self) {
        self.teacher.reset();
        self.codec.reset();
        self.steering.reset();
        self.held = 0;
    }
}

/// See [`Cloned::agreement`] and [`Cloned::agreement_acting`]; `neutral` are the choices that change nothing.
fn agreement(demonstrations: &Demonstrations, policy: Policy, neutral: &[u32]) -> [Option<f64>; 2] {
    let (rows, dim, head) = (demonstrations.lanes, policy.obs_dim(), policy.head().clone());
    let (width, outputs) = (head.width(), head.outputs());
    let continuous = matches!(head, ActionHead::Gaussian(_));
    let mut agent = Agent::new(policy, rows);
    let mut action = ActionBuffer::new(&head, rows);
    // Of everything, and of what is not neutral: how many, and how many of them are the same.
    let mut counts = [(0u32, 0u32); 2];
    let mut count = |acts: bool, same: bool| {
        for (all, alike) in &mut counts[..=usize::from(acts)] {
            *all += 1;
            *alike += u32::from(same);
        }
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
                    count(*theirs != neutral[at % neutral.len()], ours == theirs);
                }
            }
            (ActionSlice::Numbers(ours), ActionSlice::Numbers(theirs)) => {
                for (ours, theirs) in ours.iter().zip(theirs) {
                    count(*theirs != 0.0, (ours - theirs).abs() <= NEAR);
                }
            }
            _ => unreachable!("both are of the policy's head"),
        }
    }
    counts.map(|(all, alike)| (all > 0).then(|| f64::from(alike) / f64::from(all)))
}

/// Fails for a teacher that does not exist, before anything is simulated.
pub(crate) fn check(config: &RunConfig) -> Result<()> {
    let name = &config.start.clone;
    if name.is_empty() || name == contenders::CALIBRATED {
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
    let found = policy_file::read(&dir, &dir.config()?)?;
    training::actor_critic(found).map(Some)
}
