//! A learned policy as an autoscaler: codec, network, steering. Deterministic: the most probable action, held for as
//! many decisions as in training.

use crate::{Autoscaler, Codec, Error, Result, Steering};
use trimtab_model::{Decision, Snapshot};
use trimtab_nn::{ActionHead, ActionSlice, ActionSliceMut, Agent, Policy};

/// See the module.
#[derive(Clone, Debug)]
pub struct Learned {
    agent: Agent,
    codec: Codec,
    steering: Steering,
    obs: Vec<f32>,
    allowed: Vec<bool>,
    choices: Vec<u32>,
    numbers: Vec<f32>,
    hold: u32,
    /// Decisions since the action was chosen.
    held: u32,
}

impl Learned {
    /// Joins a policy with the codec and the steering that it was trained with; an action is held for `hold` decisions,
    /// at least 1.
    ///
    /// # Errors
    /// [`Error::Policy`] when their sizes do not fit.
    pub fn new(policy: Policy, codec: Codec, steering: Steering, hold: u32) -> Result<Self> {
        let differs = |what, expected: String, found: String| Err(Error::Policy { what, expected, found });
        if policy.obs_dim() != codec.width() {
            return differs("observation size", codec.width().to_string(), policy.obs_dim().to_string());
        }
        if *policy.head() != steering.head() {
            return differs("action space", format!("{:?}", steering.head()), format!("{:?}", policy.head()));
        }
        let rows = codec.rows();
        let width = rows * policy.head().width();
        let continuous = matches!(policy.head(), ActionHead::Gaussian(_));
        Ok(Self {
            obs: vec![0.0; rows * codec.width()],
            allowed: vec![true; if steering.masked() { rows * policy.head().outputs() } else { 0 }],
            choices: vec![0; if continuous { 0 } else { width }],
            numbers: vec![0.0; if continuous { width } else { 0 }],
            agent: Agent::new(policy, rows),
            codec,
            steering,
            hold: hold.max(1),
            held: 0,
        })
    }

    fn choose(&mut self, seen: &Snapshot) {
        self.codec.encode(seen, self.steering.echo(), &mut self.obs);
        let masks = self.steering.masked().then(|| {
            self.steering.mask(seen, &mut self.allowed);
            &self.allowed[..]
        });
        let actions = if self.numbers.is_empty() {
            ActionSliceMut::Choices(&mut self.choices)
        } else {
            ActionSliceMut::Numbers(&mut self.numbers)
        };
        self.agent.act(&self.obs, masks, actions);
    }

    /// The network.
    pub fn policy(&self) -> &Policy {
        self.agent.policy()
    }
}

impl Autoscaler for Learned {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        let fresh = self.held == 0;
        self.held = (self.held + 1) % self.hold;
        if fresh {
            self.choose(seen);
        } else if !self.steering.acts_while_held() {
            return;
        }
        let action = if self.numbers.is_empty() {
            ActionSlice::Choices(&self.choices)
        } else {
            ActionSlice::Numbers(&self.numbers)
        };
        self.steering
            .decode(seen, action, proposal)
            .expect("a policy of the right head stays inside its space");
    }

    fn reset(&mut self) {
        self.codec.reset();
        self.steering.reset();
        self.agent.forget_all();
        self.held = 0;
    }
}
