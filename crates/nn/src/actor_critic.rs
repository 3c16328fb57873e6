//! An actor and its critic: trunks, an action head, value heads, and what one does with them: act, sample,
//! evaluate, improve.
//!
//! The trunks are separate by default, as in Stable-Baselines3, or shared. The critic has one value head for the
//! reward and one for each constraint. An actor can be started so that a fresh network chooses a given action.
//!
//! Left out: losses.

mod architecture;
mod divergence;
mod file;
mod forward;
mod gradient;
mod inputs;
mod workspace;

use rand::Rng;

use self::architecture::check;
pub use self::architecture::{Architecture, CriticRecurrence, Encoder, Initialisation, Recurrence};
pub use self::divergence::{Extra, Penalty};
pub use self::inputs::{Evaluation, EvaluationGradient, Inputs, Samples, Sequences};
pub use self::workspace::Workspace;

use crate::Result;
use crate::distribution::{ActionHead, Gaussian, MultiCategorical};
use crate::kernel::padded;
use crate::linear::Linear;
use crate::mlp::Mlp;

/// Rows that pass through the layers together: their activations stay in the first two cache levels.
pub const CHUNK: usize = 64;

#[derive(Clone, Debug, PartialEq)]
enum Distribution {
    Categorical(MultiCategorical),
    Gaussian(Gaussian),
}

/// A policy and its value estimates in one parameter vector.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorCritic {
    architecture: Architecture,
    actor: Mlp,
    /// None if the actor's trunk is shared.
    critic: Option<Mlp>,
    action_head: Linear,
    value_head: Linear,
    distribution: Distribution,
    /// Where a Gaussian's log standard deviations start in `params`.
    log_std: usize,
    params: Vec<f32>,
}

impl ActorCritic {
    fn place(architecture: Architecture) -> Result<Self> {
        architecture.validate()?;
        let Architecture { obs_dim, head, value_heads, hidden, activation, shared_trunk, .. } = &architecture;
        let critic_dim = architecture.critic_obs_dim.unwrap_or(*obs_dim);
        let mut len = 0;
        let actor = Mlp::place(*obs_dim, hidden, *activation, &mut len);
        let critic = (!shared_trunk).then(|| Mlp::place(critic_dim, hidden, *activation, &mut len));
        let action_head = Linear::place(actor.outputs(), head.outputs(), &mut len);
        let value_head = Linear::place(actor.outputs(), *value_heads, &mut len);
        let (log_std, stride) = (len, action_head.stride());
        let distribution = match head {
            ActionHead::Gaussian(width) => {
                len += padded(*width);
                Distribution::Gaussian(Gaussian::new(*width, stride))
            }
            head => Distribution::Categorical(MultiCategorical::new(head.choices(), stride)),
        };
        let params = vec![0.0; len];
        Ok(Self { architecture, actor, critic, action_head, value_head, distribution, log_std, params })
    }

    /// A fresh network.
    ///
    /// # Errors
    /// [`Error::Architecture`](crate::Error::Architecture) for sizes of 0, a default action outside the head, or numbers that are not finite.
    pub fn new(architecture: Architecture, start: &Initialisation, rng: &mut impl Rng) -> Result<Self> {
        let mut policy = Self::place(architecture)?;
        let head = policy.architecture.head.clone();
        check("output_gain", start.output_gain.is_finite(), "a finite number", start.output_gain)?;
        check("default_logit", start.default_logit.is_finite(), "a finite number", start.default_logit)?;
        check("log_std", start.log_std.is_finite(), "a finite number", start.log_std)?;
        let Self { actor, critic, action_head, value_head, params, .. } = &mut policy;
        actor.initialise(params, rng);
        if let Some(critic) = critic {
            critic.initialise(params, rng);
        }
        value_head.initialise(params, 1.0, rng);
        match &start.default_action {
            None => action_head.initialise(params, start.output_gain, rng),
            Some(choices) => {
                let counts = head.choices();
                let fits = choices.len() == counts.len()
                    && choices.iter().zip(counts).all(|(choice, count)| (*choice as usize) < *count);
                check("default_action", fits, format!("one index below each of {counts:?}"), choices)?;
                let mut biases = Vec::with_capacity(head.outputs());
                for (choice, count) in choices.iter().zip(counts) {
                    let logit = |at| if at == *choice as usize { start.default_logit } else { 0.0 };
                    biases.extend((0..*count).map(logit));
                }
                action_head.set_constant(params, &biases);
            }
        }
        let log_stds = policy.log_stds_range();
        policy.params[log_stds].fill(start.log_std);
        Ok(policy)
    }

    /// Sizes.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// All parameters; padding entries are 0 and stay so under any gradient of [`ActorCritic::backward`].
    pub fn params(&self) -> &[f32] {
        &self.params
    }

    /// All parameters, for an optimiser.
    pub fn params_mut(&mut self) -> &mut [f32] {
        &mut self.params
    }

    /// A Gaussian's log standard deviations; empty for choices.
    pub fn log_stds(&self) -> &[f32] {
        &self.params[self.log_stds_range()]
    }

    fn log_stds_range(&self) -> std::ops::Range<usize> {
        match self.architecture.head {
            ActionHead::Gaussian(width) => self.log_std..self.log_std + width,
            _ => self.log_std..self.log_std,
        }
    }

    /// Adds `by` to one of the actor's outputs (a Gaussian's mean, a choice's logit) whatever the observation.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn shift_output(&mut self, output: usize, by: f32) {
        assert!(
            output < self.architecture.head.outputs(),
            "no output {output} in {:?}",
            self.architecture.head
        );
        self.action_head.shift(&mut self.params, output, by);
    }
}

#[cfg(test)]
mod tests;
