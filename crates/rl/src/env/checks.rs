//! What an environment's numbers must be before anything is learned from them.
//!
//! Left out: hyper-parameters, which their configuration checks.

use super::{ActionSpace, EnvSpec, Presence, StepError};
use crate::error::{Error, Result};

/// Fails with the first field in which two environments differ.
pub(crate) fn compare_specs(expected: &EnvSpec, found: &EnvSpec) -> Result<()> {
    let fields = |spec: &EnvSpec| {
        [
            ("n_envs", spec.n_envs.to_string()),
            ("n_agents", spec.n_agents.to_string()),
            ("obs_dim", spec.obs_dim.to_string()),
            ("action_space", format!("{:?}", spec.action_space)),
            ("costs", format!("{:?}", spec.costs)),
            ("masked", spec.masked.to_string()),
            ("varying", spec.varying.to_string()),
        ]
    };
    if expected == found {
        return Ok(());
    }
    match fields(expected).into_iter().zip(fields(found)).find(|(a, b)| a != b) {
        None => Ok(()),
        Some(((key, expected), (_, found))) => Err(Error::OtherSpec { key, expected, found }),
    }
}

/// Fails with the first value that is not finite, each environment having `per_env` of them.
pub(crate) fn check_finite(term: &str, values: &[f32], per_env: usize, step: u64) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NotFinite { term: term.into(), env: at / per_env, step, value: values[at] }),
    }
}

/// Fails with the name of the first cost that is not finite.
pub(crate) fn check_costs(names: &[&'static str], values: &[f32], n_agents: usize, step: u64) -> Result<()> {
    check_finite("cost", values, n_agents * names.len(), step).map_err(|error| {
        let at = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
        match error {
            Error::NotFinite { env, step, value, .. } => {
                Error::NotFinite { term: format!("cost {:?}", names[at % names.len()]), env, step, value }
            }
            error => error,
        }
    })
}

/// Why step `step` could not be made.
pub(crate) fn step_error(source: StepError, step: u64) -> Error {
    match source {
        StepError::NotFinite { term, env, value } => Error::NotFinite { term: term.into(), env, step, value },
        source @ StepError::OutsideSpace { .. } => Error::Step { step, source },
    }
}

/// The same error, found in one environment's own numbers.
pub(crate) fn in_env(error: Error, found_in: usize) -> Error {
    match error {
        Error::NotFinite { term, step, value, .. } => Error::NotFinite { term, env: found_in, step, value },
        error => error,
    }
}

/// Fails with the first head that has no allowed choice, of those who act (`rows`; empty: everyone).
pub(crate) fn check_masks(
    masks: &[bool],
    space: &ActionSpace,
    presence: &[Presence],
    step: u64,
) -> Result<()> {
    let one = [space.choices()];
    let choices = if let ActionSpace::MultiDiscrete(choices) = space { &choices[..] } else { &one };
    for (row, masks) in masks.chunks_exact(one[0]).enumerate() {
        if presence.get(row).is_some_and(|presence| *presence != Presence::Acting) {
            continue;
        }
        let mut at = 0;
        for (head, count) in choices.iter().enumerate() {
            if !masks[at..at + count].contains(&true) {
                return Err(Error::NothingAllowed { row, head, step });
            }
            at += count;
        }
    }
    Ok(())
}
