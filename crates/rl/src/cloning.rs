//! Behaviour cloning: a network learns to decide as a teacher did, from what the teacher saw and chose.
//!
//! The policy minimises `−ln π(a|s)` over the teacher's decisions (Pomerleau 1991), the critic the squared error of the
//! returns that followed, if they are known. Log keys are those of the `imitation` library.
//!
//! A teacher that seldom acts is cloned best, by the mean over its decisions, by one that never does. So decisions can be
//! weighted by how rare they are ([`CloningConfig::max_choice_weight`]).
//!
//! Left out: how decisions are recorded, and asking the teacher again about what the clone meets (`DAgger`).

mod balance;
mod demonstrations;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_nn::actor_critic::{CHUNK, EvaluationGradient};
use trimtab_nn::{ActionHead, ActorCritic, Adam, Workspace};

pub use self::demonstrations::{Demonstrations, discounted_returns};
use crate::buffer::{Minibatch, RolloutBuffer};
use crate::error::{Error, Result};
use crate::on_policy::Log;
use crate::ppo::ADAM_EPS;
use crate::range::{at_least_one, check, not_negative, positive};

/// ½ ln 2π
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// What a Gaussian learns from a teacher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaussianTarget {
    /// Its means come close to the teacher's numbers, by their squared error; its standard deviations stay as they are.
    /// A teacher that always answers alike says nothing about how much a learner should explore.
    #[default]
    Means,
    /// Means and standard deviations become those under which the teacher's numbers are most probable. The standard
    /// deviations shrink to what the means leave unexplained, and with them exploration afterwards.
    Likelihood,
}

/// How a teacher is cloned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloningConfig {
    /// Adam's learning rate, at least 0.
    pub learning_rate: f64,
    /// Passes over the decisions, at least 1.
    pub n_epochs: usize,
    /// Decisions in a minibatch, at least 1; for a recurrent policy a multiple of `sequence_length`.
    pub batch_size: usize,
    /// Most that a decision with a rare choice counts, in units of one with the commonest, at least 1. Up to that, a choice
    /// counts by the inverse of its frequency, and a decision of several choices as its rarest. 1: all count alike, as
    /// numbers always do.
    pub max_choice_weight: f64,
    /// Weight of the entropy bonus, at least 0.
    pub ent_coef: f64,
    /// Weight of the value loss, at least 0.
    pub vf_coef: f64,
    /// Largest norm of a gradient, above 0.
    pub max_grad_norm: f64,
    /// Share of the decisions that is not learned from, 0 up to but not 1. What is learned is judged by it, or, if it is
    /// 0, by the decisions learned from.
    pub validation_share: f64,
    /// Passes without an improvement after which cloning stops; none: it goes on to the last.
    pub patience: Option<usize>,
    /// What a Gaussian learns.
    pub gaussian: GaussianTarget,
    /// Steps that a recurrent policy learns from in one piece, from an empty memory on; a divisor of the steps
    /// demonstrated. None: all steps.
    pub sequence_length: Option<usize>,
}

impl Default for CloningConfig {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            n_epochs: 50,
            batch_size: 64,
            max_choice_weight: 10.0,
            ent_coef: 0.0,
            vf_coef: 0.5,
            max_grad_norm: 0.5,
            validation_share: 0.1,
            patience: Some(5),
            gaussian: GaussianTarget::Means,
            sequence_length: None,
        }
    }
}

impl CloningConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Config`] for the first one outside its range.
    pub fn validate(&self) -> Result<()> {
        not_negative("learning_rate", self.learning_rate)?;
        at_least_one("n_epochs", self.n_epochs)?;
        at_least_one("batch_size", self.batch_size)?;
        let weight = self.max_choice_weight;
        check("max_choice_weight", weight >= 1.0 && weight.is_finite(), "at least 1", weight)?;
        not_negative("ent_coef", self.ent_coef)?;
        not_negative("vf_coef", self.vf_coef)?;
        positive("max_grad_norm", self.max_grad_norm)?;
        let share = (0.0..1.0).contains(&self.validation_share);
        check("validation_share", share, "0 up to but not 1", self.validation_share)?;
        check("patience", self.patience != Some(0), "at least 1, or none", self.patience)
    }
}

/// Means over some decisions.
#[derive(Clone, Copy, Debug, Default)]
struct Terms {
    /// `−ln π(a|s)`; with fixed deviations up to a constant half the squared error.
    neglogp: f64,
    /// The same by the decisions' weights.
    weighted: f64,
    entropy: f64,
    /// `π(a|s)`.
    prob_true_act: f64,
    value_loss: f64,
    /// What is minimised.
    loss: f64,
}

/// Buffers and settings that every minibatch needs.
struct Cloning<'a> {
    config: &'a CloningConfig,
    rollout: &'a RolloutBuffer,
    with_returns: bool,
    minibatch: Minibatch,
    ws: Workspace,
    log_prob_grads: Vec<f32>,
    value_grads: Vec<f32>,
}

/// Makes `policy` decide as was demonstrated and returns a log of every pass. The weights are those of the best pass.
/// Equal arguments give equal weights.
///
/// # Errors
/// A number outside its range, demonstrations that do not fit the network, or a gradient that is not finite; the policy
/// is then as it was.
pub fn clone_behaviour(
    config: &CloningConfig,
    demonstrations: &Demonstrations,
    policy: &mut ActorCritic,
    seed: u64,
) -> Result<Vec<Log>> {
    config.validate()?;
    let mut rollout = demonstrations.rollout(config, policy)?;
    // Weights travel where advantages do, which weight −ln π likewise.
    let head = &policy.architecture().head;
    balance::weigh(&rollout.actions, head, config.max_choice_weight, &mut rollout.policy_advantages);
    let (length, recurrent) = (rollout.shape.sequence_length, policy.is_recurrent());
    let whole = config.batch_size.is_multiple_of(length);
    check("batch_size", whole, format!("a multiple of the sequences' length, {length}"), config.batch_size)?;
    let mut sequences = Vec::new();
    rollout.sequences(&mut sequences);
    let mut rng = Pcg64::seed_from_u64(seed);
    shuffle(&mut sequences, &mut rng);
    let held_out = (sequences.len() as f64 * config.validation_share) as usize;
    let (validation, training) = sequences.split_at_mut(held_out);
    let rows = config.batch_size.min(rollout.shape.transitions());
    let mut cloning = Cloning {
        config,
        rollout: &rollout,
        with_returns: !demonstrations.returns.is_empty(),
        minibatch: Minibatch::new(&rollout.shape, rows),
        ws: policy.workspace_for(if recurrent { rows } else { CHUNK }),
        log_prob_grads: vec![0.0; rows],
        value_grads: vec![0.0; rows * rollout.shape.signals],
    };

    let mut learner = policy.clone();
    let gaussian = matches!(policy.architecture().head, ActionHead::Gaussian(_));
    let fixed = (gaussian && config.gaussian == GaussianTarget::Means).then(|| learner.log_stds_range());
    if let Some(range) = fixed.clone() {
        // Under unit deviations −ln π is half the squared error, up to a constant.
        learner.params_mut()[range].fill(0.0);
    }
    let (mut adam, mut grads) =
        (Adam::new(learner.params().len(), ADAM_EPS), vec![0.0; learner.params().len()]);
    let (mut log, mut best, mut best_params) = (vec![], f64::INFINITY, learner.params().to_vec());
    let mut without_improvement = 0;
    for epoch in 0..config.n_epochs {
        shuffle(training, &mut rng);
        let (mut sums, mut counted) = (Terms::default(), 0.0);
        for first_rows in training.chunks(rows / length) {
            let terms = cloning.gradient(&learner, first_rows, Some(&mut grads));
            if let Some(range) = fixed.clone() {
                grads[range].fill(0.0);
            }
            adam.step(learner.params_mut(), &grads, config.learning_rate, config.max_grad_norm)
                .map_err(|source| Error::Gradient { update: epoch as u64, source })?;
            sums.add(&terms, first_rows.len() as f64);
            counted += first_rows.len() as f64;
        }
        sums.scale(1.0 / counted);
        let judged = if validation.is_empty() { &*training } else { &*validation };
        let (mut found, mut counted) = (Terms::default(), 0.0);
        for first_rows in judged.chunks(rows / length) {
            let terms = cloning.gradient(&learner, first_rows, None);
            found.add(&terms, first_rows.len() as f64);
            counted += first_rows.len() as f64;
        }
        found.scale(1.0 / counted);
        log.push(figures(epoch, &sums, &found, fixed.is_some().then(|| rollout.shape.head.width())));
        if found.loss < best {
            (best, without_improvement) = (found.loss, 0);
            best_params.copy_from_slice(learner.params());
        } else {
            without_improvement += 1;
            if config.patience.is_some_and(|patience| without_improvement >= patience) {
                break;
            }
        }
    }
    if let Some(range) = fixed {
        best_params[range.clone()].copy_from_slice(&policy.params()[range]);
    }
    policy.params_mut().copy_from_slice(&best_params);
    Ok(log)
}

impl Cloning<'_> {
    /// The loss of some sequences and, if asked for, its gradient.
    fn gradient(&mut self, policy: &ActorCritic, first_rows: &[u32], grads: Option<&mut [f32]>) -> Terms {
        let Self { config, rollout, with_returns, minibatch, ws, log_prob_grads, value_grads } = self;
        minibatch.gather(rollout, first_rows);
        let (total, signals, width) = (minibatch.rows, rollout.shape.signals, rollout.shape.head.width());
        let at_once = if policy.is_recurrent() { total } else { CHUNK };
        let mean = 1.0 / total as f32;
        let mut terms = Terms::default();
        let mut grads = grads;
        if let Some(grads) = &mut grads {
            grads.fill(0.0);
            policy.prepare_backward(ws);
        }
        for start in (0..total).step_by(at_once) {
            let rows = at_once.min(total - start);
            let inputs = minibatch.inputs(policy.architecture(), start, rows);
            let actions = minibatch.actions.part(start * width, rows * width);
            let found = policy.evaluate(inputs, actions, minibatch.sequences(), ws);
            let weights = &minibatch.advantages[start..start + rows];
            for ((log_prob, entropy), weight) in found.log_probs.iter().zip(found.entropies).zip(weights) {
                terms.neglogp -= f64::from(*log_prob);
                terms.weighted -= f64::from(weight * log_prob);
                terms.prob_true_act += f64::from(*log_prob).exp();
                terms.entropy += f64::from(*entropy);
            }
            let value_grads = &mut value_grads[..rows * signals];
            value_grads.fill(0.0);
            if *with_returns {
                let returns = &minibatch.returns[start * signals..(start + rows) * signals];
                for ((grad, value), target) in value_grads.iter_mut().zip(found.values).zip(returns) {
                    let error = value - target;
                    *grad = 2.0 * config.vf_coef as f32 * mean * error;
                    terms.value_loss += f64::from(error * error);
                }
            }
            if let Some(grads) = &mut grads {
                for (grad, weight) in log_prob_grads.iter_mut().zip(weights) {
                    *grad = -mean * weight;
                }
                let gradient = EvaluationGradient {
                    log_probs: &log_prob_grads[..rows],
                    entropies: -config.ent_coef as f32 * mean,
                    values: value_grads,
                };
                policy.backward(inputs, actions, gradient, ws, grads);
            }
        }
        terms.scale(f64::from(mean));
        terms.loss = terms.weighted - config.ent_coef * terms.entropy + config.vf_coef * terms.value_loss;
        terms
    }
}

impl Terms {
    fn add(&mut self, other: &Self, weight: f64) {
        self.neglogp += weight * other.neglogp;
        self.weighted += weight * other.weighted;
        self.entropy += weight * other.entropy;
        self.prob_true_act += weight * other.prob_true_act;
        self.value_loss += weight * other.value_loss;
        self.loss += weight * other.loss;
    }

    fn scale(&mut self, factor: f64) {
        let Self { neglogp, weighted, entropy, prob_true_act, value_loss, loss } = self;
        for term in [neglogp, weighted, entropy, prob_true_act, value_loss, loss] {
            *term *= factor;
        }
    }
}

/// The log of a pass; `numbers` is how many an action has, if only their means are learned.
fn figures(epoch: usize, learned: &Terms, judged: &Terms, numbers: Option<usize>) -> Log {
    let mut log: Log = vec![("bc/epoch".into(), epoch as f64 + 1.0)];
    match numbers {
        Some(n) => {
            let mse = |terms: &Terms| 2.0 * (terms.neglogp / n as f64 - HALF_LN_TAU);
            log.push(("bc/mse".into(), mse(learned)));
            log.push(("bc/validation_mse".into(), mse(judged)));
        }
        None => log.extend([
            ("bc/neglogp".into(), learned.neglogp),
            ("bc/entropy".into(), learned.entropy),
            ("bc/prob_true_act".into(), learned.prob_true_act),
            ("bc/validation_prob_true_act".into(), judged.prob_true_act),
        ]),
    }
    log.extend([
        ("bc/value_loss".into(), learned.value_loss),
        ("bc/loss".into(), learned.loss),
        ("bc/validation_loss".into(), judged.loss),
    ]);
    log
}

/// Fisher–Yates.
fn shuffle(order: &mut [u32], rng: &mut Pcg64) {
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests;
