//! What a teacher sees and decides, and what comes of it, in the shape of demonstrations.
//!
//! Left out: who the teacher is, and how long it is watched.

use crate::{
    Result,
    config::{RunConfig, Signal},
    environment::{Interval, Judge},
    evaluation::Scenario,
    policy_file,
};
use trimtab_control::{Autoscaler, Codec, CodecConfig, Steering};
use trimtab_model::{Application, Decision, Snapshot};
use trimtab_nn::{ActionSlice, ActorCritic, Agent, Policy};
use trimtab_rl::{buffer::ActionBuffer, cloning::Demonstrations};
use trimtab_sim::SimulatedPlant;

/// A teacher's decisions as they are made.
pub(super) struct Recorder {
    /// Whoever is asked; none before the first day.
    teacher: Option<Box<dyn Autoscaler>>,
    /// Whoever decides in its stead.
    decider: Option<Agent>,
    /// Deciders so far.
    rounds: u32,
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

impl Recorder {
    /// That has recorded nothing.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub(super) fn new(config: &RunConfig, scenario: &Scenario) -> Result<Self> {
        let (steering, codec) = seams(config, &scenario.application)?;
        let head = steering.head();
        Ok(Self {
            teacher: None,
            decider: None,
            rounds: 0,
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

    /// Goes on with another teacher.
    pub(super) fn ask(&mut self, teacher: Box<dyn Autoscaler>) {
        self.teacher = Some(teacher);
    }

    /// From now on `policy` decides, and the teacher is only asked.
    pub(super) fn let_decide(&mut self, policy: Policy) {
        self.decider = Some(Agent::new(policy, self.codec.rows()));
        self.rounds += 1;
    }

    /// How often another policy was let decide.
    pub(super) fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Grows from day to day.
    pub(super) fn seed(&self) -> u64 {
        self.starts.iter().filter(|start| **start).count() as u64
    }

    /// The choices that change nothing.
    pub(super) fn neutral(&self) -> Vec<u32> {
        self.steering.neutral()
    }

    /// All that was recorded, without what came of it.
    pub(super) fn demonstrations(&self) -> Demonstrations {
        Demonstrations {
            lanes: self.codec.rows(),
            obs: self.obs.clone(),
            critic_obs: Vec::new(),
            masks: self.masks.clone(),
            actions: self.actions.clone(),
            starts: self.starts.clone(),
            returns: Vec::new(),
        }
    }

    fn record(&mut self, seen: &Snapshot) -> trimtab_control::Result<()> {
        let (rows, at) = (self.codec.rows(), self.obs.len());
        self.obs.resize(at + rows * self.codec.width(), 0.0);
        self.codec.encode(seen, self.steering.echo(), &mut self.obs[at..]);
        let head = self.steering.head();
        let first_mask = self.masks.len();
        if self.steering.masked() {
            self.masks.resize(first_mask + rows * head.outputs(), true);
            self.steering.mask(seen, &mut self.masks[first_mask..]);
        }
        self.steering.nearest(seen, &self.wish, self.action.part_mut(0, rows * head.width()))?;
        match (&mut self.actions, self.action.all()) {
            (ActionBuffer::Choices(all), ActionSlice::Choices(new)) => all.extend_from_slice(new),
            (ActionBuffer::Numbers(all), ActionSlice::Numbers(new)) => all.extend_from_slice(new),
            _ => unreachable!("both buffers are of the steering's head"),
        }
        let is_first = self.held == 0;
        self.starts.extend((0..rows).map(|_| is_first));
        if let Some(decider) = &mut self.decider {
            let masks = self.steering.masked().then(|| &self.masks[first_mask..]);
            decider.act(&self.obs[at..], masks, self.action.part_mut(0, rows * head.width()));
        }
        Ok(())
    }
}

/// Decides as the teacher does, as far as the learner's actions can, or as whoever decides in its stead.
impl Autoscaler for Recorder {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        self.wish.clear(proposal.services.len());
        if let Some(teacher) = &mut self.teacher {
            teacher.decide(seen, &mut self.wish);
        }
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
        if let Some(teacher) = &mut self.teacher {
            teacher.reset();
        }
        if let Some(decider) = &mut self.decider {
            decider.forget_all();
        }
        self.codec.reset();
        self.steering.reset();
        self.held = 0;
    }
}

fn seams(config: &RunConfig, application: &Application) -> Result<(Steering, Codec)> {
    let inner = policy_file::inner(config, application)?;
    let targets = Steering::targets(&inner);
    let steering = Steering::new(config.action, config.trim.clone(), config.delta, inner, application)?;
    let codec = Codec::new(&CodecConfig { layout: steering.layout(), targets }, application);
    Ok((steering, codec))
}

/// What came of each action that a [`Recorder`] recorded, as the learner's environment would have it.
pub(super) struct Witness {
    judge: Judge,
    rows: usize,
    hold: u32,
    acts_while_held: bool,
    /// Intervals since the day began.
    intervals: u32,
    /// Replicas asked for before the latest decision.
    before: Vec<u32>,
    /// `actions × rows`.
    pub(super) rewards: Vec<f32>,
    /// `actions × rows × signals`.
    pub(super) costs: Vec<f32>,
}

impl Witness {
    pub(super) fn new(config: &RunConfig, application: &Application) -> Result<Self> {
        let (steering, codec) = seams(config, application)?;
        Ok(Self {
            judge: Judge::new(config, application, codec.rows())?,
            rows: codec.rows(),
            hold: config.episode.hold,
            acts_while_held: steering.acts_while_held(),
            intervals: 0,
            before: vec![0; application.services.len()],
            rewards: Vec::new(),
            costs: Vec::new(),
        })
    }

    /// A day begins.
    pub(super) fn begin(&mut self) {
        self.intervals = 0;
    }

    /// An interval has passed, before which `seen` could be seen. What the nearest action does is within bounds.
    pub(super) fn watch(&mut self, plant: &SimulatedPlant, seen: &Snapshot) {
        let fresh = self.intervals.is_multiple_of(self.hold);
        if fresh {
            self.rewards.resize(self.rewards.len() + self.rows, 0.0);
            self.costs.resize(self.costs.len() + self.rows * Signal::NAMES.len(), 0.0);
        }
        if fresh || self.acts_while_held {
            for (before, service) in self.before.iter_mut().zip(&seen.services) {
                *before = service.replicas.spec;
            }
        }
        let interval = Interval { cluster: plant.cluster(), lane: 0, seen, before: &self.before, invalid: 0 };
        let rewards = self.rewards.len() - self.rows;
        let costs = self.costs.len() - self.rows * Signal::NAMES.len();
        self.judge.add(&interval, &mut self.rewards[rewards..], &mut self.costs[costs..]);
        self.intervals += 1;
    }
}

/// Leaves out the last steps, so that those that stay are whole sequences of `length`.
pub(super) fn whole_sequences(
    mut all: Demonstrations,
    policy: &ActorCritic,
    length: usize,
) -> Demonstrations {
    let steps = all.starts.len() / all.lanes;
    let rows = (steps - steps % length.max(1)) * all.lanes;
    let head = &policy.architecture().head;
    all.obs.truncate(rows * policy.architecture().obs_dim);
    all.starts.truncate(rows);
    if !all.masks.is_empty() {
        all.masks.truncate(rows * head.outputs());
    }
    if !all.returns.is_empty() {
        all.returns.truncate(rows * policy.architecture().value_heads);
    }
    match &mut all.actions {
        ActionBuffer::Choices(choices) => choices.truncate(rows * head.width()),
        ActionBuffer::Numbers(numbers) => numbers.truncate(rows * head.width()),
    }
    all
}
