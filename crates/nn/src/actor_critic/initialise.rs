//! How a fresh network starts.
//!
//! Left out: what the layers' own starts are.

use rand::Rng;

use super::architecture::check;
use super::nodes::Place;
use super::{ActorCritic, Architecture, Initialisation};
use crate::Result;
use crate::distribution::ActionHead;

impl ActorCritic {
    /// A fresh network.
    ///
    /// # Errors
    /// [`Error::Architecture`](crate::Error::Architecture) for sizes of 0 or that do not fit each other, a default
    /// action outside the head, or numbers that are not finite.
    pub fn new(architecture: Architecture, start: &Initialisation, rng: &mut impl Rng) -> Result<Self> {
        let mut policy = Self::place(architecture)?;
        check("output_gain", start.output_gain.is_finite(), "a finite number", start.output_gain)?;
        check("default_logit", start.default_logit.is_finite(), "a finite number", start.default_logit)?;
        check("log_std", start.log_std.is_finite(), "a finite number", start.log_std)?;
        let biases = match &start.default_action {
            None => None,
            Some(choices) => Some(default_biases(&policy.architecture.head, choices, start.default_logit)?),
        };
        let Self { encoder, actor_lstm, critic_lstm, bridge, actor, critic, value_head, params, .. } =
            &mut policy;
        if let Some(encoder) = encoder {
            encoder.initialise(params, rng);
        }
        for lstm in [actor_lstm, critic_lstm].into_iter().flatten() {
            lstm.initialise(params, rng);
        }
        if let Some(bridge) = bridge {
            bridge.initialise_uniform(params, rng);
        }
        actor.initialise(params, rng);
        if let Some(critic) = critic {
            critic.initialise(params, rng);
        }
        value_head.initialise(params, 1.0, rng);
        match biases {
            None => policy.initialise_outputs(start.output_gain, rng),
            Some(biases) => policy.set_outputs(&biases)?,
        }
        let log_stds = policy.log_stds_range();
        policy.params[log_stds].fill(start.log_std);
        Ok(policy)
    }

    fn initialise_outputs(&mut self, gain: f32, rng: &mut impl Rng) {
        self.action_head.initialise(&mut self.params, gain, rng);
        if let Some(context) = self.nodes.as_ref().and_then(|nodes| nodes.context.as_ref()) {
            context.initialise(&mut self.params, gain, rng);
        }
    }

    /// Outputs that do not depend on the observation.
    fn set_outputs(&mut self, biases: &[f32]) -> Result<()> {
        let Some(nodes) = &self.nodes else {
            self.action_head.set_constant(&mut self.params, biases);
            return Ok(());
        };
        let mut shared: Vec<Option<f32>> = vec![None; nodes.node_outputs];
        let mut of_context = Vec::new();
        for (output, bias) in biases.iter().enumerate() {
            match nodes.find(output) {
                Place::Context(_) => of_context.push(*bias),
                Place::Node(at) => {
                    let same = shared[at].is_none_or(|other| other == *bias);
                    check("default_action", same, "the same for every node", biases)?;
                    shared[at] = Some(*bias);
                }
            }
        }
        let shared: Vec<f32> = shared.into_iter().map(Option::unwrap_or_default).collect();
        self.action_head.set_constant(&mut self.params, &shared);
        if let Some(context) = &nodes.context {
            context.set_constant(&mut self.params, &of_context);
        }
        Ok(())
    }

    /// Adds `by` to one of the actor's outputs (a Gaussian's mean, a choice's logit) whatever the observation. An
    /// output that is read from a node is shifted for all nodes.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn shift_output(&mut self, output: usize, by: f32) {
        let head = &self.architecture.head;
        assert!(output < head.outputs(), "no output {output} in {head:?}");
        let params = &mut self.params;
        match &self.nodes {
            None => self.action_head.shift(params, output, by),
            Some(nodes) => match (nodes.find(output), &nodes.context) {
                (Place::Context(at), Some(context)) => context.shift(params, at, by),
                (Place::Node(at) | Place::Context(at), _) => self.action_head.shift(params, at, by),
            },
        }
    }
}

/// Biases of all outputs that make `choices` the most probable ones.
fn default_biases(head: &ActionHead, choices: &[u32], logit: f32) -> Result<Vec<f32>> {
    let counts = head.choices();
    let fits = choices.len() == counts.len()
        && choices.iter().zip(counts).all(|(choice, count)| (*choice as usize) < *count);
    check("default_action", fits, format!("one index below each of {counts:?}"), choices)?;
    let mut biases = Vec::with_capacity(head.outputs());
    for (choice, count) in choices.iter().zip(counts) {
        biases.extend((0..*count).map(|at| if at == *choice as usize { logit } else { 0.0 }));
    }
    Ok(biases)
}
